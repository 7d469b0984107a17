//! Names of keys: what a new one may be, and which known one was meant.

/// The longest name.
const LONGEST: usize = 64;

/// Names that logs and metrics give to callers without a key.
const RESERVED: [&str; 2] = ["anonymous", "token"];

/// Takes the name of a new key.
///
/// # Errors
///
/// When it is empty, too long, reserved, or has other characters than letters, digits and `-_.`. The text says what
/// was expected.
pub(super) fn parse(text: &str) -> Result<String, String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if text.is_empty() || text.len() > LONGEST || !text.bytes().all(plain) {
        return Err(format!(
            "expected 1 to {LONGEST} of the letters A to Z and a to z, digits, and - _ ."
        ));
    }
    if RESERVED.contains(&text) {
        return Err(
            "logs and metrics use this name for callers without a key; choose another".to_owned(),
        );
    }
    Ok(text.to_owned())
}

/// The first of `key-1`, `key-2`, … that is free.
pub(super) fn first_free<'a>(taken: impl Iterator<Item = &'a str>) -> String {
    let taken: std::collections::HashSet<&str> = taken.collect();
    let mut number = 1_u32;
    loop {
        let name = format!("key-{number}");
        if !taken.contains(name.as_str()) {
            return name;
        }
        number += 1;
    }
}

/// The known name that is nearest to what was written, when it is near enough to have been meant.
pub(super) fn nearest<'a>(written: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let distance =
        |name: &str| strsim::damerau_levenshtein(&written.to_lowercase(), &name.to_lowercase());
    let allowed = written.chars().count().div_ceil(3);
    known
        .map(|name| (distance(name), name))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_letters_digits_and_three_marks() {
        for name in ["a", "Key-1_b.c", &"x".repeat(64), "0"] {
            assert_eq!(parse(name).as_deref(), Ok(name));
        }
        for name in [
            "",
            &"x".repeat(65),
            "a b",
            "ä",
            "a/b",
            "a\n",
            "anonymous",
            "token",
        ] {
            assert!(parse(name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn the_first_free_name_fills_a_gap() {
        assert_eq!(first_free([].into_iter()), "key-1");
        assert_eq!(first_free(["key-1", "key-3", "x"].into_iter()), "key-2");
    }

    #[test]
    fn only_a_near_name_was_meant() {
        let known = ["mobile-app", "ci", "backup"];
        assert_eq!(nearest("moblie-app", known.into_iter()), Some("mobile-app"));
        assert_eq!(nearest("CI", known.into_iter()), Some("ci"));
        assert_eq!(nearest("frontend", known.into_iter()), None);
    }
}
