//! `simply-mcp tools`: a small client for any MCP server over HTTP, ours or another's.

mod connect;
mod explain;
mod input;
mod show;

use std::{process::ExitCode, time::Duration};

use anyhow::bail;
use reqwest::Url;
use rmcp::model::CallToolRequestParams;

use self::{connect::Client, input::Input};

/// Ask a running MCP server for its tools, or call one of them
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  simply-mcp tools call echo '{\"message\": \"Hello\"}'")]
pub(crate) struct Tools {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand, Debug)]
enum Command {
    /// List the tools of a server
    List {
        #[command(flatten)]
        server: Server,
    },
    /// Call one tool and print its result
    Call {
        /// The tool's name, as `tools list` shows it
        name: String,
        /// The arguments: a JSON object, @FILE to read it from a file, or - for standard input
        #[arg(value_name = "JSON", default_value = "{}")]
        arguments: Input,
        #[command(flatten)]
        server: Server,
    },
}

/// Which server, and how to reach it.
#[derive(clap::Args, Debug)]
struct Server {
    /// Where the server's MCP endpoint is
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8000/mcp")]
    url: Url,
    /// The API key, @FILE to read it from a file (which keeps it out of the list of processes), or
    /// - for standard input
    #[arg(long, value_name = "KEY")]
    key: Option<Input>,
    /// Print what the server answered, as JSON
    #[arg(long)]
    json: bool,
    /// Seconds to wait for the whole answer
    #[arg(long, value_name = "SECONDS", default_value = "60",
          value_parser = clap::value_parser!(u64).range(1..=86_400))]
    timeout: u64,
}

impl Tools {
    /// Runs the command, with its result on standard output.
    ///
    /// # Errors
    ///
    /// Returns an error, whose text says what happened and what to do, when the server cannot be
    /// reached or refuses. A tool that fails is not an error: its text goes to standard error and
    /// the exit code is 1. Arguments that are not JSON are exit code 2.
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        match self.command {
            Command::List { server } => list(server).await,
            Command::Call {
                name,
                arguments,
                server,
            } => call(name, arguments, server).await,
        }
    }
}

async fn list(server: Server) -> anyhow::Result<ExitCode> {
    let client = match open(&server)? {
        Ok(client) => client,
        Err(usage) => return Ok(usage),
    };
    let tools = within(&server, async {
        let running = client.connect().await?;
        running
            .list_all_tools()
            .await
            .map_err(|error| explain::service(&error, &server.url))
    })
    .await?;
    if server.json {
        show::json(&tools)?;
    } else {
        show::tools(&tools)?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn call(name: String, arguments: Input, server: Server) -> anyhow::Result<ExitCode> {
    let object = match input::object(arguments) {
        Ok(object) => object,
        Err(problem) => return input::usage(&problem),
    };
    let client = match open(&server)? {
        Ok(client) => client,
        Err(usage) => return Ok(usage),
    };
    let mut params = CallToolRequestParams::new(name);
    params.arguments = Some(object);
    let result = within(&server, async {
        let running = client.connect().await?;
        running
            .call_tool(params)
            .await
            .map_err(|error| explain::service(&error, &server.url))
    })
    .await?;
    if server.json {
        show::json(&result)?;
    } else {
        show::result(&result)?;
    }
    let failed = result.is_error == Some(true);
    Ok(if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// Makes the client; the inner error is the exit code of bad usage, which has been explained.
fn open(server: &Server) -> anyhow::Result<Result<Client, ExitCode>> {
    let key = match server.key.clone().map(input::text).transpose() {
        Ok(key) => key,
        Err(problem) => return input::usage(&problem).map(Err),
    };
    match Client::new(server.url.clone(), key) {
        Ok(client) => Ok(Ok(client)),
        Err(problem) => input::usage(&problem).map(Err),
    }
}

async fn within<T>(
    server: &Server,
    work: impl Future<Output = anyhow::Result<T>>,
) -> anyhow::Result<T> {
    let seconds = server.timeout;
    tokio::time::timeout(Duration::from_secs(seconds), work)
        .await
        .unwrap_or_else(|_| {
            let place = explain::place(&server.url);
            let plural = if seconds == 1 { "" } else { "s" };
            bail!(
                "no answer from {place} in {seconds} second{plural}; give it longer with --timeout"
            )
        })
}
