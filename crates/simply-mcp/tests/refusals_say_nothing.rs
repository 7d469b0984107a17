//! LOG-03: what a client hears when it is refused, or when something breaks, has nothing of the server's inside.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::collections::HashMap;

use common::{Echo, Server, initialize, modern, request, start_with};
use reqwest::{Method, RequestBuilder};
use rmcp::model::{ErrorCode, ErrorData};
use serde_json::{Value, json};
use simply_mcp::{
    Json, McpServer, ToolError, rmcp,
    server::{Context, NoArguments},
};

/// Nothing that is sent in this file has any of these: whatever has them comes from inside.
const INSIDE: &[&str] = &[
    "/root/",
    "/home/",
    "/usr/",
    "/work/",
    "/var/",
    "/src/",
    ".cargo",
    ".rs:",
    "SELECT",
    "hunter2",
    "panicked",
    "backtrace",
    "RUST_",
    "simply_mcp",
    "serde_json",
    "serde::",
    "rmcp::",
    "tokio::",
    "alloc::",
    "core::",
    "std::",
    "os error",
    "errno",
    " struct ",
    " enum ",
    "redis",
    "Redis",
];

/// What the tools here say when they break.
const SECRET: &str =
    "SELECT * FROM users WHERE password = 'hunter2' in /var/lib/app/db.sqlite at /src/main.rs:7";

/// More than a detail ever needs: a parser's 200 bytes, and what is said around them.
const LONGEST_DETAIL: usize = 700;

#[derive(serde::Deserialize, schemars::JsonSchema)]
#[expect(dead_code, reason = "only its type matters")]
struct Lenient {
    // The schema takes what the type does not.
    #[schemars(with = "Value")]
    inner: Inner,
}

#[derive(serde::Deserialize)]
#[expect(dead_code, reason = "only its type matters")]
struct Inner {
    count: u32,
}

fn server() -> McpServer {
    McpServer::new("fixture", "1")
        .tool(
            "echo",
            "Returns the message",
            async |Echo { message }: Echo| message,
        )
        .tool("lenient", "Takes anything", async |_: Lenient| "taken")
        .tool("panic", "Breaks", async |_: NoArguments| -> String {
            panic!("{SECRET}")
        })
        .tool(
            "panic_soon",
            "Breaks later",
            async |_: NoArguments| -> String {
                tokio::task::yield_now().await;
                panic!("{SECRET}")
            },
        )
        .blocking_tool(
            "panic_blocking",
            "Breaks on a thread",
            |_: NoArguments| -> String { panic!("{SECRET}") },
        )
        .tool(
            "unwritable",
            "Returns what JSON cannot say",
            async |_: NoArguments| Json(HashMap::from([(String::from("a"), Unwritable)])),
        )
        .tool(
            "state",
            "Reads its state",
            async |_: NoArguments, context: Context| {
                let _: Option<u8> = context.state()?;
                Ok::<_, ToolError>("none")
            },
        )
        .tool("refuses", "Refuses", async |_: NoArguments| {
            Err::<String, _>(ToolError::protocol(ErrorData::new(
                ErrorCode(-32050),
                "no",
                None,
            )))
        })
        .resource("test://panic", "panic", async || -> String {
            panic!("{SECRET}")
        })
        .prompt("panic", "Breaks", async |_: Echo| -> String {
            panic!("{SECRET}")
        })
}

#[derive(schemars::JsonSchema)]
struct Unwritable;

impl serde::Serialize for Unwritable {
    fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        let long = "x".repeat(10_000);
        Err(serde::ser::Error::custom(format!(
            "no struct Unwritable {long}"
        )))
    }
}

