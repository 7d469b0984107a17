//! The span of a request, and that of its authentication (OpenTelemetry semantic conventions for HTTP servers).

use axum::body::Body;
use http::{Extensions, Method, Request, Response, Version, header, uri::Authority};
use opentelemetry::{
    KeyValue,
    trace::{Span as _, SpanKind, Status},
};
use opentelemetry_sdk::trace::Span;

use super::{
    InTrace, Traces,
    attributes::{
        AUTHENTICATION, CANCELLED, CLIENT_ADDRESS, CORRELATION, ERROR_TYPE, HTTP_METHOD,
        HTTP_ROUTE, HTTP_STATUS, PROTOCOL_VERSION, REFUSAL, SERVER_ADDRESS, SERVER_PORT, URL_PATH,
        URL_SCHEME, attribute, told,
    },
    of_sdk, to_sdk,
};
use crate::{
    facts::{self, CorrelationId},
    refusal::Refusal,
    trace_context::TraceContext,
};

/// A request, from the trace door to the head of its answer. Dropped before that, its client has gone.
#[derive(Debug)]
#[must_use]
pub(crate) struct RequestSpan {
    span: Span,
    has_ended: bool,
}

impl RequestSpan {
    /// Begins the span, and writes into the request's extensions where it stands now. `parent` is what the client says
    /// it belongs to; `route` the path as it is declared.
    pub(crate) fn start(
        traces: &Traces,
        request: &mut Request<Body>,
        parent: Option<&TraceContext>,
        route: Option<&str>,
    ) -> Self {
        let parent = parent.map(|parent| to_sdk(parent, true));
        let mut span = traces.start("request", SpanKind::Server, parent, None);
        if span.is_recording() {
            let method = known(request.method());
            span.update_name(match route {
                Some(route) => format!("{method} {route}"),
                None => method.to_owned(),
            });
            describe(&mut span, request, method, route);
        }
        request.extensions_mut().insert(of_sdk(&span));
        request.extensions_mut().insert(InTrace {
            traces: traces.clone(),
            within_call: false,
        });
        Self {
            span,
            has_ended: false,
        }
    }

    /// The head of the answer is there.
    pub(crate) fn end(mut self, response: &Response<Body>) {
        self.has_ended = true;
        if !self.span.is_recording() {
            return;
        }
        let status = response.status();
        self.span
            .set_attribute(attribute(HTTP_STATUS, i64::from(status.as_u16())));
        if let Some(refusal) = response.extensions().get::<Refusal>() {
            self.span
                .set_attribute(attribute(REFUSAL, refusal.code.as_str()));
        }
        if status.is_server_error() {
            self.span
                .set_attribute(attribute(ERROR_TYPE, status.as_str().to_owned()));
            self.span.set_status(Status::error(""));
        }
    }
}

impl Drop for RequestSpan {
    fn drop(&mut self) {
        if !self.has_ended {
            self.span.set_attribute(attribute(ERROR_TYPE, CANCELLED));
        }
        self.span.end();
    }
}

/// The decision who asks.
#[derive(Debug)]
#[must_use]
pub(crate) struct AuthenticationSpan(Span);

impl AuthenticationSpan {
    /// Begins the span; `None` where the request is in no trace.
    pub(crate) fn start(extensions: &Extensions) -> Option<Self> {
        let traces = &extensions.get::<InTrace>()?.traces;
        let parent = extensions.get::<TraceContext>()?;
        // What stands above it was not recorded either.
        let parent = parent.is_sampled().then(|| to_sdk(parent, false))?;
        let span = traces.start("authentication", SpanKind::Internal, Some(parent), None);
        Some(Self(span))
    }

    /// It is decided: `None` for who may come in, else why not, in one word.
    pub(crate) fn end(mut self, failure: Option<&'static str>) {
        let outcome = failure.unwrap_or("admitted");
        self.0.set_attribute(attribute(AUTHENTICATION, outcome));
        self.0.end();
    }
}

fn describe(span: &mut Span, request: &Request<Body>, method: &'static str, route: Option<&str>) {
    let extensions = request.extensions();
    span.set_attribute(attribute(HTTP_METHOD, method));
    span.set_attribute(attribute(URL_SCHEME, "http"));
    span.set_attribute(attribute(
        URL_PATH,
        told(&crate::logs::path(request.uri().path())),
    ));
    span.set_attribute(attribute(PROTOCOL_VERSION, version(request.version())));
    span.set_attributes(route.map(|route| attribute(HTTP_ROUTE, route.to_owned())));
    let client = facts::client_address(extensions);
    span.set_attributes(client.map(|address| attribute(CLIENT_ADDRESS, address.to_string())));
    span.set_attributes(host(request).into_iter().flatten());
    let correlation = extensions.get::<CorrelationId>();
    span.set_attributes(correlation.map(|id| attribute(CORRELATION, told(id.as_str()))));
}

/// The name by which the client knows us, and the port.
fn host(request: &Request<Body>) -> Option<[KeyValue; 2]> {
    let of_header = || {
        let value = request.headers().get(header::HOST)?.to_str().ok()?;
        value.parse::<Authority>().ok()
    };
    let authority = request.uri().authority().cloned().or_else(of_header)?;
    let port = authority.port_u16().unwrap_or(80);
    Some([
        attribute(SERVER_ADDRESS, told(authority.host())),
        attribute(SERVER_PORT, i64::from(port)),
    ])
}

/// The methods there are (RFC 9110 §9, RFC 5789); clients can invent others without end.
fn known(method: &Method) -> &'static str {
    const KNOWN: [&str; 9] = [
        "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH",
    ];
    let found = KNOWN.iter().find(|known| **known == method.as_str());
    found.copied().unwrap_or("_OTHER")
}

fn version(version: Version) -> &'static str {
    match version {
        Version::HTTP_2 => "2",
        Version::HTTP_10 => "1.0",
        _ => "1.1",
    }
}
