//! Refuses requests that a browser was tricked into sending: DNS rebinding and foreign pages.
//!
//! | | |
//! | --- | --- |
//! | reads | `Host` (HTTP/2: `:authority`), `Origin`; sections `server.public_url`, `server.allowed_hosts` |
//! | answers | 400 `bad_request` (no, two, or a malformed `Host`), 403 `host_not_allowed`, 403 `origin_not_allowed` |
//! | default | on a loopback address only loopback names and IP addresses; elsewhere every `Host` until one of the two settings is made |
//!
//! An IP address always passes as a `Host`: rebinding needs a name, and probes send an address. Health
//! takes every name. An absent `Origin` passes (no browser); the server's own passes; every other is
//! refused, preflights included. MCP: Streamable HTTP, "Security Warning"; RFC 9112 §3.2; RFC 6454.

use std::net::IpAddr;

use axum::body::Body;
use http::{HeaderMap, Request, Response, Uri, Version, header, uri::Authority};

use crate::{
    facts::Route,
    handle::Handle,
    refusal::{Code, Refusal},
};

/// A host and, where it matters, a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Site {
    pub(crate) host: String,
    pub(crate) port: Option<u16>,
}

/// Which names this server goes by.
#[derive(Clone, Debug, Default)]
pub(crate) struct HostPolicy {
    /// Names that pass beside loopback names and addresses; without a port any port passes.
    pub(crate) names: Vec<Site>,
    /// Every name passes.
    pub(crate) any_name: bool,
    /// The origin of `server.public_url`, as a browser writes it.
    pub(crate) public_origin: Option<String>,
}

impl HostPolicy {
    fn check_host(&self, site: &Site, shown: &str) -> Result<(), Refusal> {
        let passes = self.any_name
            || site.host == "localhost"
            || is_address(&site.host)
            || self.names.iter().any(|name| {
                name.host == site.host && (name.port.is_none() || name.port == site.port)
            });
        if passes {
            return Ok(());
        }
        Err(Refusal::new(
            Code::HostNotAllowed,
            format!(
                "this server does not go by the name {shown:?}; if it should, add the name to server.allowed_hosts or set server.public_url"
            ),
        ))
    }

    fn check_origin(&self, headers: &HeaderMap, host: Option<&Site>) -> Result<(), Refusal> {
        let mut origins = headers.get_all(header::ORIGIN).iter();
        let Some(origin) = origins.next() else {
            return Ok(());
        };
        let origin = origin.to_str().unwrap_or_default();
        let known = origins.next().is_none()
            && (self.public_origin.as_deref() == Some(origin)
                || host.is_some_and(|host| is_own(origin, host)));
        if known {
            return Ok(());
        }
        Err(Refusal::new(
            Code::OriginNotAllowed,
            format!(
                "pages from {origin:?} may not call this server; only its own may (server.public_url)"
            ),
        ))
    }
}

pub(super) struct Host<N> {
    next: N,
    policy: HostPolicy,
}

impl<N> Host<N> {
    pub(super) fn new(next: N, policy: HostPolicy) -> Self {
        Self { next, policy }
    }

    fn check(&self, request: &Request<Body>) -> Result<(), Refusal> {
        let shown = host_of(request.version(), request.uri(), request.headers())?;
        let site = shown.map(parse).transpose()?;
        self.policy.check_origin(request.headers(), site.as_ref())?;
        let probe = request
            .extensions()
            .get::<Route>()
            .is_some_and(|route| route.is_health());
        match (&site, shown) {
            (Some(site), Some(shown)) if !probe => self.policy.check_host(site, shown),
            _ => Ok(()),
        }
    }
}

impl<N: Handle> Handle for Host<N> {
    async fn handle(&self, request: Request<Body>) -> Response<Body> {
        match self.check(&request) {
            Ok(()) => self.next.handle(request).await,
            Err(refusal) => refusal.into_response(),
        }
    }
}

/// The one host a request names; `None` only where HTTP/1.0 leaves it out.
fn host_of<'a>(
    version: Version,
    uri: &'a Uri,
    headers: &'a HeaderMap,
) -> Result<Option<&'a str>, Refusal> {
    let mut hosts = headers.get_all(header::HOST).iter();
    let host = hosts.next();
    if hosts.next().is_some() {
        return Err(malformed("the request has two Host headers"));
    }
    let host = host
        .map(|host| {
            host.to_str()
                .map_err(|_| malformed("the Host header is not text"))
        })
        .transpose()?;
    match (uri.authority(), host) {
        // RFC 9112 §3.2.2: an absolute-form target wins, but a client that sends both must agree.
        (Some(authority), Some(host)) if !authority.as_str().eq_ignore_ascii_case(host) => Err(
            malformed("the Host header and the request's target name different hosts"),
        ),
        (Some(authority), _) => Ok(Some(authority.as_str())),
        (None, Some(host)) => Ok(Some(host)),
        (None, None) if version == Version::HTTP_10 => Ok(None),
        (None, None) => Err(malformed("the request has no Host header")),
    }
}

fn malformed(what: &'static str) -> Refusal {
    Refusal::new(Code::BadRequest, what)
}

fn parse(host: &str) -> Result<Site, Refusal> {
    let authority = Authority::try_from(host)
        .ok()
        .filter(|authority| !authority.as_str().contains('@') && !authority.host().is_empty())
        .ok_or_else(|| malformed("the Host header is not a host name or address"))?;
    let port = match authority.as_str().strip_prefix(authority.host()) {
        Some("") => None,
        Some(_) => {
            let port = authority.port_u16();
            Some(port.ok_or_else(|| {
                malformed("the port in the Host header is not a number up to 65535")
            })?)
        }
        None => None,
    };
    let name = authority
        .host()
        .trim_start_matches('[')
        .trim_end_matches(']');
    let name = name.strip_suffix('.').unwrap_or(name);
    Ok(Site {
        host: name.to_ascii_lowercase(),
        port,
    })
}

