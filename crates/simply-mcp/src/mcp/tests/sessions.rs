//! Sessions, where a test must hold what ends them.

use std::time::Duration;

use http::Request;

use super::*;

fn initialize() -> Request<Body> {
    let message = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    }});
    Request::post("/mcp")
        .header("content-type", "application/json")
        .header("host", "localhost")
        .body(Body::from(message.to_string()))
        .unwrap()
}

async fn until_none(metrics: &Metrics) {
    let none = async {
        while metrics.sessions.get() > 0 {
            tokio::task::yield_now().await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(30), none).await;
    waited.expect("every session is struck out");
}

// SES-03
#[tokio::test]
async fn no_session_is_left_when_the_server_is_over() {
    let handler = Guarded::new(server());
    let peers = Arc::new(Peers::new(handler.clone()));
    let over = CancellationToken::new();
    let metrics = Metrics::new();
    let options = McpOptions {
        settings: config::Mcp::default(),
        admission: Arc::default(),
        state_key: None,
        draining: CancellationToken::new(),
        over: over.clone(),
        metrics: metrics.clone(),
        store: None,
    };
    let door = Mcp::new(handler, peers, options);
    for _ in 0..5 {
        let response = door.handle(initialize()).await;
        assert!(response.headers().contains_key("mcp-session-id"));
    }
    assert_eq!(metrics.sessions.get(), 5);
    over.cancel();
    until_none(&metrics).await;
}
