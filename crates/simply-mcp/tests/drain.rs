//! The end of a server: what runs is answered, what stands is ended, what is new is refused.

mod common;

use std::time::{Duration, Instant};

use common::{answer, client, initialize, start, start_with};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

#[tokio::test]
async fn running_requests_are_answered_and_new_connections_are_not() {
    let server = start().await;
    let address = server.address;
    let calls: Vec<_> = ["sleep", "sleep_blocking"]
        .iter()
        .flat_map(|tool| (0..10).map(move |_| tool))
        .map(|tool| {
            tokio::spawn(
                server
                    .post(&format!("/tools/{tool}"), r#"{"milliseconds":700}"#)
                    .send(),
            )
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(300)).await;
    let started = Instant::now();
    let shutdown = tokio::spawn(server.running.shutdown());
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(
        TcpStream::connect(address).await.is_err(),
        "a new connection was accepted"
    );
    for call in calls {
        let response = call.await.unwrap().unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["connection"], "close");
        assert!(response.text().await.unwrap().contains("slept"));
    }
    shutdown.await.unwrap();
    assert!(
        started.elapsed() < Duration::from_secs(5),
        "{:?}",
        started.elapsed()
    );
}

#[tokio::test]
async fn a_kept_connection_sees_503_and_then_its_end() {
    let server = start().await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let probe = b"GET /health/ready HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let mut buffer = [0; 1024];
    stream.write_all(probe).await.unwrap();
    let read = stream.read(&mut buffer).await.unwrap();
    assert!(buffer[..read].starts_with(b"HTTP/1.1 200"));
    let shutdown = tokio::spawn(server.running.shutdown());
    tokio::time::sleep(Duration::from_millis(100)).await;
    stream.write_all(probe).await.unwrap();
    let mut rest = String::new();
    stream.read_to_string(&mut rest).await.unwrap();
    assert!(
        rest.starts_with("HTTP/1.1 503") && rest.contains("connection: close"),
        "{rest}"
    );
    assert!(rest.contains("draining"));
    shutdown.await.unwrap();
}

#[tokio::test]
async fn idle_connections_do_not_hold_the_end_up() {
    let server = start_with(common::server(), json!({"server": {"keepalive": 60}})).await;
    let mut idle = Vec::new();
    for _ in 0..20 {
        idle.push(TcpStream::connect(server.address).await.unwrap());
    }
    assert_eq!(answer(server.get("/health")).await.0, 200);
    let started = Instant::now();
    server.running.shutdown().await;
    assert!(
        started.elapsed() < Duration::from_secs(4),
        "{:?}",
        started.elapsed()
    );
}

#[tokio::test]
async fn what_takes_longer_than_the_grace_is_cancelled() {
    let server = start_with(common::server(), json!({"server": {"graceful_timeout": 1}})).await;
    let call = tokio::spawn(
        server
            .post("/tools/sleep", r#"{"milliseconds":60000}"#)
            .send(),
    );
    tokio::time::sleep(Duration::from_millis(300)).await;
    let started = Instant::now();
    server.running.shutdown().await;
    assert!(
        started.elapsed() < Duration::from_secs(3),
        "{:?}",
        started.elapsed()
    );
    assert!(call.await.unwrap().is_err(), "the call was answered");
}

#[tokio::test]
async fn standing_streams_are_ended_and_subscriptions_get_their_result() {
    let server = start().await;
    let both = "application/json, text/event-stream";
    let response = server
        .mcp(&initialize("2025-11-25"))
        .header("accept", both)
        .send()
        .await
        .unwrap();
    let session = response.headers()["mcp-session-id"]
        .to_str()
        .unwrap()
        .to_owned();
    let ready = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
    server
        .mcp(&ready)
        .header("mcp-session-id", &session)
        .send()
        .await
        .unwrap();
    let standing = client()
        .get(server.url("/mcp"))
        .header("accept", "text/event-stream")
        .header("mcp-session-id", &session)
        .send()
        .await
        .unwrap();
    assert_eq!(standing.status(), 200);
    let listen = json!({"notifications": {"toolsListChanged": true}});
    let subscription = server
        .modern("subscriptions/listen", listen)
        .send()
        .await
        .unwrap();
    assert_eq!(subscription.status(), 200);
    assert_eq!(subscription.headers()["content-type"], "text/event-stream");

    let started = Instant::now();
    let shutdown = tokio::spawn(server.running.shutdown());
    let said = subscription.text().await.unwrap();
    assert!(said.contains("\"result\""), "no final result: {said}");
    standing.text().await.unwrap();
    shutdown.await.unwrap();
    assert!(
        started.elapsed() < Duration::from_secs(4),
        "{:?}",
        started.elapsed()
    );
}

#[tokio::test]
async fn http2_streams_finish_after_goaway() {
    let server = start().await;
    let client = common::http2_client();
    let calls: Vec<_> = (0..20)
        .map(|_| {
            client
                .post(server.url("/tools/sleep"))
                .body(r#"{"milliseconds":700}"#)
                .send()
        })
        .map(tokio::spawn)
        .collect();
    tokio::time::sleep(Duration::from_millis(300)).await;
    let shutdown = tokio::spawn(server.running.shutdown());
    for call in calls {
        assert_eq!(call.await.unwrap().unwrap().status(), 200);
    }
    shutdown.await.unwrap();
}
