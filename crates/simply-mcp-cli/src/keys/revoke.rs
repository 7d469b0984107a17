//! `simply-mcp keys revoke`: a key is good no more.

use std::process::ExitCode;

use super::{document::Change, file::EditedFile, target::Target};
use crate::output;

/// End a key at once.
///
/// Every key of the name is disabled, those of a rotation included. A running server refuses them within two seconds, and
/// ends the streams they opened.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  simply-mcp keys revoke ci --file keys.yaml")]
pub(super) struct Revoke {
    /// The name of the key
    #[arg(value_name = "NAME")]
    name: String,

    #[command(flatten)]
    target: Target,
}

impl Revoke {
    /// Disables the key.
    ///
    /// # Errors
    ///
    /// When no key has the name, or the file cannot be read or written.
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let found = self.target.find()?;
        let file = EditedFile::open(&found.file)?;
        let changes: Vec<Change> = file
            .named(&self.name)?
            .into_iter()
            .filter(|(_, entry)| entry.enabled)
            .map(|(index, _)| Change::disable(index))
            .collect();
        let (name, path) = (&self.name, found.file.display());
        if changes.is_empty() {
            output::note(&format!("{name} was revoked before; {path} is as it was."));
            return Ok(ExitCode::SUCCESS);
        }
        file.save(&changes)?;
        output::note(&match changes.len() {
            1 => format!("{name} is revoked in {path}."),
            count => format!("{name} is revoked in {path}, all {count} keys of this name."),
        });
        Ok(ExitCode::SUCCESS)
    }
}
