//! An address with a port, to listen on.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use serde::Deserialize;

use super::{InvalidValue, text_type};

/// An address and a port: `127.0.0.1:9090`, `[::1]:9090`, `localhost:9090`. Port 0 takes a free one.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct ListenAddress {
    address: SocketAddr,
    text: String,
}

text_type!(ListenAddress, "ListenAddress");

impl ListenAddress {
    /// Reads an IP address or `localhost`, with a port.
    ///
    /// # Errors
    ///
    /// When either is missing, or the address is the name of another machine: a name is no address to listen on.
    pub fn parse(text: &str) -> Result<Self, InvalidValue> {
        let local = text
            .strip_prefix("localhost:")
            .and_then(|port| port.parse().ok())
            .map(|port| SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port));
        let address = local.or_else(|| text.parse().ok()).ok_or_else(|| {
            InvalidValue(format!(
                "{text:?} is not an address with a port; write 127.0.0.1:9090, [::1]:9090 or 0.0.0.0:9090"
            ))
        })?;
        Ok(Self {
            address,
            text: text.to_owned(),
        })
    }

    /// The address as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The address to listen on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_needs_a_port_and_is_no_name() {
        for (text, address) in [
            ("127.0.0.1:9090", "127.0.0.1:9090"),
            ("[::1]:0", "[::1]:0"),
            ("localhost:9", "127.0.0.1:9"),
        ] {
            let parsed = ListenAddress::parse(text).unwrap();
            assert_eq!(parsed.address().to_string(), address);
            assert_eq!(parsed.as_str(), text);
        }
        for text in [
            "",
            "127.0.0.1",
            "9090",
            ":9090",
            "::1:9090",
            "host:1",
            "127.0.0.1:70000",
            "localhost:",
        ] {
            assert!(ListenAddress::parse(text).is_err(), "{text}");
        }
    }
}
