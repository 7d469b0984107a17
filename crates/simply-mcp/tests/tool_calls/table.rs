//! Door, version and outcome: each call changes the same series, each by one.

use serde_json::{Value, json};

use crate::{
    common::{Add, answer},
    fixture::{Fixture, WAYS, Way, expected, server},
};

/// A call: the tool, its arguments, the tool that is counted, the outcome, and whether a tool ran.
type Case = (&'static str, Value, &'static str, &'static str, bool);

fn cases() -> Vec<Case> {
    let none = || json!({});
    vec![
        ("echo", json!({"message": "m"}), "echo", "success", true),
        ("add", json!({"a": 1, "b": 2}), "add", "success", true),
        ("fail", none(), "fail", "tool_error", true),
        ("panic", none(), "panic", "panic", true),
        ("busy", none(), "busy", "refused", false),
        ("late", none(), "late", "timeout", true),
        ("picky", none(), "picky", "invalid_arguments", false),
        ("add", json!({"a": "x"}), "add", "invalid_arguments", false),
        (
            "typed",
            json!({"port": "x"}),
            "typed",
            "invalid_arguments",
            false,
        ),
        ("nobody", none(), "unmatched", "unknown_tool", false),
        ("a\"b\\c\nd", none(), "unmatched", "unknown_tool", false),
    ]
}

#[tokio::test]
async fn every_call_is_counted_once_and_alike_through_every_door() {
    let fixture = Fixture::start(server(), json!({})).await;
    for (tool, arguments, counted, outcome, has_run) in cases() {
        for way in WAYS {
            if matches!(way, Way::Modern | Way::Streamed) && tool.contains('\n') {
                // `Mcp-Name` cannot say it.
                continue;
            }
            let changed = fixture.counted(fixture.call(way, tool, &arguments)).await;
            let expected = expected(counted, outcome, has_run);
            assert_eq!(changed, expected, "{tool} by {way:?}");
        }
    }
    assert_eq!(fixture.running().await, 0);
}

#[tokio::test]
async fn arguments_that_the_tool_cannot_read_are_said_to_be_those_of_the_caller() {
    let fixture = Fixture::start(server(), json!({})).await;
    let call = |way| fixture.call(way, "typed", &json!({"port": "x"}));
    let (status, body) = answer(call(Way::Rest)).await;
    assert_eq!((status, &body["code"]), (400, &json!("invalid_arguments")));
    assert!(
        body["detail"].as_str().unwrap().contains("`port`"),
        "{body}"
    );
    let (_, body) = answer(call(Way::Stateless)).await;
    assert_eq!(body["result"]["isError"], true);
    assert_eq!(body["result"].get("_meta"), None, "the sign is our own");
}

#[tokio::test]
async fn a_round_that_asks_and_a_task_that_starts_are_successes_where_they_can_be_carried() {
    let fixture = Fixture::start(server(), json!({})).await;
    let able =
        json!({"elicitation": {"form": {}}, "extensions": {"io.modelcontextprotocol/tasks": {}}});
    for tool in ["ask", "start"] {
        let changed = fixture
            .counted(fixture.call(Way::Rest, tool, &json!({})))
            .await;
        assert_eq!(changed, expected(tool, "refused", false), "{tool} by REST");
        let changed = fixture
            .counted(fixture.call(Way::Modern, tool, &json!({})))
            .await;
        assert_eq!(
            changed,
            expected(tool, "refused", false),
            "{tool} for a client that cannot"
        );
        let request = fixture.modern(json!({"name": tool, "arguments": {}}), &able);
        let changed = fixture.counted(request).await;
        assert_eq!(changed, expected(tool, "success", true), "{tool}");
    }
}

#[tokio::test]
async fn what_a_door_refuses_is_no_call() {
    let settings = json!({"rate_limit": {"enabled": true, "tools": {"echo": {"limit": 1}}}});
    let fixture = Fixture::start(server(), settings).await;
    let message = json!({"message": "m"});
    let first = fixture
        .counted(fixture.call(Way::Rest, "echo", &message))
        .await;
    assert_eq!(first, expected("echo", "success", true));
    for way in WAYS {
        let refused = fixture.counted(fixture.call(way, "echo", &message)).await;
        assert_eq!(refused, Default::default(), "over its limit, by {way:?}");
    }
    let foreign = |way| {
        let call = fixture.call(way, "add", &json!({"a": 1, "b": 2}));
        call.header("origin", "http://evil.example")
    };
    for way in WAYS {
        let refused = fixture.counted(foreign(way)).await;
        assert_eq!(refused, Default::default(), "from elsewhere, by {way:?}");
    }
    for body in ["{", "[]", "null"] {
        let unread = fixture.counted(fixture.post("/tools/add", body)).await;
        assert_eq!(unread, Default::default(), "{body}");
        let unread = fixture.counted(fixture.post("/mcp", body)).await;
        assert_eq!(unread, Default::default(), "{body}");
    }
}

#[tokio::test]
async fn a_tool_that_is_hidden_from_its_caller_counts_like_one_that_nobody_knows() {
    let key = "a-key-that-may-add-and-do-nothing-else";
    let keys = tempfile::Builder::new().suffix(".json").tempfile().unwrap();
    let content = json!({"keys": [{"name": "adder", "key": key, "tools": ["add"]}]});
    std::fs::write(keys.path(), content.to_string()).unwrap();
    let auth = json!({"enabled": true, "require_auth": false, "keys_file": keys.path()});
    let fixture = Fixture::start(server(), json!({ "auth": auth })).await;
    // The session belongs to somebody else.
    for way in WAYS.into_iter().filter(|way| *way != Way::Session) {
        let call = fixture
            .call(way, "echo", &json!({"message": "m"}))
            .bearer_auth(key);
        let hidden = fixture.counted(call).await;
        assert_eq!(
            hidden,
            expected("unmatched", "unknown_tool", false),
            "{way:?}"
        );
        let call = fixture
            .call(way, "add", &json!({"a": 1, "b": 2}))
            .bearer_auth(key);
        let seen = fixture.counted(call).await;
        assert_eq!(seen, expected("add", "success", true), "{way:?}");
    }
}

#[tokio::test]
async fn a_tool_that_is_removed_keeps_its_series() {
    let server = server();
    let fixture = Fixture::start(server.clone(), json!({})).await;
    let call = || fixture.call(Way::Rest, "added", &json!({"a": 1, "b": 1}));
    let add = async |Add { a, b }: Add| (a + b).to_string();
    server
        .update(|server| server.tool("added", "Adds", add))
        .unwrap();
    fixture.counted(call()).await;
    server
        .update(|server| server.without_tool("added"))
        .unwrap();
    let gone = fixture.counted(call()).await;
    assert_eq!(gone, expected("unmatched", "unknown_tool", false));
    let total = "http_tool_execution_total{status=\"success\",tool=\"added\"}";
    assert_eq!(fixture.value(total).await, 1);
}
