//! The line of a finished request.

use std::{net::IpAddr, sync::Arc, time::Duration};

use axum::body::Body;
use http::{Method, Request, Response, StatusCode};

use super::{TARGET, floods::Floods};
use crate::{
    facts::{self, AuthFailure, CalledTool, Caller, CorrelationId, SeenCaller},
    logs,
    refusal::{Code, Refusal},
    trace_context::TraceContext,
};

/// What the request says of itself.
pub(super) struct Line {
    method: Method,
    path: String,
    id: Option<CorrelationId>,
    client: Option<IpAddr>,
    trace: Option<TraceContext>,
    caller: SeenCaller,
    /// What the answer says, once there is one.
    pub(super) head: Option<Head>,
    /// The answer's body as it may be shown.
    pub(super) shown: Option<String>,
}

/// What the answer says of itself.
pub(super) struct Head {
    status: StatusCode,
    tool: Option<CalledTool>,
    code: Option<Code>,
    /// What the message says is nearer to the tool than what the request said.
    trace: Option<TraceContext>,
    pub(super) reason: Option<&'static str>,
}

impl Line {
    /// Also lays out the place where the authentication door says who called.
    pub(super) fn of(request: &mut Request<Body>) -> Self {
        let caller = SeenCaller::default();
        request.extensions_mut().insert(caller.clone());
        Self {
            method: request.method().clone(),
            path: logs::path(request.uri().path()).into_owned(),
            id: request.extensions().get::<CorrelationId>().cloned(),
            client: facts::client_address(request.extensions()),
            trace: request.extensions().get::<TraceContext>().cloned(),
            caller,
            head: None,
            shown: None,
        }
    }

    /// Writes the line, unless there are too many of its kind.
    pub(super) fn write(
        &self,
        head: &Head,
        duration: Duration,
        bytes: [u64; 2],
        floods: &Arc<Floods>,
    ) {
        if !floods.lets_pass(head.status, head.code) {
            return;
        }
        let [bytes_in, bytes_out] = bytes;
        let trace = head.trace.as_ref().or(self.trace.as_ref());
        tracing::info!(
            target: TARGET,
            correlation_id = self.id.as_ref().map(CorrelationId::as_str),
            method = self.method.as_str(),
            path = self.path,
            status = head.status.as_u16(),
            duration = duration.as_secs_f64(),
            tool = head.tool.as_ref().map(|tool| &*tool.0),
            key = self.caller.0.get().and_then(Caller::name),
            client = self.client.map(tracing::field::display),
            bytes_in,
            bytes_out,
            code = head.code.map(Code::as_str),
            reason = head.reason,
            trace_id = trace.map(|trace| tracing::field::display(trace.trace_id())),
            response = self.shown,
            "Request completed"
        );
    }
}

impl Head {
    pub(super) fn of(response: &Response<Body>) -> Self {
        let extensions = response.extensions();
        Self {
            status: response.status(),
            tool: extensions.get::<CalledTool>().cloned(),
            code: extensions.get::<Refusal>().map(|refusal| refusal.code),
            trace: extensions.get::<TraceContext>().cloned(),
            reason: extensions.get::<AuthFailure>().map(|failure| failure.0),
        }
    }

    /// Of a request that nobody waits for any longer.
    pub(super) fn without_answer(status: StatusCode) -> Self {
        Self {
            status,
            tool: None,
            code: None,
            trace: None,
            reason: None,
        }
    }
}
