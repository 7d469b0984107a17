//! What each key may see and call, and what calls cost, on both doors.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on has nothing better to do than to panic"
)]

mod common;

use std::path::PathBuf;

use common::{Server, answer, initialize, request, server, start_with};
use reqwest::RequestBuilder;
use serde_json::{Value, json};
use tempfile::TempDir;

/// A keys file in a directory of its own.
fn keys(keys: &Value) -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("keys.json");
    std::fs::write(&path, json!({ "keys": keys }).to_string()).unwrap();
    (directory, path)
}

async fn start_with_keys(list: &Value, mut settings: Value) -> (TempDir, Server) {
    let (directory, path) = keys(list);
    settings["auth"] = json!({ "keys_file": path });
    (directory, start_with(server(), settings).await)
}

fn with(key: &str, request: RequestBuilder) -> RequestBuilder {
    request.bearer_auth(key)
}

fn names(list: &Value) -> Vec<&str> {
    let tools = list["tools"]
        .as_array()
        .or(list["result"]["tools"].as_array());
    let tools = tools.unwrap_or_else(|| panic!("no list: {list}"));
    tools
        .iter()
        .map(|tool| tool["name"].as_str().unwrap())
        .collect()
}

// AUT-10
#[tokio::test]
async fn a_tool_that_a_key_does_not_name_is_neither_listed_nor_callable_on_any_door() {
    let list = json!([
        {"key": "key-of-everything", "name": "all"},
        {"key": "key-of-echo-alone", "name": "one", "tools": ["echo"]},
        {"key": "key-of-nothing-at-all", "name": "none", "tools": []},
    ]);
    let (_directory, server) = start_with_keys(&list, json!({})).await;
    for (key, sees_echo, sees_add) in [
        ("key-of-everything", true, true),
        ("key-of-echo-alone", true, false),
        ("key-of-nothing-at-all", false, false),
    ] {
        let rest = answer(with(key, server.get("/tools"))).await.1;
        let old = answer(with(key, server.mcp(&request("tools/list", json!({})))))
            .await
            .1;
        let new = answer(with(key, server.modern("tools/list", json!({}))))
            .await
            .1;
        for list in [&rest, &old, &new] {
            assert_eq!(names(list).contains(&"echo"), sees_echo, "{key}: {list}");
            assert_eq!(names(list).contains(&"add"), sees_add, "{key}: {list}");
        }
        assert_eq!(rest["count"], names(&rest).len());
        for (tool, body, may) in [
            ("echo", json!({"message": "x"}), sees_echo),
            ("add", json!({"a": 1, "b": 2}), sees_add),
        ] {
            let path = format!("/tools/{tool}");
            let (status, said) = answer(with(key, server.post(&path, body.to_string()))).await;
            assert_eq!(status, if may { 200 } else { 404 }, "{key}: {said}");
            let call = json!({"name": tool, "arguments": body});
            for request in [
                server.mcp(&request("tools/call", call.clone())),
                server.modern("tools/call", call.clone()),
            ] {
                let (_, said) = answer(with(key, request)).await;
                assert_eq!(said["result"].is_object(), may, "{key}: {said}");
                assert_eq!(said["error"].is_object(), !may, "{key}: {said}");
            }
        }
    }
}

