//! One entry of `server.allowed_hosts`.

use serde::Deserialize;

use super::{InvalidValue, host_name, text_type};

/// A name that `Host` may carry: a host name or an IP address in lower case, with or without a port.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct AllowedHost {
    text: String,
    host: String,
    port: Option<u16>,
}

text_type!(AllowedHost, "AllowedHost");

impl AllowedHost {
    /// Reads `host` or `host:port`; a bare IPv6 address gets its brackets.
    ///
    /// # Errors
    ///
    /// When the text is a URL, a pattern, or no host.
    pub fn parse(text: &str) -> Result<Self, InvalidValue> {
        if text.contains('/') {
            return Err(InvalidValue(format!(
                "{text:?} is more than a host; leave out the scheme and the path"
            )));
        }
        if text.contains('*') {
            return Err(InvalidValue(format!(
                "{text:?} is a pattern, and each name has to be written out"
            )));
        }
        let (host, port) = host_name::parse(text)?;
        let text = match port {
            Some(port) => format!("{host}:{port}"),
            None => host.clone(),
        };
        Ok(Self { text, host, port })
    }

    /// The entry as it stands in a `Host` header.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The name in lower case, or the IP address; IPv6 in brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, when the entry names one; without one every port is meant.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        self.port
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_addresses_are_read_in_lower_case() {
        for (text, host, port) in [
            ("Example.COM", "example.com", None),
            ("example.com.", "example.com", None),
            ("my_service:8080", "my_service", Some(8080)),
            ("10.0.0.1", "10.0.0.1", None),
            ("::1", "[::1]", None),
            ("[::1]:80", "[::1]", Some(80)),
        ] {
            let parsed = AllowedHost::parse(text).unwrap();
            assert_eq!((parsed.host(), parsed.port()), (host, port), "{text}");
        }
    }

    #[test]
    fn what_is_no_host_is_refused() {
        for text in [
            "",
            "https://a.com",
            "a.com/x",
            "*.a.com",
            "a b",
            "-a.com",
            "a-.com",
            "a..b",
            "a:0",
            "a:65536",
            "a:",
            "a:+1",
            "[::1",
            "[::1]x",
            "300.1.1.1",
            "bücher.de",
            "a@b",
            ".",
        ] {
            assert!(AllowedHost::parse(text).is_err(), "{text}");
        }
        assert!(AllowedHost::parse(&"a".repeat(64)).is_err());
        assert!(AllowedHost::parse(&"a.".repeat(130)).is_err());
    }
}
