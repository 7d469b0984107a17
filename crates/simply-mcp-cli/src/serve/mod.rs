//! `simply-mcp serve`: the server.

mod announce;
mod child;
mod demo;
mod differences;
mod ending;
mod hangup;
mod logging;
mod reload;

use std::{ffi::OsString, process::ExitCode};

use anyhow::Context as _;
use clap::ValueEnum;
use simply_mcp::{HttpTransport, config::Loaded, logs, rmcp::ServerHandler, serve_stdio};
use simply_mcp_cli::gateway::{ChildCommand, ChildVariable, Gateway, GatewayOptions};

use self::{announce::Addresses, hangup::Hangups, logging::Logs, reload::Reload};
use crate::{check::look, settings::Settings};

/// Serve tools over HTTP: the demo's, or those of a stdio MCP server.
///
/// Without a command it serves a few demo tools on 127.0.0.1:8000. With a command after `--` it starts that MCP
/// server, keeps it running, and serves its tools, resources and prompts to every client.
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

    /// A variable for the command's environment: NAME passes ours on, NAME=VALUE sets one. Without this it gets
    /// PATH, HOME, the language and the like, and none of our secrets
    #[arg(long = "env", value_name = "NAME[=VALUE]", requires = "command")]
    environment: Vec<ChildVariable>,

    /// A stdio MCP server to serve, with its arguments
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<OsString>,
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
    /// Serves until a signal, or over stdio until the input ends.
    ///
    /// # Errors
    ///
    /// Every problem of the configuration; the command that cannot be started; the address that cannot be had.
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        let hangups = Hangups::catch().context("signals cannot be handled")?;
        let loaded = self.settings.load()?;
        logs::check(&loaded)?;
        let logs = Logs::install(&loaded.config.logging)?;
        let reload = Reload::new(
            self.settings.clone(),
            loaded.config.clone(),
            logs.handles().clone(),
        );
        let observed = Observed {
            logs: logs.handles().clone(),
            reloads: reload.outcomes(),
        };
        // It ends with the runtime, so that a hang-up does no harm during the drain either.
        tokio::spawn(reload.on(hangups));
        if self.transport == Transport::Http {
            // Before a child is started for nothing.
            look(&loaded)?;
        }
        let Some(mut command) = ChildCommand::from_command_line(self.command) else {
            return serve(
                demo::server(),
                self.transport,
                loaded,
                "the demo tools",
                None,
                &observed,
            )
            .await;
        };
        command.environment = self.environment;
        let program = command.program.to_string_lossy().into_owned();
        let options = GatewayOptions {
            withheld: vec![loaded.config.auth.key_env_var.to_string()],
            ..GatewayOptions::default()
        };
        let gateway = Gateway::start(command, options).await?;
        let outcome = serve(
            gateway.clone(),
            self.transport,
            loaded,
            &program,
            Some(&gateway),
            &observed,
        )
        .await;
        match ending::of_child(&gateway).await {
            Some(signal) => Ok(ending::ended_by(signal)),
            None => outcome,
        }
    }
}

/// What the program itself has to say in the metrics.
struct Observed {
    logs: logging::Handles,
    reloads: reload::Outcomes,
}

async fn serve(
    handler: impl ServerHandler,
    transport: Transport,
    loaded: Loaded,
    what: &str,
    gateway: Option<&Gateway>,
    observed: &Observed,
) -> anyhow::Result<ExitCode> {
    if transport == Transport::Stdio {
        serve_stdio(handler).await?;
        return Ok(ExitCode::SUCCESS);
    }
    let server = HttpTransport::new(handler, loaded.config.clone());
    let mut server = observed.reloads.count(observed.logs.count(server));
    if let Some(gateway) = gateway {
        server = child::observed(server, gateway);
    }
    let running = server.start().await?;
    let addresses = Addresses {
        server: running.address(),
        monitoring: running.monitoring_address(),
    };
    announce::announce(&loaded, what, addresses);
    match running.until_signal().await {
        Err(simply_mcp::Error::Interrupted { signal }) => Ok(ending::ended_by(signal)),
        outcome => outcome.map(|()| ExitCode::SUCCESS).map_err(Into::into),
    }
}
