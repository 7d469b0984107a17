//! `simply-mcp tools`: a small client for any MCP server over HTTP.

use std::process::ExitCode;

use clap::Subcommand;

/// List and call the tools of an MCP server over HTTP.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  simply-mcp tools call echo '{\"message\": \"hello\"}'")]
pub(crate) struct Tools {
    #[command(subcommand)]
    action: Action,

    /// The URL of the server's MCP endpoint
    #[arg(
        long,
        global = true,
        value_name = "URL",
        default_value = "http://127.0.0.1:8000/mcp"
    )]
    url: String,

    /// The API key to send
    #[arg(long, global = true, value_name = "KEY")]
    key: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Print the tools
    List,
    /// Call a tool
    Call {
        /// The tool's name
        name: String,
        /// Its arguments, a JSON object
        arguments: Option<String>,
    },
}

impl Tools {
    /// Does what was asked for.
    ///
    /// # Errors
    ///
    /// When the server cannot be reached or refuses.
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        let Self { action, url, key } = self;
        let with = if key.is_some() { "with" } else { "without" };
        let what = match action {
            Action::List => "listing".to_owned(),
            Action::Call { name, arguments } => {
                format!("{name}({})", arguments.unwrap_or_default())
            }
        };
        anyhow::bail!("the client is not linked into this build ({what} at {url} {with} a key)")
    }
}
