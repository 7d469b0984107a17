//! A parser's words, as far as a client may hear them.

use std::{borrow::Cow, fmt::Display};

/// The most bytes of a parser's own words that a client hears.
const LONGEST_SAID: usize = 200;

/// How serde names what it expected, before the name of a type of ours, and what a client is told instead.
const TYPES: &[(&str, &str)] = &[
    ("tuple struct ", "a list"),
    ("unit struct ", "null"),
    ("newtype struct ", "a value"),
    ("struct variant ", "an object"),
    ("tuple variant ", "a list"),
    ("struct ", "an object"),
    ("enum ", "one of several forms"),
];

/// The most bytes of a name that a client hears again.
const LONGEST_NAME: usize = 128;

/// What a parser said, as far as a client may hear it: in few words, without the names of our types, and without the
/// strings it found, as one may be a secret. The middle is left out where it is long: the ends say what was found
/// and what was expected.
pub(crate) fn said(error: &impl Display) -> String {
    let text = without_types(&without_strings(&error.to_string()));
    if text.len() <= LONGEST_SAID {
        return text;
    }
    let half = LONGEST_SAID / 2 - '…'.len_utf8();
    let start = text.floor_char_boundary(half);
    let end = text.ceil_char_boundary(text.len() - half);
    format!("{}…{}", &text[..start], &text[end..])
}

/// A name that a client sent, as far as it hears it again.
pub(crate) fn shown(name: &str) -> Cow<'_, str> {
    if name.len() <= LONGEST_NAME {
        return name.into();
    }
    let start = &name[..name.floor_char_boundary(LONGEST_NAME)];
    format!("{start}…").into()
}

/// As serde writes what it found: `string "…"`, escaped, and `` `…` `` for a name that it does not know.
fn without_strings(text: &str) -> String {
    const STRING: &str = "string \"";
    const UNKNOWN: [&str; 2] = ["unknown variant `", "unknown field `"];
    if let Some(unknown) = UNKNOWN.iter().find(|it| text.starts_with(**it)) {
        // The name may have quotes of its own; serde lists what it knows behind the last of these.
        let known = text.rfind("`, expected").unwrap_or(text.len());
        let rest = text[known..].strip_prefix('`').unwrap_or_default();
        return format!("{}{rest}", unknown.trim_end_matches(" `"));
    }
    let Some(at) = text.find(STRING) else {
        return text.to_owned();
    };
    let found = &text[at + STRING.len()..];
    let mut is_escaped = false;
    let end = found.find(|character| {
        let is_end = character == '"' && !is_escaped;
        is_escaped = character == '\\' && !is_escaped;
        is_end
    });
    let rest = end.map_or("", |end| &found[end + 1..]);
    format!("{}a string{rest}", &text[..at])
}

fn without_types(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((at, form, instead)) = first_type(rest) {
        clean.push_str(&rest[..at]);
        clean.push_str(instead);
        rest = rest[at + form.len()..].trim_start_matches(is_of_a_name);
    }
    clean + rest
}

fn first_type(text: &str) -> Option<(usize, &'static str, &'static str)> {
    let found = TYPES.iter().filter_map(|(form, instead)| {
        let at = text.find(form)?;
        let is_name = text[at + form.len()..].starts_with(|it: char| it.is_ascii_uppercase());
        is_name.then_some((at, *form, *instead))
    });
    found.min_by_key(|(at, ..)| *at)
}

fn is_of_a_name(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '_' | ':' | '<' | '>')
}

#[cfg(test)]
mod tests {
    use super::*;

    // LOG-03
    #[test]
    fn a_parser_is_heard_in_few_words_and_without_types() {
        for (raw, heard) in [
            (
                "expected value at line 1 column 2",
                "expected value at line 1 column 2",
            ),
            (
                "invalid type: integer `1`, expected struct CallToolRequestParams with 2 elements",
                "invalid type: integer `1`, expected an object with 2 elements",
            ),
            (
                "data did not match any variant of untagged enum a::Reference<T>",
                "data did not match any variant of untagged enum a::Reference<T>",
            ),
            (
                "no variant of untagged enum Reference<T>, tuple struct Pair, struct variant E::V",
                "no variant of untagged one of several forms, a list, an object",
            ),
            ("a struct without a name", "a struct without a name"),
            (
                "invalid type: string \"a \\\"secret\\\\\", expected u32",
                "invalid type: a string, expected u32",
            ),
            ("invalid type: string \"cut", "invalid type: a string"),
            (
                "unknown variant `a`secret`, expected `b` or `c` at line 1",
                "unknown variant, expected `b` or `c` at line 1",
            ),
            (
                "unknown field `secret`, there are no fields",
                "unknown field",
            ),
        ] {
            assert_eq!(said(&raw), heard);
        }
        let long = format!("invalid {}, expected u32 at line 1", "é".repeat(5000));
        let heard = said(&long);
        assert!(heard.len() <= LONGEST_SAID, "{heard}");
        assert!(heard.starts_with("invalid é") && heard.ends_with("expected u32 at line 1"));
        assert_eq!(shown("a"), "a");
        assert!(shown(&"é".repeat(5000)).len() <= LONGEST_NAME + '…'.len_utf8());
    }
}
