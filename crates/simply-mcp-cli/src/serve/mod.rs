//! `simply-mcp serve`: the server.

mod announce;
mod child;
mod demo;

use std::{ffi::OsString, io, io::IsTerminal as _, process::ExitCode};

use clap::ValueEnum;
use simply_mcp::{
    HttpTransport, auth,
    config::{Loaded, LogFormat, LogLevel, Logging},
    logs,
    rmcp::ServerHandler,
    serve_stdio,
};
use simply_mcp_cli::gateway::{ChildCommand, ChildVariable, Gateway, GatewayOptions};
use tracing_subscriber::{
    filter::LevelFilter, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

use self::announce::Addresses;
use crate::settings::Settings;

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
        let loaded = self.settings.load()?;
        install_logs(&loaded.config.logging);
        if self.transport == Transport::Http {
            // Before a child is started for nothing.
            auth::check(&loaded.config)?;
        }
        let Some(mut command) = ChildCommand::from_command_line(self.command) else {
            return serve(
                demo::server(),
                self.transport,
                loaded,
                "the demo tools",
                None,
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
        )
        .await;
        gateway.shutdown().await;
        outcome
    }
}

async fn serve(
    handler: impl ServerHandler,
    transport: Transport,
    loaded: Loaded,
    what: &str,
    gateway: Option<&Gateway>,
) -> anyhow::Result<ExitCode> {
    if transport == Transport::Stdio {
        serve_stdio(handler).await?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut server = HttpTransport::new(handler, loaded.config.clone());
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
        // What a shell says of a program that a signal ended.
        Err(simply_mcp::Error::Interrupted { signal }) => Ok(ExitCode::from(128 + signal as u8)),
        outcome => outcome.map(|()| ExitCode::SUCCESS).map_err(Into::into),
    }
}

/// Log lines go to stderr: stdout is for results, and over stdio it is the wire.
fn install_logs(logging: &Logging) {
    let level = match logging.level {
        LogLevel::Trace => LevelFilter::TRACE,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Error => LevelFilter::ERROR,
    };
    let format = match logging.format {
        LogFormat::Json => logs::Format::Json,
        LogFormat::Text if io::stderr().is_terminal() => logs::Format::ColouredText,
        LogFormat::Text => logs::Format::Text,
    };
    let layer = logs::layer(level, format, io::stderr);
    // It fails only where something was installed before, and nothing was.
    let _ = tracing_subscriber::registry().with(layer).try_init();
    // Rust's own hook prints what a panic says, which may be a client's secret, and over several lines. What
    // caught the panic logs it; a place nobody caught it at is named here.
    std::panic::set_hook(Box::new(|panic| {
        let location = panic.location().map(ToString::to_string);
        tracing::error!(location, "Something panicked");
    }));
}
