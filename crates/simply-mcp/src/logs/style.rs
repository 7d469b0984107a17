//! How a line looks.

use time::OffsetDateTime;

use super::{
    json,
    record::{Datum, Line},
    text,
};

/// How a line looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// One JSON object a line, for machines.
    #[default]
    Json,
    /// Date and time, level, logger, message, `key=value`, for people.
    Text,
    /// [`Format::Text`] with ANSI colours and without the date, for people at a terminal.
    ColouredText,
}

impl Format {
    /// This format with the facts of a line in the text of its message, as `key=value`, and not as
    /// fields of their own: `context` is `{}`.
    #[must_use]
    pub fn unstructured(self) -> Style {
        Style {
            format: self,
            structured: false,
        }
    }
}

/// A format, and whether facts are fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    format: Format,
    structured: bool,
}

impl From<Format> for Style {
    fn from(format: Format) -> Self {
        Self {
            format,
            structured: true,
        }
    }
}

impl Style {
    /// Says in a line of this style how many lines were lost, for
    /// [`LogWriter`](super::LogWriter).
    pub fn losses(self) -> impl Fn(u64) -> String + Send + 'static {
        move |lost| {
            let mut out = String::new();
            // Writing to a string succeeds.
            let _ = self.write(&mut out, Line::of_losses(OffsetDateTime::now_utc(), lost));
            out
        }
    }

    pub(super) fn write(self, out: &mut String, mut line: Line) -> std::fmt::Result {
        if !self.structured && self.format == Format::Json {
            let context: Vec<(&str, Datum)> = std::mem::take(&mut line.context);
            text::pairs(&mut line.message, &context)?;
        }
        match self.format {
            Format::Json => json::write(out, &line),
            Format::Text => text::write(out, &line, false),
            Format::ColouredText => text::write(out, &line, true),
        }
    }
}
