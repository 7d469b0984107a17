//! A network, or one address.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::Deserialize;

use super::{InvalidValue, text_type};

/// A range of IP addresses: `10.0.0.0/8`, `fd00::/8`, or one address.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct Network {
    net: IpNet,
    text: String,
}

text_type!(Network, "Network");

impl Network {
    /// Reads an address with a prefix length, or an address alone.
    ///
    /// # Errors
    ///
    /// When the text is neither, or when the address has bits that the prefix leaves out (`10.1.2.3/8`): whoever
    /// wrote it meant one of two things.
    pub fn parse(text: &str) -> Result<Self, InvalidValue> {
        let net = text
            .parse::<IpNet>()
            .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
            .map_err(|_| {
                InvalidValue(format!(
                    "{text:?} is not a network; write 10.0.0.0/8, fd00::/8, or one IP address"
                ))
            })?;
        if net.trunc() != net {
            return Err(InvalidValue(format!(
                "{text:?} has an address within the network; write {} for the network or {} for the address",
                net.trunc(),
                net.addr()
            )));
        }
        Ok(Self {
            net,
            text: text.to_owned(),
        })
    }

    /// The network as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the address lies in it. An IPv4 address in IPv6 clothes counts as what it is underneath.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        self.net.contains(&address) || self.net.contains(&address.to_canonical())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_contain_their_addresses_in_either_family() {
        let contains = |network: &str, address: &str| {
            Network::parse(network)
                .unwrap()
                .contains(address.parse().unwrap())
        };
        assert!(contains("10.0.0.0/8", "10.255.0.1"));
        assert!(contains("10.0.0.0/8", "::ffff:10.0.0.1"));
        assert!(contains("127.0.0.1", "127.0.0.1"));
        assert!(contains("fd00::/8", "fd12::1"));
        assert!(contains("0.0.0.0/0", "1.2.3.4"));
        assert!(!contains("10.0.0.0/8", "11.0.0.1"));
        assert!(!contains("127.0.0.1", "127.0.0.2"));
        assert!(!contains("0.0.0.0/0", "::1"));
    }

    #[test]
    fn anything_else_is_explained() {
        for text in ["", "10.0.0.0/33", "10.0.0", "localhost", "*", "10.0.0.0/-1"] {
            let error = Network::parse(text).unwrap_err().to_string();
            assert!(error.contains("is not a network"), "{text}");
        }
        let error = Network::parse("10.1.2.3/8").unwrap_err().to_string();
        assert!(
            error.contains("10.0.0.0/8") && error.contains("10.1.2.3 "),
            "{error}"
        );
    }
}
