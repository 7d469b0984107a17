use std::sync::{Arc, Mutex};

use axum::body::Body;
use http::{Request, Response, StatusCode, request::Parts};
use opentelemetry::trace::{SpanKind, Status};
use opentelemetry_sdk::{
    error::{OTelSdkError, OTelSdkResult},
    trace::SpanData,
};
use rmcp::{
    RoleServer,
    model::{NumberOrString, RequestMetaObject},
    service::{RequestContext, serve_directly},
};
use serde_json::{Value, json};

use super::*;
use crate::{
    facts::{CorrelationId, PeerAddress, Route},
    logs::tests::captured,
    refusal::{Code, Refusal},
    server::McpServer,
};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SAMPLED: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const UNSAMPLED: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";
const NEARER: &str = "00-11111111111111111111111111111111-2222222222222222-01";

/// Spans in memory.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memory(Arc<Mutex<Vec<SpanData>>>);

impl Exports for Memory {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.0.lock().unwrap().extend(batch);
        Ok(())
    }
}

/// Traces, and what has been told of them.
pub(crate) struct Told {
    pub(crate) traces: Traces,
    memory: Memory,
}

impl Told {
    pub(crate) fn new() -> Self {
        let memory = Memory::default();
        let traces = Traces::told_to(memory.clone(), &service());
        Self { traces, memory }
    }

    /// All spans that have ended.
    pub(crate) fn spans(&self) -> Vec<SpanData> {
        self.traces.0.provider.force_flush().unwrap();
        self.memory.0.lock().unwrap().clone()
    }

    fn only(&self) -> SpanData {
        let mut spans = self.spans();
        assert_eq!(spans.len(), 1, "{spans:?}");
        spans.remove(0)
    }
}

fn service() -> Service {
    Service {
        name: "fixture".to_owned(),
        version: "1.2.3".to_owned(),
        environment: "test".to_owned(),
    }
}

fn value(span: &SpanData, name: &str) -> Option<String> {
    let mut found = span.attributes.iter().filter(|it| it.key.as_str() == name);
    let value = found.next().map(|it| it.value.to_string());
    assert!(found.next().is_none(), "{name} twice");
    value
}

fn request(path: &str) -> Request<Body> {
    Request::post(path)
        .header("host", "api.example:8443")
        .extension(PeerAddress(([192, 0, 2, 1], 4711).into()))
        .extension(CorrelationId("id-1".into()))
        .extension(Route::Mcp)
        .body(Body::empty())
        .unwrap()
}

fn answer(status: u16) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    response
}

fn parsed(parent: &str) -> TraceContext {
    TraceContext::parse(parent, Some("a=1")).unwrap()
}

#[test]
fn a_request_is_a_span_by_the_conventions_of_http() {
    let told = Told::new();
    let mut request = request("/mcp?canary=query");
    let span = RequestSpan::start(&told.traces, &mut request, None, Some("/mcp"));
    let here = request.extensions().get::<TraceContext>().cloned().unwrap();
    span.end(&answer(200));
    let span = told.only();
    assert_eq!(span.name, "POST /mcp");
    assert_eq!(span.span_kind, SpanKind::Server);
    assert_eq!(span.status, Status::Unset);
    assert_eq!(
        span.span_context.trace_id().to_string(),
        here.trace_id().to_string()
    );
    for (name, expected) in [
        ("http.request.method", "POST"),
        ("http.route", "/mcp"),
        ("http.response.status_code", "200"),
        ("url.path", "/mcp"),
        ("url.scheme", "http"),
        ("server.address", "api.example"),
        ("server.port", "8443"),
        ("client.address", "192.0.2.1"),
        ("network.protocol.version", "1.1"),
        ("simply_mcp.correlation_id", "id-1"),
    ] {
        assert_eq!(value(&span, name).as_deref(), Some(expected), "{name}");
    }
    assert_eq!(value(&span, "error.type"), None);
    assert!(!format!("{span:?}").contains("canary"));
}

