//! Characters that would end a line, or that a terminal would obey.

use std::fmt::{self, Write};

/// Whether `character` must not reach a line as it is: control characters (C0, DEL, C1 with its
/// one-byte escape sequences), line and paragraph separators, and direction overrides, which make a
/// line read otherwise than it is.
pub(crate) fn is_dangerous(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Writes `text` as a JSON string (RFC 8259, section 7).
pub(super) fn json_string(out: &mut String, text: &str) -> fmt::Result {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            other if is_dangerous(other) => write!(out, "\\u{:04x}", u32::from(other))?,
            other => out.push(other),
        }
    }
    out.push('"');
    Ok(())
}

/// Writes `text` for the eye, on one line.
pub(super) fn plain(out: &mut String, text: &str) -> fmt::Result {
    for character in text.chars() {
        match character {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            other if is_dangerous(other) => write!(out, "\\u{{{:x}}}", u32::from(other))?,
            other => out.push(other),
        }
    }
    Ok(())
}
