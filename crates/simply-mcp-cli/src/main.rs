//! `simply-mcp`: the command line. This file is a list; each subcommand is a file.

use std::{io::Write as _, process::ExitCode};

use clap::Parser;

mod health;
mod tools;

#[derive(Parser)]
#[command(version, about)]
enum Command {
    /// Ask a running MCP server for its tools, or call one
    Tools(tools::Tools),
    /// Exit with 0 when a running server is ready
    Health(health::Health),
}

#[tokio::main]
async fn main() -> ExitCode {
    let outcome = match Command::parse() {
        Command::Tools(tools) => tools.run().await,
        Command::Health(health) => health.run().await,
    };
    outcome.unwrap_or_else(|error| {
        let _ = writeln!(std::io::stderr(), "error: {error:#}");
        ExitCode::FAILURE
    })
}
