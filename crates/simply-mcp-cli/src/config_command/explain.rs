//! `simply-mcp config explain`: one setting, its value, who set it, and what it does.

use std::process::ExitCode;

use crate::{exit, output, settings::Settings};

/// Print one setting's value, who set it, and what it does; of a section, every setting.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  simply-mcp config explain server.port --config config.yaml")]
pub(crate) struct Explain {
    /// The setting, as server.port, or a section, as server
    #[arg(value_name = "KEY")]
    key: String,

    #[command(flatten)]
    settings: Settings,
}

impl Explain {
    /// Prints it; a setting that does not exist is bad usage.
    ///
    /// # Errors
    ///
    /// Every problem of the configuration.
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let loaded = self.settings.load()?;
        let explanations = match loaded.explain(&self.key) {
            Ok(explanations) => explanations,
            Err(unknown) => return Ok(exit::bad_usage(&unknown)),
        };
        let texts: Vec<String> = explanations.iter().map(ToString::to_string).collect();
        output::result(&texts.join("\n\n"))?;
        Ok(ExitCode::SUCCESS)
    }
}
