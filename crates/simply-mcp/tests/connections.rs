//! Connections: both protocols, malformed requests, silence, and clients that leave.

mod common;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use common::{answer, client, raw, start, start_with};
use serde_json::json;
use simply_mcp::{McpServer, server::NoArguments};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

#[tokio::test]
async fn http2_by_prior_knowledge_is_served() {
    let server = start().await;
    let client = common::http2_client();
    let call = || {
        client
            .post(server.url("/tools/echo"))
            .body(r#"{"message":"x"}"#)
    };
    let response = call().send().await.unwrap();
    assert_eq!(response.version(), reqwest::Version::HTTP_2);
    assert_eq!(response.status(), 200);
    let foreign = call()
        .header("origin", "https://evil.example")
        .send()
        .await
        .unwrap();
    assert_eq!(foreign.status(), 403);
}

#[tokio::test]
async fn a_request_in_pieces_is_served() {
    let server = start().await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    for byte in b"PRI / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n" {
        stream.write_all(&[*byte]).await.unwrap();
    }
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
}

#[tokio::test]
async fn malformed_requests_are_refused_and_the_connection_closed() {
    let server = start().await;
    for request in [
        "GET /tools HTTP/1.1\r\n\r\n",
        "GET /tools HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
        "GET /tools HTTP/1.1\r\nHost : localhost\r\n\r\n",
        "GET /tools HTTP/1.1\r\nHost: localhost\r\n folded: x\r\n\r\n",
        "GET /tools HTTP/1.1\r\nHost: localhost\r\nA\0: b\r\n\r\n",
        "POST /tools/echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
        "POST /tools/echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: +5\r\n\r\nhello",
        "POST /tools/echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip\r\n\r\nhello",
        "POST /tools/echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nZ\r\n",
        "\x16\x03\x01\x02\x00\x01\x00\x01\x7c\x03\x03",
    ] {
        let request =
            format!("{request}GET /never HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        let answer = raw(server.address, request.as_bytes()).await;
        assert!(
            answer.is_empty()
                || answer.starts_with("HTTP/1.1 4")
                || answer.starts_with("HTTP/1.1 5"),
            "{request:?}: {answer}"
        );
        assert!(!answer.contains("HTTP/1.1 2"), "{request:?}: {answer}");
    }
    assert_eq!(answer(server.get("/health")).await.0, 200);
}

#[tokio::test]
async fn too_large_a_head_is_refused() {
    let server = start().await;
    let many: String = (0..101).map(|index| format!("x-{index}: y\r\n")).collect();
    let large = format!("x: {}\r\n", "y".repeat(128 * 1024));
    for headers in [many, large] {
        let request = format!("GET /tools HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n");
        let answer = raw(server.address, request.as_bytes()).await;
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 431"),
            "{answer}"
        );
    }
}

#[tokio::test]
async fn silence_in_any_form_is_closed_after_keepalive() {
    let server = start_with(common::server(), json!({"server": {"keepalive": 1}})).await;
    let openings: [&[u8]; 7] = [
        b"",
        b"P",
        b"PRI * HTTP/2.0\r\n\r\nS",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET / HT",
        b"GET /tools HTTP/1.1\r\nHost: localhost\r\n",
        b"GET /tools HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ];
    for opening in openings {
        let started = Instant::now();
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(opening).await.unwrap();
        let mut answer = Vec::new();
        let closed =
            tokio::time::timeout(Duration::from_secs(15), stream.read_to_end(&mut answer)).await;
        assert!(
            closed.is_ok(),
            "still open after {:?}: {opening:?}",
            started.elapsed()
        );
    }
}

#[tokio::test]
async fn an_idle_connection_is_kept_as_long_as_keepalive_says() {
    let server = start_with(common::server(), json!({"server": {"keepalive": 3}})).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    for pause in [0, 1, 1] {
        tokio::time::sleep(Duration::from_secs(pause)).await;
        stream
            .write_all(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
            .await
            .unwrap();
        let mut buffer = [0; 1024];
        let read = stream.read(&mut buffer).await.unwrap();
        assert!(buffer[..read].starts_with(b"HTTP/1.1 200"));
    }
}

#[tokio::test]
async fn a_client_that_leaves_cancels_its_call() {
    struct Ended(Arc<AtomicUsize>);
    impl Drop for Ended {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    let ended = Arc::new(AtomicUsize::new(0));
    let began = Arc::new(AtomicUsize::new(0));
    let (counted, started) = (Arc::clone(&ended), Arc::clone(&began));
    let handler =
        McpServer::new("slow", "1").tool("wait", "Waits for ever", move |_: NoArguments| {
            let guard = Ended(Arc::clone(&counted));
            started.fetch_add(1, Ordering::SeqCst);
            async move {
                let _guard = guard;
                std::future::pending::<String>().await
            }
        });
    let server = start_with(handler, json!({})).await;
    let call = json!({"name": "wait", "arguments": {}});
    let streamed = json!({"name": "wait", "arguments": {}, "_meta": {"progressToken": 1}});
    for (count, request) in [
        server.post("/tools/wait", ""),
        server.modern("tools/call", call),
        server.modern("tools/call", streamed),
    ]
    .into_iter()
    .enumerate()
    {
        let task = tokio::spawn(request.send());
        wait_for(&began, count + 1).await;
        task.abort();
        wait_for(&ended, count + 1).await;
    }
    drop(client());
}

async fn wait_for(counter: &AtomicUsize, count: usize) {
    for _ in 0..500 {
        if counter.load(Ordering::SeqCst) >= count {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!(
        "{} of {count} after five seconds",
        counter.load(Ordering::SeqCst)
    );
}
