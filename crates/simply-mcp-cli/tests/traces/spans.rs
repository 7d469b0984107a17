//! Which spans there are of a request, by whichever door it came, and how they hang together.

use opentelemetry_proto::tonic::trace::v1::{Span, span::SpanKind, status::StatusCode};
use serde_json::{Value, json};

use crate::{
    collector::{Asked, Collector, Mood},
    program::{Program, call},
};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// The four spans of one call: of the request, the authentication, the tool and the child.
struct Call {
    request: Span,
    authentication: Span,
    tool: Span,
    child: Span,
}

impl Call {
    /// Waits for the spans of a call of `echo`, which are all there are.
    fn of(collector: &Collector, request: &str) -> Self {
        Self::among(&collector.spans(4), request)
    }

    fn among(spans: &[Span], request: &str) -> Self {
        let one = |name: &str, kinds: &[SpanKind]| {
            let mut found = spans
                .iter()
                .filter(|span| span.name == name && kinds.contains(&span.kind()));
            let only = found
                .next()
                .unwrap_or_else(|| panic!("no {name} in {spans:#?}"));
            assert!(found.next().is_none(), "{name} twice");
            only.clone()
        };
        Self {
            request: one(request, &[SpanKind::Server]),
            authentication: one("authentication", &[SpanKind::Internal]),
            tool: one("tools/call echo", &[SpanKind::Server, SpanKind::Internal]),
            child: one("tools/call echo", &[SpanKind::Client]),
        }
    }

    fn hangs_together(&self) {
        assert_eq!(self.authentication.parent(), self.request.id());
        assert_eq!(self.tool.parent(), self.request.id());
        assert_eq!(self.child.parent(), self.tool.id());
        for span in [&self.authentication, &self.tool, &self.child] {
            assert_eq!(span.trace(), self.request.trace());
        }
    }

    /// What the child must find in its `_meta`.
    fn traceparent(&self) -> String {
        format!("00-{}-{}-01", self.child.trace(), self.child.id())
    }
}

/// What the child saw in its `_meta`, from the answer of `echo`.
fn seen(answer: &Value) -> &Value {
    &answer["result"]["_meta"]["seen"]
}

#[test]
fn a_call_by_rest_is_told_from_the_request_to_the_child() {
    let collector = Collector::new(Mood::Takes);
    let program = Program::traced(&collector, &[]);
    let headers = [("traceparent", SENT), ("x-correlation-id", "follow-me")];
    let answer = program.rest("echo", &headers, &json!({"message": "hello"}));
    assert_eq!(answer.status, 200, "{}", answer.body);
    let call = Call::of(&collector, "POST /tools/{name}");
    call.hangs_together();
    assert_eq!(call.request.trace(), TRACE);
    assert_eq!(call.request.parent(), "00f067aa0ba902b7");
    assert_eq!(
        call.tool.kind(),
        SpanKind::Internal,
        "no message of MCP came"
    );
    assert_eq!(call.tool.text("jsonrpc.request.id"), None);
    for (name, value) in [
        ("http.route", "/tools/{name}"),
        ("http.request.method", "POST"),
        ("http.response.status_code", "200"),
        ("url.path", "/tools/echo"),
        ("simply_mcp.correlation_id", "follow-me"),
        ("client.address", "127.0.0.1"),
        ("server.address", "localhost"),
        ("network.protocol.version", "1.1"),
    ] {
        assert_eq!(call.request.text(name).as_deref(), Some(value), "{name}");
    }
    let outcome = call.authentication.text("simply_mcp.authentication");
    assert_eq!(outcome.as_deref(), Some("admitted"));
    assert_eq!(collector.service(), "fixture");
    let logged = program.line(|line| line["message"] == "Request completed");
    assert_eq!(logged["context"]["trace_id"], TRACE);
    assert_eq!(logged["correlation_id"], "follow-me");
}

#[test]
fn a_call_by_mcp_is_told_alike_in_every_version() {
    let modern = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name": "c", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    for (version, meta) in [
        ("2026-07-28", modern),
        ("2025-06-18", json!({})),
        ("2025-03-26", json!({})),
    ] {
        let collector = Collector::new(Mood::Takes);
        let program = Program::traced(&collector, &[]);
        let headers = [
            ("mcp-protocol-version", version),
            ("mcp-method", "tools/call"),
            ("mcp-name", "echo"),
        ];
        let answer = program.send("POST /mcp", &headers, &call("echo", &meta).to_string());
        let answer = answer.json();
        let call = Call::of(&collector, "POST /mcp");
        call.hangs_together();
        assert_eq!(call.request.parent(), "", "it begins a trace");
        assert_eq!(call.tool.kind(), SpanKind::Server);
        assert_eq!(seen(&answer)["traceparent"], call.traceparent());
        for (name, value) in [
            ("mcp.method.name", "tools/call"),
            ("mcp.protocol.version", version),
            ("gen_ai.tool.name", "echo"),
            ("gen_ai.operation.name", "execute_tool"),
            ("jsonrpc.request.id", "1"),
        ] {
            assert_eq!(call.tool.text(name).as_deref(), Some(value), "{name}");
        }
        assert_eq!(call.child.text("gen_ai.tool.name").as_deref(), Some("echo"));
    }
}