#[test]
fn only_what_is_our_own_fault_is_an_error() {
    for (status, fault) in [
        (404, None),
        (429, None),
        (500, Some("500")),
        (503, Some("503")),
    ] {
        let told = Told::new();
        let span = RequestSpan::start(&told.traces, &mut request("/x"), None, None);
        let mut response = answer(status);
        let refusal = Refusal::new(Code::NotFound, "nothing is here");
        response.extensions_mut().insert(refusal);
        span.end(&response);
        let span = told.only();
        assert_eq!(
            span.name, "POST",
            "a path that is not declared names nothing"
        );
        assert_eq!(value(&span, "error.type").as_deref(), fault);
        assert_eq!(span.status != Status::Unset, fault.is_some());
        assert_eq!(
            value(&span, "simply_mcp.refusal").as_deref(),
            Some("not_found")
        );
    }
}

#[test]
fn a_request_whose_client_has_gone_says_so() {
    let told = Told::new();
    drop(RequestSpan::start(
        &told.traces,
        &mut request("/mcp"),
        None,
        None,
    ));
    let span = told.only();
    assert_eq!(value(&span, "error.type").as_deref(), Some("cancelled"));
    assert_eq!(value(&span, "http.response.status_code"), None);
}

#[test]
fn what_a_client_invents_makes_no_names_and_tells_no_keys() {
    let told = Told::new();
    let mut request = request("/smcp_0a1b2c3d");
    *request.method_mut() = http::Method::from_bytes(b"INVENTED").unwrap();
    request.headers_mut().remove("host");
    RequestSpan::start(&told.traces, &mut request, None, None).end(&answer(404));
    let span = told.only();
    assert_eq!(span.name, "_OTHER");
    assert_eq!(value(&span, "url.path").as_deref(), Some("/smcp_***"));
    assert_eq!(value(&span, "server.address"), None);
}

// HDR-04
#[test]
fn a_request_continues_the_trace_of_its_client() {
    let told = Told::new();
    let mut request = request("/mcp");
    let sent = parsed(SAMPLED);
    let span = RequestSpan::start(&told.traces, &mut request, Some(&sent), None);
    let here = request.extensions().get::<TraceContext>().cloned().unwrap();
    span.end(&answer(200));
    let span = told.only();
    assert_eq!(span.span_context.trace_id().to_string(), TRACE);
    assert_eq!(span.parent_span_id.to_string(), "00f067aa0ba902b7");
    assert!(span.parent_span_is_remote);
    assert_eq!(here.tracestate(), Some("a=1"));
    assert_eq!(
        here.traceparent(),
        format!("00-{TRACE}-{}-01", span.span_context.span_id())
    );
}

#[tokio::test]
async fn a_trace_that_its_client_does_not_record_is_told_nowhere_and_handed_on() {
    let told = Told::new();
    let mut context = context(Some(UNSAMPLED), None, &told).await;
    let authentication = AuthenticationSpan::start(&parts(&context).extensions);
    assert!(authentication.is_none());
    let mut span = ToolSpan::start(&mut context).unwrap();
    span.found("echo");
    let mut meta = RequestMetaObject::default();
    let call = OutgoingCall::start(&context, "tools/call", Some("echo"));
    call.write_to(&mut meta);
    call.end(None, None);
    span.end(Some("panic"));
    let handed_on = meta.get_traceparent().unwrap();
    assert!(handed_on.starts_with(&format!("00-{TRACE}-")) && handed_on.ends_with("-00"));
    assert_eq!(told.spans().len(), 0);
}

fn parts(context: &RequestContext<RoleServer>) -> &Parts {
    context.extensions.get::<Parts>().unwrap()
}

/// What the handler gets of a request whose span is that of `told`; `sent` stands in its header, `meta` in `_meta`.
async fn context(
    sent: Option<&str>,
    meta: Option<&str>,
    told: &Told,
) -> RequestContext<RoleServer> {
    let mut request = request("/mcp");
    request
        .headers_mut()
        .insert("mcp-session-id", "canary-session".parse().unwrap());
    let sent = sent.map(parsed);
    let span = RequestSpan::start(&told.traces, &mut request, sent.as_ref(), Some("/mcp"));
    span.end(&answer(200));
    let (ours, _theirs) = tokio::io::duplex(64);
    let running = serve_directly(McpServer::new("fixture", "1"), ours, None);
    let mut context = RequestContext::new(NumberOrString::Number(7), running.peer().clone());
    context.extensions.insert(request.into_parts().0);
    if let Some(meta) = meta {
        context.meta.set_traceparent(meta);
        context.meta.set_tracestate("m=1");
    }
    context
}

