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