#[test]
fn a_call_in_a_session_is_told_with_a_digest_of_the_session() {
    let collector = Collector::new(Mood::Takes);
    let program = Program::traced(&collector, &[]);
    let client = json!({"name": "c", "version": "1"});
    let params = json!({"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": client});
    let hello = json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params});
    let answer = program.send("POST /mcp", &[], &hello.to_string());
    let session = answer.header("mcp-session-id").unwrap().to_owned();
    let headers = [
        ("mcp-session-id", &*session),
        ("mcp-protocol-version", "2025-06-18"),
    ];
    let ready = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
    program.send("POST /mcp", &headers, &ready.to_string());
    // Three requests, each with its authentication.
    collector.spans(4);
    let answer = program.send("POST /mcp", &headers, &call("echo", &json!({})).to_string());
    let spans = collector.spans(8);
    let call = Call::among(&spans[4..], "POST /mcp");
    call.hangs_together();
    assert_eq!(seen(&answer.json())["traceparent"], call.traceparent());
    let told = call.tool.text("mcp.session.id").unwrap();
    assert_eq!(told.len(), 32);
    assert!(!format!("{spans:?}").contains(&session));
}

#[test]
fn each_call_of_a_batch_is_a_span_below_the_one_request() {
    let collector = Collector::new(Mood::Takes);
    let program = Program::traced(&collector, &[]);
    let mut second = call("fail", &json!({}));
    second["id"] = json!(2);
    let batch = json!([call("echo", &json!({})), second]).to_string();
    let version = [("mcp-protocol-version", "2025-03-26")];
    let answer = program.send("POST /mcp", &version, &batch);
    assert_eq!(answer.status, 200);
    let spans = collector.spans(6);
    let request = spans.iter().find(|span| span.name == "POST /mcp").unwrap();
    for tool in ["tools/call echo", "tools/call fail"] {
        let of_tool: Vec<_> = spans.iter().filter(|span| span.name == tool).collect();
        let server = of_tool
            .iter()
            .find(|it| it.kind() == SpanKind::Server)
            .unwrap();
        let client = of_tool
            .iter()
            .find(|it| it.kind() == SpanKind::Client)
            .unwrap();
        assert_eq!(server.parent(), request.id(), "{tool}");
        assert_eq!(client.parent(), server.id(), "{tool}");
    }
}

// HDR-04
#[test]
fn the_parent_in_a_message_is_nearer_than_that_of_its_request() {
    let collector = Collector::new(Mood::Takes);
    let program = Program::traced(&collector, &[]);
    let nearer = "00-11111111111111111111111111111111-2222222222222222-01";
    let meta = json!({"traceparent": nearer, "tracestate": "a=1", "baggage": "k=v", "x": 1});
    let answer = program
        .direct("echo", &[("traceparent", SENT)], &meta)
        .json();
    let call = Call::of(&collector, "POST /mcp");
    assert_eq!(call.request.trace(), TRACE);
    assert_eq!(call.tool.trace(), "1".repeat(32));
    assert_eq!(call.tool.parent(), "2222222222222222");
    let link = &call.tool.links[0];
    assert_eq!(link.span_id, call.request.span_id);
    assert_eq!(call.child.parent(), call.tool.id());
    let seen = seen(&answer);
    assert_eq!(seen["traceparent"], call.traceparent());
    assert_eq!(seen["tracestate"], "a=1");
    assert_eq!(seen["baggage"], "k=v");
    assert_eq!(seen["x"], 1);
    let logged = program.line(|line| line["message"] == "Request completed");
    assert_eq!(logged["context"]["trace_id"], "1".repeat(32));
}

