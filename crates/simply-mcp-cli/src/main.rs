//! `simply-mcp`: the command line. This file is a list; each subcommand is a file.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::SUCCESS
}
