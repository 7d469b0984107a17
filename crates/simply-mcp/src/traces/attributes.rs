//! The names of OpenTelemetry's semantic conventions, and texts of clients made fit to be told.

use opentelemetry::{KeyValue, Value};

pub(super) const CLIENT_ADDRESS: &str = "client.address";
pub(super) const ERROR_TYPE: &str = "error.type";
pub(super) const HTTP_METHOD: &str = "http.request.method";
pub(super) const HTTP_ROUTE: &str = "http.route";
pub(super) const HTTP_STATUS: &str = "http.response.status_code";
pub(super) const JSONRPC_ID: &str = "jsonrpc.request.id";
pub(super) const MCP_METHOD: &str = "mcp.method.name";
pub(super) const MCP_SESSION: &str = "mcp.session.id";
pub(super) const MCP_VERSION: &str = "mcp.protocol.version";
pub(super) const OPERATION: &str = "gen_ai.operation.name";
pub(super) const PROMPT: &str = "gen_ai.prompt.name";
pub(super) const PROTOCOL: &str = "network.protocol.name";
pub(super) const PROTOCOL_VERSION: &str = "network.protocol.version";
pub(super) const RPC_STATUS: &str = "rpc.response.status_code";
pub(super) const SERVER_ADDRESS: &str = "server.address";
pub(super) const SERVER_PORT: &str = "server.port";
pub(super) const TOOL: &str = "gen_ai.tool.name";
pub(super) const TRANSPORT: &str = "network.transport";
pub(super) const URL_PATH: &str = "url.path";
pub(super) const URL_SCHEME: &str = "url.scheme";

/// Those for which there is no convention.
pub(super) const AUTHENTICATION: &str = "simply_mcp.authentication";
pub(super) const CORRELATION: &str = "simply_mcp.correlation_id";
pub(super) const REFUSAL: &str = "simply_mcp.refusal";

/// The operation of a tool call.
pub(super) const EXECUTE_TOOL: &str = "execute_tool";
/// What a span says that nobody waited for.
pub(super) const CANCELLED: &str = "cancelled";

/// Characters of a client's text at most.
const LONGEST: usize = 256;

/// How a key of ours begins.
const KEY: &str = "smcp_";

pub(super) fn attribute(name: &'static str, value: impl Into<Value>) -> KeyValue {
    KeyValue::new(name, value)
}

/// A text that a client chose: cut to 256 characters, and without keys, which clients put where they do not belong.
pub(super) fn told(text: &str) -> String {
    let mut out = String::with_capacity(text.len().min(LONGEST));
    let mut rest = text;
    while let Some(at) = rest.find(KEY) {
        let (before, key) = rest.split_at(at + KEY.len());
        out.push_str(before);
        rest = key.trim_start_matches(|character: char| character.is_ascii_alphanumeric());
        if rest.len() < key.len() {
            out.push_str("***");
        }
    }
    out.push_str(rest);
    if let Some((end, _)) = out.char_indices().nth(LONGEST) {
        out.truncate(end);
        out.push('…');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    // LOG-02
    #[test]
    fn a_text_is_cut_and_tells_no_key() {
        assert_eq!(told("/tools/echo"), "/tools/echo");
        assert_eq!(
            told("/tools/smcp_0a1B/smcp_/x smcp_2"),
            "/tools/smcp_***/smcp_/x smcp_***"
        );
        let long = told(&"ü".repeat(1_000_000));
        assert_eq!(long.chars().count(), LONGEST + 1);
        let key_at_the_cut = format!("{}smcp_secret", "a".repeat(LONGEST - 6));
        assert!(!told(&key_at_the_cut).contains("secret"));
    }
}
