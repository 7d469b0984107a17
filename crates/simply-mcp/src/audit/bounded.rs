//! What clients send, made short and harmless.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::{
    Value,
    ser::{Formatter, Serializer},
    value::RawValue,
};

use crate::logs::is_dangerous;

/// The most bytes of a name: a tool's, a subject's.
const LONGEST_NAME: usize = 256;

/// The most bytes of an argument, as JSON. A record is read by people, and kept for long.
const LONGEST_ARGUMENT: usize = 1024;

/// Stands at the end of what was cut.
const CUT: &str = "… (cut)";

/// A name, cut where it is too long.
pub(super) fn name(name: &str) -> String {
    cut(name, LONGEST_NAME)
}

/// An argument as JSON. One that is too long is the beginning of a string's text, or of the JSON of anything else,
/// as a string that says so.
pub(super) fn value(value: &Value) -> Box<RawValue> {
    let mut whole = Limited {
        bytes: Vec::new(),
        room: LONGEST_ARGUMENT,
    };
    let written = value.serialize(&mut Serializer::with_formatter(&mut whole, Harmless));
    let json = String::from_utf8_lossy(&whole.bytes).into_owned();
    if written.is_ok()
        && let Ok(raw) = RawValue::from_string(json.clone())
    {
        return raw;
    }
    let beginning = match value {
        Value::String(text) => cut(text, LONGEST_ARGUMENT),
        _ => format!("{json}{CUT}"),
    };
    let text = to_json(&beginning).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let raw = text.map(RawValue::from_string);
    match raw {
        Ok(Ok(raw)) => raw,
        _ => RawValue::NULL.to_owned(),
    }
}

/// Writes JSON in which nothing ends a line, moves a cursor or turns the direction of reading.
pub(super) fn to_json(value: &impl Serialize) -> serde_json::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(256);
    value.serialize(&mut Serializer::with_formatter(&mut bytes, Harmless))?;
    Ok(bytes)
}

fn cut(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let beginning = &text[..text.floor_char_boundary(most)];
    format!("{beginning}{CUT}")
}

/// Escapes what `serde_json` leaves as it is and the log does not.
struct Harmless;

impl Formatter for Harmless {
    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut rest = fragment;
        while let Some(at) = rest.find(is_dangerous) {
            let (harmless, from) = rest.split_at(at);
            writer.write_all(harmless.as_bytes())?;
            let mut characters = from.chars();
            if let Some(dangerous) = characters.next() {
                write!(writer, "\\u{:04x}", u32::from(dangerous))?;
            }
            rest = characters.as_str();
        }
        writer.write_all(rest.as_bytes())
    }
}

/// Takes so many bytes, and then no more: a large value is not written whole only to be cut.
struct Limited {
    bytes: Vec<u8>,
    room: usize,
}

impl Write for Limited {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(self.room);
        if taken < bytes.len() {
            self.bytes.extend_from_slice(&bytes[..taken]);
            self.room = 0;
            return Err(io::ErrorKind::WriteZero.into());
        }
        self.bytes.extend_from_slice(bytes);
        self.room -= taken;
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_short_value_stands_as_it_is() {
        for it in [
            json!("text"),
            json!(1.5),
            json!(null),
            json!({"a": [true, "\u{e9}"]}),
        ] {
            assert_eq!(value(&it).get(), it.to_string());
        }
    }

    #[test]
    fn a_long_value_is_cut_with_a_sign_whatever_it_is() {
        for it in [
            json!("\u{1f980}".repeat(1_000_000)),
            json!("\n".repeat(1_000_000)),
            json!(vec!["\u{202e}"; 100_000]),
            json!({"\u{e9}".repeat(100_000): 1}),
        ] {
            let cut = value(&it);
            let read: Value = serde_json::from_str(cut.get()).unwrap();
            assert!(read.as_str().unwrap().ends_with(CUT));
            assert!(
                cut.get().len() < 8 * LONGEST_ARGUMENT,
                "{}",
                cut.get().len()
            );
        }
    }

    // LOG-01
    #[test]
    fn nothing_in_a_value_or_a_key_can_forge_a_line_or_paint_a_terminal() {
        let hostile = "a\n\r\u{0}\u{1b}[31m\u{7f}\u{9b}31m\u{2028}\u{202e}\u{2066}\"\\z";
        let it = json!({ hostile: [hostile] });
        let shown = value(&it);
        assert!(!shown.get().contains(is_dangerous), "{shown}");
        let read: Value = serde_json::from_str(shown.get()).unwrap();
        assert_eq!(read, it, "and nothing is lost");
    }
}
