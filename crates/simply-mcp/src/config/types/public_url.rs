//! The address under which clients reach the server.

use serde::Deserialize;

use super::{InvalidValue, host_name, text_type};

/// An origin as browsers know it (RFC 6454): scheme, host and port, nothing more.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct PublicUrl {
    text: String,
    secure: bool,
    host: String,
    port: u16,
}

text_type!(PublicUrl, "PublicUrl");

impl PublicUrl {
    /// Reads `https://host[:port]`, or the same with `http`; a single `/` at the end is dropped.
    ///
    /// # Errors
    ///
    /// When the scheme is another, or when there is a path, a query, a fragment or a user in it.
    pub fn parse(text: &str) -> Result<Self, InvalidValue> {
        let (scheme, rest) = split_scheme(text)?;
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        // The user part may be a password, so this refusal does not repeat the text.
        if authority.contains('@') {
            return Err(InvalidValue(
                "the URL carries a user name or password; leave it out".to_owned(),
            ));
        }
        if authority.contains(['/', '?', '#']) {
            return Err(InvalidValue(format!(
                "{text:?} has more than scheme, host and port; leave out what follows them"
            )));
        }
        let (host, port) = host_name::parse(authority)?;
        let secure = scheme == "https";
        let usual = if secure { 443 } else { 80 };
        let port = port.unwrap_or(usual);
        let text = if port == usual {
            format!("{scheme}://{host}")
        } else {
            format!("{scheme}://{host}:{port}")
        };
        Ok(Self {
            text,
            secure,
            host,
            port,
        })
    }

    /// The URL without a path, as a browser writes it in `Origin`: lower case, the scheme's usual port left out.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// `http` or `https`.
    #[must_use]
    pub fn scheme(&self) -> &str {
        if self.secure { "https" } else { "http" }
    }

    /// The name in lower case, or the IP address; IPv6 in brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, that of the scheme where the URL names none.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }
}

fn split_scheme(text: &str) -> Result<(&'static str, &str), InvalidValue> {
    match text.split_once("://") {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => Ok(("https", rest)),
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => Ok(("http", rest)),
        _ => Err(InvalidValue(
            "a URL is expected that begins with https:// or http://, such as https://mcp.example.com".to_owned(),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scheme_host_and_port_are_read() {
        for (text, written, port) in [
            ("https://MCP.example.com", "https://mcp.example.com", 443),
            ("https://mcp.example.com/", "https://mcp.example.com", 443),
            ("HTTP://localhost:8080", "http://localhost:8080", 8080),
            ("http://a:80", "http://a", 80),
            ("https://[::1]:8443", "https://[::1]:8443", 8443),
        ] {
            let url = PublicUrl::parse(text).unwrap();
            assert_eq!((url.as_str(), url.port()), (written, port), "{text}");
        }
    }

    #[test]
    fn anything_more_or_less_is_refused() {
        for text in [
            "",
            "mcp.example.com",
            "ftp://a",
            "https://",
            "https://a/b",
            "https://a?x",
            "https://a#x",
            "https://a//",
            "https://a:x",
            "https://a b",
        ] {
            assert!(PublicUrl::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_password_in_the_url_is_not_repeated() {
        let error = PublicUrl::parse("https://me:hunter2@a")
            .unwrap_err()
            .to_string();
        assert!(error.contains("leave it out") && !error.contains("hunter2"));
    }
}
