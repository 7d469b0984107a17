//! `simply-mcp health`: is the server ready.

use std::{path::PathBuf, process::ExitCode};

/// Exit with 0 when a server is ready: what a container health check runs.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  simply-mcp health --config config.yaml")]
pub(crate) struct Health {
    /// The URL of the server
    #[arg(long, value_name = "URL")]
    url: Option<String>,

    /// The server's configuration file, from which the address is taken
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl Health {
    /// Asks the server.
    ///
    /// # Errors
    ///
    /// When it cannot be reached or is not ready.
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        let Self { url, config } = self;
        anyhow::bail!("the probe is not linked into this build ({url:?}, {config:?})")
    }
}