#[tokio::test]
async fn a_call_is_a_span_by_the_conventions_of_mcp() {
    let told = Told::new();
    let mut context = context(None, None, &told).await;
    let mut span = ToolSpan::start(&mut context).unwrap();
    span.found("echo");
    let outgoing = OutgoingCall::start(&context, "tools/call", Some("echo"));
    let mut meta = RequestMetaObject::default();
    meta.set_tracestate("stale=1");
    outgoing.write_to(&mut meta);
    outgoing.end(Some("timeout"), Some(-32000));
    span.answered_with(rmcp::model::ErrorCode(-32000));
    span.end(Some("timeout"));
    let spans = told.spans();
    let [request, outgoing, call] = &spans[..] else {
        panic!("{spans:?}")
    };
    assert_eq!(call.name, "tools/call echo");
    assert_eq!(call.span_kind, SpanKind::Server);
    assert_eq!(call.parent_span_id, request.span_context.span_id());
    assert!(!call.parent_span_is_remote);
    assert!(call.links.is_empty());
    for (name, expected) in [
        ("mcp.method.name", Some("tools/call")),
        ("gen_ai.operation.name", Some("execute_tool")),
        ("gen_ai.tool.name", Some("echo")),
        ("jsonrpc.request.id", Some("7")),
        ("network.transport", Some("tcp")),
        ("error.type", Some("timeout")),
        ("rpc.response.status_code", Some("-32000")),
    ] {
        assert_eq!(value(call, name).as_deref(), expected, "{name}");
    }
    assert!(matches!(call.status, Status::Error { .. }));
    assert_eq!(value(call, "mcp.session.id").unwrap().len(), 32);
    assert!(!format!("{spans:?}").contains("canary"));

    assert_eq!(outgoing.name, "tools/call echo");
    assert_eq!(outgoing.span_kind, SpanKind::Client);
    assert_eq!(outgoing.parent_span_id, call.span_context.span_id());
    assert_eq!(value(outgoing, "error.type").as_deref(), Some("timeout"));
    let written = meta.get_traceparent().unwrap();
    let expected = format!(
        "00-{}-{}-01",
        request.span_context.trace_id(),
        outgoing.span_context.span_id()
    );
    assert_eq!(written, expected);
    assert_eq!(meta.get_tracestate(), None, "that of another trace");
}

// HDR-04
#[tokio::test]
async fn the_parent_that_a_message_names_is_nearer_than_that_of_its_request() {
    let told = Told::new();
    let mut nearer = context(Some(SAMPLED), Some(NEARER), &told).await;
    let span = ToolSpan::start(&mut nearer).unwrap();
    let mut meta = nearer.meta.clone();
    meta.insert("baggage".to_owned(), json!("k=v"));
    let outgoing = OutgoingCall::start(&nearer, "tools/call", None);
    outgoing.write_to(&mut meta);
    outgoing.end(None, None);
    span.end(None);
    let spans = told.spans();
    let [request, outgoing, call] = &spans[..] else {
        panic!("{spans:?}")
    };
    assert_eq!(request.span_context.trace_id().to_string(), TRACE);
    assert_eq!(call.parent_span_id.to_string(), "2222222222222222");
    assert_eq!(call.span_context.trace_id().to_string(), "1".repeat(32));
    assert!(call.parent_span_is_remote);
    assert_eq!(call.links.links[0].span_context, request.span_context);
    assert_eq!(outgoing.parent_span_id, call.span_context.span_id());
    assert!(outgoing.links.is_empty());
    assert_eq!(meta.get_tracestate(), Some("m=1"));
    assert_eq!(meta.get("baggage"), Some(&json!("k=v")));
}

