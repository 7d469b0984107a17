//! Learns the client's address from the proxies that are trusted.
//!
//! | | |
//! | --- | --- |
//! | reads | [`PeerAddress`], `X-Forwarded-For`, `Forwarded` (RFC 7239); section `server.trusted_proxies` |
//! | writes | [`ForwardedAddress`], where it is not the peer's own |
//! | answers | nothing |
//! | default | no proxy is trusted, and nobody's headers are believed |
//!
//! Each proxy appends the address that it was called from, so the list is walked from the right, and ends at the first
//! address that is no trusted proxy: what stands further left, the client may have written itself. An element that
//! is no address ends the walk at the last good one. A proxy usually keeps one of the two headers and passes the other
//! on as the client sent it; where both are there and disagree, neither is believed, and the peer's own address
//! counts. Let the proxy remove the header that it does not keep.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use axum::body::Body;
use http::{HeaderMap, HeaderName, Request, Response, header};

use crate::{
    config::Network,
    facts::{ForwardedAddress, PeerAddress},
    handle::Handle,
};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

pub(super) struct Forwarded<N> {
    next: N,
    trusted: Vec<Network>,
}

impl<N> Forwarded<N> {
    pub(super) fn new(next: N, trusted: Vec<Network>) -> Self {
        Self { next, trusted }
    }
}

impl<N: Handle> Handle for Forwarded<N> {
    async fn handle(&self, mut request: Request<Body>) -> Response<Body> {
        if !self.trusted.is_empty()
            && let Some(client) = client(&request, &self.trusted)
        {
            request.extensions_mut().insert(ForwardedAddress(client));
        }
        self.next.handle(request).await
    }
}

/// The client behind the peer; `None` where that is the peer itself.
fn client(request: &Request<Body>, trusted: &[Network]) -> Option<IpAddr> {
    let peer = request.extensions().get::<PeerAddress>()?;
    let peer = peer.0.ip().to_canonical();
    if !is_trusted(peer, trusted) {
        return None;
    }
    let headers = request.headers();
    let plain = headers.contains_key(X_FORWARDED_FOR);
    let standard = headers.contains_key(header::FORWARDED);
    let by_plain = || {
        walk(
            peer,
            trusted,
            elements(headers, &X_FORWARDED_FOR).map(address),
        )
    };
    let by_standard = || {
        let elements = elements(headers, &header::FORWARDED);
        walk(peer, trusted, elements.map(forwarded_for))
    };
    let client = match (plain, standard) {
        (false, false) => return None,
        (true, false) => by_plain(),
        (false, true) => by_standard(),
        (true, true) => {
            let client = by_plain();
            if client != by_standard() {
                tracing::debug!(
                    %peer,
                    "X-Forwarded-For and Forwarded disagree, and neither is believed; let the proxy remove the one that it does not keep"
                );
                return None;
            }
            client
        }
    };
    (client != peer).then_some(client)
}

fn is_trusted(address: IpAddr, trusted: &[Network]) -> bool {
    trusted.iter().any(|network| network.contains(address))
}

/// Goes from the peer to whoever called it, and on, for as long as the one who says so is trusted.
fn walk(
    peer: IpAddr,
    trusted: &[Network],
    elements: impl Iterator<Item = Option<IpAddr>>,
) -> IpAddr {
    let mut client = peer;
    for element in elements {
        let Some(address) = element else { break };
        client = address;
        if !is_trusted(client, trusted) {
            break;
        }
    }
    client
}

/// The elements of all lines of a header as one list, from the right; empty ones do not count (RFC 9110 §5.6.1).
/// A line that is no text is one element that is no address.
fn elements<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let lines = headers.get_all(name).iter().rev();
    lines
        .flat_map(|line| line.to_str().unwrap_or("?").rsplit(','))
        .map(|element| element.trim_matches([' ', '\t']))
        .filter(|element| !element.is_empty())
}

/// `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:80`; a zone is left out, as it means
/// something on the proxy only.
fn address(text: &str) -> Option<IpAddr> {
    let address = text
        .parse::<IpAddr>()
        .ok()
        .or_else(|| text.parse::<SocketAddr>().ok().map(|socket| socket.ip()))
        .or_else(|| bracketed(text))
        .or_else(|| zoned(text));
    address.map(|address| address.to_canonical())
}

fn bracketed(text: &str) -> Option<IpAddr> {
    let (inner, port) = text.strip_prefix('[')?.split_once(']')?;
    let good_port = match port.strip_prefix(':') {
        Some(port) => is_port(port),
        None => port.is_empty(),
    };
    good_port.then(|| {
        inner
            .parse::<IpAddr>()
            .ok()
            .filter(IpAddr::is_ipv6)
            .or_else(|| zoned(inner))
    })?
}

fn zoned(text: &str) -> Option<IpAddr> {
    let (address, zone) = text.split_once('%')?;
    let clean = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    let good = !zone.is_empty() && zone.bytes().all(clean);
    let address = good.then(|| address.parse::<Ipv6Addr>().ok())?;
    address.map(IpAddr::V6)
}

/// A port, or the hidden one of RFC 7239 §6.
fn is_port(text: &str) -> bool {
    text.parse::<u16>().is_ok() || (text.len() > 1 && text.starts_with('_'))
}

/// The `for` of one element of `Forwarded`; `unknown` and hidden names are no addresses (RFC 7239 §6). Whoever puts
/// commas or semicolons into a quoted string ends the walk.
fn forwarded_for(element: &str) -> Option<IpAddr> {
    let mut found = None;
    for pair in element.split(';') {
        let (name, value) = pair.trim_matches([' ', '\t']).split_once('=')?;
        if name.eq_ignore_ascii_case("for") {
            // Twice is not allowed (RFC 7239 §4): nobody could say which it is.
            if found.replace(unquoted(value)?).is_some() {
                return None;
            }
        }
    }
    address(found?)
}

