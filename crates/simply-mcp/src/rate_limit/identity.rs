//! Whose allowance a request is counted against.

use std::{
    fmt::Write,
    net::{IpAddr, Ipv6Addr},
};

use sha2::{Digest, Sha256};

use crate::facts::Caller;

/// Whose allowance: a caller's, or a caller's for one tool. Small, of one size, and never a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Identity {
    pub(crate) owner: Owner,
    /// The first bytes of the hash of a tool's name, where the tool has a limit of its own.
    tool: Option<[u8; 8]>,
}

/// Who is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Owner {
    /// A key by its name, a token by its subject: [`Caller::digest`].
    Caller([u8; 16]),
    /// Whoever came without, by address.
    Address(AddressGroup),
    /// Everybody of whom not even the address is known, together: nobody is unlimited by omission.
    Unknown,
}

/// The addresses that are counted as one: an IPv4 address, or the /64 that an IPv6 host can choose its own from
/// (RFC 4291 §2.5.1, RFC 8981).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum AddressGroup {
    /// One address.
    V4([u8; 4]),
    /// The first half of an address.
    V6([u8; 8]),
}

impl AddressGroup {
    /// The group of an address; an IPv4 address in IPv6 clothes is what it is underneath.
    pub(crate) fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::V4(address.octets()),
            IpAddr::V6(address) => Self::V6(first_half(address)),
        }
    }
}

fn first_half(address: Ipv6Addr) -> [u8; 8] {
    let mut half = [0; 8];
    half.copy_from_slice(&address.octets()[..8]);
    half
}

impl Identity {
    /// That of a caller; of its address where it is anonymous; of all others where that is not known either.
    pub(crate) fn of(caller: &Caller, address: Option<IpAddr>) -> Self {
        let owner = match (caller.digest(), address) {
            (Some(digest), _) => Owner::Caller(digest),
            (None, Some(address)) => Owner::Address(AddressGroup::of(address)),
            (None, None) => Owner::Unknown,
        };
        Self { owner, tool: None }
    }

    /// That of the same caller for one tool.
    pub(crate) fn with_tool(self, name: &str) -> Self {
        let hash: [u8; 32] = Sha256::digest(name.as_bytes()).into();
        let mut tool = [0; 8];
        tool.copy_from_slice(&hash[..8]);
        Self {
            tool: Some(tool),
            ..self
        }
    }

    /// Whether it is a key's or a token's, which the operator or the issuer gave out; anybody can have addresses.
    pub(crate) const fn is_known(&self) -> bool {
        matches!(self.owner, Owner::Caller(_))
    }

    /// Appends a text that stands for it in a store that processes share: the same in each, ASCII, without a name.
    pub(crate) fn write_to(&self, text: &mut String) {
        match &self.owner {
            Owner::Caller(digest) => write_hex(text, "c:", digest),
            Owner::Address(AddressGroup::V4(address)) => write_hex(text, "4:", address),
            Owner::Address(AddressGroup::V6(half)) => write_hex(text, "6:", half),
            Owner::Unknown => text.push('u'),
        }
        if let Some(tool) = &self.tool {
            write_hex(text, ":t:", tool);
        }
    }
}

fn write_hex(text: &mut String, prefix: &str, bytes: &[u8]) {
    text.push_str(prefix);
    for byte in bytes {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::HashSet, sync::Arc};

    use super::*;
    use crate::facts::{Known, Principal};

    fn of(address: &str) -> Identity {
        Identity::of(&Caller::anonymous(), Some(address.parse().unwrap()))
    }

    fn key(name: &str) -> Caller {
        Caller::known(Arc::new(Known::new(Principal::Key(name.into()))))
    }

    // RL-07
    #[test]
    fn addresses_that_one_host_can_choose_from_are_one() {
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:ffff:ffff:ffff"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_eq!(of("192.0.2.1"), of("::ffff:192.0.2.1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
    }

    // RL-08
    #[test]
    fn a_key_is_one_identity_wherever_it_comes_from_and_nobody_is_left_out() {
        let here = Some("192.0.2.1".parse().unwrap());
        assert_eq!(Identity::of(&key("a"), here), Identity::of(&key("a"), None));
        assert_ne!(Identity::of(&key("a"), here), Identity::of(&key("b"), here));
        let nobody = Identity::of(&Caller::anonymous(), None);
        assert_eq!(nobody.owner, Owner::Unknown);
        assert!(!nobody.is_known() && !of("192.0.2.1").is_known());
    }

    #[test]
    fn the_text_tells_them_apart_and_shows_no_name() {
        let caller = key("alice");
        let mut seen = HashSet::new();
        for identity in [
            Identity::of(&caller, None),
            Identity::of(&caller, None).with_tool("echo"),
            Identity::of(&caller, None).with_tool("add"),
            of("192.0.2.1"),
            of("2001:db8::1"),
            of("192.0.2.1").with_tool("echo"),
            Identity::of(&Caller::anonymous(), None),
        ] {
            let mut text = String::new();
            identity.write_to(&mut text);
            let clean = |byte: u8| byte.is_ascii_hexdigit() || b":cut".contains(&byte);
            assert!(text.bytes().all(clean), "{text}");
            assert!(!text.contains("alice") && !text.contains("echo"));
            assert!(seen.insert(text));
        }
    }
}
