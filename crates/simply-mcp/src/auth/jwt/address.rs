//! Which addresses the server itself may connect to (RFC 9728 §7.7).
//!
//! Who can choose a URL that a server fetches can make it speak to what only the server can reach: its own loopback,
//! the company's network, the cloud's metadata service. So public addresses only, unless the operator says otherwise;
//! and never those that only this machine's own services answer on.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};

/// How far a fetch may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// Addresses that everybody can reach.
    Public,
    /// Private networks and loopback too.
    Private,
}

/// Nobody's server: this network, link-local with the clouds' metadata services, multicast, reserved.
const NEVER_V4: &[Ipv4Net] = &[
    v4([0, 0, 0, 0], 8),
    v4([169, 254, 0, 0], 16),
    v4([100, 100, 100, 200], 32),
    v4([168, 63, 129, 16], 32),
    v4([192, 0, 0, 0], 24),
    v4([224, 0, 0, 0], 4),
    v4([240, 0, 0, 0], 4),
];

/// Not everybody's: loopback, private networks, a provider's own, benchmarks, documentation, old relays.
const PRIVATE_V4: &[Ipv4Net] = &[
    v4([10, 0, 0, 0], 8),
    v4([100, 64, 0, 0], 10),
    v4([127, 0, 0, 0], 8),
    v4([172, 16, 0, 0], 12),
    v4([192, 0, 2, 0], 24),
    v4([192, 88, 99, 0], 24),
    v4([192, 168, 0, 0], 16),
    v4([198, 18, 0, 0], 15),
    v4([198, 51, 100, 0], 24),
    v4([203, 0, 113, 0], 24),
];

/// The unspecified address, link-local and the old site-local, a metadata service, multicast.
const NEVER_V6: &[Ipv6Net] = &[
    v6([0; 8], 128),
    v6([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10),
    v6([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10),
    v6([0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254], 128),
    v6([0xff00, 0, 0, 0, 0, 0, 0, 0], 8),
];

/// What was given to the world, and the parts of it that were not: benchmarks and tunnels, documentation.
const GLOBAL_V6: Ipv6Net = v6([0x2000, 0, 0, 0, 0, 0, 0, 0], 3);
const NOT_GLOBAL_V6: &[Ipv6Net] = &[
    v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 23),
    v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32),
    v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20),
];

impl Reach {
    /// Whether a connection to `address` is allowed.
    pub(super) fn allows(self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(address) => self.allows_v4(address),
            IpAddr::V6(address) => match embedded(address) {
                Some(inner) => self.allows_v4(inner),
                None => self.allows_v6(address),
            },
        }
    }

    fn allows_v4(self, address: Ipv4Addr) -> bool {
        let lies_in = |networks: &[Ipv4Net]| networks.iter().any(|net| net.contains(&address));
        !lies_in(NEVER_V4) && (self == Self::Private || !lies_in(PRIVATE_V4))
    }

    fn allows_v6(self, address: Ipv6Addr) -> bool {
        let lies_in = |networks: &[Ipv6Net]| networks.iter().any(|net| net.contains(&address));
        let is_public = GLOBAL_V6.contains(&address) && !lies_in(NOT_GLOBAL_V6);
        !lies_in(NEVER_V6) && (self == Self::Private || is_public)
    }
}

/// The IPv4 address that an IPv6 address leads to: mapped, compatible, by NAT64 (RFC 6052), by 6to4 (RFC 3056).
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let from = |high: u16, low: u16| {
        let bits = u32::from(high) << 16 | u32::from(low);
        Some(Ipv4Addr::from_bits(bits))
    };
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => None,
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low]
        | [0, 0, 0, 0, 0xffff, 0, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x2002, high, low, ..] => from(high, low),
        _ => None,
    }
}

const fn v4(octets: [u8; 4], prefix: u8) -> Ipv4Net {
    let [a, b, c, d] = octets;
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

const fn v6(segments: [u16; 8], prefix: u8) -> Ipv6Net {
    let [a, b, c, d, e, f, g, h] = segments;
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, d, e, f, g, h), prefix)
}

#[cfg(test)]
mod tests {
    use super::*;

    // SSR-01
    #[test]
    fn only_public_addresses_are_reached_unless_the_operator_says_so() {
        for (address, public, private) in [
            ("1.1.1.1", true, true),
            ("93.184.215.14", true, true),
            ("2606:4700:4700::1111", true, true),
            ("64:ff9b::808:808", true, true),
            ("127.0.0.1", false, true),
            ("127.255.255.254", false, true),
            ("::1", false, true),
            ("10.0.0.1", false, true),
            ("172.16.0.1", false, true),
            ("172.31.255.255", false, true),
            ("172.32.0.1", true, true),
            ("192.168.1.1", false, true),
            ("100.64.0.1", false, true),
            ("100.127.255.255", false, true),
            ("100.128.0.1", true, true),
            ("198.18.0.1", false, true),
            ("198.19.255.255", false, true),
            ("192.0.2.1", false, true),
            ("203.0.113.7", false, true),
            ("fc00::1", false, true),
            ("fd12::1", false, true),
            ("64:ff9b::10.0.0.1", false, true),
            ("64:ff9b:1::1", false, true),
            ("::ffff:127.0.0.1", false, true),
            ("::ffff:10.0.0.1", false, true),
            ("::127.0.0.1", false, true),
            ("2002:7f00:1::", false, true),
            ("2001::1", false, true),
            ("2001:db8::1", false, true),
            ("::ffff:1.1.1.1", true, true),
            ("0.0.0.0", false, false),
            ("0.1.2.3", false, false),
            ("::", false, false),
            ("169.254.169.254", false, false),
            ("169.254.0.1", false, false),
            ("::ffff:169.254.169.254", false, false),
            ("::169.254.169.254", false, false),
            ("64:ff9b::169.254.169.254", false, false),
            ("2002:a9fe:a9fe::1", false, false),
            ("::ffff:0:169.254.169.254", false, false),
            ("192.0.0.192", false, false),
            ("100.100.100.200", false, false),
            ("168.63.129.16", false, false),
            ("fd00:ec2::254", false, false),
            ("fe80::1", false, false),
            ("febf::1", false, false),
            ("fec0::1", false, false),
            ("224.0.0.1", false, false),
            ("239.255.255.255", false, false),
            ("255.255.255.255", false, false),
            ("240.0.0.1", false, false),
            ("ff02::1", false, false),
        ] {
            let parsed = address.parse().unwrap();
            let allowed = (Reach::Public.allows(parsed), Reach::Private.allows(parsed));
            assert_eq!(allowed, (public, private), "{address}");
        }
    }
}
