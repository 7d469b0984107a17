//! The tree of subcommands.

use clap::{Parser, Subcommand};

use crate::{
    check::Check, config_command::ConfigCommand, health::Health, keys::Keys, serve::Serve,
    tools::Tools,
};

/// Serve any MCP server over production HTTP, configured and not coded.
#[derive(Debug, Parser)]
#[command(
    name = "simply-mcp",
    version,
    arg_required_else_help = true,
    after_help = "Example:\n  simply-mcp serve -- npx -y @modelcontextprotocol/server-everything\n\n\
                  Exit codes: 0 fine, 1 failed at run time, 2 bad usage, 78 bad configuration."
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve tools over HTTP: the demo's, or those of a stdio MCP server
    Serve(Serve),
    /// Load and validate everything that a start would, and listen on nothing
    Check(Check),
    /// Write, show and explain the configuration
    Config(ConfigCommand),
    /// Make, list, rotate and revoke API keys
    Keys(Keys),
    /// List and call the tools of an MCP server over HTTP
    Tools(Tools),
    /// Exit with 0 when a server is ready: a health check for containers
    Health(Health),
}
