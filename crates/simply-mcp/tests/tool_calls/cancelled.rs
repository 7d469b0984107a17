//! Calls that nobody waits for any more: counted as such, and no longer as running.

use std::sync::Arc;

use serde_json::json;
use simply_mcp::{Context, McpServer, server::NoArguments};
use tokio::sync::Semaphore;

use crate::{
    common::{client, http2_client},
    fixture::{Fixture, Way, errors},
};

/// A server whose tools say when they have begun, and then wait for ever, or until they are told to end.
async fn start(began: &Arc<Semaphore>) -> Fixture {
    let (waiting, polite) = (Arc::clone(began), Arc::clone(began));
    let handler = McpServer::new("slow", "1")
        .tool("wait", "Waits for ever", move |_: NoArguments| {
            waiting.add_permits(1);
            std::future::pending::<String>()
        })
        .tool(
            "polite",
            "Waits for the end",
            move |_: NoArguments, context: Context| {
                polite.add_permits(1);
                async move {
                    context.cancelled().await;
                    "goodbye"
                }
            },
        );
    Fixture::start(handler, json!({})).await
}

async fn one_more(began: &Semaphore) {
    began.acquire().await.unwrap().forget();
}

// CAN-01
#[tokio::test]
async fn a_client_that_leaves_has_cancelled_its_call_through_every_door_and_version_of_http() {
    let began = Arc::new(Semaphore::new(0));
    let fixture = start(&began).await;
    let mut cancelled = 0;
    for way in [
        Way::Rest,
        Way::Modern,
        Way::Streamed,
        Way::Stateless,
        Way::Batch,
    ] {
        for http in [client(), http2_client()] {
            let request = fixture.call(way, "wait", &json!({})).build().unwrap();
            let call = tokio::spawn(http.execute(request));
            one_more(&began).await;
            assert_eq!(fixture.running().await, 1, "{way:?}");
            call.abort();
            drop(http);
            cancelled += 1;
            fixture.until(&errors("wait", "cancelled"), cancelled).await;
            assert_eq!(fixture.running().await, 0, "{way:?}");
        }
    }
    let total = "http_tool_execution_total{status=\"error\",tool=\"wait\"}";
    assert_eq!(fixture.value(total).await, cancelled);
    let timed = "http_tool_execution_duration_seconds_count{tool=\"wait\"}";
    assert_eq!(
        fixture.value(timed).await,
        cancelled,
        "how long it ran is told"
    );
}

// CAN-02
#[tokio::test]
async fn a_call_that_its_client_takes_back_is_cancelled_whether_or_not_the_tool_looks() {
    let began = Arc::new(Semaphore::new(0));
    let fixture = start(&began).await;
    for tool in ["wait", "polite"] {
        let id = fixture.next_id() + 1;
        let call = fixture.call(Way::Session, tool, &json!({}));
        let call = tokio::spawn(call.send());
        one_more(&began).await;
        let back = json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": id}});
        assert_eq!(
            fixture.in_session(&back).send().await.unwrap().status(),
            202
        );
        fixture.until(&errors(tool, "cancelled"), 1).await;
        assert_eq!(fixture.running().await, 0, "{tool}");
        call.abort();
    }
}
