//! Writes one line for each finished request, on the way back.
//!
//! | | |
//! | --- | --- |
//! | reads | [`CorrelationId`], [`facts::client_address`], [`TraceContext`]; [`CalledTool`], [`Refusal`], [`AuthFailure`], [`TraceContext`] of the answer |
//! | writes | [`SeenCaller`], for the authentication door to fill in; the event `Request completed` at INFO |
//! | answers | nothing |
//! | default | on; the line goes where the program's `tracing` subscriber sends it |
//!
//! Never a header, a query, an argument or a body: those can carry secrets.

use std::time::Instant;

use axum::body::Body;
use http::{Request, Response};

use crate::{
    facts::{self, AuthFailure, CalledTool, Caller, CorrelationId, SeenCaller},
    handle::Handle,
    refusal::Refusal,
    trace_context::TraceContext,
};

/// The `logger` of an access line.
const TARGET: &str = "simply_mcp::access";

pub(super) struct AccessLog<N> {
    next: N,
}

impl<N> AccessLog<N> {
    pub(super) fn new(next: N) -> Self {
        Self { next }
    }
}

impl<N: Handle> Handle for AccessLog<N> {
    async fn handle(&self, mut request: Request<Body>) -> Response<Body> {
        if !tracing::enabled!(target: TARGET, tracing::Level::INFO) {
            return self.next.handle(request).await;
        }
        let started = Instant::now();
        let method = request.method().clone();
        let path = request.uri().path().to_owned();
        let id = request.extensions().get::<CorrelationId>().cloned();
        let client = facts::client_address(request.extensions());
        let trace = request.extensions().get::<TraceContext>().cloned();
        let caller = SeenCaller::default();
        request.extensions_mut().insert(caller.clone());
        let response = self.next.handle(request).await;
        // What the message says is nearer to the tool than what the request said.
        let trace = response
            .extensions()
            .get::<TraceContext>()
            .or(trace.as_ref());
        tracing::info!(
            target: TARGET,
            correlation_id = id.as_ref().map(CorrelationId::as_str),
            method = method.as_str(),
            path,
            status = response.status().as_u16(),
            duration = started.elapsed().as_secs_f64(),
            tool = response.extensions().get::<CalledTool>().map(|tool| &*tool.0),
            key = caller.0.get().and_then(Caller::name),
            client = client.map(tracing::field::display),
            code = response.extensions().get::<Refusal>().map(|refusal| refusal.code.as_str()),
            trace_id = trace.map(|trace| tracing::field::display(trace.trace_id())),
            reason = response.extensions().get::<AuthFailure>().map(|failure| failure.0),
            "Request completed"
        );
        response
    }
}
