//! `simply-mcp config explain`: one setting, its value, who set it, and what it does.

use std::process::ExitCode;

use crate::{output, settings::Settings};

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
    /// Prints it.
    ///
    /// # Errors
    ///
    /// When there is no such setting, and every problem of the configuration.
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let explanations = self.settings.load()?.explain(&self.key)?;
        let texts: Vec<String> = explanations.iter().map(ToString::to_string).collect();
        output::result(&texts.join("\n\n"))?;
        Ok(ExitCode::SUCCESS)
    }
}
