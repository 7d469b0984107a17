//! Without traces: the trace is named in the log, and handed on as it was sent.

use serde_json::json;

use crate::program::Program;

const SENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

// HDR-04
#[test]
fn what_a_client_says_of_its_trace_reaches_the_child_as_it_was_sent() {
    let program = Program::start(&[]);
    for meta in [
        json!({"traceparent": SENT, "tracestate": "a=1", "baggage": "k=v"}),
        json!({"traceparent": "nonsense", "tracestate": 7}),
        json!({"x": 1}),
    ] {
        let headers = [(
            "traceparent",
            "00-11111111111111111111111111111111-2222222222222222-01",
        )];
        let answer = program.direct("echo", &headers, &meta).json();
        assert_eq!(answer["result"]["_meta"]["seen"], meta);
    }
}

#[test]
fn the_log_names_the_trace_of_the_message_else_that_of_the_request() {
    let program = Program::start(&[]);
    let of_request = [(
        "traceparent",
        "00-11111111111111111111111111111111-2222222222222222-01",
    )];
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
