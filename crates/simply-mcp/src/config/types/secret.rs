//! A secret that is never printed.

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize, Serializer};

use super::InvalidValue;

/// The fewest characters of a secret.
const SHORTEST: usize = 32;

/// What stands where a secret would be printed.
const HIDDEN: &str = "***";

/// A secret of at least 32 characters. It prints, debugs and serialises as `***`.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Secret(String);

impl Secret {
    /// Takes a secret of at least 32 characters.
    ///
    /// # Errors
    ///
    /// When it is shorter; the text is not repeated.
    pub fn parse(text: &str) -> Result<Self, InvalidValue> {
        let length = text.chars().count();
        if length < SHORTEST {
            return Err(InvalidValue(format!(
                "the secret has {length} characters and needs at least {SHORTEST}; \
                 `openssl rand -hex 32` makes one"
            )));
        }
        Ok(Self(text.to_owned()))
    }

    /// Takes a secret of any length, where what it is good for is judged elsewhere.
    pub(in crate::config) fn of_any_length(text: String) -> Self {
        Self(text)
    }

    /// The secret itself.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Secret {
    type Error = InvalidValue;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl std::str::FromStr for Secret {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(HIDDEN)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(HIDDEN)
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(HIDDEN)
    }
}

impl JsonSchema for Secret {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Secret".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "minLength": SHORTEST, "writeOnly": true })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_never_prints() {
        let secret = Secret::parse(&"s".repeat(32)).unwrap();
        assert_eq!(format!("{secret} {secret:?}"), "*** ***");
        assert_eq!(serde_json::to_string(&secret).unwrap(), "\"***\"");
        assert_eq!(secret.expose(), "s".repeat(32));
    }

    #[test]
    fn a_short_secret_is_refused_without_repeating_it() {
        let error = Secret::parse("hunter2").unwrap_err().to_string();
        assert!(error.contains("at least 32") && !error.contains("hunter2"));
    }
}
