//! JSON as it has to be inside of a token: one object, in which no name stands twice.
//!
//! Readers differ in which of two members of the same name they believe, so a token that has two could mean one thing
//! to the server and another to whoever looked at it before (RFC 7519 §4, RFC 8725 §2.6).

use std::{borrow::Cow, collections::HashSet, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, SeqAccess, Visitor},
};

use super::Failure;

/// Reads one JSON object without duplicate members, at any depth, and nothing behind it.
pub(super) fn object<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Result<T, Failure> {
    // A struct of serde can be read from an array too.
    if json.first() != Some(&b'{') {
        return Err(Failure::Malformed);
    }
    serde_json::from_slice::<Unambiguous>(json).map_err(|_| Failure::Malformed)?;
    serde_json::from_slice(json).map_err(|_| Failure::Malformed)
}

/// A member that must have its type where it stands: `null` is not the same as absent.
pub(super) fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// Whether a member stands there, whatever it says.
pub(super) fn stands<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    serde::de::IgnoredAny::deserialize(deserializer).map(|_| true)
}

/// Any JSON in which no name stands twice.
struct Unambiguous;

impl<'de> Deserialize<'de> for Unambiguous {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Walk)
    }
}

#[derive(Deserialize)]
#[serde(transparent)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

struct Walk;

impl<'de> Visitor<'de> for Walk {
    type Value = Unambiguous;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON without duplicate members")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Unambiguous, A::Error> {
        let mut names = HashSet::new();
        while let Some(Name(name)) = map.next_key()? {
            if !names.insert(name) {
                return Err(A::Error::custom("a member stands twice"));
            }
            map.next_value::<Unambiguous>()?;
        }
        Ok(Unambiguous)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Unambiguous, A::Error> {
        while items.next_element::<Unambiguous>()?.is_some() {}
        Ok(Unambiguous)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Unambiguous, E> {
        Ok(Unambiguous)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Unambiguous, E> {
        Ok(Unambiguous)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Unambiguous, E> {
        Ok(Unambiguous)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Unambiguous, E> {
        Ok(Unambiguous)
    }

    fn visit_str<E>(self, _: &str) -> Result<Unambiguous, E> {
        Ok(Unambiguous)
    }

    fn visit_unit<E>(self) -> Result<Unambiguous, E> {
        Ok(Unambiguous)
    }
}

#[cfg(test)]
mod tests {
    use serde::de::IgnoredAny;

    use super::*;

    // JWT-07
    #[test]
    fn only_one_object_without_duplicates_is_read() {
        let reads = |json: &str| object::<IgnoredAny>(json.as_bytes()).is_ok();
        assert!(reads("{}"));
        assert!(reads(
            r#"{"a": [1, -2, 1.5, null, true, "x"], "b": {"a": 1}}"#
        ));
        for json in [
            "",
            "[]",
            "null",
            " {}",
            "{} {}",
            "{}x",
            r#"{"a": 1, "a": 1}"#,
            r#"{"a": 1, "\u0061": 2}"#,
            r#"{"a": {"b": 1, "b": 2}}"#,
            r#"{"a": [{"b": 1, "b": 2}]}"#,
            r#"{"a": 1e999}"#,
            r#"{"a": NaN}"#,
            r#"{"a": 1"#,
            &"{\"a\":".repeat(1000),
            &"[".repeat(8000),
        ] {
            assert!(!reads(json), "{json:.40}");
        }
        assert!(object::<IgnoredAny>(b"{\"\xff\": 1}").is_err());
    }
}
