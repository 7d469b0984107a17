//! Without traces: the trace is named in the log, and handed on.

use serde_json::json;

use crate::program::Program;

const OF_REQUEST: &str = "00-11111111111111111111111111111111-2222222222222222-01";

const SENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

// HDR-04
#[test]
fn what_a_client_says_of_its_trace_reaches_the_child() {
    let program = Program::start(&[]);
    let of_message = json!({"traceparent": SENT, "tracestate": "a=1", "baggage": "k=v"});
    let invalid = json!({"traceparent": "nonsense", "tracestate": 7});
    let headers = [("traceparent", OF_REQUEST)];
    for (headers, meta, seen) in [
        (&headers[..], of_message.clone(), of_message.clone()),
        (&[], of_message.clone(), of_message),
        (
            &headers,
            invalid.clone(),
            json!({"traceparent": OF_REQUEST}),
        ),
        (&[], invalid.clone(), invalid),
        (
            &headers,
            json!({"x": 1}),
            json!({"x": 1, "traceparent": OF_REQUEST}),
        ),
        (&[], json!({"x": 1}), json!({"x": 1})),
    ] {
        let answer = program.direct("echo", headers, &meta).json();
        assert_eq!(answer["result"]["_meta"]["seen"], seen, "{meta}");
    }
}

#[test]
fn the_log_names_the_trace_of_the_message_else_that_of_the_request() {
    let program = Program::start(&[]);
    let of_request = [("traceparent", OF_REQUEST)];
    for (headers, meta, expected) in [
        (&of_request[..], json!({}), Some("1".repeat(32))),
        (
            &of_request[..],
            json!({"traceparent": "nonsense"}),
            Some("1".repeat(32)),
        ),
        (
            &of_request[..],
            json!({"traceparent": SENT}),
            Some(SENT[3..35].to_owned()),
        ),
        (
            &[],
            json!({"traceparent": SENT}),
            Some(SENT[3..35].to_owned()),
        ),
        (&[], json!({}), None),
    ] {
        let answer = program.direct("echo", headers, &meta);
        let id = answer.header("x-correlation-id").unwrap();
        let line = program.line(|line| line["correlation_id"] == id);
        let logged = line["context"].get("trace_id").and_then(|it| it.as_str());
        assert_eq!(logged, expected.as_deref(), "{meta}");
    }
}

// HDR-04
#[test]
fn every_answer_has_one_correlation_id() {
    let program = Program::start(&[]);
    let name = [("x-correlation-id", "follow-me")];
    let twice = [name[0], name[0]];
    let wrong = [("authorization", "Bearer x"), name[0]];
    let foreign = [("origin", "http://elsewhere.example"), name[0]];
    for (head, headers, status, is_kept) in [
        ("GET /tools", &name[..], 200, true),
        ("GET /tools", &twice, 200, false),
        ("GET /nothing", &wrong[1..], 404, true),
        ("GET /tools", &wrong, 401, true),
        ("GET /tools", &foreign, 403, true),
        ("DELETE /tools", &name, 405, true),
        ("POST /mcp", &name, 400, true),
    ] {
        let answer = program.send(head, headers, "");
        assert_eq!(answer.status, status, "{head} {headers:?}");
        let lines = answer.head.lines();
        let ids: Vec<_> = lines
            .filter(|it| it.starts_with("x-correlation-id"))
            .collect();
        assert_eq!(ids.len(), 1, "{head}");
        let is_ours = ids[0] == "x-correlation-id: follow-me";
        assert_eq!(is_ours, is_kept, "{head} {headers:?}");
    }
}
