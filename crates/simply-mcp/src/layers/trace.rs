//! Joins the trace that a request belongs to, and tells of the request as a span.
//!
//! | | |
//! | --- | --- |
//! | reads | `traceparent`, `tracestate` (W3C Trace Context); [`CorrelationId`], [`facts::client_address`], [`Route`]; [`Refusal`] of the answer |
//! | writes | [`TraceContext`]: what the client says, or with `monitoring.tracing_enabled` our own span in it |
//! | sets | nothing |
//! | answers | nothing |
//! | default | off: then the client's trace is only named in the log, and handed to the handler |
//!
//! What a client says of traces is never refused: a `traceparent` that is not valid counts as none. Probes and metrics
//! make no spans.
//!
//! [`CorrelationId`]: crate::facts::CorrelationId
//! [`facts::client_address`]: crate::facts::client_address
//! [`Refusal`]: crate::refusal::Refusal

use axum::body::Body;
use http::{Request, Response};

use crate::{
    facts::Route,
    handle::Handle,
    trace_context::TraceContext,
    traces::{RequestSpan, Traces},
};

/// What is told of requests, and by which names.
#[derive(Clone)]
pub(crate) struct Tracing {
    /// `None` where nothing is told.
    pub(crate) traces: Option<Traces>,
    /// The routes as they are declared.
    pub(crate) patterns: [String; Route::ALL.len()],
}

pub(super) struct Trace<N> {
    next: N,
    tracing: Tracing,
}

impl<N> Trace<N> {
    pub(super) fn new(next: N, tracing: Tracing) -> Self {
        Self { next, tracing }
    }

    /// The path as it is declared; `None` for one that is not.
    fn path(&self, route: Route) -> Option<&str> {
        (route != Route::Unmatched).then(|| &*self.tracing.patterns[route as usize])
    }
}

impl<N: Handle> Handle for Trace<N> {
    async fn handle(&self, mut request: Request<Body>) -> Response<Body> {
        let sent = TraceContext::of_headers(request.headers());
        let route = request.extensions().get::<Route>().copied();
        let route = route.unwrap_or(Route::Unmatched);
        let is_probe = route.is_health() || route == Route::Metrics;
        let Some(traces) = self.tracing.traces.as_ref().filter(|_| !is_probe) else {
            if let Some(sent) = sent {
                request.extensions_mut().insert(sent);
            }
            return self.next.handle(request).await;
        };
        let span = RequestSpan::start(traces, &mut request, sent.as_ref(), self.path(route));
        let response = self.next.handle(request).await;
        span.end(&response);
        response
    }
}
