//! A session belongs to the caller who opened it.

use reqwest::RequestBuilder;
use serde_json::json;
use uuid::Uuid;

use crate::{
    client::{Client, appearance, call, start},
    common,
};

/// The ways to touch a session.
fn touches(client: &Client, id: &str) -> [RequestBuilder; 5] {
    let ready = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
    [
        client.in_session(id, &call(1, "whoami", &json!({}))),
        client.in_session(id, &ready),
        client.stand(id),
        client.stand(id).header("last-event-id", "0"),
        client.end(id),
    ]
}

// SES-01
#[tokio::test]
async fn everybody_else_hears_the_same_as_of_a_session_that_never_was() {
    let fixture = start(json!({})).await;
    let alice = fixture.client("alice");
    let id = alice.open().await;
    for other in ["bob", "nobody"] {
        let other = fixture.client(other);
        let never = Uuid::new_v4().to_string();
        for (hers, none) in touches(&other, &id)
            .into_iter()
            .zip(touches(&other, &never))
        {
            let hers = appearance(hers.send().await.unwrap()).await;
            let none = appearance(none.send().await.unwrap()).await;
            assert_eq!(hers.0, 404);
            assert_eq!(hers, none);
        }
    }
    assert_eq!(alice.call(&id, "whoami").await, (200, "alice".to_owned()));
    assert_eq!(fixture.metric("simply_mcp_sessions").await, 1);
}

#[tokio::test]
async fn a_session_without_a_key_is_not_open_to_who_has_one() {
    let fixture = start(json!({})).await;
    let nobody = fixture.client("nobody");
    let id = nobody.open().await;
    let hers = fixture.client("alice").call(&id, "whoami").await;
    assert_eq!(hers, (404, "unknown_session".to_owned()));
    assert_eq!(nobody.call(&id, "whoami").await, (200, "nobody".to_owned()));
}

// SES-02
#[tokio::test]
async fn the_server_alone_gives_sessions_their_names() {
    let fixture = start(json!({})).await;
    let alice = fixture.client("alice");
    let first = alice.open().await;
    let mut ids = std::collections::HashSet::from([first.clone()]);
    for wish in ["mine", &first, "00000000-0000-4000-8000-000000000000"] {
        let message = common::initialize("2025-11-25");
        let response = alice.in_session(wish, &message).send().await.unwrap();
        assert_eq!(response.status(), 200);
        let id = crate::client::session_of(&response);
        assert!(ids.insert(id), "{wish} was taken");
        assert_eq!(alice.call("mine", "whoami").await.0, 404);
    }
    for _ in 0..50 {
        assert!(ids.insert(alice.open().await));
    }
    for id in ids {
        // 122 random bits (RFC 9562 §5.4).
        assert_eq!(Uuid::try_parse(&id).unwrap().get_version_num(), 4);
    }
}
