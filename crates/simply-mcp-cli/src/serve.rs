//! `simply-mcp serve`: the server.

use std::process::ExitCode;

use clap::ValueEnum;

use crate::settings::Settings;

/// Serve tools over HTTP: the demo's, or those of a stdio MCP server.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  simply-mcp serve --port 9000 -- npx -y @modelcontextprotocol/server-everything"
)]
pub(crate) struct Serve {
    #[command(flatten)]
    settings: Settings,

    /// How to talk to clients
    #[arg(long, value_enum, default_value_t = Transport::Http)]
    transport: Transport,

    /// A stdio MCP server to serve, with its arguments
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<String>,
}

/// How clients are talked to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Transport {
    /// HTTP on server.host and server.port
    Http,
    /// Standard input and output, for a client that starts this program
    Stdio,
}

impl Serve {
    /// Serves until a signal.
    ///
    /// # Errors
    ///
    /// Every problem of the configuration, and when it cannot serve.
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        let Self {
            settings,
            transport,
            command,
        } = self;
        settings.load()?;
        anyhow::bail!(
            "serving over {transport:?} is not linked into this build ({} words of command)",
            command.len()
        )
    }
}
