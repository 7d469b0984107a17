//! The line of one call.

use std::{net::IpAddr, time::Duration};

use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::value::RawValue;
use time::OffsetDateTime;

use super::{Record, bounded};
use crate::facts::{Caller, CorrelationId};

#[derive(Serialize)]
struct Line<'a> {
    timestamp: String,
    correlation_id: Option<&'a str>,
    caller: Who<'a>,
    client: Option<IpAddr>,
    tool: &'a str,
    door: &'a str,
    outcome: &'a str,
    duration: f64,
    arguments: Arguments<'a>,
}

#[derive(Serialize)]
struct Who<'a> {
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    issuer: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client: Option<String>,
}

#[derive(Serialize)]
struct Losses {
    timestamp: String,
    lines_lost: u64,
}

/// In the order in which the settings name them.
struct Arguments<'a>(&'a [(String, Box<RawValue>)]);

impl Serialize for Arguments<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

/// The line of a call that ended at `now`, with its end.
pub(super) fn of(
    record: &Record,
    outcome: &str,
    duration: Duration,
    now: OffsetDateTime,
) -> serde_json::Result<Vec<u8>> {
    let line = Line {
        timestamp: timestamp(now),
        correlation_id: record.correlation_id.as_ref().map(CorrelationId::as_str),
        caller: who(&record.caller),
        client: record.client,
        tool: &record.tool,
        door: record.door,
        outcome,
        duration: duration.as_secs_f64(),
        arguments: Arguments(&record.arguments),
    };
    let mut bytes = bounded::to_json(&line)?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// The line that says how many are missing.
pub(super) fn of_losses(now: OffsetDateTime, lost: u64) -> String {
    let losses = Losses {
        timestamp: timestamp(now),
        lines_lost: lost,
    };
    serde_json::to_string(&losses).unwrap_or_default()
}

fn who(caller: &Caller) -> Who<'_> {
    let kind = match (caller.name(), caller.issuer()) {
        (None, _) => "anonymous",
        (Some(_), None) => "key",
        (Some(_), Some(_)) => "token",
    };
    Who {
        kind,
        name: caller.name().map(bounded::name),
        issuer: caller.issuer(),
        client: caller.client().map(bounded::name),
    }
}

/// RFC 3339, milliseconds, UTC, as in the log.
fn timestamp(now: OffsetDateTime) -> String {
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
        now.year(),
        u8::from(now.month()),
        now.day(),
        now.hour(),
        now.minute(),
        now.second(),
        now.millisecond(),
    )
}