fn unquoted(value: &str) -> Option<&str> {
    match value.strip_prefix('"') {
        // An address has nothing that would have to be escaped.
        Some(rest) => rest
            .strip_suffix('"')
            .filter(|inner| !inner.contains(['"', '\\'])),
        None => (!value.contains('"')).then_some(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const X: &str = "x-forwarded-for";
    const F: &str = "forwarded";

    fn seen(peer: &str, headers: &[(&str, &str)]) -> Option<String> {
        let trusted = ["10.0.0.0/8", "fd00::/8"].map(|net| Network::parse(net).unwrap());
        let mut request = Request::new(Body::empty());
        for (name, value) in headers {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            request.headers_mut().append(name, value.parse().unwrap());
        }
        let peer = SocketAddr::new(peer.parse().unwrap(), 1);
        request.extensions_mut().insert(PeerAddress(peer));
        client(&request, &trusted).map(|client| client.to_string())
    }

    fn by_proxy(headers: &[(&str, &str)]) -> Option<String> {
        seen("10.0.0.1", headers)
    }

    // RL-07
    #[test]
    fn who_is_not_trusted_is_not_believed() {
        for headers in [&[(X, "192.0.2.1")], &[(F, "for=192.0.2.1")]] {
            assert_eq!(seen("203.0.113.1", headers), None);
            assert_eq!(by_proxy(headers).as_deref(), Some("192.0.2.1"));
            assert_eq!(
                seen("::ffff:10.0.0.1", headers).as_deref(),
                Some("192.0.2.1")
            );
        }
        assert_eq!(by_proxy(&[]), None);
    }

    // RL-07
    #[test]
    fn the_first_address_from_the_right_that_is_no_proxy_is_the_client() {
        for (lines, client) in [
            (&["1.1.1.1, 192.0.2.1"][..], Some("192.0.2.1")),
            (&["1.1.1.1, 192.0.2.1, 10.9.9.9"], Some("192.0.2.1")),
            (&["1.1.1.1, 192.0.2.1", "10.9.9.9"], Some("192.0.2.1")),
            (&["192.0.2.1", "203.0.113.9"], Some("203.0.113.9")),
            (&["10.2.2.2, 10.3.3.3"], Some("10.2.2.2")),
            (&["192.0.2.1,, ,\t10.9.9.9 ,"], Some("192.0.2.1")),
            (&["10.0.0.1"], None),
            (&[""], None),
            // What is no address ends the walk at the last good one.
            (&["192.0.2.1, unknown"], None),
            (&["192.0.2.1, nonsense, 10.9.9.9"], Some("10.9.9.9")),
            (&["192.0.2.1, 10.0.0.999"], None),
            (&["192.0.2.1; 10.9.9.9"], None),
            (&["192.0.2.1:80"], Some("192.0.2.1")),
            (&["192.0.2.1:x"], None),
            (&["::ffff:192.0.2.1"], Some("192.0.2.1")),
            (&["2001:db8::1"], Some("2001:db8::1")),
            (&["[2001:db8::1]"], Some("2001:db8::1")),
            (&["[2001:db8::1]:80"], Some("2001:db8::1")),
            (&["[2001:db8::1]80"], None),
            (&["[192.0.2.1]"], None),
            (&["fe80::1%eth0"], Some("fe80::1")),
            (&["[fe80::1%eth0]:80"], Some("fe80::1")),
            (&["fe80::1%"], None),
            (&["192.0.2.1, fd00::1"], Some("192.0.2.1")),
        ] {
            let headers: Vec<_> = lines.iter().map(|line| (X, *line)).collect();
            assert_eq!(by_proxy(&headers).as_deref(), client, "{lines:?}");
        }
    }

    // RL-07
    #[test]
    fn the_standard_header_is_walked_in_the_same_way() {
        for (line, client) in [
            ("for=192.0.2.1", Some("192.0.2.1")),
            (
                "For=\"192.0.2.1:80\"; proto=https;by=10.0.0.1",
                Some("192.0.2.1"),
            ),
            (
                "proto=https;for=\"[2001:db8::1]:_hidden\"",
                Some("2001:db8::1"),
            ),
            (
                "for=1.1.1.1, for=192.0.2.1, for=10.9.9.9",
                Some("192.0.2.1"),
            ),
            ("for=192.0.2.1, for=unknown", None),
            ("for=192.0.2.1, for=_hidden, for=10.9.9.9", Some("10.9.9.9")),
            ("for=192.0.2.1, proto=https", None),
            ("for=192.0.2.1;for=192.0.2.2", None),
            ("for=\"192.0.2.1", None),
            ("for=\"192.0.2.1\\\"\"", None),
            ("for", None),
        ] {
            assert_eq!(by_proxy(&[(F, line)]).as_deref(), client, "{line}");
        }
    }

    // RL-07
    #[test]
    fn two_headers_that_disagree_are_not_believed() {
        assert_eq!(by_proxy(&[(X, "192.0.2.1"), (F, "for=192.0.2.2")]), None);
        let agreed = by_proxy(&[(X, "1.1.1.1, 192.0.2.1"), (F, "for=192.0.2.1")]);
        assert_eq!(agreed.as_deref(), Some("192.0.2.1"));
    }

    #[test]
    fn a_line_that_is_no_text_ends_the_walk() {
        let mut headers = HeaderMap::new();
        headers.append(X, "192.0.2.1".parse().unwrap());
        headers.append(X, http::HeaderValue::from_bytes(b"\xff").unwrap());
        let first = elements(&headers, &X_FORWARDED_FOR).map(address).next();
        assert_eq!(first, Some(None));
    }
}
