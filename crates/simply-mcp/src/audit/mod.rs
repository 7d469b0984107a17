//! The record of who called which tool: `audit.file`.
//!
//! One line of JSON for each call, written when it is over. Its members, in this order: `timestamp` (of the end, as in
//! the log), `correlation_id`, `caller` (`kind`: `key`, `token` or `anonymous`, `name`, and a token's `issuer` and
//! `client`), `client` (the address), `tool`, `door` (`rest` or `mcp`), `outcome`, `duration` (seconds) and
//! `arguments`: those that `audit.arguments` names for the tool, and no others. Where lines were lost, because the disk
//! was full or slower than the calls, a line with `timestamp` and `lines_lost` says how many.

mod bounded;
mod line;

use std::{collections::BTreeMap, net::IpAddr, sync::Arc, time::Duration};

use http::request::Parts;
use rmcp::model::JsonObject;
use serde_json::value::RawValue;
use time::OffsetDateTime;

use crate::{
    Error, config,
    facts::{self, Caller, CorrelationId},
    logs::{LogFile, LogWriter},
};

/// Who may read who called what: the user that the program runs as, and nobody else.
const MODE: u32 = 0o600;

/// The record, and what it shows. Clones write to the same file.
#[derive(Clone, Debug)]
pub(crate) struct Audit {
    writer: LogWriter,
    /// The names of the arguments that are shown, by tool.
    arguments: Arc<BTreeMap<String, Vec<String>>>,
}

/// What is remembered of a call for its line.
#[derive(Debug)]
pub(crate) struct Record {
    correlation_id: Option<CorrelationId>,
    caller: Caller,
    client: Option<IpAddr>,
    tool: Box<str>,
    door: &'static str,
    arguments: Vec<(String, Box<RawValue>)>,
}

impl Audit {
    /// The record that the settings ask for, if they do.
    ///
    /// # Errors
    ///
    /// [`Error::Server`] for a file that cannot be appended to, with what to do about it.
    pub(crate) fn open(settings: &config::Audit) -> Result<Option<Self>, Error> {
        let Some(path) = &settings.file else {
            return Ok(None);
        };
        let file = LogFile::at(path).mode(MODE);
        let losses = |lost| line::of_losses(OffsetDateTime::now_utc(), lost);
        let writer = LogWriter::file(file, losses)
            .map_err(|error| Error::Server(format!("audit.file: {error}")))?;
        let arguments = Arc::new(settings.arguments.clone());
        Ok(Some(Self { writer, arguments }))
    }

    /// The lines that the file did not take.
    pub(crate) fn dropped(&self) -> u64 {
        self.writer.dropped()
    }

    /// Notes those arguments of a call that may be shown.
    pub(crate) fn note(&self, record: &mut Record, tool: &str, arguments: Option<&JsonObject>) {
        let (Some(names), Some(arguments)) = (self.arguments.get(tool), arguments) else {
            return;
        };
        let shown = names.iter().filter_map(|name| {
            let value = arguments.get(name)?;
            Some((name.clone(), bounded::value(value)))
        });
        record.arguments = shown.collect();
    }

    /// Writes the line of a call that is over. Never waits.
    pub(crate) fn write(&self, record: &Record, outcome: &str, duration: Duration) {
        let now = OffsetDateTime::now_utc();
        match line::of(record, outcome, duration, now) {
            Ok(line) => self.writer.write(&line),
            Err(error) => tracing::error!(%error, "a line of the audit record could not be made"),
        }
    }
}

impl Record {
    /// A call of `tool`, by whoever sent the request that `parts` is of.
    pub(crate) fn new(door: &'static str, tool: &str, parts: Option<&Parts>) -> Self {
        let facts = parts.map(|parts| &parts.extensions);
        Self {
            correlation_id: facts.and_then(|facts| facts.get().cloned()),
            caller: facts
                .and_then(|facts| facts.get().cloned())
                .unwrap_or_default(),
            client: facts.and_then(facts::client_address),
            tool: bounded::name(tool).into(),
            door,
            arguments: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests;
