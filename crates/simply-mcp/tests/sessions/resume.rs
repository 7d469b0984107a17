//! A stream that broke is taken up again: the same one, by its owner, behind the last event.

use serde_json::{Value, json};

use crate::client::{Client, Fixture, call_with_progress, events, last, start};

/// Calls `steps`, hears of the first step, and loses the connection. The id of that event.
async fn broken_off(fixture: &Fixture, client: &Client, session: &str) -> String {
    let steps = client.in_session(session, &call_with_progress(1, "steps", &json!({})));
    let mut stream = events(steps.send().await.unwrap());
    fixture.steps.add_permits(1);
    let (id, message) = stream.next().await.unwrap();
    assert_eq!(message["params"]["progress"], 1.0);
    id.unwrap()
}

fn resume(client: &Client, session: &str, event: &str) -> reqwest::RequestBuilder {
    client.stand(session).header("last-event-id", event)
}

// SES-05
#[tokio::test]
async fn what_was_missed_is_heard_once_and_what_was_heard_is_not() {
    let fixture = start(json!({})).await;
    let alice = fixture.client("alice");
    let session = alice.open().await;
    let event = broken_off(&fixture, &alice, &session).await;
    let again = resume(&alice, &session, &event).send().await.unwrap();
    let mut again = events(again);
    fixture.steps.add_permits(2);
    let mut heard: Vec<Value> = vec![];
    while let Some((_, message)) = again.next().await {
        heard.push(message);
    }
    let progress: Vec<_> = heard
        .iter()
        .filter_map(|message| message["params"]["progress"].as_f64())
        .collect();
    assert_eq!(progress, [2.0, 3.0]);
    assert_eq!(heard.len(), 3, "{heard:?}");
    assert_eq!(heard[2]["result"]["content"][0]["text"], "done");
}

// SES-05
#[tokio::test]
async fn an_event_of_somebody_else_or_of_nobody_gives_nothing() {
    let fixture = start(json!({})).await;
    let (alice, bob) = (fixture.client("alice"), fixture.client("bob"));
    let session = alice.open().await;
    let event = broken_off(&fixture, &alice, &session).await;
    let stolen = resume(&bob, &session, &event).send().await.unwrap();
    assert_eq!(stolen.status(), 404);
    let (numbers, mark) = event.split_once('@').unwrap();
    let other = alice.open().await;
    let his = bob.open().await;
    let huge = format!("{}/{}", u64::MAX, u64::MAX);
    for (client, session, event) in [
        (&bob, &his, event.as_str()),
        (&alice, &other, &event),
        (&alice, &session, numbers),
        (&alice, &session, "999999999/1"),
        (&alice, &session, &huge),
        (&alice, &session, &format!("{huge}@{mark}")),
        (&alice, &session, &format!("999999999/1@{mark}")),
        (&alice, &session, &format!("-1@{mark}")),
        (&alice, &session, &format!("0/0/0@{mark}")),
        (&alice, &session, &"9".repeat(4000)),
        (&alice, &session, ""),
    ] {
        let response = resume(client, session, event).send().await.unwrap();
        assert_eq!(response.status(), 200, "{event}");
        assert_eq!(last(response).await, Value::Null, "{event}");
    }
    let twice = resume(&alice, &session, &event).header("last-event-id", "0");
    assert_eq!(twice.send().await.unwrap().status(), 400);
}
