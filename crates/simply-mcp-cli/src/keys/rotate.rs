//! `simply-mcp keys rotate`: a new key of a name, while the old one is good for some time yet.

use std::{
    process::ExitCode,
    time::{Duration, SystemTime},
};

use anyhow::Context as _;
use simply_mcp::auth::{Expiry, KeyEntry};

use super::{
    announce, document::Change, file::EditedFile, length, moment::Expires, new, target::Target,
};
use crate::output;

/// Make a new key of the same name, and let the old one end.
///
/// The new key has the limit and the tools of the old one. Both are good during the overlap, and count as one caller.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  simply-mcp keys rotate ci --overlap 24h --file keys.yaml")]
pub(super) struct Rotate {
    /// The name of the key
    #[arg(value_name = "NAME")]
    name: String,

    /// How long the old key is good yet; 0 ends it at once
    #[arg(long, value_name = "TIME", default_value = "24h", value_parser = length::parse)]
    overlap: Duration,

    /// When the new key ends, as in `keys new`; without it never
    #[arg(long, value_name = "WHEN")]
    expires: Option<Expires>,

    #[command(flatten)]
    target: Target,
}

impl Rotate {
    /// Makes the new key.
    ///
    /// # Errors
    ///
    /// When no key has the name, or the file cannot be read or written.
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let now = SystemTime::now();
        let expires_at = new::expiry(self.expires)?;
        let end = Expiry::after(now, self.overlap)
            .context("the clock of this machine is not within the calendar")?;
        let found = self.target.find()?;
        let file = EditedFile::open(&found.file)?;
        let named = file.named(&self.name)?;
        let key = new::generate()?;
        let mut entry = KeyEntry::new(&self.name, key.hash());
        entry.expires_at = expires_at;
        // Entries of one name agree in these, or the file is broken.
        let (_, old) = named[0];
        entry.rate_limit = old.rate_limit;
        entry.window_seconds = old.window_seconds;
        entry.tools.clone_from(&old.tools);
        let mut changes = ends(&named, end);
        let ended = changes.len();
        changes.push(Change::add(&entry));
        announce::save_and_show(&file, &changes, &key)?;
        announce::explain(&found, &entry);
        output::note(&format!("\n{}", fate(&named, ended, now, end)));
        if entry.expires_at.is_none() && named.iter().any(|(_, old)| old.expires_at.is_some()) {
            output::note("The new key does not expire; `--expires 90d` would have set an end.");
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// The old entries end at `end`, unless they end earlier.
fn ends(named: &[(usize, &KeyEntry)], end: Expiry) -> Vec<Change> {
    named
        .iter()
        .filter(|(_, old)| old.enabled && old.expires_at.is_none_or(|earlier| earlier > end))
        .map(|(index, _)| Change::expire(*index, end))
        .collect()
}

/// What becomes of the old keys.
fn fate(named: &[(usize, &KeyEntry)], ended: usize, now: SystemTime, end: Expiry) -> String {
    let live = named
        .iter()
        .any(|(_, old)| old.enabled && old.expires_at.is_none_or(|expiry| expiry.time() > now));
    match (live, ended) {
        (false, _) => "No older key of this name was good any more.".to_owned(),
        (true, 0) => "The older keys of this name end before the overlap does.".to_owned(),
        (true, _) if end.time() <= now => "The old key has ended.".to_owned(),
        (true, _) => format!("The old key is good until {end}."),
    }
}
