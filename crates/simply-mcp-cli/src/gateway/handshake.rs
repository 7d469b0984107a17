//! Getting acquainted with a child: `server/discover` (2026-07-28), else `initialize` (2024-11-05 to 2025-11-25).

use std::sync::Arc;
use std::time::Duration;

use rmcp::model::{
    ClientCapabilities, DiscoverResult, Implementation, InitializeResult, ProtocolVersion,
    RequestMetaObject, ServerCapabilities, ServerConfig,
};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::error::CallError;
use super::link::{Call, Link, Origin};

/// How long a child may leave `server/discover` unanswered before `initialize` is tried as well. A server of the older
/// versions ought to say that it does not know the method, but some stay silent.
const DISCOVER_PATIENCE: Duration = Duration::from_secs(2);
/// Extensions that need methods which are not passed through.
const WITHHELD_EXTENSIONS: [&str; 2] = [
    "io.modelcontextprotocol/tasks",
    "io.modelcontextprotocol/skills",
];

/// How to begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Greeting {
    /// Newest first.
    Discover,
    /// For children that end when they see `server/discover`.
    InitializeOnly,
}

/// Who the child says it is.
#[derive(Debug, Clone)]
pub(super) struct Identity {
    /// The version that is spoken with the child.
    pub(super) version: ProtocolVersion,
    /// What we tell our own clients.
    pub(super) config: ServerConfig,
}

impl Identity {
    /// Whether each request carries its own context, as from 2026-07-28 on.
    pub(super) fn is_modern(&self) -> bool {
        !self.version.has_initialize()
    }
}

/// Who we say we are.
pub(super) fn own_implementation() -> Implementation {
    Implementation::new("simply-mcp", env!("CARGO_PKG_VERSION"))
}

/// Agrees on a version with the child.
///
/// # Errors
///
/// The link broke, or the answer is not one of the protocol's.
pub(super) async fn shake_hands(
    link: &Arc<Link>,
    greeting: Greeting,
) -> Result<Identity, CallError> {
    if greeting == Greeting::InitializeOnly {
        return legacy_identity(link, &initialize(link)?.answer().await?);
    }
    let mut discovery = Box::pin(discover(link)?.answer());
    if let Ok(reply) = tokio::time::timeout(DISCOVER_PATIENCE, &mut discovery).await {
        return match modern_identity(reply)? {
            Some(identity) => Ok(identity),
            None => legacy_identity(link, &initialize(link)?.answer().await?),
        };
    }
    // It may be slow, or silent because it does not know the method: whichever it answers first, counts.
    let mut initialization = Box::pin(initialize(link)?.answer());
    tokio::select! {
        biased;
        reply = &mut discovery => match modern_identity(reply)? {
            Some(identity) => Ok(identity),
            None => legacy_identity(link, &initialization.await?),
        },
        reply = &mut initialization => match reply {
            Ok(result) => legacy_identity(link, &result),
            Err(refused) => modern_identity(discovery.await)?.ok_or(refused),
        },
    }
}

fn discover(link: &Arc<Link>) -> Result<Call, CallError> {
    let meta = RequestMetaObject::with_client_context(
        ProtocolVersion::LATEST,
        own_implementation(),
        ClientCapabilities::default(),
    );
    link.request("server/discover", json!({"_meta": meta}), Origin::Gateway)
}

fn initialize(link: &Arc<Link>) -> Result<Call, CallError> {
    let params = json!({
        "protocolVersion": ProtocolVersion::LATEST_WITH_INITIALIZE,
        "capabilities": {},
        "clientInfo": own_implementation(),
    });
    link.request("initialize", params, Origin::Gateway)
}

/// `None`: it is one of the older versions.
fn modern_identity(reply: Result<Box<RawValue>, CallError>) -> Result<Option<Identity>, CallError> {
    let result = match reply {
        Ok(result) => result,
        Err(CallError::Child(_) | CallError::Malformed(_)) => return Ok(None),
        Err(error) => return Err(error),
    };
    let result: DiscoverResult = parse("server/discover", result.get())?;
    if !result.supported_versions.contains(&ProtocolVersion::LATEST) {
        return Ok(None);
    }
    let mut config = ServerConfig::new(honoured(result.capabilities.clone()));
    config.server_info = result.server_info().unwrap_or_else(own_implementation);
    config.instructions = result.instructions;
    Ok(Some(Identity {
        version: ProtocolVersion::LATEST,
        config,
    }))
}

fn legacy_identity(link: &Link, result: &RawValue) -> Result<Identity, CallError> {
    let result: InitializeResult = parse("initialize", result.get())?;
    let version = result.protocol_version;
    if !ProtocolVersion::KNOWN_VERSIONS.contains(&version) {
        return Err(CallError::Malformed(format!(
            "it wants protocol version {version}, which is unknown here"
        )));
    }
    link.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
    let mut config = ServerConfig::new(honoured(result.capabilities));
    config.server_info = result.server_info;
    config.instructions = result.instructions;
    Ok(Identity { version, config })
}

fn parse<T: serde::de::DeserializeOwned>(method: &str, result: &str) -> Result<T, CallError> {
    serde_json::from_str(result)
        .map_err(|error| CallError::Malformed(format!("its answer to {method}: {error}")))
}

/// The child's capabilities without those that would need more than is passed through.
fn honoured(mut capabilities: ServerCapabilities) -> ServerCapabilities {
    capabilities.experimental = None;
    if let Some(extensions) = &mut capabilities.extensions {
        extensions.retain(|name, _| !WITHHELD_EXTENSIONS.contains(&name.as_str()));
        if extensions.is_empty() {
            capabilities.extensions = None;
        }
    }
    capabilities
}

/// The `_meta` of a request to the child: the client's own, without what concerns only the way from it to us.
///
/// A 2026-07-28 child learns which kinds of input the client of this one request can give (it asks for them in its
/// answer, and the answer goes to that client alone); anything that would need a way back from the child is withheld.
pub(super) fn request_meta(identity: &Identity, client: &RequestMetaObject) -> Option<Value> {
    const OWN_PREFIX: &str = "io.modelcontextprotocol/";
    let mut meta = client.clone();
    meta.retain(|key, _| key != "progressToken" && !key.starts_with(OWN_PREFIX));
    if identity.is_modern() {
        let declared = client.client_capabilities().unwrap_or_default();
        let mut capabilities = ClientCapabilities::default();
        capabilities.roots = declared.roots;
        capabilities.sampling = declared.sampling;
        capabilities.elicitation = declared.elicitation;
        meta.set_protocol_version(identity.version.clone());
        meta.set_client_info(own_implementation());
        meta.set_client_capabilities(capabilities);
        if let Some(level) = client.log_level() {
            meta.set_log_level(level);
        }
    }
    if meta.is_empty() {
        return None;
    }
    serde_json::to_value(meta).ok()
}
