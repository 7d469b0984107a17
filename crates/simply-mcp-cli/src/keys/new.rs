//! `simply-mcp keys new`: a new key in a keys file.

use std::{process::ExitCode, time::SystemTime};

use anyhow::{Context as _, bail};
use simply_mcp::auth::{ApiKey, Expiry, KeyEntry};

use super::{
    announce, document::Change, file::EditedFile, limit::Limit, moment::Expires, name,
    target::Target,
};
use crate::exit::BadUsage;

/// Make a key and print it, this once; the file keeps its hash.
///
/// The key is all that goes to stdout. A file that is not there is made, and only its owner may read it.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  simply-mcp keys new --name ci --expires 90d --rate-limit 100/60s --tools echo,add --file keys.yaml"
)]
pub(super) struct New {
    /// What logs and metrics call the key; without it key-1, key-2 and so on
    #[arg(long, value_name = "NAME", value_parser = name::parse)]
    name: Option<String>,

    /// When the key ends: 90d, 24h, 2027-01-31 or 2027-01-31T12:00:00Z; without it never
    #[arg(long, value_name = "WHEN")]
    expires: Option<Expires>,

    /// The key's own limit, requests and window: 100/60s, 1000/1h
    #[arg(long, value_name = "LIMIT")]
    rate_limit: Option<Limit>,

    /// The only tools that the key may see and call, parted by commas; without it all of them
    #[arg(long, value_name = "TOOLS", value_delimiter = ',', value_parser = tool)]
    tools: Option<Vec<String>>,

    #[command(flatten)]
    target: Target,
}

impl New {
    /// Makes the key.
    ///
    /// # Errors
    ///
    /// When the name is taken, or the file cannot be read or written.
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let expires_at = expiry(self.expires)?;
        let found = self.target.find()?;
        let file = EditedFile::open_or_begin(&found.file)?;
        let name = match self.name {
            Some(name) => free(name, &file)?,
            None => name::first_free(file.entries().iter().map(|entry| entry.name.as_str())),
        };
        let key = generate()?;
        let mut entry = KeyEntry::new(name, key.hash());
        entry.expires_at = expires_at;
        entry.rate_limit = self.rate_limit.map(|limit| limit.requests);
        entry.window_seconds = self.rate_limit.map(|limit| limit.window_seconds);
        entry.tools = self.tools.map(once_each);
        announce::save_and_show(&file, &[Change::add(&entry)], &key)?;
        announce::explain(&found, &entry);
        Ok(ExitCode::SUCCESS)
    }
}

/// A new key.
///
/// # Errors
///
/// When the operating system has no randomness to give.
pub(super) fn generate() -> anyhow::Result<ApiKey> {
    ApiKey::generate().context("no key can be made: the operating system gives no random numbers")
}

/// The moment at which a new key ends.
///
/// # Errors
///
/// [`BadUsage`] when it has passed.
pub(super) fn expiry(expires: Option<Expires>) -> Result<Option<Expiry>, BadUsage> {
    let Some(expires) = expires else {
        return Ok(None);
    };
    match expires.moment(SystemTime::now()) {
        Some(moment) => Ok(Some(moment)),
        None => Err(BadUsage(
            "--expires: the key would end before it begins; name a moment to come, within this millennium"
                .to_owned(),
        )),
    }
}

fn free(name: String, file: &EditedFile) -> anyhow::Result<String> {
    if file.entries().iter().any(|entry| entry.name == name) {
        bail!(
            "there is a key named {name} already; `simply-mcp keys rotate {name}` gives it a new one, or choose another \
             name"
        );
    }
    Ok(name)
}

fn tool(text: &str) -> Result<String, &'static str> {
    let text = text.trim();
    if text.is_empty() || text.chars().any(char::is_control) {
        return Err("expected the names of tools, parted by commas");
    }
    Ok(text.to_owned())
}

fn once_each(tools: Vec<String>) -> Vec<String> {
    let mut once: Vec<String> = Vec::new();
    for tool in tools {
        if !once.contains(&tool) {
            once.push(tool);
        }
    }
    once
}
