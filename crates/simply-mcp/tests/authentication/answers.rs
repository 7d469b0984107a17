//! What is said to those who do not get in, and what is heard of those who do.

use std::{fs, sync::atomic::Ordering};

use serde_json::{Value, json};
use simply_mcp::{
    McpServer,
    auth::{ApiKey, KeyEntry},
    server::NoArguments,
};

use crate::{
    Fixture, KEY,
    common::{answer, start_with},
    guide,
};

fn ways_to_fail() -> Value {
    json!([
        { "name": "guide", "key": KEY },
        { "name": "off", "key": "a-key-that-is-off", "enabled": false },
        { "name": "old", "key": "a-key-that-is-old", "expires_at": "2020-01-01" },
    ])
}

// AUT-03, AUT-06
#[tokio::test]
async fn all_who_are_refused_hear_the_same_and_the_operator_hears_why() {
    let fixture = Fixture::with(ways_to_fail()).await;
    let mut said = Vec::new();
    for (reason, header) in [
        ("missing", ""),
        ("malformed", "Authorization: Basic Z3VpZGU6\r\n"),
        ("unknown", "Authorization: Bearer a-key-that-is-not\r\n"),
        ("disabled", "Authorization: Bearer a-key-that-is-off\r\n"),
        ("expired", "Authorization: Bearer a-key-that-is-old\r\n"),
    ] {
        let request = format!(
            "POST /tools/hit HTTP/1.1\r\nHost: localhost\r\nX-Correlation-ID: c-1\r\n{header}Connection: close\r\n\r\n"
        );
        let answer = fixture.server.raw(request.as_bytes()).await;
        let lines = answer.lines().filter(|line| !line.starts_with("date:"));
        said.push(lines.collect::<Vec<_>>().join("\n"));
        let line = format!("http_auth_failure_total{{reason=\"{reason}\"}} 1");
        assert!(fixture.metric(&line).await, "{line}");
    }
    assert!(said[0].starts_with("HTTP/1.1 401 Unauthorized\n"));
    assert!(
        said[0].contains("\nwww-authenticate: Bearer\n"),
        "{}",
        said[0]
    );
    for other in &said {
        assert_eq!(*other, said[0]);
    }
    let (_, body) = answer(fixture.server.post("/tools/hit", "")).await;
    assert_eq!(
        (&body["error"], &body["code"]),
        (&json!("Unauthorized"), &json!("unauthorized"))
    );
    assert_eq!(fixture.calls.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_mistyped_key_of_ours_is_told_from_an_unknown_one() {
    let key = ApiKey::generate().unwrap();
    let entry = KeyEntry::new("ours", key.hash());
    let fixture = Fixture::with(json!([entry])).await;
    assert_eq!(fixture.call(key.expose()).await, 200);
    let code_of = async |key: &str| {
        let request = fixture.server.post("/tools/hit", "").bearer_auth(key);
        answer(request).await
    };
    let other = ApiKey::generate().unwrap();
    let (status, body) = code_of(other.expose()).await;
    assert_eq!((status, &body["code"]), (401, &json!("unauthorized")));
    let (status, body) = code_of(&key.expose()[..50]).await;
    assert_eq!((status, &body["code"]), (401, &json!("key_malformed")));
    assert!(!body.to_string().contains(&key.expose()[..50]));
    assert!(
        fixture
            .metric("http_auth_failure_total{reason=\"mistyped\"} 1")
            .await
    );
    assert!(
        fixture
            .metric("http_auth_success_total{key_name=\"ours\"} 1")
            .await
    );
}

#[tokio::test]
async fn the_mcp_door_refuses_in_json_rpc() {
    let fixture = Fixture::with(guide()).await;
    let (status, body) = answer(fixture.server.modern("tools/list", json!({}))).await;
    assert_eq!((status, &body["error"]["code"]), (401, &json!(-32000)));
    assert_eq!(body["error"]["data"]["code"], "unauthorized");
    let request = fixture.server.modern("tools/list", json!({}));
    assert_eq!(answer(request.bearer_auth(KEY)).await.0, 200);
}

// AUT-07
#[tokio::test]
async fn only_one_well_formed_bearer_token_is_taken() {
    let fixture = Fixture::with(guide()).await;
    let long = "k".repeat(65_536);
    for (headers, good) in [
        ("Authorization: Bearer your-secret-key-here", true),
        ("authorization: bEARER    your-secret-key-here  ", true),
        ("Authorization: Bearer\tyour-secret-key-here", false),
        ("Authorization: your-secret-key-here", false),
        (
            "Authorization: Bearer your-secret-key-here, Bearer x",
            false,
        ),
        (
            "Authorization: Bearer your-secret-key-here\r\nAuthorization: Bearer your-secret-key-here",
            false,
        ),
        (
            "Authorization: Basic x\r\nAuthorization: Bearer your-secret-key-here",
            false,
        ),
        ("Authorization: Bearer your-secret-key-h\u{e9}re", false),
        ("Authorization: Bearer \"your-secret-key-here\"", false),
        (&format!("Authorization: Bearer {long}"), false),
    ] {
        let request = format!(
            "POST /tools/hit HTTP/1.1\r\nHost: localhost\r\n{headers}\r\nConnection: close\r\n\r\n"
        );
        let said = fixture.server.raw(request.as_bytes()).await;
        let status = said.get(9..12).unwrap_or_default();
        assert_eq!(status == "200", good, "{headers:.80}: {said}");
        assert!(good || ["400", "401", "431"].contains(&status), "{said}");
    }
}

// AUT-09
#[tokio::test]
async fn guessing_is_slowed_down_and_locks_nobody_out() {
    let fixture = Fixture::with(guide()).await;
    let mut throttled = 0;
    for guess in 0..300 {
        let key = format!("a-guess-{guess}");
        let request = fixture.server.post("/tools/hit", "").bearer_auth(key);
        let response = request.send().await.unwrap();
        if response.status() == 429 {
            throttled += 1;
            let wait = response.headers()["retry-after"].to_str().unwrap();
            assert!(wait.parse::<u64>().unwrap() >= 1);
            let body: Value = response.json().await.unwrap();
            assert_eq!(body["code"], "rate_limited");
        } else {
            assert_eq!(response.status(), 401);
        }
        if guess % 50 == 49 {
            assert_eq!(fixture.call(KEY).await, 200, "after {guess} guesses");
        }
    }
    assert!(throttled > 100, "{throttled}");
    let asked = fixture.server.post("/tools/hit", "").send().await.unwrap();
    assert_eq!(asked.status(), 401, "who has no key learns how to get in");
    assert!(asked.headers().contains_key("www-authenticate"));
    assert!(
        fixture
            .metric("http_auth_failure_total{reason=\"unknown\"} 300")
            .await
    );
}

#[tokio::test]
async fn where_no_key_is_required_a_wrong_one_is_refused_all_the_same() {
    let settings = json!({ "auth": { "require_auth": false } });
    let fixture = Fixture::with_settings(ways_to_fail(), settings).await;
    assert_eq!(answer(fixture.server.post("/tools/hit", "")).await.0, 200);
    assert_eq!(fixture.call(KEY).await, 200);
    for key in [
        "a-key-that-is-not",
        "a-key-that-is-off",
        "a-key-that-is-old",
    ] {
        assert_eq!(fixture.call(key).await, 401, "{key}");
    }
    let other = fixture.server.post("/tools/hit", "");
    let other = other.header("authorization", "Basic eDp5");
    assert_eq!(answer(other).await.0, 401);
}

#[tokio::test]
async fn switched_off_nothing_asks_for_a_key() {
    let settings = json!({ "auth": { "enabled": false } });
    let fixture = Fixture::with_settings(guide(), settings).await;
    assert_eq!(answer(fixture.server.post("/tools/hit", "")).await.0, 200);
    assert_eq!(fixture.call("anything").await, 200);
    assert_eq!(fixture.health().await, Value::Null);
}

// JWT-12
#[tokio::test]
async fn no_handler_sees_the_credentials() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keys.json");
    fs::write(&file, json!({ "keys": guide() }).to_string()).unwrap();
    let handler = McpServer::new("spy", "1").tool(
        "headers",
        "Tells what it sees",
        async |_: NoArguments, context: simply_mcp::Context| {
            let parts = context.extension::<http::request::Parts>();
            parts.map_or_else(String::new, |parts| format!("{:?}", parts.headers))
        },
    );
    let server = start_with(handler, json!({ "auth": { "keys_file": file } })).await;
    for request in [
        server.post("/tools/headers", ""),
        server.modern("tools/call", json!({ "name": "headers", "arguments": {} })),
    ] {
        let (status, body) = answer(request.bearer_auth(KEY)).await;
        assert_eq!(status, 200);
        let said = body.to_string();
        assert!(said.contains("host"), "{said}");
        assert!(
            !said.contains(KEY) && !said.contains("authorization"),
            "{said}"
        );
    }
}
