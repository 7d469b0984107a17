//! `simply-mcp`: the command line. This file is a list; each subcommand is a file.

mod check;
mod cli;
mod config_command;
mod exit;
mod health;
mod keys;
mod output;
mod serve;
mod settings;
mod tools;

use std::process::ExitCode;

use clap::Parser as _;
use simply_mcp_cli::gateway;

use cli::{Cli, Command};

fn main() -> ExitCode {
    // A process of our own making, in front of a child: it has no command line of ours.
    let mut arguments = std::env::args_os().skip(1);
    if arguments
        .next()
        .is_some_and(|first| first == gateway::GUARD_ARGUMENT)
    {
        return gateway::run_child_guard(arguments);
    }
    let result = match Cli::parse().command {
        Command::Check(check) => check.run(),
        Command::Config(config) => config.run(),
        Command::Keys(keys) => keys.run(),
        Command::Serve(serve) => exit::block_on(serve.run()),
        Command::Tools(tools) => exit::block_on(tools.run()),
        Command::Health(health) => exit::block_on(health.run()),
    };
    result.unwrap_or_else(|error| exit::report(&error))
}
