//! How a session begins and ends.

use std::{sync::Arc, time::Duration};

use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{InitializeRequestParams, InitializeResult},
    service::RequestContext,
};
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::{
    client::{BOTH, call, events, last, start},
    common::{self, start_with},
    redis::Redis,
};

async fn open_sessions(server: &common::Server) -> bool {
    let text = server
        .get("/metrics")
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    !text.contains("\nsimply_mcp_sessions 0\n")
}

// SES-03, SES-04
#[tokio::test]
async fn a_session_that_nobody_uses_ends() {
    let fixture = start(json!({"mcp": {"session_timeout": 1}})).await;
    let alice = fixture.client("alice");
    let id = alice.open().await;
    fixture.until("simply_mcp_sessions", 0).await;
    assert_eq!(alice.call(&id, "whoami").await.0, 404);
    let response = alice.end(&id).send().await.unwrap();
    assert_eq!(response.status(), 404);
}

#[tokio::test]
async fn a_session_does_not_end_under_a_call_that_takes_long() {
    let settings = json!({"mcp": {"session_timeout": 3}});
    let fixture = start(settings).await;
    let alice = fixture.client("alice");
    let id = alice.open().await;
    let slow = alice.in_session(&id, &call(7, "steps", &json!({})));
    let slow = slow.send().await.unwrap();
    tokio::time::sleep(Duration::from_secs(5)).await;
    fixture.steps.add_permits(3);
    assert_eq!(last(slow).await["result"]["content"][0]["text"], "done");
    assert_eq!(alice.call(&id, "whoami").await.0, 200);
}

// SES-04
#[tokio::test]
async fn a_session_that_was_ended_is_gone() {
    let fixture = start(json!({})).await;
    let alice = fixture.client("alice");
    let id = alice.open().await;
    let standing = alice.stand(&id).send().await.unwrap();
    assert_eq!(standing.status(), 200);
    let response = alice.end(&id).send().await.unwrap();
    assert_eq!(response.status(), 204);
    assert_eq!(response.text().await.unwrap(), "");
    let mut standing = events(standing);
    assert_eq!(standing.next().await, None);
    assert_eq!(alice.call(&id, "whoami").await.0, 404);
    for gone in [alice.end(&id), alice.stand(&id)] {
        assert_eq!(gone.send().await.unwrap().status(), 404);
    }
    fixture.until("simply_mcp_sessions", 0).await;
    fixture.until("simply_mcp_streams", 0).await;
}

// SES-04, SES-07
#[tokio::test]
async fn get_and_delete_need_a_session_and_a_version_that_has_them() {
    let fixture = start(json!({})).await;
    let alice = fixture.client("alice");
    let id = alice.open().await;
    for method in [reqwest::Method::GET, reqwest::Method::DELETE] {
        let request = || {
            let request = alice.request(method.clone());
            request.header("accept", "text/event-stream")
        };
        assert_eq!(request().send().await.unwrap().status(), 400, "{method}");
        let modern = request()
            .header("mcp-session-id", &id)
            .header("mcp-protocol-version", "2026-07-28");
        assert_eq!(modern.send().await.unwrap().status(), 405, "{method}");
    }
    assert_eq!(alice.call(&id, "whoami").await.0, 200);
}

/// Says no to every client, or says nothing at all.
#[derive(Clone)]
struct Unwilling {
    silent: bool,
    asked: Arc<Notify>,
}

impl ServerHandler for Unwilling {
    async fn initialize(
        &self,
        _: InitializeRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<InitializeResult, ErrorData> {
        self.asked.notify_one();
        if self.silent {
            std::future::pending::<()>().await;
        }
        Err(ErrorData::invalid_request("not today", None))
    }
}

// SES-03
#[tokio::test]
async fn what_the_handler_refuses_is_no_session() {
    let handler = Unwilling {
        silent: false,
        asked: Arc::default(),
    };
    let server = start_with(handler, json!({"mcp": {"max_sessions": 1}})).await;
    for _ in 0..3 {
        let request = server.mcp(&common::initialize("2025-11-25"));
        let response = request.header("accept", BOTH).send().await.unwrap();
        assert!(!response.headers().contains_key("mcp-session-id"));
        let answer: Value = last(response).await;
        assert_eq!(answer["error"]["message"], "not today");
        assert!(!open_sessions(&server).await);
    }
}

// SES-03
#[tokio::test]
async fn who_leaves_before_the_answer_leaves_no_session_behind() {
    let asked = Arc::<Notify>::default();
    let handler = Unwilling {
        silent: true,
        asked: Arc::clone(&asked),
    };
    let server = start_with(handler, json!({})).await;
    let request = server.mcp(&common::initialize("2025-11-25"));
    let request = tokio::spawn(request.header("accept", BOTH).send());
    asked.notified().await;
    assert!(open_sessions(&server).await);
    request.abort();
    crate::client::eventually("no session is left", async || {
        (!open_sessions(&server).await).then_some(())
    })
    .await;
}

// SES-03
#[tokio::test]
async fn who_leaves_before_the_answer_is_not_counted_on_any_replica() {
    let asked = Arc::<Notify>::default();
    let handler = Unwilling {
        silent: true,
        asked: Arc::clone(&asked),
    };
    let redis = Redis::start();
    let server = start_with(handler, json!({"rate_limit": {"store": redis.url()}})).await;
    let lists = || {
        let keys = redis.keys().into_iter().map(|(key, _)| key);
        keys.filter(|key| key.ends_with(":sessions")).count()
    };
    let request = crate::client::eventually("it is entered into a list", async || {
        let request = server.mcp(&common::initialize("2025-11-25"));
        let request = tokio::spawn(request.header("accept", BOTH).send());
        asked.notified().await;
        if lists() > 0 {
            return Some(request);
        }
        request.abort();
        None
    })
    .await;
    request.abort();
    crate::client::eventually("it is struck out", async || (lists() == 0).then_some(())).await;
}

#[tokio::test]
async fn an_initialize_request_has_a_largest_size() {
    let fixture = start(json!({})).await;
    let mut message = common::initialize("2025-11-25");
    message["params"]["clientInfo"]["name"] = json!("x".repeat(65 * 1024));
    let response = fixture.client("alice").post(&message).send().await.unwrap();
    assert_eq!(response.status(), 413);
    // What is short as text and large once it is read.
    let many = |number| {
        let mut message = common::initialize("2025-11-25");
        message["params"]["capabilities"]["experimental"] = json!({"a": {"a": vec![0; number]}});
        message
    };
    let alice = fixture.client("alice");
    let response = alice.post(&many(500)).send().await.unwrap();
    assert_eq!(response.status(), 413);
    assert_eq!(fixture.metric("simply_mcp_sessions").await, 0);
    let response = alice.post(&many(400)).send().await.unwrap();
    assert_eq!(response.status(), 200);
}
