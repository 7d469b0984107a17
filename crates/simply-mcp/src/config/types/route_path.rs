//! The path of a route that the operator may choose.

use serde::Deserialize;

use super::{InvalidValue, text_type};

/// The longest path that can be configured, in bytes.
const LONGEST: usize = 256;

/// An absolute path of plain segments such as `/mcp`: it needs no decoding and matches only itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct RoutePath(String);

text_type!(RoutePath, "RoutePath");

impl RoutePath {
    /// Reads a path that begins with `/`, does not end with it, and has only letters, digits and `-._~` between.
    ///
    /// # Errors
    ///
    /// When the text is anything else.
    pub fn parse(text: &str) -> Result<Self, InvalidValue> {
        let problem = if !text.starts_with('/') {
            "does not begin with /"
        } else if text == "/" {
            "is the root, and a path of its own is needed"
        } else if text.ends_with('/') {
            "ends with /"
        } else if text.contains(['?', '#']) {
            "has a query or fragment"
        } else if text.len() > LONGEST {
            "is longer than 256 characters"
        } else if !text.split('/').skip(1).all(is_segment) {
            "has a part that is not made of letters, digits and -._~"
        } else {
            return Ok(Self(text.to_owned()));
        };
        Err(InvalidValue(format!(
            "{text:?} {problem}; write a path such as /mcp"
        )))
    }

    /// A path that is written in the source.
    pub(in crate::config) fn fixed(text: &'static str) -> Self {
        Self(text.to_owned())
    }

    /// The path as it stands in a request.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this path is `other`, or stands below it.
    #[must_use]
    pub fn is_within(&self, other: &str) -> bool {
        self.0
            .strip_prefix(other)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

impl AsRef<str> for RoutePath {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

fn is_segment(segment: &str) -> bool {
    !matches!(segment, "" | "." | "..")
        && segment
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_path_is_read() {
        for text in ["/mcp", "/a/b", "/v1.0/mcp-x_y~z"] {
            assert_eq!(RoutePath::parse(text).unwrap().as_str(), text);
        }
    }

    #[test]
    fn a_path_that_could_match_something_else_is_refused() {
        for text in [
            "", "mcp", "/", "/mcp/", "/a//b", "/mcp?x", "/mcp#x", "/{id}", "/*all", "/:id",
            "/a%2fb", "/a b", "/..", "/./a", "/ä",
        ] {
            assert!(RoutePath::parse(text).is_err(), "{text}");
        }
        assert!(RoutePath::parse(&format!("/{}", "a".repeat(256))).is_err());
    }

    #[test]
    fn within_means_the_same_or_below() {
        let path = RoutePath::parse("/tools/x").unwrap();
        assert!(path.is_within("/tools") && path.is_within("/tools/x"));
        assert!(!path.is_within("/tool") && !path.is_within("/tools/x/y"));
    }
}
