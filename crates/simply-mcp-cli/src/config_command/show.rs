//! `simply-mcp config show`: the settings in force.

use std::process::ExitCode;

use crate::{output, settings::Settings};

/// Print the settings in force as YAML, with secrets hidden.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  simply-mcp config show --config config.yaml")]
pub(crate) struct Show {
    #[command(flatten)]
    settings: Settings,
}

impl Show {
    /// Prints them.
    ///
    /// # Errors
    ///
    /// Every problem of the configuration.
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let loaded = self.settings.load()?;
        for warning in &loaded.warnings {
            output::note(&format!("warning: {warning}"));
        }
        output::result(&loaded.config.to_yaml())?;
        Ok(ExitCode::SUCCESS)
    }
}
