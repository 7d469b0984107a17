//! An address to listen on: an IP address or the word `localhost`.

use std::net::{IpAddr, Ipv4Addr};

use serde::{Deserialize, Deserializer, Serializer, de::Error as _};

/// Writes the address as it is usually written.
///
/// # Errors
///
/// Those of the serializer.
pub(in crate::config) fn serialize<S: Serializer>(
    address: &IpAddr,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_str(address)
}

/// Reads an IP address, with or without the brackets of a URL, or `localhost`.
///
/// # Errors
///
/// When the text is another name, or no address.
pub(in crate::config) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<IpAddr, D::Error> {
    parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
}

fn parse(text: &str) -> Result<IpAddr, String> {
    if text.eq_ignore_ascii_case("localhost") {
        return Ok(IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
    let bare = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(text);
    bare.parse().map_err(|_| {
        format!(
            "{text:?} is not an address to listen on; write an IP address such as 127.0.0.1 (this machine only) \
             or 0.0.0.0 (every network), and put names into server.allowed_hosts"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_the_word_localhost_are_read() {
        for (text, address) in [
            ("127.0.0.1", "127.0.0.1"),
            ("localhost", "127.0.0.1"),
            ("LOCALHOST", "127.0.0.1"),
            ("::1", "::1"),
            ("[::1]", "::1"),
            ("0.0.0.0", "0.0.0.0"),
        ] {
            assert_eq!(parse(text), Ok(address.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn another_name_is_explained() {
        for text in ["example.com", "", "127.0.0.1:80", "*", "[::1", "256.0.0.1"] {
            assert!(
                parse(text).unwrap_err().contains("write an IP address"),
                "{text}"
            );
        }
    }
}
