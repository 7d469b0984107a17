//! The MCP door: Streamable HTTP for 2026-07-28 and the three versions before it, on one URL.
//!
//! A request that needs only a request and an answer takes the direct way (`direct`): the handler is
//! called in the request's own task. What needs a stream (progress, logs, subscriptions, sessions of
//! the older versions) takes rmcp's service (`streams`, and `sessions` for whose they are). Both give the
//! same bytes.
//!
//! This room is the only one that knows rmcp's transports.

mod accept;
mod batch;
mod direct;
mod envelope;
mod fold;
mod headers;
mod methods;
mod open_streams;
mod peers;
mod sessions;
mod stdio;
mod streams;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header, request::Parts};
use rmcp::{ServerHandler, model::RequestMetaObject};
use tokio_util::sync::CancellationToken;

pub(crate) use self::peers::Peers;
pub use self::stdio::serve_stdio;
use self::{
    accept::Accepts,
    envelope::{Incoming, Kind, Message},
    headers::Era,
    streams::Streams,
};
use crate::{
    admission::{Admission, Further},
    body, config,
    facts::{CalledTool, StateKey},
    guard::{Door, Guarded},
    metrics::Metrics,
    refusal::{Code, Refusal},
    store::Store,
    trace_context::TraceContext,
};

/// What the door is told.
pub(crate) struct McpOptions {
    /// Whether there are sessions, how many and how long; how many streams.
    pub(crate) settings: config::Mcp,
    /// What seals the state that clients carry; a handler makes its own where there is none.
    pub(crate) state_key: Option<StateKey>,
    /// Who may call which tool.
    pub(crate) admission: Arc<Admission>,
    /// Standing streams end when this is cancelled.
    pub(crate) draining: CancellationToken,
    /// All streams and sessions end when this is.
    pub(crate) over: CancellationToken,
    /// Where open sessions and streams are counted.
    pub(crate) metrics: Metrics,
    /// Through which replicas share their sessions.
    pub(crate) store: Option<Store>,
}

pub(crate) struct Mcp<H: ServerHandler> {
    handler: Guarded<H>,
    peers: Arc<Peers<H>>,
    streams: Streams<H>,
    state_key: Option<StateKey>,
    admission: Arc<Admission>,
}

impl<H: ServerHandler> Mcp<H> {
    pub(crate) fn new(handler: Guarded<H>, peers: Arc<Peers<H>>, options: McpOptions) -> Self {
        let state_key = options.state_key.clone();
        let admission = Arc::clone(&options.admission);
        let streams = Streams::new(&handler, options);
        Self {
            handler,
            peers,
            streams,
            state_key,
            admission,
        }
    }

    pub(crate) async fn handle(&self, request: Request<Body>) -> Response<Body> {
        let (mut parts, body) = request.into_parts();
        if let Some(key) = &self.state_key {
            parts.extensions.insert(key.clone());
        }
        let outcome = match parts.method {
            Method::POST => self.post(parts, body).await,
            Method::GET if is_browser(&parts) => Ok(self.explanation()),
            Method::GET => self.streams.standing(parts).await,
            Method::DELETE => self.streams.end_session(parts).await,
            _ => Err(Refusal::method_not_allowed(self.streams.allowed_methods())),
        };
        outcome.unwrap_or_else(Refusal::into_response)
    }

    async fn post(&self, parts: Parts, body: Body) -> Result<Response<Body>, Refusal> {
        let accepts = Accepts::of(&parts.headers)?;
        headers::check_content_type(&parts.headers)?;
        let body = body::read(&parts.headers, body).await?;
        match Incoming::parse(&body)? {
            Incoming::One(message) => self.answer(parts, &message, &body, accepts).await,
            Incoming::Batch(items) => batch::answer(self, &parts, &items).await,
        }
    }

    /// Answers one message. `text` is the message as it was sent.
    async fn answer(
        &self,
        parts: Parts,
        message: &Message<'_>,
        text: &Bytes,
        accepts: Accepts,
    ) -> Result<Response<Body>, Refusal> {
        let id = message.id.clone();
        self.route(parts, message, text, accepts)
            .await
            .map_err(|refusal| refusal.with_id(id))
    }

    async fn route(
        &self,
        parts: Parts,
        message: &Message<'_>,
        text: &Bytes,
        accepts: Accepts,
    ) -> Result<Response<Body>, Refusal> {
        if message.kind != Kind::Request {
            return self.streams.accept(parts, message, text).await;
        }
        let params = message.params()?;
        let era = Era::of(&parts.headers, &params.meta)?;
        let tool = message.called_tool(&params);
        let trace = trace_of(&params.meta);
        let further = match message.tool(&params) {
            Some(tool) => {
                let admitted = self.admission.call(&parts, tool).await;
                let told = |refusal: &_| self.handler.refused(Door::Mcp, tool, &parts, refusal);
                admitted.inspect_err(told)?
            }
            None => Further::Nothing,
        };
        let mut response = if message.method == "initialize" {
            self.streams
                .initialize(parts, message, text, accepts)
                .await?
        } else if self.streams.has_session_for(&parts, &era) {
            self.streams
                .in_session(parts, message, text, accepts)
                .await?
        } else if let Some(version) =
            direct::version(self, &parts, message, &params, &era, accepts)?
        {
            direct::answer(self, version, parts, message, params, accepts).await?
        } else {
            self.streams
                .stateless(parts, message, text, accepts)
                .await?
        };
        if let Some(tool) = tool {
            response.extensions_mut().insert(CalledTool(tool));
        }
        if let Some(trace) = trace {
            response.extensions_mut().insert(trace);
        }
        further.note(&mut response);
        Ok(response)
    }

    /// What a person sees who opens the endpoint in a browser.
    fn explanation(&self) -> Response<Body> {
        let text = "This is an MCP server (Model Context Protocol, Streamable HTTP).\n\
            It talks to AI agents and other MCP clients, by POST; there is nothing to see in a browser.\n\
            Point an MCP client at this URL, or look at /tools for the tools as plain HTTP.\n";
        let mut response = Response::new(Body::from(text));
        *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
        let headers = response.headers_mut();
        headers.insert(
            header::ALLOW,
            HeaderValue::from_static(self.streams.allowed_methods()),
        );
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/plain; charset=utf-8"),
        );
        response
    }
}

/// The trace that a message says it belongs to (SEP-414), for the log.
fn trace_of(meta: &RequestMetaObject) -> Option<TraceContext> {
    TraceContext::parse(meta.get_traceparent()?, meta.get_tracestate())
}

fn is_browser(parts: &Parts) -> bool {
    parts
        .headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .any(|value| value.contains("text/html"))
}

/// Bytes that are JSON, as a 200 or another status.
fn json(status: StatusCode, body: Vec<u8>) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    response
}

/// Writes a message that is ours to write; that it cannot fail is not worth a panic if it does.
fn to_json(message: &impl serde::Serialize) -> Result<Vec<u8>, Refusal> {
    serde_json::to_vec(message).map_err(|error| {
        crate::logs::bounded!(error, %error, "an answer could not be written as JSON");
        Refusal::new(Code::Internal, "the answer could not be written as JSON")
    })
}
