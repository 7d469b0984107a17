//! Counters only grow, and gauges come back to where they were.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::{io::AsyncWriteExt, net::TcpStream};

use crate::{
    common::{Server, client, initialize, modern, request, start, start_with},
    exposition::Exposition,
};

/// How long a loaded machine may take to see that clients have gone.
const PATIENCE: Duration = Duration::from_secs(30);

const GAUGES: [&str; 4] = [
    "http_active_connections",
    "http_request_queue_size",
    "simply_mcp_sessions",
    "simply_mcp_streams",
];

async fn scraped(server: &Server) -> Exposition {
    // A connection of its own, which is closed behind it.
    let response = server.get("/metrics").header("connection", "close");
    let response = response.send().await.unwrap();
    assert_eq!(response.status(), 200);
    Exposition::of(&response.text().await.unwrap())
}

/// What the gauges say while nothing happens but the scrape itself.
async fn at_rest(server: &Server) -> Exposition {
    let begun = Instant::now();
    loop {
        let seen = scraped(server).await;
        let values = GAUGES.map(|gauge| seen.value(gauge));
        if values == [1.0, 1.0, 0.0, 0.0] {
            return seen;
        }
        assert!(begun.elapsed() < PATIENCE, "{GAUGES:?} stay at {values:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

// MET-03
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gauges_return_and_counters_only_grow() {
    let server = start().await;
    let mut before = at_rest(&server).await;
    for _ in 0..3 {
        tokio::join!(
            whole_answers(&server),
            requests_that_are_given_up(&server),
            streams_that_are_left(&server),
            sessions(&server),
            connections_that_break_off(&server),
        );
        let after = at_rest(&server).await;
        for (series, value) in before.growing() {
            assert!(after.value(series) >= value, "{series} has shrunk");
        }
        before = after;
    }
    let given_up = "http_requests_total{endpoint=\"/tools/{name}\",method=\"POST\",status=\"499\"}";
    assert_eq!(before.value(given_up), 30.0);
    assert_eq!(before.value("simply_mcp_draining"), 0.0);
    server.running.shutdown().await;
}

async fn whole_answers(server: &Server) {
    for index in 0..20 {
        let body = json!({ "message": "x".repeat(index * 100) }).to_string();
        let answered = server.post("/tools/echo", body).send().await.unwrap();
        assert_eq!(answered.status(), 200);
        let answered = server.post("/tools/none", "{}").send().await.unwrap();
        assert_eq!(answered.status(), 404);
    }
}

/// Waits until so many requests are in flight, so that giving up means something.
async fn in_flight(server: &Server, connections: usize) {
    let begun = Instant::now();
    // The scrape is one of them.
    while scraped(server).await.value("http_request_queue_size") < connections as f64 + 1.0 {
        assert!(begun.elapsed() < PATIENCE, "the requests do not arrive");
    }
}

async fn requests_that_are_given_up(server: &Server) {
    let body = json!({"milliseconds": 600_000}).to_string();
    let mut connections = Vec::new();
    for _ in 0..10 {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        let head = format!(
            "POST /tools/sleep HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        connections.push(stream);
    }
    in_flight(server, connections.len()).await;
}

async fn streams_that_are_left(server: &Server) {
    let call = modern(
        "tools/call",
        json!({"name": "sleep", "arguments": {"milliseconds": 600_000}, "_meta": {"progressToken": 1}}),
    );
    for _ in 0..5 {
        let stream = server
            .mcp(&call)
            .header("mcp-protocol-version", "2026-07-28")
            .header("mcp-method", "tools/call")
            .header("mcp-name", "sleep")
            .header("accept", "application/json, text/event-stream")
            .timeout(Duration::from_millis(300));
        // It never ends by itself.
        let left = match stream.send().await {
            Ok(response) => response.bytes().await.is_err(),
            Err(_) => true,
        };
        assert!(left, "the stream has ended");
    }
}

async fn sessions(server: &Server) {
    let both = "application/json, text/event-stream";
    for _ in 0..3 {
        let opened = server.mcp(&initialize("2025-06-18")).header("accept", both);
        let opened = opened.send().await.unwrap();
        let id = opened.headers()["mcp-session-id"].clone();
        drop(opened.bytes().await.unwrap());
        let listed = server.mcp(&request("tools/list", json!({})));
        let listed = listed.header("accept", both).header("mcp-session-id", &id);
        assert_eq!(listed.send().await.unwrap().status(), 200);
        let stream = client().get(server.url("/mcp")).header("accept", both);
        let stream = stream.header("mcp-session-id", &id).send().await.unwrap();
        let ended = client().delete(server.url("/mcp"));
        let ended = ended.header("mcp-session-id", &id).send().await.unwrap();
        assert_eq!(ended.status(), 204);
        drop(stream);
    }
}

async fn connections_that_break_off(server: &Server) {
    for part in [
        "",
        "GET /tools HTTP",
        "POST /tools/echo HTTP/1.1\r\nhost: localhost\r\ncontent-length: 50\r\n\r\n{",
        "POST /tools/echo HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{\"mes",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "rubbish\r\n\r\n",
    ] {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(part.as_bytes()).await.unwrap();
    }
}

#[tokio::test]
async fn a_drain_is_seen_where_metrics_are_served_apart() {
    let settings = json!({"monitoring": {"listen": "127.0.0.1:0"}});
    let server = start_with(crate::common::server(), settings).await;
    let apart = server.running.monitoring_address().unwrap();
    let seen = async || {
        let response = client().get(format!("http://{apart}/metrics")).send().await;
        Exposition::of(&response.unwrap().text().await.unwrap())
    };
    // Something runs, so that the drain lasts.
    let call = server.post("/tools/sleep", r#"{"milliseconds": 600000}"#);
    let call = tokio::spawn(call.send());
    in_flight(&server, 1).await;
    assert_eq!(seen().await.value("simply_mcp_draining"), 0.0);
    let shutdown = tokio::spawn(server.running.shutdown());
    while seen().await.value("simply_mcp_draining") == 0.0 {}
    call.abort();
    shutdown.await.unwrap();
}
