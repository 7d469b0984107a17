//! Sees every request from its arrival to its end, and tells of it: one line of the log, and the series of requests.
//!
//! | | |
//! | --- | --- |
//! | reads | section `monitoring`: `log_requests`, `log_responses`, `prometheus_enabled`; [`Route`], [`CorrelationId`], [`facts::client_address`], [`TraceContext`] of the request; [`CalledTool`], [`Refusal`], [`AuthFailure`], [`TraceContext`] of the answer |
//! | writes | [`SeenCaller`], for the authentication door to fill in; the event `Request completed` at INFO; `http_requests_total`, `http_request_duration_seconds`, `http_request_size_bytes`, `http_response_size_bytes`, `http_request_queue_size` |
//! | answers | nothing |
//! | default | both on; the line goes where the program's `tracing` subscriber sends it |
//!
//! An answer that is whole is told of at once. One that streams is when it has ended or its reader has gone: its line
//! then has the whole time and every byte, while `http_request_duration_seconds` has the time to the head, as a
//! stream may live for hours. A request whose client went away before the answer is told of with the status 499, as
//! nginx has it. Its time is that until then. A body of unknown length is counted as it passes; nothing is wrapped around one that says how long it
//! is, and one that says more than this server ever reads counts as nothing.
//!
//! Never a header, a query, an argument or a body: those can carry secrets. With `log_responses` the bodies of answers,
//! cut and searched for what is named like a secret. Of refusals, so many lines a second for each code, and one line
//! that says how many there were beside them. What never becomes a request is not seen here: the HTTP library answers
//! a head that is too large (431) or not HTTP (400) by itself.
//!
//! [`CalledTool`]: crate::facts::CalledTool
//! [`CorrelationId`]: crate::facts::CorrelationId
//! [`SeenCaller`]: crate::facts::SeenCaller
//! [`AuthFailure`]: crate::facts::AuthFailure
//! [`facts::client_address`]: crate::facts::client_address
//! [`Refusal`]: crate::refusal::Refusal
//! [`Route`]: crate::facts::Route
//! [`TraceContext`]: crate::trace_context::TraceContext

mod bodies;
mod floods;
mod line;
mod watch;

use std::sync::Arc;

use axum::body::Body;
use http::{Request, Response};
use tokio_util::sync::CancellationToken;

use self::{floods::Floods, watch::Watch};
use crate::{handle::Handle, metrics::HttpSeries};

/// The `logger` of an access line.
const TARGET: &str = "simply_mcp::access";

/// Whom it tells.
#[derive(Clone, Debug)]
pub(crate) struct Observers {
    /// `None` where nothing is counted.
    pub(crate) series: Option<Arc<HttpSeries>>,
    /// Whether each request is a line of the log.
    pub(crate) log: bool,
    /// Whether that line shows the answer.
    pub(crate) log_responses: bool,
    /// Cancelled when the server ends what still runs.
    pub(crate) over: CancellationToken,
}

pub(super) struct Observation<N> {
    next: N,
    observers: Arc<Shared>,
}

/// What all requests have in common.
struct Shared {
    to: Observers,
    floods: Arc<Floods>,
}

impl<N> Observation<N> {
    pub(super) fn new(next: N, to: Observers) -> Self {
        let floods = Arc::new(Floods::new());
        Self {
            next,
            observers: Arc::new(Shared { to, floods }),
        }
    }
}

impl Shared {
    fn logs(&self) -> bool {
        self.to.log && tracing::enabled!(target: TARGET, tracing::Level::INFO)
    }
}

impl<N: Handle> Handle for Observation<N> {
    async fn handle(&self, request: Request<Body>) -> Response<Body> {
        let logs = self.observers.logs();
        if !logs && self.observers.to.series.is_none() {
            return self.next.handle(request).await;
        }
        let (watch, request) = Watch::begin(&self.observers, logs, request);
        let response = self.next.handle(request).await;
        watch.answered(response)
    }
}

#[cfg(test)]
mod tests;
