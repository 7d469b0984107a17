//! The span of a tool call (OpenTelemetry semantic conventions for MCP servers).

use http::{Extensions, request::Parts};
use opentelemetry::trace::{Span as _, SpanContext, SpanKind, Status};
use opentelemetry_sdk::trace::Span;
use rmcp::{
    RoleServer,
    model::{ErrorCode, RequestMetaObject},
    service::RequestContext,
};
use sha2::{Digest, Sha256};

use super::{
    InTrace,
    attributes::{
        CANCELLED, CLIENT_ADDRESS, CORRELATION, ERROR_TYPE, EXECUTE_TOOL, JSONRPC_ID, MCP_METHOD,
        MCP_SESSION, MCP_VERSION, OPERATION, PROTOCOL, RPC_STATUS, TOOL, TRANSPORT, attribute,
        told,
    },
    of_sdk, to_sdk,
};
use crate::{
    facts::{self, CorrelationId, Route},
    trace_context::TraceContext,
};

const CALL: &str = "tools/call";
const SESSION: &str = "mcp-session-id";

/// A call of a tool, from the guard to its answer. Dropped before that, it was cancelled.
#[derive(Debug)]
#[must_use]
pub(crate) struct ToolSpan {
    span: Span,
    has_ended: bool,
}

impl ToolSpan {
    /// Begins the span, and lets the handler know that it stands in it. `None` where the request is in no trace.
    pub(crate) fn start(context: &mut RequestContext<RoleServer>) -> Option<Self> {
        let parts = context.extensions.get::<Parts>()?;
        let traces = parts.extensions.get::<InTrace>()?.traces.clone();
        let is_rest = parts.extensions.get::<Route>() == Some(&Route::Tool);
        let (parent, link) = parents(&parts.extensions, &context.meta);
        let kind = if is_rest {
            SpanKind::Internal
        } else {
            SpanKind::Server
        };
        let mut span = traces.start(CALL, kind, parent, link);
        if span.is_recording() {
            describe(&mut span, context);
            if !is_rest {
                describe_message(&mut span, context);
            }
        }
        let parts = context.extensions.get_mut::<Parts>()?;
        parts.extensions.insert(of_sdk(&span));
        parts.extensions.insert(InTrace {
            traces,
            within_call: true,
        });
        Some(Self {
            span,
            has_ended: false,
        })
    }

    /// There is such a tool: other names are a client's invention, and would make as many names of spans.
    pub(crate) fn found(&mut self, tool: &str) {
        if self.span.is_recording() {
            let tool = told(tool);
            self.span.update_name(format!("{CALL} {tool}"));
            self.span.set_attribute(attribute(TOOL, tool));
        }
    }

    /// The handler, or what stands before it, answered with an error of JSON-RPC.
    pub(crate) fn answered_with(&mut self, code: ErrorCode) {
        if self.span.is_recording() {
            self.span
                .set_attribute(attribute(RPC_STATUS, code.0.to_string()));
        }
    }

    /// The call is over: `None` for a success, else what kind of failure it was, in the words of the metrics.
    pub(crate) fn end(mut self, failure: Option<&'static str>) {
        self.tell(failure);
    }

    fn tell(&mut self, failure: Option<&'static str>) {
        self.has_ended = true;
        if let Some(failure) = failure {
            self.span.set_attribute(attribute(ERROR_TYPE, failure));
            // What the error says may hold an argument.
            self.span.set_status(Status::error(""));
        }
        self.span.end();
    }
}

impl Drop for ToolSpan {
    fn drop(&mut self) {
        if !self.has_ended {
            self.tell(Some(CANCELLED));
        }
    }
}

/// The parent of what is done for an MCP request, and what it is linked to. `_meta` names the nearer parent: an HTTP
/// request only carries the message, and may carry several.
pub(super) fn parents(
    extensions: &Extensions,
    meta: &RequestMetaObject,
) -> (Option<SpanContext>, Option<SpanContext>) {
    let here = extensions
        .get::<TraceContext>()
        .map(|context| to_sdk(context, false));
    let within_call = extensions
        .get::<InTrace>()
        .is_some_and(|trace| trace.within_call);
    match of_meta(meta).filter(|_| !within_call) {
        Some(sent) => (Some(to_sdk(&sent, true)), here),
        None => (here, None),
    }
}

/// The trace that the message itself names.
pub(super) fn of_meta(meta: &RequestMetaObject) -> Option<TraceContext> {
    TraceContext::parse(meta.get_traceparent()?, meta.get_tracestate())
}

fn describe(span: &mut Span, context: &RequestContext<RoleServer>) {
    span.set_attribute(attribute(MCP_METHOD, CALL));
    span.set_attribute(attribute(OPERATION, EXECUTE_TOOL));
    span.set_attribute(attribute(TRANSPORT, "tcp"));
    span.set_attribute(attribute(PROTOCOL, "http"));
    let Some(parts) = context.extensions.get::<Parts>() else {
        return;
    };
    let client = facts::client_address(&parts.extensions);
    span.set_attributes(client.map(|address| attribute(CLIENT_ADDRESS, address.to_string())));
    let correlation = parts.extensions.get::<CorrelationId>();
    span.set_attributes(correlation.map(|id| attribute(CORRELATION, told(id.as_str()))));
}

/// What only a message of MCP has.
fn describe_message(span: &mut Span, context: &RequestContext<RoleServer>) {
    span.set_attribute(attribute(JSONRPC_ID, told(&context.id.to_string())));
    let version = context.protocol_version();
    span.set_attributes(version.map(|version| attribute(MCP_VERSION, told(version.as_str()))));
    let session = context
        .extensions
        .get::<Parts>()
        .and_then(|parts| parts.headers.get(SESSION));
    span.set_attributes(session.map(|id| attribute(MCP_SESSION, digest(id.as_bytes()))));
}

/// Tells sessions apart, and lets nobody into one.
fn digest(session: &[u8]) -> String {
    let hash: [u8; 32] = Sha256::digest(session).into();
    let mut half = [0; 16];
    half.copy_from_slice(&hash[..16]);
    format!("{:032x}", u128::from_be_bytes(half))
}
