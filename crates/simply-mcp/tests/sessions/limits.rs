//! How many sessions and streams there may be.

use futures::future::join_all;
use serde_json::{Value, json};

use crate::{
    client::{Client, call, eventually, last, session_of, start},
    common,
};

async fn open_many(client: &Client, many: usize) -> Vec<Result<String, (u16, Value)>> {
    let all = (0..many).map(async |_| {
        let response = client.initialize().await;
        match response.status().as_u16() {
            200 => Ok(session_of(&response)),
            status => {
                let waits = response.headers().contains_key("retry-after");
                assert_eq!(waits, status == 503);
                let body: Value = response.json().await.unwrap();
                Err((status, body["error"]["data"]["code"].clone()))
            }
        }
    });
    join_all(all).await
}

fn opened(all: &[Result<String, (u16, Value)>]) -> Vec<&str> {
    all.iter().filter_map(|one| one.as_deref().ok()).collect()
}

// SES-03
#[tokio::test]
async fn however_many_come_at_once_a_caller_has_so_many_sessions_and_no_more() {
    let fixture = start(json!({"mcp": {"max_sessions_per_caller": 4}})).await;
    let alice = fixture.client("alice");
    let all = open_many(&alice, 40).await;
    let hers = opened(&all);
    assert_eq!(hers.len(), 4);
    let refused = Err((429, json!("too_many_open")));
    assert_eq!(all.iter().filter(|one| **one == refused).count(), 36);
    assert_eq!(fixture.metric("simply_mcp_sessions").await, 4);
    fixture.client("bob").open().await;
    assert_eq!(alice.end(hers[0]).send().await.unwrap().status(), 204);
    alice.open().await;
    assert_eq!(alice.initialize().await.status(), 429);
}

// SES-03
#[tokio::test]
async fn however_many_come_at_once_there_are_so_many_sessions_and_no_more() {
    let fixture = start(json!({"mcp": {"max_sessions": 5}})).await;
    let (alice, bob) = (fixture.client("alice"), fixture.client("bob"));
    let (hers, his) = tokio::join!(open_many(&alice, 20), open_many(&bob, 20));
    assert_eq!(opened(&hers).len() + opened(&his).len(), 5);
    let refused = Err((503, json!("overloaded")));
    let refused = |all: &[_]| all.iter().filter(|one| **one == refused).count();
    assert_eq!(refused(&hers) + refused(&his), 35);
    for (client, all) in [(&alice, &hers), (&bob, &his)] {
        for id in opened(all) {
            assert_eq!(client.end(id).send().await.unwrap().status(), 204);
        }
    }
    fixture.until("simply_mcp_sessions", 0).await;
    assert_eq!(opened(&open_many(&alice, 9).await).len(), 5);
}

fn listen(client: &Client) -> reqwest::RequestBuilder {
    let message = common::modern("subscriptions/listen", json!({"notifications": {}}));
    client
        .post(&message)
        .header("mcp-protocol-version", "2026-07-28")
        .header("mcp-method", "subscriptions/listen")
}

async fn refused(request: reqwest::RequestBuilder) {
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 429);
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["error"]["data"]["code"], "too_many_open");
}

// RL-12
#[tokio::test]
async fn a_caller_has_so_many_streams_open_and_no_more() {
    let fixture = start(json!({"mcp": {"max_streams_per_caller": 3}})).await;
    let alice = fixture.client("alice");
    let id = alice.open().await;
    let standing = alice.stand(&id).send().await.unwrap();
    assert_eq!(standing.status(), 200);
    let listening = listen(&alice).send().await.unwrap();
    assert_eq!(listening.status(), 200);
    let streamed = alice.in_session(&id, &call(5, "steps", &json!({})));
    let streamed = streamed.send().await.unwrap();
    assert_eq!(streamed.status(), 200);
    assert_eq!(fixture.metric("simply_mcp_streams").await, 3);

    let no_more = || alice.in_session(&id, &call(6, "echo", &json!({"message": "x"})));
    refused(alice.stand(&id)).await;
    refused(listen(&alice)).await;
    refused(no_more()).await;
    let others = listen(&fixture.client("bob")).send().await.unwrap();
    assert_eq!(others.status(), 200);
    let nobody = listen(&fixture.client("nobody")).send().await.unwrap();
    assert_eq!(nobody.status(), 200);

    // One that ends by itself, and one whose client leaves.
    fixture.steps.add_permits(3);
    assert_eq!(last(streamed).await["result"]["content"][0]["text"], "done");
    let again = alice.stand(&id).send().await.unwrap();
    assert_eq!(again.status(), 200);
    refused(alice.stand(&id)).await;
    drop(listening);
    eventually("a stream that was dropped is not counted", async || {
        let response = alice.stand(&id).send().await.unwrap();
        (response.status() == 200).then_some(())
    })
    .await;
    drop((standing, again, others, nobody));
    fixture.until("simply_mcp_streams", 0).await;
}
