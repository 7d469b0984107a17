//! What an event says, gathered from its fields.

use std::{
    borrow::Cow,
    error::Error,
    fmt::{self, Write},
};

use percent_encoding::percent_decode_str;
use time::OffsetDateTime;
use tracing::{
    Event, Metadata,
    field::{Field, Visit},
};

use super::filter;

/// Bytes of one text in a line; the rest is cut.
const MAX_TEXT: usize = 16 * 1024;

/// How a key of ours begins.
const KEY: &str = "smcp_";

/// Field names that stand beside `context`, not in it.
const MESSAGE: &str = "message";
const CORRELATION_ID: &str = "correlation_id";

/// What stands for the text of an event that may hold arguments.
const WITHHELD: &str =
    "The protocol library reports an error; its text may hold arguments and is withheld";

/// One line, before it has a format.
pub(super) struct Line {
    pub(super) time: OffsetDateTime,
    pub(super) level: &'static str,
    pub(super) logger: Cow<'static, str>,
    pub(super) message: String,
    pub(super) correlation_id: Option<String>,
    pub(super) context: Vec<(&'static str, Datum)>,
}

/// The value of a field.
pub(super) enum Datum {
    Bool(bool),
    Signed(i128),
    Unsigned(u128),
    Float(f64),
    Text(String),
}

impl Line {
    pub(super) fn of(event: &Event<'_>) -> Self {
        let metadata = event.metadata();
        let mut line = Self {
            time: OffsetDateTime::now_utc(),
            level: metadata.level().as_str(),
            logger: metadata.target().to_owned().into(),
            message: String::new(),
            correlation_id: None,
            context: Vec::new(),
        };
        if filter::is_rmcp(metadata) {
            line.withhold(metadata);
        } else {
            event.record(&mut line);
        }
        line
    }

    /// Says that some lines are missing before it.
    pub(super) fn of_losses(time: OffsetDateTime, lost: u64) -> Self {
        Self {
            time,
            level: "WARN",
            logger: "simply_mcp::logs".into(),
            message: "Lines were lost before this one: they came faster than they could be written, or could not be \
                      written at all"
                .to_owned(),
            correlation_id: None,
            context: vec![("lost", Datum::Unsigned(lost.into()))],
        }
    }

    fn withhold(&mut self, metadata: &Metadata<'_>) {
        WITHHELD.clone_into(&mut self.message);
        if let Some(line) = metadata.line() {
            self.context.push(("line", Datum::Unsigned(line.into())));
        }
    }

    fn text(&mut self, field: &Field, text: String) {
        match field.name() {
            MESSAGE => self.message = text,
            CORRELATION_ID => self.correlation_id = Some(text),
            name => self.context.push((name, Datum::Text(text))),
        }
    }

    fn datum(&mut self, field: &Field, datum: Datum) {
        match field.name() {
            name @ (MESSAGE | CORRELATION_ID) => {
                let text = match datum {
                    Datum::Bool(value) => value.to_string(),
                    Datum::Signed(value) => value.to_string(),
                    Datum::Unsigned(value) => value.to_string(),
                    Datum::Float(value) => value.to_string(),
                    Datum::Text(text) => text,
                };
                if name == MESSAGE {
                    self.message = text;
                } else {
                    self.correlation_id = Some(text);
                }
            }
            name => self.context.push((name, datum)),
        }
    }
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.text(field, bounded(format_args!("{value:?}")));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field, bounded(format_args!("{value}")));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        let mut text = bounded(format_args!("{value}"));
        let mut source = value.source();
        while let Some(cause) = source
            && text.len() < MAX_TEXT
        {
            text.push_str(": ");
            text.push_str(&bounded(format_args!("{cause}")));
            source = cause.source();
        }
        self.text(field, text);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.datum(field, Datum::Bool(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.datum(field, Datum::Signed(value.into()));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.datum(field, Datum::Unsigned(value.into()));
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        self.datum(field, Datum::Signed(value));
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        self.datum(field, Datum::Unsigned(value));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.datum(field, Datum::Float(value));
    }
}

/// The correlation id that a span carries.
pub(super) struct CorrelationOfSpan(pub(super) String);

/// Looks for a correlation id in the fields of a span.
pub(super) struct SpanVisitor(Option<String>);

impl SpanVisitor {
    pub(super) fn correlation(record: impl FnOnce(&mut Self)) -> Option<String> {
        let mut visitor = Self(None);
        record(&mut visitor);
        visitor.0
    }
}

impl Visit for SpanVisitor {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == CORRELATION_ID {
            self.0 = Some(bounded(format_args!("{value:?}")));
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == CORRELATION_ID {
            self.0 = Some(bounded(format_args!("{value}")));
        }
    }
}

/// Formats at most [`MAX_TEXT`] bytes, without ever holding more, and without the keys in it.
fn bounded(arguments: fmt::Arguments<'_>) -> String {
    let mut out = Bounded(String::new());
    if out.write_fmt(arguments).is_err() {
        out.0.push('…');
    }
    if out.0.contains(KEY) {
        return scrubbed(&out.0);
    }
    out.0
}

/// Clients put keys where they do not belong: into a path, the name of a tool, a correlation id.
fn scrubbed(mut text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    while let Some(at) = text.find(KEY) {
        let (before, rest) = text.split_at(at + KEY.len());
        out.push_str(before);
        text = rest.trim_start_matches(|character: char| character.is_ascii_alphanumeric());
        if text.len() < rest.len() {
            out.push_str("***");
        }
    }
    out + text
}

/// A path as it may be told: decoded where that brings a key to light, which is taken out later.
pub(crate) fn path(path: &str) -> Cow<'_, str> {
    let decoded = percent_decode_str(path).decode_utf8_lossy();
    if decoded.contains(KEY) {
        decoded
    } else {
        path.into()
    }
}

struct Bounded(String);

impl fmt::Write for Bounded {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = MAX_TEXT.saturating_sub(self.0.len());
        if text.len() <= room {
            self.0.push_str(text);
            return Ok(());
        }
        self.0.push_str(&text[..text.floor_char_boundary(room)]);
        Err(fmt::Error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // LOG-02
    #[test]
    fn a_key_does_not_hide_behind_percent_signs() {
        for key in [
            "smcp_canary",
            "smcp%5fcanary",
            "%73mcp_canary",
            "smcp_%63anary",
        ] {
            let told = scrubbed(&path(&format!("/tools/{key}/x")));
            assert_eq!(told, "/tools/smcp_***/x", "{key}");
        }
        assert_eq!(path("/a%0ab%ff"), "/a%0ab%ff");
    }
}
