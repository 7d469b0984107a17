//! What travels beside a request and an answer: every extension type, declared once.
//!
//! Facts travel forward in [`http::request::Parts::extensions`] (which handlers find in
//! `RequestContext::extensions` as `http::request::Parts`), and back in the response's extensions.

use std::{
    collections::HashSet,
    net::{IpAddr, SocketAddr},
    num::NonZeroU32,
    sync::{Arc, OnceLock},
    time::{Duration, SystemTime},
};

use http::Extensions;
use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;

/// The address of the socket at the other end of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerAddress(pub SocketAddr);

/// Where a request came from: what a trusted proxy said, else the other end of the connection.
pub(crate) fn client_address(extensions: &Extensions) -> Option<IpAddr> {
    let forwarded = extensions
        .get::<ForwardedAddress>()
        .map(|address| address.0);
    forwarded.or_else(|| {
        extensions
            .get::<PeerAddress>()
            .map(|peer| peer.0.ip().to_canonical())
    })
}

/// The name of one request in every log line about it: `X-Correlation-ID`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CorrelationId(pub(crate) Arc<str>);

impl CorrelationId {
    /// The identifier as it stands in the header.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The address a request came from, when a trusted proxy brought it (`server.trusted_proxies`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ForwardedAddress(pub IpAddr);

/// Who asks: the holder of an API key, the subject of an access token, or nobody in particular.
///
/// Cheap to clone, and equal to every other with the same [`id`](Self::id).
#[derive(Clone, Debug, Default)]
pub struct Caller(Option<Arc<Known>>);

/// What is known of a caller who said who it is. Made once for each key or token, not for each request.
#[derive(Debug)]
pub(crate) struct Known {
    principal: Principal,
    /// Tells callers apart in sessions, stores and seals: no key's is ever that of a token.
    id: Box<str>,
    digest: [u8; 16],
    /// How often it may call, where its key says so.
    pub(crate) allowance: Option<Allowance>,
    /// The tools it may see and call, where its key names them.
    pub(crate) tools: Option<HashSet<Box<str>>>,
    /// What its token allows; a key has no scopes.
    pub(crate) scopes: Option<HashSet<Box<str>>>,
    /// The time from which the key or token is good for nothing.
    pub(crate) expires_at: Option<SystemTime>,
    /// Cancelled when the key is taken away, and with it what is still open; and when there is a successor.
    pub(crate) revoked: CancellationToken,
    /// What the key is now, where what is open may stay open by it: it ends at another time, or may call more often.
    pub(crate) successor: OnceLock<Caller>,
}

/// By what a caller is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Principal {
    /// The name of an API key.
    Key(Box<str>),
    /// The subject of an access token, with who issued it and to which client, if it says so.
    Token {
        issuer: Box<str>,
        subject: Box<str>,
        client: Option<Box<str>>,
    },
}

/// So many requests in so much time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Allowance {
    pub(crate) limit: NonZeroU32,
    pub(crate) window: Duration,
}

impl Known {
    /// A caller about whom nothing more is known than who it is.
    pub(crate) fn new(principal: Principal) -> Self {
        let id = principal.id();
        let hash: [u8; 32] = Sha256::digest(id.as_bytes()).into();
        let mut digest = [0; 16];
        digest.copy_from_slice(&hash[..16]);
        Self {
            principal,
            id,
            digest,
            allowance: None,
            tools: None,
            scopes: None,
            expires_at: None,
            revoked: CancellationToken::new(),
            successor: OnceLock::new(),
        }
    }
}

impl Principal {
    // Every part but the last is preceded by its length, so that no two callers share an identifier.
    fn id(&self) -> Box<str> {
        match self {
            Self::Key(name) => format!("key:{name}").into(),
            Self::Token {
                issuer,
                subject,
                client,
            } => format!(
                "token:{}:{issuer}:{}:{subject}:{}",
                issuer.len(),
                subject.len(),
                client.as_deref().unwrap_or_default()
            )
            .into(),
        }
    }
}

impl Caller {
    /// A caller without a key.
    #[must_use]
    pub fn anonymous() -> Self {
        Self::default()
    }

    /// The same as [`anonymous`](Self::anonymous), where a constant is needed.
    pub(crate) const fn nobody() -> Self {
        Self(None)
    }

    /// A caller who is known.
    pub(crate) fn known(known: Arc<Known>) -> Self {
        Self(Some(known))
    }

