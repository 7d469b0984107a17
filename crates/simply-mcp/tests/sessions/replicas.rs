//! Several servers that share their sessions through a real Redis, and several that do not.

use std::collections::HashMap;

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::{
    client::{Client, Fixture, events, eventually, start},
    redis::Redis,
};

/// Two servers on one Redis, both in touch with it.
async fn two(redis: &Redis, mut settings: Value) -> [Fixture; 2] {
    settings["rate_limit"] = json!({"store": redis.url()});
    let both = [start(settings.clone()).await, start(settings).await];
    for one in &both {
        one.until("simply_mcp_store_up", 1).await;
    }
    both
}

fn clients(both: &[Fixture; 2], name: &str) -> [Client; 2] {
    [both[0].client(name), both[1].client(name)]
}

/// What a session answers; on a loaded machine the store is late now and then, and 503 says to ask again.
async fn asked(client: &Client, id: &str) -> (u16, String) {
    eventually("the store answers in time", async || {
        let answer = client.call(id, "whoami").await;
        (answer.0 != 503).then_some(answer)
    })
    .await
}

/// A session that the other server knows too.
async fn shared_session(of: &[Client; 2]) -> String {
    eventually("a session is shared", async || {
        let id = of[0].open().await;
        (asked(&of[1], &id).await.0 == 200).then_some(id)
    })
    .await
}

async fn ended(client: &Client, id: &str) -> StatusCode {
    eventually("the store answers in time", async || {
        let status = client.end(id).send().await.unwrap().status();
        (status != 503).then_some(status)
    })
    .await
}

// SES-10
#[tokio::test]
async fn a_client_can_land_on_any_replica() {
    let redis = Redis::start();
    let both = two(&redis, json!({})).await;
    let alice = clients(&both, "alice");
    let nobody = clients(&both, "nobody");
    let hers = shared_session(&alice).await;
    let nobodys = shared_session(&nobody).await;
    for turn in 0..10 {
        let answer = asked(&alice[turn % 2], &hers).await;
        assert_eq!(answer, (200, "alice".to_owned()));
        let answer = asked(&nobody[turn % 2], &nobodys).await;
        assert_eq!(answer, (200, "nobody".to_owned()));
    }
    // All at once, on a server that has not seen it.
    let third = start(json!({"rate_limit": {"store": redis.url()}})).await;
    third.until("simply_mcp_store_up", 1).await;
    let third = third.client("alice");
    let calls = (0..10).map(async |number| {
        let message = crate::client::call(number, "whoami", &json!({}));
        eventually("it is brought here", async || {
            let response = third.in_session(&hers, &message).send().await.unwrap();
            let status = response.status();
            assert!([200, 503].contains(&status.as_u16()), "{status}");
            (status == 200).then_some(())
        })
        .await;
    });
    futures::future::join_all(calls).await;
}

// SES-01, SES-10
#[tokio::test]
async fn a_session_has_its_owner_on_every_replica() {
    let redis = Redis::start();
    let both = two(&redis, json!({})).await;
    let alice = clients(&both, "alice");
    let id = shared_session(&alice).await;
    for replica in &both {
        for other in ["bob", "nobody"] {
            let other = replica.client(other);
            let unknown = (404, "unknown_session".to_owned());
            assert_eq!(asked(&other, &id).await, unknown);
            assert_eq!(ended(&other, &id).await, 404);
        }
    }
    assert_eq!(asked(&alice[1], &id).await.0, 200);
    for (key, lives) in redis.keys() {
        assert!(key.starts_with("smcp:{"), "{key}");
        assert!((1..=310_000).contains(&lives), "{key}: {lives}");
        assert!(!key.contains(&id), "{key}");
    }
}

// SES-04, SES-10
#[tokio::test]
async fn a_session_that_one_replica_ends_is_over_on_all() {
    let redis = Redis::start();
    let both = two(&redis, json!({})).await;
    let alice = clients(&both, "alice");
    let id = shared_session(&alice).await;
    let standing = alice[0].stand(&id).send().await.unwrap();
    let mut standing = events(standing);
    assert_eq!(ended(&alice[1], &id).await, 204);
    assert_eq!(standing.next().await, None);
    for client in &alice {
        assert_eq!(asked(client, &id).await.0, 404);
        assert_eq!(ended(client, &id).await, 404);
    }
    for one in &both {
        one.until("simply_mcp_sessions", 0).await;
    }
}