fn is_address(host: &str) -> bool {
    host.parse::<IpAddr>().is_ok()
}

/// RFC 6454 §5: same host and same port, the scheme's own port where one is left out.
fn is_own(origin: &str, host: &Site) -> bool {
    let (default_port, rest) = if let Some(rest) = origin.strip_prefix("http://") {
        (80, rest)
    } else if let Some(rest) = origin.strip_prefix("https://") {
        (443, rest)
    } else {
        return false;
    };
    parse(rest).is_ok_and(|site| {
        site.host == host.host
            && site.port.unwrap_or(default_port) == host.port.unwrap_or(default_port)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Passes;
    impl Handle for Passes {
        async fn handle(&self, _: Request<Body>) -> Response<Body> {
            Response::new(Body::empty())
        }
    }

    fn site(host: &str, port: Option<u16>) -> Site {
        Site {
            host: host.to_owned(),
            port,
        }
    }

    async fn answer(policy: &HostPolicy, headers: &[(&str, &str)], route: Route) -> &'static str {
        let mut request = Request::get("/tools");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut request = request.body(Body::empty()).unwrap();
        request.extensions_mut().insert(route);
        let response = Host::new(Passes, policy.clone()).handle(request).await;
        response
            .extensions()
            .get::<Refusal>()
            .map_or("passes", |refusal| refusal.code.as_str())
    }

    async fn host(policy: &HostPolicy, host: &str) -> &'static str {
        answer(policy, &[("host", host)], Route::Tools).await
    }

    #[tokio::test]
    async fn on_loopback_only_loopback_names_and_addresses_pass() {
        let policy = HostPolicy::default();
        for name in [
            "localhost",
            "LOCALHOST:8000",
            "localhost.",
            "127.0.0.1:8000",
            "[::1]:8000",
            "10.1.2.3",
        ] {
            assert_eq!(host(&policy, name).await, "passes", "{name}");
        }
        for name in [
            "evil.example.com",
            "localhost.evil.com",
            "127.0.0.1.nip.io",
            "evil.com:8000",
        ] {
            assert_eq!(host(&policy, name).await, "host_not_allowed", "{name}");
        }
    }

    #[tokio::test]
    async fn configured_names_pass_with_their_port_or_any() {
        let names = vec![
            site("mcp.example.com", None),
            site("other.example.com", Some(8443)),
        ];
        let policy = HostPolicy {
            names,
            ..HostPolicy::default()
        };
        assert_eq!(host(&policy, "MCP.example.com:1234").await, "passes");
        assert_eq!(host(&policy, "other.example.com:8443").await, "passes");
        assert_eq!(
            host(&policy, "other.example.com:8444").await,
            "host_not_allowed"
        );
        assert_eq!(
            host(&policy, "sub.mcp.example.com").await,
            "host_not_allowed"
        );
    }

    #[tokio::test]
    async fn a_missing_second_or_malformed_host_is_a_bad_request_on_every_route() {
        let policy = HostPolicy {
            any_name: true,
            ..HostPolicy::default()
        };
        for route in [Route::Tools, Route::Mcp, Route::Health] {
            assert_eq!(answer(&policy, &[], route).await, "bad_request");
            let two = [("host", "localhost"), ("host", "localhost")];
            assert_eq!(answer(&policy, &two, route).await, "bad_request");
            for name in [
                "",
                "a b",
                "user@localhost",
                "localhost:99999",
                "localhost:",
                "a/b",
            ] {
                assert_eq!(
                    answer(&policy, &[("host", name)], route).await,
                    "bad_request",
                    "{name:?}"
                );
            }
        }
    }

    #[tokio::test]
    async fn health_takes_every_name() {
        let policy = HostPolicy::default();
        assert_eq!(
            answer(&policy, &[("host", "pod.internal")], Route::Ready).await,
            "passes"
        );
    }

    #[tokio::test]
    async fn only_the_own_origin_passes_on_every_route() {
        let policy = HostPolicy {
            any_name: true,
            public_origin: Some("https://mcp.example.com".to_owned()),
            ..HostPolicy::default()
        };
        for route in [Route::Tools, Route::Mcp, Route::Health, Route::Unmatched] {
            for origin in [
                "http://localhost:8000",
                "https://localhost:8000",
                "https://mcp.example.com",
            ] {
                let headers = [("host", "localhost:8000"), ("origin", origin)];
                assert_eq!(answer(&policy, &headers, route).await, "passes", "{origin}");
            }
            for origin in [
                "",
                "null",
                "http://evil.example",
                "http://localhost",
                "http://localhost:8001",
                "http://localhost.evil.com:8000",
                "http://localhost:8000@evil.com",
                "file://",
                "https://mcp.example.com.evil.com",
                "localhost:8000",
            ] {
                let headers = [("host", "localhost:8000"), ("origin", origin)];
                assert_eq!(
                    answer(&policy, &headers, route).await,
                    "origin_not_allowed",
                    "{origin}"
                );
            }
            let two = [
                ("host", "localhost"),
                ("origin", "http://localhost"),
                ("origin", "http://evil.example"),
            ];
            assert_eq!(answer(&policy, &two, route).await, "origin_not_allowed");
        }
    }

    #[tokio::test]
    async fn ports_that_the_scheme_implies_count() {
        let policy = HostPolicy::default();
        let headers = [("host", "localhost"), ("origin", "http://localhost:80")];
        assert_eq!(answer(&policy, &headers, Route::Mcp).await, "passes");
    }
}
