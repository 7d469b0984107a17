//! The span of a call that a handler makes itself (OpenTelemetry semantic conventions for MCP clients).

use http::request::Parts;
use opentelemetry::trace::{Span as _, SpanKind, Status};
use opentelemetry_sdk::trace::Span;
use rmcp::{RoleServer, model::RequestMetaObject, service::RequestContext};

use super::{
    InTrace,
    attributes::{
        CANCELLED, ERROR_TYPE, EXECUTE_TOOL, MCP_METHOD, OPERATION, PROMPT, RPC_STATUS, TOOL,
        attribute, told,
    },
    of_sdk,
    tool::{of_meta, parents},
};
use crate::trace_context::{TRACESTATE, TraceContext};

/// A request to another MCP server that a handler makes while it answers one, as a span of the same trace.
///
/// With `monitoring.tracing_enabled` off there is no span, and the trace of the request's header is handed on as it is.
/// For a request that did not come over HTTP it does nothing at all. Dropped before its [`end`](Self::end), it was
/// cancelled.
///
/// ```
/// use simply_mcp::{
///     OutgoingCall,
///     rmcp::{RoleServer, service::RequestContext},
/// };
///
/// # async fn ask_another(meta: simply_mcp::rmcp::model::RequestMetaObject) -> Result<(), ()> { Ok(()) }
/// async fn answer(context: RequestContext<RoleServer>) {
///     let call = OutgoingCall::start(&context, "tools/call", Some("search"));
///     let mut meta = context.meta.clone();
///     call.write_to(&mut meta);
///     let failure = ask_another(meta).await.err().map(|()| "unreachable");
///     call.end(failure, None);
/// }
/// ```
#[derive(Debug)]
#[must_use]
pub struct OutgoingCall(Told);

#[derive(Debug)]
enum Told {
    /// As a span of ours.
    Span(Box<Open>),
    /// Not by us: only the trace that the request belongs to.
    Trace(TraceContext),
    Nothing,
}

#[derive(Debug)]
struct Open {
    span: Span,
    has_ended: bool,
}

impl OutgoingCall {
    /// Begins a call of `method`, about the tool or prompt `target`, on behalf of the request of `context`. The span is
    /// named after both: of a name that a client may have invented, `target` is better `None`.
    pub fn start(
        context: &RequestContext<RoleServer>,
        method: &'static str,
        target: Option<&str>,
    ) -> Self {
        if let Some(open) = Open::start(context, method, target) {
            return Self(Told::Span(Box::new(open)));
        }
        let parts = context.extensions.get::<Parts>();
        let sent = parts.and_then(|parts| parts.extensions.get::<TraceContext>());
        Self(sent.cloned().map_or(Told::Nothing, Told::Trace))
    }

    /// Whether anybody will see it: what costs something to find out need not be found out otherwise.
    #[must_use]
    pub fn is_recorded(&self) -> bool {
        matches!(&self.0, Told::Span(open) if open.span.is_recording())
    }

    /// Writes into the `_meta` of the outgoing request which trace and span it belongs to (SEP-414), in place of what
    /// stands there. A trace that is only handed on does not take the place of a valid one of the message's own.
    pub fn write_to(&self, meta: &mut RequestMetaObject) {
        let context = match &self.0 {
            Told::Span(open) => of_sdk(&open.span),
            Told::Trace(sent) if of_meta(meta).is_none() => sent.clone(),
            Told::Trace(_) | Told::Nothing => return,
        };
        meta.set_traceparent(context.traceparent());
        match context.tracestate() {
            Some(state) => meta.set_tracestate(state),
            None => meta.retain(|key, _| key != TRACESTATE),
        }
    }

    /// The answer is there. `failure` says in one word what went wrong, if anything did; `code` is that of an error of
    /// JSON-RPC. Neither may hold what the answer says.
    pub fn end(mut self, failure: Option<&'static str>, code: Option<i32>) {
        if let Told::Span(open) = &mut self.0 {
            let code = code.map(|code| attribute(RPC_STATUS, code.to_string()));
            open.span.set_attributes(code);
            open.end(failure);
        }
    }
}

impl Open {
    fn start(
        context: &RequestContext<RoleServer>,
        method: &'static str,
        target: Option<&str>,
    ) -> Option<Self> {
        let parts = context.extensions.get::<Parts>()?;
        let traces = &parts.extensions.get::<InTrace>()?.traces;
        let (parent, link) = parents(&parts.extensions, &context.meta);
        let mut span = traces.start(method, SpanKind::Client, parent, link);
        if span.is_recording() {
            describe(&mut span, method, target);
        }
        Some(Self {
            span,
            has_ended: false,
        })
    }

    fn end(&mut self, failure: Option<&'static str>) {
        self.has_ended = true;
        if let Some(failure) = failure {
            self.span.set_attribute(attribute(ERROR_TYPE, failure));
            self.span.set_status(Status::error(""));
        }
        self.span.end();
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        if !self.has_ended {
            self.end(Some(CANCELLED));
        }
    }
}

fn describe(span: &mut Span, method: &'static str, target: Option<&str>) {
    span.set_attribute(attribute(MCP_METHOD, method));
    let name = match method {
        "tools/call" => {
            span.set_attribute(attribute(OPERATION, EXECUTE_TOOL));
            TOOL
        }
        "prompts/get" => PROMPT,
        _ => return,
    };
    if let Some(target) = target.map(told) {
        span.update_name(format!("{method} {target}"));
        span.set_attribute(attribute(name, target));
    }
}
