//! A parser's words, as far as a client may hear them.

use std::fmt::Display;

/// The most bytes of a parser's own words that a client hears.
const LONGEST_SAID: usize = 200;

/// The most characters of a name that a client hears again.
const LONGEST_NAME: usize = 128;

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

/// What a parser said, as far as a client may hear it: in few words, and without the names of our types. The middle
/// is left out where it is long: the ends say what was found and what was expected.
pub(crate) fn said(error: &impl Display) -> String {
    let text = without_types(&error.to_string());
    if text.len() <= LONGEST_SAID {
        return text;
    }
    let half = LONGEST_SAID / 2 - '…'.len_utf8();
    let start = text.floor_char_boundary(half);
    let end = text.ceil_char_boundary(text.len() - half);
    format!("{}…{}", &text[..start], &text[end..])
}

/// A name that a client sent, as far as it hears it again.
pub(crate) fn shown(name: &str) -> &str {
    match name.char_indices().nth(LONGEST_NAME) {
        Some((end, _)) => &name[..end],
        None => name,
    }
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

    #[test]
    fn a_name_is_repeated_up_to_a_length() {
        assert_eq!(shown("écho"), "écho");
        assert_eq!(shown(&"é".repeat(5000)), "é".repeat(LONGEST_NAME));
    }

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
        ] {
            assert_eq!(said(&raw), heard);
        }
        let long = format!(
            "invalid type: string \"{}\", expected u32 at line 1",
            "é".repeat(5000)
        );
        let heard = said(&long);
        assert!(heard.len() <= LONGEST_SAID, "{heard}");
        assert!(heard.starts_with("invalid type") && heard.ends_with("expected u32 at line 1"));
    }
}