// SES-10
#[tokio::test]
async fn a_value_that_cannot_be_read_is_no_session_and_no_fault_of_the_store() {
    let redis = Redis::start();
    let both = two(&redis, json!({})).await;
    let alice = clients(&both, "alice");
    let id = shared_session(&alice).await;
    let third = start(json!({"rate_limit": {"store": redis.url()}})).await;
    third.until("simply_mcp_store_up", 1).await;
    let keys = redis.keys();
    let (key, _) = keys
        .iter()
        .find(|(key, _)| key.contains(":session:"))
        .unwrap();
    for script in [
        "return redis.call('SET', KEYS[1], string.char(255, 254), 'PX', 300000)",
        "return redis.call('SET', KEYS[1], 'null', 'PX', 300000)",
        "return redis.call('SET', KEYS[1], string.rep('[', 50000), 'PX', 300000)",
    ] {
        assert_eq!(redis.run(&["EVAL", script, "1", key]), "OK");
        let unknown = (404, "unknown_session".to_owned());
        assert_eq!(asked(&third.client("alice"), &id).await, unknown);
        assert_eq!(asked(&alice[0], &id).await.0, 200);
    }
}

// SES-04, SES-10
#[tokio::test]
async fn a_session_that_ends_while_it_is_brought_here_is_unknown_and_no_failure() {
    let redis = Redis::start();
    let both = two(&redis, json!({})).await;
    let alice = clients(&both, "alice");
    for _ in 0..40 {
        let id = alice[0].open().await;
        let used = (0..3).map(async |number| {
            let message = crate::client::call(number, "whoami", &json!({}));
            let response = alice[1].in_session(&id, &message).send().await.unwrap();
            let status = response.status().as_u16();
            assert!([200, 404, 503].contains(&status), "{status}");
        });
        let ended = async |client: &Client| {
            let status = client.end(&id).send().await.unwrap().status().as_u16();
            assert!([204, 404, 503].contains(&status), "{status}");
        };
        let both_end = futures::future::join(ended(&alice[0]), ended(&alice[1]));
        futures::future::join(futures::future::join_all(used), both_end).await;
    }
}

// SES-03
#[tokio::test]
async fn replicas_count_the_sessions_of_a_caller_together() {
    let redis = Redis::start();
    let both = two(&redis, json!({"mcp": {"max_sessions_per_caller": 3}})).await;
    let alice = clients(&both, "alice");
    let mut statuses = HashMap::<u16, usize>::new();
    let mut last = None;
    for turn in 0..8 {
        let response = alice[turn % 2].initialize().await;
        *statuses.entry(response.status().as_u16()).or_default() += 1;
        if response.status() == 200 {
            last = Some((turn % 2, crate::client::session_of(&response)));
        }
    }
    assert_eq!(statuses, HashMap::from([(200, 3), (429, 5)]));
    let (turn, id) = last.unwrap();
    assert_eq!(ended(&alice[1 - turn], &id).await, 204);
    assert_eq!(alice[turn].initialize().await.status(), 200);
    assert_eq!(alice[1 - turn].initialize().await.status(), 429);
}

// SES-10
#[tokio::test]
async fn sessions_that_live_here_go_on_while_the_store_is_down() {
    let mut redis = Redis::start();
    let both = two(&redis, json!({})).await;
    let alice = clients(&both, "alice");
    let id = alice[0].open().await;
    redis.kill();
    for one in &both {
        one.until("simply_mcp_store_up", 0).await;
    }
    assert_eq!(
        alice[0].call(&id, "whoami").await,
        (200, "alice".to_owned())
    );
    let elsewhere = crate::client::call(1, "whoami", &json!({}));
    let elsewhere = alice[1].in_session(&id, &elsewhere).send().await.unwrap();
    assert_eq!(elsewhere.status(), 503);
    assert!(elsewhere.headers().contains_key("retry-after"));
    let not_ended = alice[1].end(&id).send().await.unwrap();
    assert_eq!(not_ended.status(), 503);
    let new = alice[1].open().await;
    assert_eq!(alice[1].call(&new, "whoami").await.0, 200);

    // It comes back empty: who holds a session writes it again with its next use.
    redis.start_again();
    for one in &both {
        one.until("simply_mcp_store_up", 1).await;
    }
    for (here, there, id) in [(0, 1, &id), (1, 0, &new)] {
        eventually("the session is written again", async || {
            assert_eq!(alice[here].call(id, "whoami").await.0, 200);
            (asked(&alice[there], id).await.0 == 200).then_some(())
        })
        .await;
    }
}

// SES-10
#[tokio::test]
async fn without_a_store_the_session_of_another_replica_is_unknown() {
    let both = [start(json!({})).await, start(json!({})).await];
    let alice = clients(&both, "alice");
    let id = alice[0].open().await;
    let unknown = (404, "unknown_session".to_owned());
    for _ in 0..3 {
        assert_eq!(alice[1].call(&id, "whoami").await, unknown);
        assert_eq!(alice[0].call(&id, "whoami").await.0, 200);
    }
    assert_eq!(alice[1].end(&id).send().await.unwrap().status(), 404);
    assert_eq!(alice[0].call(&id, "whoami").await.0, 200);
    // What needs no session needs no replica.
    let call = crate::client::call(1, "whoami", &json!({}));
    for turn in 0..4 {
        let response = alice[turn % 2].post(&call).send().await.unwrap();
        assert_eq!(response.status(), 200);
    }
}