// HDR-04
#[test]
fn rubbish_about_traces_begins_a_new_one_and_is_never_refused() {
    let collector = Collector::new(Mood::Takes);
    let program = Program::traced(&collector, &[]);
    let meta = json!({"traceparent": 7, "tracestate": ["x"]});
    let headers = [
        ("traceparent", SENT),
        ("traceparent", SENT),
        ("tracestate", "\u{7f}"),
    ];
    // A header that no HTTP allows is not sent; two that disagree are.
    let answer = program.direct("echo", &headers[..2], &meta);
    assert_eq!(answer.status, 200, "{}", answer.body);
    let call = Call::of(&collector, "POST /mcp");
    call.hangs_together();
    assert_ne!(call.request.trace(), TRACE);
    assert_eq!(seen(&answer.json())["traceparent"], call.traceparent());
    assert_eq!(seen(&answer.json())["tracestate"], Value::Null);
}

#[test]
fn a_trace_that_its_client_does_not_record_is_handed_on_and_told_nowhere() {
    let collector = Collector::new(Mood::Takes);
    let program = Program::traced(&collector, &[]);
    let unsampled = format!("00-{TRACE}-00f067aa0ba902b7-00");
    let answer = program.direct("echo", &[("traceparent", &unsampled)], &json!({}));
    let answer = answer.json();
    let handed_on = seen(&answer)["traceparent"].as_str().unwrap();
    assert!(
        handed_on.starts_with(&format!("00-{TRACE}-")),
        "{handed_on}"
    );
    assert!(handed_on.ends_with("-00"), "{handed_on}");
    // A second one that is told shows that the first has not been.
    program.direct("echo", &[("traceparent", SENT)], &json!({}));
    Call::of(&collector, "POST /mcp").hangs_together();
}

#[test]
fn probes_and_metrics_make_no_spans() {
    let collector = Collector::new(Mood::Takes);
    let program = Program::traced(&collector, &[]);
    for path in ["/health", "/health/live", "/health/ready", "/metrics"] {
        let answer = program.send(&format!("GET {path}"), &[("traceparent", SENT)], "");
        assert_eq!(answer.status, 200, "{path}");
    }
    program.rest("echo", &[], &json!({"message": ""}));
    Call::of(&collector, "POST /tools/{name}");
}

#[test]
fn what_goes_wrong_is_told_in_the_words_of_the_metrics() {
    for (tool, outcome, code, of_child) in [
        ("fail", "tool_error", None, Some("tool_error")),
        ("refuse", "tool_error", Some("-32123"), Some("tool_error")),
        ("crash", "refused", Some("-32000"), Some("child_down")),
        (
            "nothing",
            "unknown_tool",
            Some("-32602"),
            Some("tool_error"),
        ),
    ] {
        let collector = Collector::new(Mood::Takes);
        let program = Program::traced(&collector, &[]);
        program.direct(tool, &[], &json!({}));
        let name = match tool {
            "nothing" => "tools/call".to_owned(),
            tool => format!("tools/call {tool}"),
        };
        let spans = collector.ended("POST /mcp", 1);
        let of_kind = |kind| {
            let mut found = spans.iter().filter(|span| span.name == name);
            found.find(|span| span.kind() == kind)
        };
        let served = of_kind(SpanKind::Server).unwrap_or_else(|| panic!("{tool}: {spans:#?}"));
        assert_eq!(
            served.text("error.type").as_deref(),
            Some(outcome),
            "{tool}"
        );
        assert_eq!(
            served.text("rpc.response.status_code").as_deref(),
            code,
            "{tool}"
        );
        let status = served.status.as_ref().unwrap();
        assert_eq!(status.code(), StatusCode::Error);
        assert_eq!(
            status.message, "",
            "what an error says may hold an argument"
        );
        let asked = of_kind(SpanKind::Client).map(|it| it.text("error.type").unwrap());
        assert_eq!(asked.as_deref(), of_child, "{tool}");
    }
}

#[test]
fn a_refusal_is_told_with_its_reason_and_without_the_key() {
    let collector = Collector::new(Mood::Takes);
    let program = Program::traced(&collector, &[]);
    // The header that `send` adds makes it two, and two are none.
    let wrong = [("authorization", "Bearer canary-key")];
    assert_eq!(program.rest("echo", &wrong, &json!({})).status, 401);
    let spans = collector.spans(2);
    let of = |name: &str| spans.iter().find(|span| span.name == name).unwrap();
    let request = of("POST /tools/{name}");
    assert_eq!(
        request.text("http.response.status_code").as_deref(),
        Some("401")
    );
    assert_eq!(
        request.text("simply_mcp.refusal").as_deref(),
        Some("unauthorized")
    );
    assert_eq!(request.text("error.type"), None, "no fault of ours");
    let outcome = of("authentication").text("simply_mcp.authentication");
    assert!(outcome.is_some_and(|outcome| outcome != "admitted"));
    assert!(!format!("{spans:?}").contains("canary"));
}
