//! Two requests of one session that have the same id.

use serde_json::{Value, json};

use crate::client::{call, call_with_progress, events, eventually, last, start};

#[tokio::test]
async fn the_second_of_two_requests_with_one_id_is_refused_while_the_first_runs() {
    let fixture = start(json!({})).await;
    let alice = fixture.client("alice");
    let id = alice.open().await;
    let first = alice.in_session(&id, &call(7, "steps", &json!({})));
    let first = first.send().await.unwrap();
    for accept in ["application/json", "text/event-stream, application/json"] {
        let second = alice
            .request(reqwest::Method::POST)
            .header("content-type", "application/json")
            .header("accept", accept)
            .header("mcp-session-id", &id)
            .body(call(7, "whoami", &json!({})).to_string());
        let second = second.send().await.unwrap();
        assert_eq!(second.status(), 400);
        let body: Value = second.json().await.unwrap();
        assert_eq!(
            (&body["error"]["code"], &body["id"]),
            (&json!(-32600), &json!(7))
        );
    }
    // Another session, and a string that looks the same, are no twins.
    let other = alice.open().await;
    let twin = alice.in_session(&other, &call(7, "whoami", &json!({})));
    assert_eq!(twin.send().await.unwrap().status(), 200);
    let mut text = call(7, "whoami", &json!({}));
    text["id"] = json!("7");
    let text = alice.in_session(&id, &text).send().await.unwrap();
    assert_eq!(last(text).await["result"]["content"][0]["text"], "alice");

    fixture.steps.add_permits(3);
    assert_eq!(last(first).await["result"]["content"][0]["text"], "done");
    let after = alice.in_session(&id, &call(7, "whoami", &json!({})));
    assert_eq!(last(after.send().await.unwrap()).await["id"], 7);
}

#[tokio::test]
async fn an_id_is_free_again_when_its_client_has_left() {
    let fixture = start(json!({})).await;
    let alice = fixture.client("alice");
    let id = alice.open().await;
    let first = alice.in_session(&id, &call_with_progress(7, "steps", &json!({})));
    let mut first = events(first.send().await.unwrap());
    fixture.steps.add_permits(1);
    first.next().await.unwrap();
    drop(first);
    eventually("the id is free", async || {
        let again = alice.in_session(&id, &call(7, "whoami", &json!({})));
        let status = again.send().await.unwrap().status();
        (status == 200).then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_runs_on_after_its_client_has_left_counts_until_it_is_over() {
    let fixture = start(json!({})).await;
    let alice = fixture.client("alice");
    let id = alice.open().await;
    let most = 1000;
    for number in 0..most {
        let left = alice.in_session(&id, &call(number, "steps", &json!({})));
        let left = left.send().await.unwrap();
        assert_eq!(left.status(), 200, "{number}");
        drop(left);
    }
    let one_more = || alice.in_session(&id, &call(most, "whoami", &json!({})));
    eventually("all that were left are in", async || {
        (one_more().send().await.unwrap().status() == 429).then_some(())
    })
    .await;
    fixture.steps.add_permits(3 * 1000);
    eventually("there is room again", async || {
        (one_more().send().await.unwrap().status() == 200).then_some(())
    })
    .await;
}
