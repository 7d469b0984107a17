//! Lengths of time as people write them: `90d`, `24h`, `30m`, `60s`.

use std::time::Duration;

/// The longest time that is taken: a century. It keeps every date within four digits of a year.
const LONGEST: u64 = 36_525 * 86_400;

/// Reads a length of time. `0` needs no unit.
///
/// # Errors
///
/// When there is no whole number, another unit than `s`, `m`, `h`, `d` or `w`, or more than a century. The text says what
/// was expected.
pub(super) fn parse(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|last: char| !last.is_ascii_digit());
    let unit = match &text[digits.len()..] {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        "w" => 7 * 86_400,
        "" if digits.bytes().all(|digit| digit == b'0') && !digits.is_empty() => 1,
        _ => return Err(expected()),
    };
    if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return Err(expected());
    }
    digits
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(unit))
        .filter(|seconds| *seconds <= LONGEST)
        .map(Duration::from_secs)
        .ok_or_else(|| "expected at most 36525d, which is a century".to_owned())
}

/// Says how long something takes or took, in the largest unit that leaves a number of two or more.
pub(super) fn spoken(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (number, unit) = match seconds {
        172_800.. => (seconds / 86_400, "days"),
        7_200.. => (seconds / 3_600, "hours"),
        120.. => (seconds / 60, "minutes"),
        1 => (1, "second"),
        _ => (seconds, "seconds"),
    };
    format!("{number} {unit}")
}

fn expected() -> String {
    "expected a whole number and a unit, such as 60s, 30m, 24h, 90d or 2w".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_a_number_and_a_unit() {
        for (text, seconds) in [
            ("0", 0),
            ("0s", 0),
            ("60s", 60),
            ("30m", 1_800),
            ("24h", 86_400),
            ("90d", 7_776_000),
            ("2w", 1_209_600),
            ("36525d", LONGEST),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
    }

    #[test]
    fn everything_else_is_refused() {
        for text in [
            "",
            "s",
            "90",
            "-1d",
            "+1d",
            "1.5h",
            "1 d",
            "90D",
            "1y",
            "1dd",
            "x1d",
            "36526d",
            "1é",
            "99999999999999999999s",
            "18446744073709551615w",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn lengths_are_spoken_in_a_unit_that_fits() {
        for (seconds, said) in [
            (0, "0 seconds"),
            (1, "1 second"),
            (119, "119 seconds"),
            (120, "2 minutes"),
            (86_400, "24 hours"),
            (172_800, "2 days"),
            (7_776_000, "90 days"),
        ] {
            assert_eq!(spoken(Duration::from_secs(seconds)), said);
        }
    }
}