// HDR-04
#[tokio::test]
async fn a_message_that_names_no_good_parent_belongs_to_its_request() {
    for meta in ["", "nonsense", &SAMPLED.to_uppercase()] {
        let told = Told::new();
        let mut context = context(Some(SAMPLED), Some(meta), &told).await;
        ToolSpan::start(&mut context).unwrap().end(None);
        let spans = told.spans();
        assert_eq!(spans[1].parent_span_id, spans[0].span_context.span_id());
        assert_eq!(spans[1].name, "tools/call", "no tool was found");
    }
}

#[tokio::test]
async fn what_is_dropped_was_cancelled() {
    let told = Told::new();
    let mut context = context(None, None, &told).await;
    let call = ToolSpan::start(&mut context).unwrap();
    drop(OutgoingCall::start(&context, "tools/list", None));
    drop(call);
    for span in &told.spans()[1..] {
        assert_eq!(value(span, "error.type").as_deref(), Some("cancelled"));
    }
}

#[tokio::test]
async fn where_nothing_is_told_what_a_client_sent_stays_as_it_was() {
    let told = Told::new();
    let mut context = context(None, Some("as it was"), &told).await;
    let parts = context.extensions.get_mut::<Parts>().unwrap();
    parts.extensions.remove::<InTrace>();
    let of_request = parts.extensions.remove::<TraceContext>().unwrap();
    assert!(ToolSpan::start(&mut context).is_none());
    let mut meta = context.meta.clone();
    let outgoing = OutgoingCall::start(&context, "tools/call", Some("echo"));
    outgoing.write_to(&mut meta);
    assert_eq!(meta, context.meta);
    // The trace of the request's header, which no valid one of the message is nearer than.
    let parts = context.extensions.get_mut::<Parts>().unwrap();
    parts.extensions.insert(of_request.clone());
    let outgoing = OutgoingCall::start(&context, "tools/call", Some("echo"));
    outgoing.write_to(&mut meta);
    let handed_on = of_request.traceparent();
    assert_eq!(meta.get_traceparent(), Some(handed_on.as_str()));
}

#[test]
fn the_service_is_the_server_unless_the_variables_say_otherwise() {
    let resource = resource(&service());
    let value = |name: &'static str| resource.get(&name.into()).map(|value| value.to_string());
    assert_eq!(value("service.name").as_deref(), Some("fixture"));
    assert_eq!(value("service.version").as_deref(), Some("1.2.3"));
    assert_eq!(
        value("deployment.environment.name").as_deref(),
        Some("test")
    );
}

/// A collector that takes what it is told to take.
#[derive(Debug)]
struct Moody(Arc<Mutex<bool>>);

impl Exports for Moody {
    async fn export(&self, _batch: Vec<SpanData>) -> OTelSdkResult {
        if *self.0.lock().unwrap() {
            return Ok(());
        }
        Err(OTelSdkError::InternalFailure("no".to_owned()))
    }
}

// LOG-05
#[tokio::test]
async fn an_outage_is_told_once_and_so_is_its_end() {
    let lines = captured(|| async {
        let mood = Arc::new(Mutex::new(true));
        let delivery = Delivery::new(Moody(Arc::clone(&mood)), Arc::default());
        let span = || vec![];
        for good in [true, false, false, false, true, true, false] {
            *mood.lock().unwrap() = good;
            let _ = delivery.export(span()).await;
        }
    })
    .await;
    let said: Vec<&Value> = lines.iter().map(|line| &line["level"]).collect();
    assert_eq!(said, ["WARN", "INFO", "WARN"]);
}

#[test]
fn a_queue_that_is_full_drops_spans_and_holds_nobody_up() {
    #[derive(Debug)]
    struct Stuck(Arc<Mutex<()>>);
    impl Exports for Stuck {
        async fn export(&self, _batch: Vec<SpanData>) -> OTelSdkResult {
            drop(self.0.lock().unwrap());
            Ok(())
        }
    }
    let lock = Arc::new(Mutex::new(()));
    let held = lock.lock().unwrap();
    let traces = Traces::told_to(Stuck(Arc::clone(&lock)), &service());
    // More than the queue holds. It ends, although nothing is delivered.
    for _ in 0..10_000 {
        RequestSpan::start(&traces, &mut request("/mcp"), None, None).end(&answer(200));
    }
    drop(traces);
    drop(held);
}