// AUT-10: whoever may not know of a tool cannot find out that it is there.
#[tokio::test]
async fn a_hidden_tool_is_answered_like_one_that_does_not_exist() {
    let list = json!([{"key": "key-of-echo-alone", "name": "one", "tools": ["echo"]}]);
    let (_directory, server) = start_with_keys(&list, json!({})).await;
    let key = "key-of-echo-alone";
    let said = async |tool: &str, arguments: &str| {
        let (status, mut rest) =
            answer(with(key, server.post(&format!("/tools/{tool}"), arguments))).await;
        rest["correlation_id"] = Value::Null;
        let call =
            json!({"name": tool, "arguments": serde_json::from_str::<Value>(arguments).unwrap()});
        let old = answer(with(key, server.mcp(&request("tools/call", call.clone())))).await;
        let new = answer(with(key, server.modern("tools/call", call))).await;
        format!("{status} {rest} {old:?} {new:?}").replace(tool, "TOOL")
    };
    for arguments in ["{\"a\": 1, \"b\": 2}", "{}", "{\"a\": \"wrong\"}"] {
        assert_eq!(said("add", arguments).await, said("nope", arguments).await);
    }
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Place {
    #[schemars(extend("x-mcp-header" = "Region"))]
    #[expect(dead_code, reason = "only its schema matters")]
    region: String,
}

// AUT-10: rmcp's service compares headers with the schema of the tool that is called before anybody asks who calls.
#[tokio::test]
async fn no_odd_header_tells_what_arguments_a_hidden_tool_has() {
    let list = json!([{"key": "key-of-echo-alone", "name": "one", "tools": ["echo"]}]);
    let (_directory, path) = keys(&list);
    let handler = server().tool("place", "Is hidden", async |_: Place| "x");
    let server = start_with(handler, json!({"auth": {"keys_file": path}})).await;
    let said = async |tool: &str, name: &str, version: &str, capabilities: Value| {
        let mut message = common::modern(
            "tools/call",
            json!({"name": tool, "arguments": {"region": "x"}}),
        );
        let meta = &mut message["params"]["_meta"];
        meta["io.modelcontextprotocol/protocolVersion"] = json!(version);
        meta["io.modelcontextprotocol/clientCapabilities"] = capabilities;
        let request = server.mcp(&message).header("mcp-name", name);
        let request = request.header("mcp-protocol-version", version);
        let request = request.header("mcp-method", "tools/call");
        let (status, mut body) = answer(with("key-of-echo-alone", request)).await;
        body["error"]["data"] = Value::Null;
        format!("{status} {body}").replace(tool, "TOOL")
    };
    for (version, capabilities) in [
        ("2026-07-28", json!({})),
        ("2026-07-28", json!("none")),
        ("2027-01-01", json!({})),
    ] {
        for encoded in [false, true] {
            let name = |plain: &str, base64: &str| match encoded {
                true => format!("=?base64?{base64}?="),
                false => plain.to_owned(),
            };
            let place = name("place", "cGxhY2U=");
            let nope = name("nope", "bm9wZQ==");
            let hidden = said("place", &place, version, capabilities.clone()).await;
            let absent = said("nope", &nope, version, capabilities.clone()).await;
            assert_eq!(hidden, absent, "{version} {capabilities} {encoded}");
        }
    }
}

// AUT-10
#[tokio::test]
async fn a_list_for_one_key_must_not_be_kept_for_another() {
    let list = json!([
        {"key": "key-of-everything", "name": "all"},
        {"key": "key-of-echo-alone", "name": "one", "tools": ["echo"]},
    ]);
    let (_directory, server) = start_with_keys(&list, json!({})).await;
    let (_, said) = answer(with(
        "key-of-echo-alone",
        server.modern("tools/list", json!({})),
    ))
    .await;
    assert_eq!(said["result"]["cacheScope"], "private");
}

async fn left(request: RequestBuilder) -> (u16, i64) {
    let response = request.send().await.unwrap();
    let header = &response.headers()["x-ratelimit-remaining"];
    (
        response.status().as_u16(),
        header.to_str().unwrap().parse().unwrap(),
    )
}

// RL-10
#[tokio::test]
async fn both_doors_sessions_and_batches_cost_the_same_allowance() {
    let list = json!([{"key": "key-of-everything", "name": "all", "rate_limit": 20, "window_seconds": 86400}]);
    let limits = json!({"rate_limit": {"enabled": true, "tools": {"add": {"cost": 3}}}});
    let (_directory, server) = start_with_keys(&list, limits).await;
    let key = "key-of-everything";
    let echo = json!({"name": "echo", "arguments": {"message": "x"}});
    let add = json!({"name": "add", "arguments": {"a": 1, "b": 2}});
    let rest = server.post("/tools/echo", "{\"message\": \"x\"}");
    assert_eq!(left(with(key, rest)).await, (200, 19));
    assert_eq!(
        left(with(key, server.mcp(&request("tools/call", echo.clone())))).await,
        (200, 18)
    );
    assert_eq!(
        left(with(key, server.modern("tools/call", echo.clone()))).await,
        (200, 17)
    );
    assert_eq!(
        left(with(key, server.post("/tools/add", "{\"a\": 1, \"b\": 2}"))).await,
        (200, 14)
    );
    assert_eq!(
        left(with(key, server.modern("tools/call", add.clone()))).await,
        (200, 11)
    );
    let initialize = initialize("2025-03-26");
    assert_eq!(left(with(key, server.mcp(&initialize))).await, (200, 10));
    let one = |id: u64| json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": echo});
    let batch = json!([one(1), one(2), one(3), one(4)]);
    let batch = server
        .mcp(&batch)
        .header("MCP-Protocol-Version", "2025-03-26");
    assert_eq!(left(with(key, batch)).await, (200, 6));
    // A batch that is too dear costs the one request that it is.
    let ten: Vec<Value> = (1..=10).map(one).collect();
    let batch = server
        .mcp(&json!(ten))
        .header("MCP-Protocol-Version", "2025-03-26");
    assert_eq!(left(with(key, batch)).await, (429, 5));
    assert_eq!(left(with(key, server.get("/nowhere"))).await, (404, 4));
    let (status, said) = {
        for _ in 0..4 {
            left(with(key, server.get("/tools"))).await;
        }
        answer(with(key, server.modern("tools/call", echo))).await
    };
    assert_eq!(status, 429);
    assert_eq!(said["error"]["data"]["scope"], "key");
    assert_eq!(said["error"]["data"]["limit"], 20);
    assert!(
        said["error"]["data"]["retryAfterMs"].as_u64().unwrap() > 0,
        "{said}"
    );
}

#[tokio::test]
async fn a_tool_with_a_limit_of_its_own_says_when_to_come_back() {
    let list = json!([{"key": "key-of-everything", "name": "all"}, {"key": "another-key-of-all", "name": "other"}]);
    let limits = json!({"rate_limit": {"enabled": true, "tools": {"add": {"limit": 1, "window_seconds": 600}}}});
    let (_directory, server) = start_with_keys(&list, limits).await;
    let add = || server.post("/tools/add", "{\"a\": 1, \"b\": 2}");
    assert_eq!(left(with("key-of-everything", add())).await, (200, 99));
    let response = with("key-of-everything", add()).send().await.unwrap();
    assert_eq!(response.status(), 429);
    let wait: u64 = response.headers()["retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!((590..=600).contains(&wait), "{wait}");
    let said: Value = response.json().await.unwrap();
    assert!(
        said["detail"]
            .as_str()
            .unwrap()
            .contains("\"add\" 1 time in 600 seconds"),
        "{said}"
    );
    assert_eq!(left(with("another-key-of-all", add())).await, (200, 99));
    assert_eq!(
        left(with(
            "key-of-everything",
            server.post("/tools/echo", "{\"message\": \"x\"}")
        ))
        .await
        .0,
        200
    );
}
