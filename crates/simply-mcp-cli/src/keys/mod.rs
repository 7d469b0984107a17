//! `simply-mcp keys`: make, list, rotate and revoke the keys of a keys file.

mod announce;
mod document;
mod file;
mod length;
mod limit;
mod list;
mod lock;
mod moment;
mod name;
mod new;
mod replace;
mod revoke;
mod rotate;
mod target;

use std::process::ExitCode;

use clap::Subcommand;

/// Make, list, rotate and revoke API keys.
///
/// A running server that has the file in auth.keys_file notices a change within two seconds.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  simply-mcp keys new --name ci --file keys.yaml")]
pub(crate) struct Keys {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make a key and print it, this once; the file keeps its hash
    New(new::New),
    /// Show the keys of the file: name, state, limit, tools
    List(list::List),
    /// Make a new key of the same name, and let the old one end
    Rotate(rotate::Rotate),
    /// End a key at once
    Revoke(revoke::Revoke),
}

impl Keys {
    /// Does what was asked for.
    ///
    /// # Errors
    ///
    /// Those of the action.
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        match self.action {
            Action::New(new) => new.run(),
            Action::List(list) => list.run(),
            Action::Rotate(rotate) => rotate.run(),
            Action::Revoke(revoke) => revoke.run(),
        }
    }
}
