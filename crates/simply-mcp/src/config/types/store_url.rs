//! Where the store is that replicas share.

use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize, Serializer};
use url::Url;

use super::InvalidValue;

/// The URL of a Redis or Valkey: `redis://[user:password@]host[:port][/database]`, or `rediss://` for TLS. Whatever
/// prints it leaves out the user and the password.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct StoreUrl(Url);

impl StoreUrl {
    /// Reads the URL.
    ///
    /// # Errors
    ///
    /// When the scheme is another, or the host is missing; the text is not repeated, as it may hold a password.
    pub fn parse(text: &str) -> Result<Self, InvalidValue> {
        let good = Url::parse(text).ok().filter(|url| {
            matches!(url.scheme(), "redis" | "rediss")
                && url.host_str().is_some_and(|host| !host.is_empty())
                && url.fragment().is_none()
                && url
                    .path()
                    .trim_start_matches('/')
                    .bytes()
                    .all(|byte| byte.is_ascii_digit())
        });
        good.map(Self).ok_or_else(|| {
            InvalidValue(
                "a store is expected, as redis://host:6379, redis://user:password@host:6379/0, or rediss:// for TLS"
                    .to_owned(),
            )
        })
    }

    pub(crate) fn is_tls(&self) -> bool {
        self.0.scheme() == "rediss"
    }

    /// The whole URL, with its password.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.as_str()
    }
}

impl TryFrom<String> for StoreUrl {
    type Error = InvalidValue;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl std::str::FromStr for StoreUrl {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl fmt::Display for StoreUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut url = self.0.clone();
        if url.password().is_some() || !url.username().is_empty() {
            // Both succeed where there is a host, and there is one.
            let _ = url.set_username("***");
            let _ = url.set_password(None);
        }
        // A query may hold anything.
        url.set_query(None);
        formatter.write_str(url.as_str())
    }
}

impl fmt::Debug for StoreUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl Serialize for StoreUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for StoreUrl {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "StoreUrl".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "writeOnly": true })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_never_prints() {
        let url = StoreUrl::parse("redis://me:hunter2@host:6380/3?x=hunter2").unwrap();
        for shown in [
            url.to_string(),
            format!("{url:?}"),
            serde_json::to_string(&url).unwrap(),
        ] {
            assert!(
                shown.contains("***@host:6380/3") && !shown.contains("hunter2"),
                "{shown}"
            );
        }
        assert!(url.expose().contains("hunter2"));
        let plain = StoreUrl::parse("rediss://host").unwrap();
        assert_eq!(plain.to_string(), "rediss://host");
    }

    #[test]
    fn anything_else_is_refused_without_repeating_it() {
        for text in [
            "",
            "hunter2",
            "http://hunter2",
            "redis://",
            "redis://h/hunter2",
            "redis://h#hunter2",
        ] {
            let error = StoreUrl::parse(text).unwrap_err().to_string();
            assert!(
                error.contains("redis://host") && !error.contains("hunter2"),
                "{text}"
            );
        }
    }
}
