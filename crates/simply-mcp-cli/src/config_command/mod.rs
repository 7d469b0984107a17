//! `simply-mcp config`: write, show and explain the configuration.

mod explain;
mod init;
mod schema;
mod show;

use std::process::ExitCode;

use clap::Subcommand;

/// Write, show and explain the configuration.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  simply-mcp config init config.yaml")]
pub(crate) struct ConfigCommand {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Write a commented starter file, or print it when no file is named
    Init(init::Init),
    /// Print the settings in force, with secrets hidden
    Show(show::Show),
    /// Print the JSON Schema of a configuration file
    Schema(schema::Schema),
    /// Print one setting's value, who set it, and what it does
    Explain(explain::Explain),
}

impl ConfigCommand {
    /// Does what was asked for.
    ///
    /// # Errors
    ///
    /// Those of the action.
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        match self.action {
            Action::Init(init) => init.run(),
            Action::Show(show) => show.run(),
            Action::Schema(schema) => schema.run(),
            Action::Explain(explain) => explain.run(),
        }
    }
}
