//! A URL that the server itself fetches.

use serde::Deserialize;
use url::Url;

use super::{InvalidValue, text_type};

/// An absolute `https://` or `http://` URL with a host, and without a user, a password or a fragment.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct HttpUrl(Url);

text_type!(HttpUrl, "HttpUrl");

impl HttpUrl {
    /// Reads a URL as the WHATWG URL standard does, so that every client takes it for the same host.
    ///
    /// # Errors
    ///
    /// When the scheme is another, or when there is a user, a password or a fragment in it.
    pub fn parse(text: &str) -> Result<Self, InvalidValue> {
        // The text may hold a password, so no refusal repeats it.
        let refuse = |why: &str| Err(InvalidValue(why.to_owned()));
        let Ok(url) = Url::parse(text) else {
            return refuse("a URL is expected, such as https://login.example.com/jwks.json");
        };
        if !matches!(url.scheme(), "https" | "http") {
            return refuse("the URL must begin with https:// or http://");
        }
        if !url.username().is_empty() || url.password().is_some() {
            return refuse("the URL carries a user name or password; leave it out");
        }
        if url.fragment().is_some() {
            return refuse("the URL has a fragment (#…); leave it out");
        }
        Ok(Self(url))
    }

    /// The URL in its usual spelling.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Whether it is `https`.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// The host as it stands in the URL; an IPv6 address in brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_read_in_its_usual_spelling() {
        let url = HttpUrl::parse("HTTPS://Login.Example.com:443/a?b=c").unwrap();
        assert_eq!(url.as_str(), "https://login.example.com/a?b=c");
        assert!(url.is_secure());
        // Every spelling of an address is the same address.
        for text in ["http://127.1/", "http://0x7f000001/", "http://2130706433/"] {
            assert_eq!(HttpUrl::parse(text).unwrap().host(), "127.0.0.1", "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused_without_repeating_it() {
        for text in [
            "",
            "login.example.com/hunter2",
            "ftp://hunter2",
            "file:///hunter2",
            "https://me:hunter2@a/",
            "https://hunter2@a/",
            "https://a/#hunter2",
            "https:///",
        ] {
            let error = HttpUrl::parse(text).unwrap_err().to_string();
            assert!(!error.contains("hunter2"), "{text}");
        }
    }
}