/// Bodies that are no request, of every kind.
fn rubbish() -> Vec<Vec<u8>> {
    let long = "é".repeat(20_000);
    let mut bodies: Vec<Vec<u8>> = [
        "",
        " ",
        "{",
        "[",
        "]",
        "nul",
        "null",
        "1",
        "\"a\"",
        "{\"a\":}",
        "{\"a\":1,}",
        "\u{feff}{}",
        "{\"a\":1e999}",
        "{\"a\":-}",
        "{\"a\":\"\\ud800\"}",
        "{\"a\":\"\u{0}\"}",
        "{'a':1}",
        "<a/>",
        "a=1&b=2",
        "{}{}",
        "[[]]",
        "[{}]",
        "[1,2]",
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec();
    bodies.push(b"{\"a\":\"\xff\xfe\"}".to_vec());
    bodies.push(vec![0; 100]);
    bodies.push("[".repeat(100_000).into_bytes());
    bodies.push("{\"a\":".repeat(500).into_bytes());
    bodies.push(long.clone().into_bytes());
    bodies.push(format!("{{\"{long}\":\"{long}\"").into_bytes());
    bodies.push(format!("{{\"message\":\"{long}\" \"{long}\"}}").into_bytes());
    bodies
}

/// Values that are of the wrong type wherever they are put.
fn wrong_values() -> Vec<Value> {
    let long = "é".repeat(5_000);
    vec![
        json!(null),
        json!(true),
        json!(-1),
        json!(1.5),
        json!(1e300),
        json!(long),
        json!([]),
        json!([[long]]),
        json!({}),
        json!({ long.as_str(): long }),
    ]
}

/// An answer, and whether it is a refusal: then it has nothing of the inside, and can be found again.
async fn is_clean(request: RequestBuilder, what: &str) -> bool {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let headers = response.headers().clone();
    let text = response.text().await.unwrap();
    let about = || format!("{what:.200}: {status} {text:.1500}");
    for inside in INSIDE {
        assert!(!text.contains(inside), "{inside:?} in {}", about());
        for (name, value) in &headers {
            let value = String::from_utf8_lossy(value.as_bytes());
            assert!(
                !value.contains(inside),
                "{inside:?} in {name} of {}",
                about()
            );
        }
    }
    let id = headers["x-correlation-id"].to_str().unwrap();
    let body = event_or_json(&text);
    let is_error = |message: &Value| message.get("error").is_some();
    let is_refused = status >= 400
        || is_error(&body)
        || body["result"]["isError"] == true
        || body
            .as_array()
            .is_some_and(|batch| batch.iter().all(is_error));
    if status >= 400 && !text.is_empty() && headers["content-type"] == "application/json" {
        let said = [
            &body["correlation_id"],
            &body["error"]["data"]["correlation_id"],
        ];
        let is_named = said.into_iter().any(|said| said == id);
        // Errors of the protocol itself have the header alone.
        assert!(is_named || body["jsonrpc"] == "2.0", "no id in {}", about());
    }
    let details = [
        &body["detail"],
        &body["error"]["message"],
        &body["result"]["content"][0]["text"],
    ];
    for detail in details {
        // A client's own words may come back to it, as rmcp does with a method or a header that does not fit.
        let ours = detail.as_str().unwrap_or_default().replace('é', "");
        let length = ours.len();
        assert!(
            !is_refused || length <= LONGEST_DETAIL,
            "{length} bytes in {}",
            about()
        );
    }
    is_refused
}

fn event_or_json(text: &str) -> Value {
    let data = text
        .lines()
        .rev()
        .find_map(|line| line.strip_prefix("data: "));
    serde_json::from_str(data.unwrap_or(text)).unwrap_or_default()
}

async fn assert_refused(request: RequestBuilder, what: &str) {
    assert!(is_clean(request, what).await, "{what:.200} is answered");
}

fn any(server: &Server, method: &str, path: &str) -> RequestBuilder {
    let method: Method = method.parse().unwrap();
    common::client().request(method, server.url(path))
}

#[tokio::test]
async fn rest_says_nothing() {
    let server = start_with(server(), json!({})).await;
    for body in rubbish() {
        let what = String::from_utf8_lossy(&body).into_owned();
        for tool in ["echo", "lenient", "nobody"] {
            let request = any(&server, "POST", &format!("/tools/{tool}")).body(body.clone());
            assert_refused(request, &what).await;
        }
    }
    for value in wrong_values() {
        for arguments in [
            json!({ "message": value }),
            json!({ "message": "a", "inner": value }),
            json!({ "inner": { "count": value } }),
            value.clone(),
        ] {
            for tool in ["echo", "lenient"] {
                let request = server.post(&format!("/tools/{tool}"), arguments.to_string());
                is_clean(request, &arguments.to_string()).await;
            }
        }
    }
    for tool in [
        "panic",
        "panic_soon",
        "panic_blocking",
        "unwritable",
        "refuses",
    ] {
        let request = server.post(&format!("/tools/{tool}"), "{}");
        assert_refused(request, tool).await;
    }
    for name in [
        "%",
        "%zz",
        "%ff%fe",
        "%00",
        "..%2f..",
        "a'b",
        "%E2%80%A8",
        &"n".repeat(5000),
    ] {
        let request = server.post(&format!("/tools/{name}"), "{}");
        assert_refused(request, name).await;
    }
    for (name, value) in [
        ("content-encoding", "gzip"),
        ("content-encoding", "x-unknown; q=1"),
        ("origin", "https://evil.example.com"),
        ("origin", "null"),
        ("host", "evil.example.com"),
        ("host", "a b"),
        ("host", "[::"),
    ] {
        let request = server.post("/tools/echo", r#"{"message":"a"}"#);
        assert_refused(request.header(name, value), value).await;
    }
    let path = format!("/{}", "p".repeat(5000));
    for path in [
        "/",
        "/nothing",
        "/health/x",
        "/metrics/x",
        "/.well-known/x",
        &path,
    ] {
        for method in ["GET", "POST", "DELETE", "TRACE", "X-UNKNOWN"] {
            assert_refused(any(&server, method, path), path).await;
        }
    }
    for path in [
        "/health",
        "/health/live",
        "/health/ready",
        "/metrics",
        "/tools",
        "/tools/echo",
    ] {
        for method in ["PUT", "DELETE", "PATCH", "X-UNKNOWN"] {
            assert_refused(any(&server, method, path), path).await;
        }
    }
    let too_long = format!(
        "POST /tools/echo HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        u64::MAX / 2
    );
    let answer = server.raw(too_long.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    assert!(
        INSIDE.iter().all(|inside| !answer.contains(inside)),
        "{answer}"
    );
}

/// A request of each era: the message, and the headers that belong to it.
fn of_every_era(server: &Server, method: &str, params: &Value) -> Vec<(String, RequestBuilder)> {
    let both = "application/json, text/event-stream";
    let mut requests = Vec::new();
    for version in ["2025-03-26", "2025-06-18", "2025-11-25"] {
        let message = request(method, params.clone());
        let request = server.mcp(&message).header("mcp-protocol-version", version);
        requests.push((
            format!("{version} {message}"),
            request.header("accept", both),
        ));
    }
    if params.is_object() && params.get("_meta").is_none_or(Value::is_object) {
        requests.push((
            format!("modern {method} {params}"),
            server.modern(method, params.clone()),
        ));
        let mut streamed = params.clone();
        streamed["_meta"]["progressToken"] = json!(1);
        requests.push((
            format!("streamed {method} {params}"),
            server.modern(method, streamed),
        ));
    }
    requests
}

#[tokio::test]
async fn mcp_says_nothing_of_messages_that_are_none() {
    let server = start_with(server(), json!({})).await;
    for body in rubbish() {
        let what = String::from_utf8_lossy(&body).into_owned();
        let post = || any(&server, "POST", "/mcp").body(body.clone());
        for request in [
            post(),
            post().header("content-type", "application/json"),
            post()
                .header("content-type", "application/json")
                .header("mcp-protocol-version", "2026-07-28"),
            post()
                .header("content-type", "application/json")
                .header("mcp-session-id", "nobody"),
        ] {
            assert_refused(request, &what).await;
        }
    }
    for value in wrong_values() {
        for member in ["jsonrpc", "id", "method", "params", "result", "error"] {
            let mut message = request("tools/list", json!({}));
            message[member] = value.clone();
            is_clean(server.mcp(&message), &message.to_string()).await;
            let batch = json!([message, 1, value]);
            is_clean(server.mcp(&batch), &batch.to_string()).await;
            let batch = server
                .mcp(&batch)
                .header("mcp-protocol-version", "2025-03-26");
            is_clean(batch, "a batch").await;
        }
    }
    let list = modern("tools/list", json!({}));
    let long = "v".repeat(5000);
    for name in [
        "mcp-protocol-version",
        "mcp-method",
        "mcp-name",
        "mcp-session-id",
        "last-event-id",
        "accept",
        "content-type",
        "content-encoding",
    ] {
        for value in ["", "x", "a/b", "=?utf-8?q?x", "1, 2", long.as_str()] {
            let request = server.mcp(&list).header(name, value);
            is_clean(request, &format!("{name}: {value}")).await;
        }
    }
    for method in ["GET", "DELETE", "PUT", "OPTIONS", "X-UNKNOWN"] {
        assert_refused(any(&server, method, "/mcp"), method).await;
        let unknown = any(&server, method, "/mcp").header("mcp-session-id", "nobody");
        assert_refused(unknown.header("accept", "text/event-stream"), method).await;
    }
}

#[tokio::test]
async fn mcp_says_nothing_of_requests_that_do_not_fit() {
    let server = start_with(server(), json!({})).await;
    for method in [
        "tools/call",
        "tools/list",
        "resources/read",
        "resources/list",
        "resources/subscribe",
        "prompts/get",
        "prompts/list",
        "completion/complete",
        "logging/setLevel",
        "tasks/get",
        "subscriptions/listen",
        "initialize",
        "server/discover",
        "no/such",
        "",
    ] {
        for value in wrong_values() {
            let mut shapes = vec![value.clone()];
            for member in [
                "name",
                "uri",
                "arguments",
                "cursor",
                "level",
                "ref",
                "taskId",
                "_meta",
                "task",
                "capabilities",
                "protocolVersion",
                "inputResponses",
                "requestState",
            ] {
                let mut params = json!({ "name": "echo", "uri": "test://panic" });
                params[member] = value.clone();
                shapes.push(params);
            }
            // A subscription that is good never ends.
            if method == "subscriptions/listen" {
                shapes = vec![json!({ "notifications": value })];
            }
            for params in shapes {
                let message = request(method, params.clone());
                let request = server
                    .mcp(&message)
                    .header("mcp-protocol-version", "2025-11-25");
                let stream = method == "subscriptions/listen";
                is_clean(request, &message.to_string()).await;
                if params.is_object() && !stream {
                    let modern = server.modern(method, without_bad_meta(params));
                    is_clean(modern, &message.to_string()).await;
                }
            }
        }
    }
    let mut hello = initialize("2025-11-25");
    for value in wrong_values() {
        for member in ["protocolVersion", "capabilities", "clientInfo"] {
            hello["params"][member] = value.clone();
            let request = server
                .mcp(&hello)
                .header("accept", "application/json, text/event-stream");
            is_clean(request, &hello.to_string()).await;
        }
    }
}

fn without_bad_meta(mut params: Value) -> Value {
    if !params["_meta"].is_object() {
        params.as_object_mut().unwrap().remove("_meta");
    }
    params
}

#[tokio::test]
async fn mcp_says_nothing_of_what_breaks() {
    let server = start_with(server(), json!({})).await;
    let call = |name: &str| ("tools/call", json!({"name": name, "arguments": {}}));
    for (method, params) in [
        call("panic"),
        call("panic_soon"),
        call("panic_blocking"),
        call("unwritable"),
        call("refuses"),
        call("nobody"),
        ("resources/read", json!({"uri": "test://panic"})),
        ("resources/read", json!({"uri": "test://nobody"})),
        (
            "prompts/get",
            json!({"name": "panic", "arguments": {"message": "a"}}),
        ),
        ("prompts/get", json!({"name": "nobody"})),
        ("no/such", json!({})),
    ] {
        for (what, request) in of_every_era(&server, method, &params) {
            assert_refused(request, &what).await;
        }
    }
    for state in ["x", "eyJhIjoxfQ", "a.b.c"] {
        let params = json!({"name": "state", "arguments": {}, "requestState": state});
        is_clean(server.modern("tools/call", params), state).await;
    }
}

#[tokio::test]
async fn keys_limits_and_the_store_say_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let keys = folder.path().join("keys.json");
    let key = "good-key-0123456789";
    std::fs::write(
        &keys,
        json!({"keys": [{"name": "a", "key": key}]}).to_string(),
    )
    .unwrap();
    let settings = json!({
        "auth": {"enabled": true, "keys_file": keys},
        "monitoring": {"allow_from": ["10.0.0.0/8"]},
        "rate_limit": {
            // Nothing listens there.
            "enabled": true, "store": "redis://:hunter2@127.0.0.1:9/0", "on_store_failure": "closed",
        },
    });
    let server = start_with(server(), settings).await;
    let list = modern("tools/list", json!({}));
    for credential in [
        "",
        "Bearer",
        "Bearer ",
        "Basic YTpi",
        "Bearer wrong",
        "Bearer a b",
        "Bearer smcp_x",
        "Bearer a.b.c",
        "Bearer eyJhbGciOiJub25lIn0.e30.",
    ] {
        for request in [
            server.get("/tools"),
            server.post("/tools/echo", "{}"),
            server.mcp(&list),
        ] {
            assert_refused(request.header("authorization", credential), credential).await;
        }
    }
    for request in [
        server.get("/tools"),
        server.post("/tools/echo", "{}"),
        server.mcp(&list),
    ] {
        let response = request
            .try_clone()
            .unwrap()
            .bearer_auth(key)
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), 503, "the store is down");
        assert_refused(request.bearer_auth(key), "the store is down").await;
    }
    assert_refused(server.get("/metrics"), "/metrics").await;
    // A report of a store that is down is no error body, and names no address either.
    let report = server
        .get("/health")
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    for inside in ["redis", "hunter2", ":9", "keys.json"] {
        assert!(!report.contains(inside), "{inside:?} in {report}");
    }
}
