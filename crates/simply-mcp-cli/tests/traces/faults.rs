//! A collector that is dead, slow or hostile, and the end of the program.

use std::net::TcpListener;

use serde_json::{Value, json};

use crate::{
    collector::{Collector, Mood},
    program::{Program, command},
};

fn echo(program: &Program) {
    let answer = program.rest("echo", &[], &json!({"message": "hello"}));
    assert_eq!(answer.status, 200, "{}", answer.body);
}

/// How often the log says that nothing is delivered.
fn complaints(program: &Program) -> usize {
    program
        .log()
        .matches("The collector takes no traces")
        .count()
}

#[test]
fn a_collector_that_refuses_is_complained_of_once_and_holds_nobody_up() {
    for answer in [
        "HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 429 Too Many Requests\r\nretry-after: 999999\r\ncontent-length: 0\r\n\r\n",
        "garbage\r\n\r\n",
        "",
    ] {
        let collector = Collector::new(Mood::Answers(answer.to_owned()));
        let program = Program::traced(&collector, &[("OTEL_EXPORTER_OTLP_TIMEOUT", "500")]);
        for deliveries in 1..=3 {
            echo(&program);
            collector.deliveries(deliveries);
        }
        let is_complaint = |line: &Value| {
            let said = line["message"].as_str();
            said.is_some_and(|said| said.starts_with("The collector takes no traces"))
        };
        let line = program.line(is_complaint);
        assert_eq!(line["level"], "WARN");
        assert_eq!(complaints(&program), 1, "{answer}");
    }
}

#[test]
fn a_collector_that_is_not_there_is_named_as_such() {
    let nobody = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    };
    let variables = [
        ("MCP_HTTP_MONITORING__TRACING_ENABLED", "true"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &*nobody),
        ("OTEL_BSP_SCHEDULE_DELAY", "50"),
    ];
    let program = Program::start(&variables);
    echo(&program);
    let line = program.line(|line| line["level"] == "WARN");
    let reason = line["context"]["reason"].as_str().unwrap();
    assert!(reason.contains("onnection refused"), "{reason}");
}

#[test]
fn a_collector_that_hangs_holds_up_neither_requests_nor_the_end() {
    let collector = Collector::new(Mood::Hangs);
    let mut program = Program::traced(&collector, &[]);
    echo(&program);
    collector.deliveries(1);
    for _ in 0..20 {
        echo(&program);
    }
    program.terminate();
    assert_eq!(program.exit_code(), Some(0));
}

#[test]
fn what_is_not_delivered_yet_is_delivered_at_the_end() {
    let collector = Collector::new(Mood::Takes);
    let mut program = Program::traced(&collector, &[("OTEL_BSP_SCHEDULE_DELAY", "600000")]);
    echo(&program);
    program.terminate();
    assert_eq!(program.exit_code(), Some(0));
    assert_eq!(collector.spans(4).len(), 4);
}

#[test]
fn a_redirect_takes_the_headers_nowhere() {
    let elsewhere = Collector::new(Mood::Takes);
    for status in [301, 302, 307, 308] {
        let answer = format!(
            "HTTP/1.1 {status} Elsewhere\r\nlocation: {}/v1/traces\r\ncontent-length: 0\r\n\r\n",
            elsewhere.endpoint
        );
        let collector = Collector::new(Mood::Answers(answer));
        let program = Program::traced(
            &collector,
            &[("OTEL_EXPORTER_OTLP_HEADERS", "authorization=canary")],
        );
        echo(&program);
        program.line(|line| line["level"] == "WARN");
        assert!(collector.heads().contains("canary"));
    }
    assert_eq!(elsewhere.attempts(), 0);
}

#[test]
fn variables_that_cannot_be_meant_end_the_program_at_its_start() {
    let output = command(&[
        ("MCP_HTTP_MONITORING__TRACING_ENABLED", "true"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ("OTEL_TRACES_SAMPLER", "sometimes"),
    ])
    .output()
    .unwrap();
    assert!(!output.status.success());
    let said = String::from_utf8(output.stderr).unwrap();
    for words in [
        "OTEL_EXPORTER_OTLP_PROTOCOL",
        "http/protobuf",
        "OTEL_TRACES_SAMPLER",
    ] {
        assert!(said.contains(words), "{said}");
    }
}
