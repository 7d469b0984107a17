//! On whose account a session or a stream is held.

use std::net::{IpAddr, Ipv6Addr};

use http::Extensions;

use crate::facts::{self, Caller};

/// To whom a session belongs: one caller, or all who are anonymous together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::mcp) struct Owner(Option<[u8; 16]>);

/// Who is counted: a caller, or the address of an anonymous one (an IPv6 network of /64 is one customer's, and one
/// account).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::mcp) enum Account {
    Caller([u8; 16]),
    Address(IpAddr),
    /// Where not even the address is known, as in a router without connection information.
    Unknown,
}

impl Owner {
    pub(in crate::mcp) fn of(extensions: &Extensions) -> Self {
        Self(extensions.get::<Caller>().and_then(Caller::digest))
    }
}

impl Account {
    pub(in crate::mcp) fn of(extensions: &Extensions) -> Self {
        if let Owner(Some(digest)) = Owner::of(extensions) {
            return Self::Caller(digest);
        }
        match facts::client_address(extensions) {
            Some(IpAddr::V6(address)) => {
                let [a, b, c, d, ..] = address.segments();
                Self::Address(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into())
            }
            Some(address) => Self::Address(address),
            None => Self::Unknown,
        }
    }
}

/// As they stand in the keys of a store.
impl std::fmt::Display for Owner {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.0 {
            Some(digest) => hexadecimal(digest, formatter),
            None => formatter.write_str("anonymous"),
        }
    }
}

impl std::fmt::Display for Account {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Caller(digest) => hexadecimal(digest, formatter),
            Self::Address(address) => address.fmt(formatter),
            Self::Unknown => formatter.write_str("unknown"),
        }
    }
}

fn hexadecimal(bytes: &[u8], formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
    bytes
        .iter()
        .try_for_each(|byte| write!(formatter, "{byte:02x}"))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::facts::{ForwardedAddress, Known, Principal};

    fn account(caller: Option<&str>, address: &str) -> Account {
        let mut extensions = Extensions::new();
        if let Some(name) = caller {
            let known = Known::new(Principal::Key(name.into()));
            extensions.insert(Caller::known(Arc::new(known)));
        }
        extensions.insert(ForwardedAddress(address.parse().unwrap()));
        Account::of(&extensions)
    }

    #[test]
    fn a_caller_is_one_account_wherever_it_calls_from() {
        assert_eq!(account(Some("a"), "10.0.0.1"), account(Some("a"), "::1"));
        assert_ne!(
            account(Some("a"), "10.0.0.1"),
            account(Some("b"), "10.0.0.1")
        );
        assert_ne!(account(Some("a"), "10.0.0.1"), account(None, "10.0.0.1"));
    }

    #[test]
    fn who_is_anonymous_is_counted_by_address_and_by_network_of_64_bits() {
        assert_ne!(account(None, "10.0.0.1"), account(None, "10.0.0.2"));
        assert_eq!(
            account(None, "2001:db8:0:1::1"),
            account(None, "2001:db8:0:1:ffff::2")
        );
        assert_ne!(
            account(None, "2001:db8:0:1::1"),
            account(None, "2001:db8:0:2::1")
        );
        assert_eq!(Account::of(&Extensions::new()), Account::Unknown);
    }
}
