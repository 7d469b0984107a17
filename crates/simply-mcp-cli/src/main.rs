//! `simply-mcp`: the command line. This file is a list; each subcommand is a file.

use std::process::ExitCode;

use simply_mcp_cli::gateway;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    if arguments
        .next()
        .is_some_and(|first| first == gateway::GUARD_ARGUMENT)
    {
        return gateway::run_child_guard(arguments);
    }
    ExitCode::SUCCESS
}
