//! What is told to nobody: not to the collector, and not to the log.

use serde_json::json;

use crate::{
    collector::{Collector, Mood},
    program::{KEY, Program},
};

// LOG-02
#[test]
fn no_secret_is_in_a_span_or_in_the_log_at_trace() {
    let collector = Collector::new(Mood::Takes);
    let program = Program::traced(
        &collector,
        &[
            ("MCP_HTTP_LOGGING__LEVEL", "TRACE"),
            (
                "OTEL_EXPORTER_OTLP_HEADERS",
                "authorization=Bearer%20canary-of-the-collector",
            ),
        ],
    );
    let headers = [("cookie", "canary-cookie"), ("x-api-key", "canary-header")];
    let body = json!({"message": "canary-argument"}).to_string();
    let answer = program.send("POST /tools/echo?canary-query", &headers, &body);
    assert_eq!(answer.status, 200);
    let answer = program.direct("fail", &headers, &json!({"baggage": "canary=baggage"}));
    assert_eq!(answer.status, 200);
    let key_in_the_path = format!("POST /tools/smcp_{KEY}");
    assert_eq!(program.send(&key_in_the_path, &headers, "{}").status, 404);
    let spans = format!("{:?}", collector.ended("POST /tools/{name}", 2));
    assert!(collector.heads().contains("canary-of-the-collector"));
    let log = program.log();
    for (place, text) in [("spans", &spans), ("log", &log)] {
        for secret in ["canary", KEY] {
            let around = text
                .find(secret)
                .map(|at| &text[at.saturating_sub(100)..at + 30]);
            assert_eq!(around, None, "{secret} in the {place}");
        }
    }
}