    /// The name of the caller's key, or the subject of its token; `None` for an anonymous caller.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.0.as_deref().map(|known| match &known.principal {
            Principal::Key(name) => &**name,
            Principal::Token { subject, .. } => &**subject,
        })
    }

    /// What tells this caller from every other, for whatever is kept on its behalf; `None` for an anonymous
    /// caller. Unlike [`name`](Self::name), a key and a token never share one.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.0.as_deref().map(|known| &*known.id)
    }

    /// The issuer of the caller's token; `None` for whoever came without one.
    #[must_use]
    pub fn issuer(&self) -> Option<&str> {
        match &self.0.as_deref()?.principal {
            Principal::Key(_) => None,
            Principal::Token { issuer, .. } => Some(issuer),
        }
    }

    /// The OAuth client that the caller's token was issued to, where the token says so.
    #[must_use]
    pub fn client(&self) -> Option<&str> {
        match &self.0.as_deref()?.principal {
            Principal::Key(_) => None,
            Principal::Token { client, .. } => client.as_deref(),
        }
    }

    /// Whether the caller's token has the scope. Keys have no scopes.
    #[must_use]
    pub fn has_scope(&self, scope: &str) -> bool {
        let scopes = self.0.as_deref().and_then(|known| known.scopes.as_ref());
        scopes.is_some_and(|scopes| scopes.contains(scope))
    }

    /// What is known of it.
    pub(crate) fn facts(&self) -> Option<&Known> {
        self.0.as_deref()
    }

    /// Sixteen bytes that stand for the [`id`](Self::id), where its length would matter.
    pub(crate) fn digest(&self) -> Option<[u8; 16]> {
        self.0.as_deref().map(|known| known.digest)
    }

    /// What stands for it in metrics: its key's name, one word for all tokens, another for everybody else.
    pub(crate) fn label(&self) -> &str {
        match self.0.as_deref().map(|known| &known.principal) {
            None => "anonymous",
            Some(Principal::Key(name)) => name,
            Some(Principal::Token { .. }) => "token",
        }
    }
}

impl PartialEq for Caller {
    fn eq(&self, other: &Self) -> bool {
        self.id() == other.id()
    }
}

impl Eq for Caller {}

/// Where the authentication door writes who asked, for whoever stands outside of it. Shared and not sent back, as
/// an answer's extensions would cost an allocation.
#[derive(Clone, Debug, Default)]
pub(crate) struct SeenCaller(pub(crate) Arc<OnceLock<Caller>>);

/// Whose request was refused behind the authentication door: travels back beside the refusal, for whoever counts. An
/// answer that is no refusal has none.
#[derive(Clone, Debug)]
pub(crate) struct RefusedCaller(pub(crate) Caller);

/// Why authentication failed, in one word: travels back in the response's extensions, for the log. Takes no memory
/// of its own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AuthFailure(pub(crate) &'static str);

/// The secret that seals the state a client carries between the rounds of a call
/// (`requestState` of MCP 2026-07-28), from `mcp.state_key`.
#[derive(Clone)]
pub(crate) struct StateKey(pub(crate) Arc<[u8]>);

impl std::fmt::Debug for StateKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("StateKey(***)")
    }
}

/// Which route a request is for. Decided once, before the first door; every door may read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// `monitoring.health_path`: is it well, and with which parts.
    Health,
    /// `/live` below it: does the process turn.
    Live,
    /// `/ready` below it: may it be sent requests.
    Ready,
    /// `monitoring.prometheus_path`
    Metrics,
    /// `/.well-known/oauth-protected-resource`, and the same with `mcp.path` behind it (RFC 9728).
    ResourceMetadata,
    /// `/tools`
    Tools,
    /// `/tools/{name}`
    Tool,
    /// `mcp.path`
    Mcp,
    /// Anything else.
    Unmatched,
}

impl Route {
    /// Every route, in the order of their numbers (`route as usize`).
    pub(crate) const ALL: [Self; 9] = [
        Self::Health,
        Self::Live,
        Self::Ready,
        Self::Metrics,
        Self::ResourceMetadata,
        Self::Tools,
        Self::Tool,
        Self::Mcp,
        Self::Unmatched,
    ];

    /// True for what needs no key: probes, metrics, and how to get a token.
    pub(crate) const fn is_open(self) -> bool {
        self.is_health() || matches!(self, Self::Metrics | Self::ResourceMetadata)
    }

    /// True for what a probe asks: open to any `Host`, never shed.
    pub(crate) const fn is_health(self) -> bool {
        matches!(self, Self::Health | Self::Live | Self::Ready)
    }
}

/// Says in the response's extensions that more was counted against the caller's allowance than the request itself
/// (a batch, a tool that costs more), so that the rate limit door looks again at what is left. Takes no memory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CountedFurther;

/// The tool that a request called: travels back in the response's extensions.
#[derive(Clone, Debug)]
pub(crate) struct CalledTool(pub(crate) Arc<str>);

#[cfg(test)]
mod tests {
    use super::*;

    fn token(issuer: &str, subject: &str, client: Option<&str>) -> Caller {
        Caller::known(Arc::new(Known::new(Principal::Token {
            issuer: issuer.into(),
            subject: subject.into(),
            client: client.map(Into::into),
        })))
    }

    #[test]
    fn routes_are_listed_in_the_order_of_their_numbers() {
        for (index, route) in Route::ALL.into_iter().enumerate() {
            assert_eq!(route as usize, index);
        }
    }

    // JWT-14
    #[test]
    fn no_two_callers_share_an_identity() {
        let key = |name: &str| Caller::known(Arc::new(Known::new(Principal::Key(name.into()))));
        let callers = [
            Caller::anonymous(),
            key("a"),
            key("b"),
            key("token:1:a:1:a:"),
            key("anonymous"),
            token("a", "a", None),
            token("a", "b", None),
            token("b", "a", None),
            token("a", "a", Some("c")),
            token("a", "a:1:c", None),
            token("a:1:a", "", None),
        ];
        for (index, caller) in callers.iter().enumerate() {
            for (other_index, other) in callers.iter().enumerate() {
                assert_eq!(
                    caller == other,
                    index == other_index,
                    "{caller:?} {other:?}"
                );
                assert_eq!(caller.digest() == other.digest(), index == other_index);
            }
        }
    }
}
