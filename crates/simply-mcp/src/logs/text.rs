//! The line of `format: text`: `12:03:04.567 WARN  transport: message key=value`.

use std::fmt::{self, Write};

use super::{
    escape::{json_string, plain},
    record::{Datum, Line},
};

pub(super) fn write(out: &mut String, line: &Line, colours: bool) -> fmt::Result {
    let paint = Paint(colours);
    let time = line.time;
    write!(
        out,
        "{}{:02}:{:02}:{:02}.{:03}{} {}{:<5}{} {}",
        paint.dim(),
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
    plain(out, line.logger.rsplit("::").next().unwrap_or_default())?;
    write!(out, ":{} ", paint.plain())?;
    plain(out, &line.message)?;
    if let Some(id) = &line.correlation_id {
        pair(out, paint, "correlation_id", |out| word(out, id))?;
    }
    for (name, datum) in &line.context {
        pair(out, paint, name, |out| value(out, datum))?;
    }
    out.push('\n');
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

fn value(out: &mut String, datum: &Datum) -> fmt::Result {
    match datum {
        Datum::Bool(value) => write!(out, "{value}"),
        Datum::Signed(value) => write!(out, "{value}"),
        Datum::Unsigned(value) => write!(out, "{value}"),
        Datum::Float(value) => write!(out, "{value}"),
        Datum::Text(text) => word(out, text),
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
