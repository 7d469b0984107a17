//! `simply-mcp config schema`: the JSON Schema, for editors and checks in a pipeline.

use std::process::ExitCode;

use simply_mcp::HttpConfig;

use crate::output;

/// Print the JSON Schema (2020-12) of a configuration file.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  simply-mcp config schema > simply-mcp.schema.json")]
pub(crate) struct Schema {}

impl Schema {
    /// Prints it.
    ///
    /// # Errors
    ///
    /// When stdout cannot be written to.
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let Self {} = self;
        output::result(&serde_json::to_string_pretty(&HttpConfig::json_schema())?)?;
        Ok(ExitCode::SUCCESS)
    }
}
