//! The line of `format: json`.

use std::fmt::{self, Write};

use super::{
    escape::json_string,
    record::{Datum, Line},
};

pub(super) fn write(out: &mut String, line: &Line) -> fmt::Result {
    let time = line.time;
    write!(
        out,
        "{{\"timestamp\":\"{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z\",\"level\":\"{}\",\"logger\":",
        time.year(),
        u8::from(time.month()),
        time.day(),
        time.hour(),
        time.minute(),
        time.second(),
        time.millisecond(),
        line.level,
    )?;
    json_string(out, &line.logger)?;
    out.push_str(",\"message\":");
    json_string(out, &line.message)?;
    out.push_str(",\"correlation_id\":");
    match &line.correlation_id {
        Some(id) => json_string(out, id)?,
        None => out.push_str("null"),
    }
    out.push_str(",\"context\":{");
    for (index, (name, datum)) in line.context.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        json_string(out, name)?;
        out.push(':');
        value(out, datum)?;
    }
    out.push_str("}}\n");
    Ok(())
}

fn value(out: &mut String, datum: &Datum) -> fmt::Result {
    match datum {
        Datum::Bool(value) => write!(out, "{value}"),
        Datum::Signed(value) => write!(out, "{value}"),
        Datum::Unsigned(value) => write!(out, "{value}"),
        // JSON has no infinities; `{:?}` writes every finite number as a JSON number.
        Datum::Float(value) if !value.is_finite() => out.write_str("null"),
        Datum::Float(value) => write!(out, "{value:?}"),
        Datum::Text(text) => json_string(out, text),
    }
}
