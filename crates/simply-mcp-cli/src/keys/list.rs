//! `simply-mcp keys list`: what is in a keys file, without the keys.

use std::{process::ExitCode, time::SystemTime};

use serde::Serialize;
use simply_mcp::auth::KeyEntry;

use super::{file, length, target::Target};
use crate::output;

/// The first digits of a hash: enough to tell keys apart.
const DIGITS: usize = 12;

/// The widest column, in characters.
const WIDEST: usize = 40;

/// Show the keys of the file: name, state, limit, tools.
///
/// A key itself is never shown, only the first digits of its hash.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  simply-mcp keys list --file keys.yaml")]
pub(super) struct List {
    /// Print JSON
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    target: Target,
}

impl List {
    /// Prints the keys.
    ///
    /// # Errors
    ///
    /// When the file cannot be read or is broken.
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let found = self.target.find()?;
        let entries = file::entries(&found.file)?;
        let now = SystemTime::now();
        let rows: Vec<Row> = entries.iter().map(|entry| Row::of(entry, now)).collect();
        if self.json {
            output::result(&serde_json::to_string_pretty(&rows)?)?;
        } else if rows.is_empty() {
            output::note(&format!(
                "{} holds no keys; `simply-mcp keys new` makes one",
                found.file.display()
            ));
        } else {
            output::result(&table(&rows, now))?;
        }
        if let Some(hint) = hint(&rows) {
            output::note(&hint);
        }
        Ok(ExitCode::SUCCESS)
    }
}

#[derive(Debug, Serialize)]
struct Row {
    name: String,
    state: State,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<simply_mcp::auth::Expiry>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rate_limit: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    window_seconds: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tools: Option<Vec<String>>,
    stored: Stored,
    /// The first digits. None for a key in plain text: people choose those, and a few digits are enough to guess them.
    #[serde(skip_serializing_if = "Option::is_none")]
    hash: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Active,
    Disabled,
    Expired,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Stored {
    Hash,
    Plain,
}

impl Row {
    fn of(entry: &KeyEntry, now: SystemTime) -> Self {
        let state = match entry.expires_at {
            _ if !entry.enabled => State::Disabled,
            Some(expiry) if expiry.time() <= now => State::Expired,
            _ => State::Active,
        };
        let digits = |hash: simply_mcp::auth::KeyHash| {
            let text = hash.to_string();
            let digits = text.split_once(':').map_or("", |(_, digits)| digits);
            digits.chars().take(DIGITS).collect()
        };
        Self {
            name: entry.name.clone(),
            state,
            expires_at: entry.expires_at,
            rate_limit: entry.rate_limit.map(Into::into),
            window_seconds: entry.window_seconds.map(Into::into),
            tools: entry.tools.clone(),
            stored: if entry.key.is_some() {
                Stored::Plain
            } else {
                Stored::Hash
            },
            hash: entry.key_hash.map(digits),
        }
    }

    fn cells(&self, now: SystemTime) -> [String; 5] {
        let tools = match &self.tools {
            None => "all".to_owned(),
            Some(tools) if tools.is_empty() => "none".to_owned(),
            Some(tools) => tools.join(", "),
        };
        [
            self.name.clone(),
            self.state(now),
            self.limit(),
            tools,
            self.hash.clone().unwrap_or_else(|| "plain".to_owned()),
        ]
    }

    fn state(&self, now: SystemTime) -> String {
        match self.state {
            State::Disabled => "disabled".to_owned(),
            State::Expired => "expired".to_owned(),
            State::Active => match self.expires_at {
                None => "active".to_owned(),
                Some(expiry) => {
                    let left = expiry.time().duration_since(now).unwrap_or_default();
                    format!("expires in {}", length::spoken(left))
                }
            },
        }
    }

    fn limit(&self) -> String {
        let or_default = |value: Option<String>| value.unwrap_or_else(|| "default".to_owned());
        let requests = self.rate_limit.map(|requests| requests.to_string());
        let window = self.window_seconds.map(|seconds| format!("{seconds}s"));
        match (&requests, &window) {
            (None, None) => "default".to_owned(),
            _ => format!("{}/{}", or_default(requests), or_default(window)),
        }
    }
}

/// Columns under their titles, parted by two spaces.
fn table(rows: &[Row], now: SystemTime) -> String {
    let titles = ["NAME", "STATE", "LIMIT", "TOOLS", "HASH"].map(str::to_owned);
    let lines: Vec<[String; 5]> = std::iter::once(titles)
        .chain(
            rows.iter()
                .map(|row| row.cells(now).map(|cell| on_one_line(&cell))),
        )
        .collect();
    let width = |column: usize| {
        let widths = lines.iter().map(|line| line[column].chars().count());
        widths.max().unwrap_or_default().min(WIDEST)
    };
    let widths = [0, 1, 2, 3, 4].map(width);
    let mut text = String::new();
    for line in &lines {
        let cells: Vec<String> = line
            .iter()
            .zip(widths)
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }
    text
}

// What somebody wrote into a file must not steer the terminal.
fn on_one_line(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

fn hint(rows: &[Row]) -> Option<String> {
    let plain = rows.iter().find(|row| row.stored == Stored::Plain)?;
    let name = on_one_line(&plain.name);
    Some(format!(
        "hint: whoever can read the file can use the keys that are `plain`; `simply-mcp keys rotate {name}` makes one of \
         which only the hash is kept"
    ))
}
