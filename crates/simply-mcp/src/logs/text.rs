//! The line of `format: text`: `2026-11-24 12:03:04.567 WARN  transport:   message key=value`.
//!
//! At a terminal it has colours and no date: who sits there knows it.

use std::fmt::{self, Write};

use super::{
    escape::{json_string, plain},
    record::{Datum, Line},
};

/// The width of the loggers' names, so that most messages begin below each other.
const LOGGER_WIDTH: usize = 12;
const SPACES: &str = "            ";

/// The fact that is a time in seconds.
const DURATION: &str = "duration";

pub(super) fn write(out: &mut String, line: &Line, colours: bool) -> fmt::Result {
    let paint = Paint(colours);
    let time = line.time;
    out.push_str(paint.dim());
    if !colours {
        write!(out, "{} ", time.date())?;
    }
    write!(
        out,
        "{:02}:{:02}:{:02}.{:03}{} {}{:<5}{} {}",
        time.hour(),
        time.minute(),
        time.second(),
        time.millisecond(),
        paint.plain(),
        paint.level(line.level),
        line.level,
        paint.plain(),
        paint.dim(),
    )?;
    let start = out.len();
    plain(out, line.logger.rsplit("::").next().unwrap_or_default())?;
    out.push(':');
    let width = out.len() - start;
    write!(
        out,
        "{}{} ",
        paint.plain(),
        &SPACES[width.min(LOGGER_WIDTH)..]
    )?;
    plain(out, &line.message)?;
    if let Some(id) = &line.correlation_id {
        pair(out, paint, "correlation_id", |out| word(out, id))?;
    }
    for (name, datum) in &line.context {
        pair(out, paint, name, |out| value(out, name, datum))?;
    }
    out.push('\n');
    Ok(())
}

/// Appends ` key=value` for each fact, without colours.
pub(super) fn pairs(out: &mut String, context: &[(&'static str, Datum)]) -> fmt::Result {
    for (name, datum) in context {
        pair(out, Paint(false), name, |out| value(out, name, datum))?;
    }
    Ok(())
}

fn pair(
    out: &mut String,
    paint: Paint,
    name: &str,
    value: impl FnOnce(&mut String) -> fmt::Result,
) -> fmt::Result {
    write!(out, " {}", paint.dim())?;
    plain(out, name)?;
    write!(out, "={}", paint.plain())?;
    value(out)
}

fn value(out: &mut String, name: &str, datum: &Datum) -> fmt::Result {
    match datum {
        Datum::Float(seconds) if name == DURATION => duration(out, *seconds),
        Datum::Bool(value) => write!(out, "{value}"),
        Datum::Signed(value) => write!(out, "{value}"),
        Datum::Unsigned(value) => write!(out, "{value}"),
        Datum::Float(value) => write!(out, "{value}"),
        Datum::Text(text) => word(out, text),
    }
}

/// Seconds in the unit that is easiest to read.
fn duration(out: &mut String, seconds: f64) -> fmt::Result {
    if seconds >= 1.0 {
        write!(out, "{seconds:.2}s")
    } else if seconds >= 0.001 {
        write!(out, "{:.1}ms", seconds * 1e3)
    } else {
        write!(out, "{:.0}us", seconds * 1e6)
    }
}

/// A value that reads as one word is written as it is, any other in quotes.
fn word(out: &mut String, text: &str) -> fmt::Result {
    let is_word =
        !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || "\"=".contains(c));
    if is_word {
        plain(out, text)
    } else {
        json_string(out, text)
    }
}

#[derive(Clone, Copy)]
struct Paint(bool);

impl Paint {
    fn level(self, level: &str) -> &'static str {
        match level {
            _ if !self.0 => "",
            "ERROR" => "\x1b[31m",
            "WARN" => "\x1b[33m",
            "INFO" => "\x1b[32m",
            _ => "\x1b[34m",
        }
    }

    fn dim(self) -> &'static str {
        if self.0 { "\x1b[2m" } else { "" }
    }

    fn plain(self) -> &'static str {
        if self.0 { "\x1b[0m" } else { "" }
    }
}
