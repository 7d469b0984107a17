//! What travels beside a request and an answer: every extension type, declared once.
//!
//! Facts travel forward in [`http::request::Parts::extensions`] (which handlers find in
//! `RequestContext::extensions` as `http::request::Parts`), and back in the response's extensions.

use std::{net::SocketAddr, sync::Arc};

/// The address of the socket at the other end of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerAddress(pub SocketAddr);

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

/// Who asks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Caller {
    pub(crate) name: Option<Arc<str>>,
}

impl Caller {
    /// A caller without a key.
    #[must_use]
    pub fn anonymous() -> Self {
        Self::default()
    }

    /// The configured name of the caller's key, or `None` for an anonymous caller.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }
}

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
    /// True for what a probe asks: open to any `Host`, never shed.
    pub(crate) const fn is_health(self) -> bool {
        matches!(self, Self::Health | Self::Live | Self::Ready)
    }
}

/// The tool that a request called: travels back in the response's extensions.
#[derive(Clone, Debug)]
pub(crate) struct CalledTool(pub(crate) Arc<str>);
