//! The name of an environment variable.

use serde::Deserialize;

use super::{InvalidValue, text_type};

/// A name that every shell can set: letters, digits and `_`, not beginning with a digit.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct VariableName(String);

text_type!(VariableName, "VariableName");

impl VariableName {
    /// Reads a name.
    ///
    /// # Errors
    ///
    /// When it has other characters, or is empty. The text is not repeated: people put the key itself there.
    pub fn parse(text: &str) -> Result<Self, InvalidValue> {
        let plain = text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if text.is_empty() || !plain || text.as_bytes()[0].is_ascii_digit() || text.len() > 128 {
            return Err(InvalidValue(
                "the name of an environment variable is expected, such as MCP_API_KEY, not the key itself".to_owned(),
            ));
        }
        Ok(Self(text.to_owned()))
    }

    /// A name that is written in the source.
    pub(in crate::config) fn fixed(text: &'static str) -> Self {
        Self(text.to_owned())
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_and_keys_are_not() {
        assert_eq!(
            VariableName::parse("MY_KEY_2").unwrap().as_str(),
            "MY_KEY_2"
        );
        for text in ["", "2KEY", "my-key", "a b", "sk-hunter2", &"A".repeat(129)] {
            let error = VariableName::parse(text).unwrap_err().to_string();
            assert!(
                error.contains("MCP_API_KEY") && !error.contains("hunter2"),
                "{text}"
            );
        }
    }
}
