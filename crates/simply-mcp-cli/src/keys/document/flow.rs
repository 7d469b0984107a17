//! Lists and maps of YAML in brackets: where they end.

/// The inside of a list or map in brackets.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Inside {
    /// The byte after the last one that is neither space nor comment; after the opening bracket when there is none.
    pub(super) end: usize,
    /// That last byte: a comma, the opening bracket, or the end of a value.
    pub(super) last: u8,
    /// Where the closing bracket stands.
    pub(super) close: usize,
}

/// Looks for the end of the list or map whose opening bracket stands at `open`. `None` when there is no end, which no
/// text has that was parsed.
pub(super) fn inside(text: &str, open: usize) -> Option<Inside> {
    let bytes = text.as_bytes();
    let mut depth = 0_usize;
    let mut found = Inside {
        end: open + 1,
        last: *bytes.get(open)?,
        close: open,
    };
    let mut at = open;
    while let Some(&byte) = bytes.get(at) {
        let before = at.checked_sub(1).map_or(b' ', |before| bytes[before]);
        let starts = b" \t\r\n[{,:".contains(&before);
        let next = match byte {
            b'"' | b'\'' if starts => end_of_quoted(bytes, at)?,
            b'#' if before.is_ascii_whitespace() => {
                at += bytes[at..].iter().position(|byte| *byte == b'\n')?;
                continue;
            }
            _ => at + 1,
        };
        match byte {
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.checked_sub(1)?,
            _ => {}
        }
        if depth == 0 {
            found.close = at;
            return Some(found);
        }
        if !byte.is_ascii_whitespace() {
            found.end = next;
            found.last = byte;
        }
        at = next;
    }
    None
}

/// The byte after the closing quote of the one that opens at `open`.
fn end_of_quoted(bytes: &[u8], open: usize) -> Option<usize> {
    let quote = bytes[open];
    let mut at = open + 1;
    loop {
        let byte = *bytes.get(at)?;
        if byte == b'\\' && quote == b'"' {
            at += 2;
        } else if byte != quote {
            at += 1;
        } else if quote == b'\'' && bytes.get(at + 1) == Some(&quote) {
            at += 2;
        } else {
            return Some(at + 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_found_past_quotes_comments_and_brackets() {
        for (text, end, last, close) in [
            ("[]", 1, b'[', 1),
            ("{ }x]", 1, b'{', 2),
            ("[a, [b], {c: d}]", 15, b'}', 15),
            ("[a, ]", 3, b',', 4),
            (r#"["]\"]", 'it''s]']"#, 17, b'\'', 17),
            ("[it's, b]", 8, b'b', 8),
            ("[a # ]\n, b # ,\n ]", 10, b'b', 16),
            ("[a#]", 3, b'#', 3),
        ] {
            let expected = Inside { end, last, close };
            let found = inside(text, 0).unwrap();
            let found = Inside {
                // A quoted text ends with its quote.
                last: text.as_bytes()[found.end - 1],
                ..found
            };
            assert_eq!(found, expected, "{text}");
        }
        assert_eq!(inside("[a", 0), None);
        assert_eq!(inside("['a]", 0), None);
    }
}
