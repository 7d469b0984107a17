//! The MCP door over a socket, version by version, and where it is better than the SDK.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use common::{answer, initialize, request, start, start_with};
use reqwest::Response;
use serde_json::{Value, json};

const BOTH: &str = "application/json, text/event-stream";
const LEGACY: [&str; 3] = ["2025-03-26", "2025-06-18", "2025-11-25"];

async fn json_of(response: Response) -> Value {
    assert_eq!(response.headers()["content-type"], "application/json");
    response.json().await.unwrap()
}

async fn open_session(server: &common::Server, version: &str) -> String {
    let response = server
        .mcp(&initialize(version))
        .header("accept", BOTH)
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 200);
    let id = response.headers()["mcp-session-id"]
        .to_str()
        .unwrap()
        .to_owned();
    let ready = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
    let response = server
        .mcp(&ready)
        .header("accept", BOTH)
        .header("mcp-session-id", &id)
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 202);
    id
}

#[tokio::test]
async fn a_modern_request_is_answered_with_json_that_names_the_server() {
    let server = start().await;
    let call = json!({"name": "echo", "arguments": {"message": "Hello"}});
    let response = server.modern("tools/call", call).send().await.unwrap();
    assert_eq!(response.status(), 200);
    let body = json_of(response).await;
    assert_eq!(body["result"]["content"][0]["text"], "Hello");
    assert_eq!(body["result"]["resultType"], "complete");
    for (method, params) in [
        ("server/discover", json!({})),
        ("tools/list", json!({})),
        ("resources/list", json!({})),
        ("resources/templates/list", json!({})),
        ("resources/read", json!({"uri": "test://text"})),
        ("prompts/list", json!({})),
        (
            "prompts/get",
            json!({"name": "greet", "arguments": {"message": "x"}}),
        ),
        (
            "tools/call",
            json!({"name": "add", "arguments": {"a": 1, "b": 2}}),
        ),
    ] {
        let (status, body) = answer(server.modern(method, params)).await;
        assert_eq!(status, 200, "{method}: {body}");
        let info = &body["result"]["_meta"]["io.modelcontextprotocol/serverInfo"];
        assert_eq!(
            (&info["name"], &info["version"]),
            (&json!("fixture"), &json!("1.2.3")),
            "{method}: {body}"
        );
    }
}

#[tokio::test]
async fn older_versions_are_served_without_a_session_and_without_a_name_in_meta() {
    let server = start().await;
    for version in LEGACY {
        let call = request(
            "tools/call",
            json!({"name": "echo", "arguments": {"message": "Hello"}}),
        );
        let request = server.mcp(&call).header("mcp-protocol-version", version);
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200, "{version}");
        let result = &json_of(response).await["result"];
        assert_eq!(
            result["content"],
            json!([{"type": "text", "text": "Hello"}])
        );
        assert!(
            result.get("_meta").is_none() && result.get("resultType").is_none(),
            "{result}"
        );
    }
}

#[tokio::test]
async fn a_session_is_opened_used_and_ended() {
    let server = start().await;
    for version in LEGACY {
        let id = open_session(&server, version).await;
        let list = request("tools/list", json!({}));
        let in_session = || {
            server
                .mcp(&list)
                .header("mcp-session-id", &id)
                .header("mcp-protocol-version", version)
        };
        // JSON for who takes JSON only, a stream for who takes both.
        let response = in_session()
            .header("accept", "application/json")
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(
            json_of(response).await["result"]["tools"][0]["name"],
            "echo"
        );
        let response = in_session().header("accept", BOTH).send().await.unwrap();
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert!(response.text().await.unwrap().contains("\"echo\""));

        let delete = || {
            common::client()
                .delete(server.url("/mcp"))
                .header("mcp-session-id", &id)
        };
        let response = delete().send().await.unwrap();
        assert_eq!(response.status(), 204);
        assert_eq!(response.text().await.unwrap(), "");
        for gone in [delete(), in_session().header("accept", BOTH)] {
            let (status, body) = answer(gone).await;
            assert_eq!(
                (status, &body["error"]["data"]["code"]),
                (404, &json!("unknown_session"))
            );
        }
    }
}

#[tokio::test]
async fn without_sessions_no_name_of_one_is_shared() {
    let server = start_with(common::server(), json!({"mcp": {"sessions": false}})).await;
    // More resources than one session may watch.
    for caller in 0..11 {
        let subscribe = |number| {
            let params = json!({"uri": format!("test://{caller}/{number}")});
            json!({"jsonrpc": "2.0", "id": number, "method": "resources/subscribe", "params": params})
        };
        let batch: Vec<_> = (0..100).map(subscribe).collect();
        let request = server
            .mcp(&json!(batch))
            .header("mcp-session-id", format!("caller-{caller}"));
        let answers: Vec<Value> = request.send().await.unwrap().json().await.unwrap();
        assert_eq!(answers.len(), 100);
        for answer in answers {
            assert_eq!(answer["error"], Value::Null);
        }
    }
}

#[tokio::test]
async fn without_sessions_initialize_is_answered_and_no_session_is_given() {
    let server = start_with(common::server(), json!({"mcp": {"sessions": false}})).await;
    let response = server
        .mcp(&initialize("2025-11-25"))
        .header("accept", BOTH)
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 200);
    assert!(!response.headers().contains_key("mcp-session-id"));
    assert_eq!(
        json_of(response).await["result"]["protocolVersion"],
        "2025-11-25"
    );
    for method in ["GET", "DELETE"] {
        let response = common::client()
            .request(method.parse().unwrap(), server.url("/mcp"))
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), 405);
        assert_eq!(response.headers()["allow"], "POST");
    }
}

#[tokio::test]
async fn a_session_of_the_clients_making_is_not_adopted() {
    let server = start().await;
    let request = server
        .mcp(&initialize("2025-11-25"))
        .header("accept", BOTH)
        .header("mcp-session-id", "mine");
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert_ne!(response.headers()["mcp-session-id"], "mine");
}

#[tokio::test]
async fn what_the_client_accepts_decides_the_form() {
    let server = start().await;
    let call = request(
        "tools/call",
        json!({"name": "echo", "arguments": {"message": "x"}}),
    );
    for accept in ["*/*", "application/*", "application/json", BOTH] {
        let response = server
            .mcp(&call)
            .header("accept", accept)
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), 200, "{accept}");
        json_of(response).await;
    }
    let (status, body) = answer(server.mcp(&call).header("accept", "text/event-stream")).await;
    assert_eq!(
        (status, &body["error"]["data"]["code"]),
        (406, &json!("not_acceptable"))
    );
}

#[tokio::test]
async fn progress_is_streamed_to_who_asks_for_it_and_takes_streams() {
    let server = start().await;
    let call = json!({"name": "count", "arguments": {}, "_meta": {"progressToken": "p"}});
    let response = server
        .modern("tools/call", call.clone())
        .send()
        .await
        .unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let text = response.text().await.unwrap();
    assert_eq!(text.matches("notifications/progress").count(), 3, "{text}");
    assert!(text.contains("counted"), "{text}");

    let response = server
        .modern("tools/call", call)
        .header("accept", "application/json");
    // reqwest keeps both values: replace them.
    let mut request = response.build().unwrap();
    request
        .headers_mut()
        .insert("accept", "application/json".parse().unwrap());
    let response = common::client().execute(request).await.unwrap();
    assert_eq!(
        json_of(response).await["result"]["content"][0]["text"],
        "counted"
    );
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_in_json_rpc() {
    let server = start().await;
    for (body, status, code) in [
        ("{", 400, -32700),
        ("", 400, -32700),
        ("\u{feff}{}", 400, -32700),
        ("{}", 400, -32600),
        (r#"{"jsonrpc":"2.0","id":1}"#, 400, -32600),
        (
            r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#,
            400,
            -32600,
        ),
        (r#"{"jsonrpc":"2.0","id":9,"result":{}}"#, 400, -32600),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":[]}"#,
            400,
            -32602,
        ),
    ] {
        let request = server
            .post("/mcp", body)
            .header("content-type", "application/json")
            .header("accept", BOTH);
        let (got, answer) = answer(request).await;
        assert_eq!(
            (got, &answer["error"]["code"]),
            (status, &json!(code)),
            "{body}: {answer}"
        );
        assert_eq!(answer["jsonrpc"], "2.0");
    }
    let deep = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"x","params":{{"a":{}{}}}}}"#,
        "[".repeat(90_000),
        "]".repeat(90_000)
    );
    let (status, body) = answer(
        server
            .post("/mcp", deep)
            .header("content-type", "application/json"),
    )
    .await;
    assert_eq!((status, &body["error"]["code"]), (400, &json!(-32700)));
}

#[tokio::test]
async fn every_other_refusal_is_json_rpc_too() {
    let server = start().await;
    let ping = request("ping", json!({})).to_string();
    for (request, status, code) in [
        (
            server.post("/mcp", ping.clone()),
            415,
            "unsupported_media_type",
        ),
        (
            server
                .post("/mcp", ping.clone())
                .header("content-type", "text/plain"),
            415,
            "unsupported_media_type",
        ),
        (
            common::client().put(server.url("/mcp")),
            405,
            "method_not_allowed",
        ),
        (common::client().head(server.url("/mcp")), 405, ""),
        (
            server.get("/mcp").header("accept", "application/json"),
            406,
            "not_acceptable",
        ),
        (
            server.get("/mcp").header("accept", "text/event-stream"),
            400,
            "bad_request",
        ),
        (
            server
                .get("/mcp")
                .header("accept", "text/event-stream")
                .header("mcp-session-id", "x"),
            404,
            "unknown_session",
        ),
        (
            common::client().delete(server.url("/mcp")),
            400,
            "bad_request",
        ),
        (
            common::client()
                .delete(server.url("/mcp"))
                .header("mcp-session-id", "x"),
            404,
            "unknown_session",
        ),
    ] {
        let shown = format!("{request:?}");
        let (got, body) = answer(request).await;
        assert_eq!(got, status, "{shown}: {body}");
        if !code.is_empty() {
            assert_eq!(body["error"]["data"]["code"], code, "{shown}: {body}");
            assert!(body["error"]["message"].as_str().unwrap().len() > 10);
        }
    }
}

#[tokio::test]
async fn headers_that_contradict_the_body_are_refused() {
    let server = start().await;
    let call = json!({"name": "echo", "arguments": {"message": "x"}});
    for (header, value) in [
        ("mcp-method", "tools/list"),
        ("mcp-name", "add"),
        ("mcp-protocol-version", "2025-11-25"),
    ] {
        let mut request = server.modern("tools/call", call.clone()).build().unwrap();
        request.headers_mut().insert(header, value.parse().unwrap());
        let response = common::client().execute(request).await.unwrap();
        assert_eq!(response.status(), 400, "{header}");
        assert_eq!(json_of(response).await["error"]["code"], -32020, "{header}");

        let mut request = server.modern("tools/call", call.clone()).build().unwrap();
        request.headers_mut().append(header, value.parse().unwrap());
        let response = common::client().execute(request).await.unwrap();
        assert_eq!(response.status(), 400, "two of {header}");
        assert_eq!(
            json_of(response).await["error"]["code"],
            -32020,
            "two of {header}"
        );
    }
    let mut request = server.modern("tools/list", json!({})).build().unwrap();
    request.headers_mut().remove("mcp-method");
    let response = common::client().execute(request).await.unwrap();
    assert_eq!(json_of(response).await["error"]["code"], -32020);
}

#[tokio::test]
async fn an_unknown_version_and_an_unknown_method_are_named() {
    let server = start().await;
    let mut message = common::modern("tools/list", json!({}));
    message["params"]["_meta"]["io.modelcontextprotocol/protocolVersion"] = json!("v999");
    let request = server
        .mcp(&message)
        .header("mcp-protocol-version", "v999")
        .header("mcp-method", "tools/list");
    let (status, body) = answer(request).await;
    assert_eq!(
        (status, &body["error"]["code"]),
        (400, &json!(-32022)),
        "{body}"
    );
    assert_eq!(body["error"]["data"]["requested"], "v999");

    let (status, body) = answer(server.modern("no/such", json!({}))).await;
    assert_eq!((status, &body["error"]["code"]), (404, &json!(-32601)));
    for removed in [
        "ping",
        "logging/setLevel",
        "resources/subscribe",
        "resources/unsubscribe",
    ] {
        let (status, body) = answer(server.modern(removed, json!({}))).await;
        assert_eq!(
            (status, &body["error"]["code"]),
            (404, &json!(-32601)),
            "{removed}"
        );
    }
    let (status, body) = answer(server.mcp(&request_of("no/such"))).await;
    assert_eq!((status, &body["error"]["code"]), (200, &json!(-32601)));
    let (status, body) = answer(server.modern("initialize", json!({}))).await;
    assert!(status >= 400 || body["error"].is_object(), "{body}");
}

fn request_of(method: &str) -> Value {
    request(method, json!({}))
}

#[tokio::test]
async fn arguments_that_do_not_fit_are_a_result_and_nothing_runs() {
    let server = start().await;
    let call = json!({"name": "add", "arguments": {"a": "one"}});
    let (status, body) = answer(server.modern("tools/call", call)).await;
    assert_eq!(status, 200);
    assert_eq!(body["result"]["isError"], true);
    let text = body["result"]["content"][0]["text"].as_str().unwrap();
    assert!(text.contains("/a") && text.contains("/b"), "{text}");
    let wrong = json!({"name": 5});
    let (_, body) = answer(server.mcp(&request("tools/call", wrong))).await;
    assert_eq!(body["error"]["code"], -32602);
}

#[tokio::test]
async fn a_tool_that_panics_answers_at_once_on_every_way() {
    let server = start().await;
    let call = json!({"name": "panic", "arguments": {}});
    let with_progress = json!({"name": "panic", "arguments": {}, "_meta": {"progressToken": 1}});
    let id = open_session(&server, "2025-11-25").await;
    let legacy = request("tools/call", call.clone());
    for request in [
        server.modern("tools/call", call),
        server.modern("tools/call", with_progress),
        server.mcp(&legacy),
        server.mcp(&legacy).header("mcp-session-id", id),
    ] {
        let text = request
            .timeout(std::time::Duration::from_secs(5))
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap();
        assert!(
            text.contains("-32603") && !text.contains("secret"),
            "{text}"
        );
    }
}

#[tokio::test]
async fn batches_exist_in_one_version_only() {
    let server = start().await;
    let mut call = request(
        "tools/call",
        json!({"name": "echo", "arguments": {"message": "x"}}),
    );
    call["id"] = json!("b");
    let batch = json!([
        request("ping", json!({})),
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        call,
        {"jsonrpc": "2.0", "id": 3},
        with_id(initialize("2025-03-26"), 4),
    ]);
    let (status, body) = answer(server.mcp(&batch)).await;
    assert_eq!(status, 200);
    let answers = body.as_array().unwrap();
    assert_eq!(answers.len(), 4, "{body}");
    assert_eq!(answers[0], json!({"jsonrpc": "2.0", "id": 1, "result": {}}));
    assert_eq!(answers[1]["id"], "b");
    assert_eq!(answers[1]["result"]["content"][0]["text"], "x");
    assert_eq!(
        (&answers[2]["id"], &answers[2]["error"]["code"]),
        (&json!(3), &json!(-32600))
    );
    assert_eq!(answers[3]["error"]["code"], -32600);

    let notifications = json!([{"jsonrpc": "2.0", "method": "notifications/initialized"}]);
    assert_eq!(
        server.mcp(&notifications).send().await.unwrap().status(),
        202
    );
    for version in ["2025-06-18", "2025-11-25", "2026-07-28"] {
        let request = server.mcp(&batch).header("mcp-protocol-version", version);
        let (status, body) = answer(request).await;
        assert_eq!(
            (status, &body["error"]["code"]),
            (400, &json!(-32600)),
            "{version}"
        );
    }
    let twins = json!([request("ping", json!({})), request("ping", json!({}))]);
    let (status, body) = answer(server.mcp(&twins)).await;
    assert_eq!((status, &body["error"]["code"]), (400, &json!(-32600)));
    let too_many: Value = (0..101).map(|_| request("ping", json!({}))).collect();
    for batch in [json!([]), too_many] {
        let (status, body) = answer(server.mcp(&batch)).await;
        assert_eq!((status, &body["error"]["code"]), (400, &json!(-32600)));
    }
    let id = open_session(&server, "2025-03-26").await;
    let batch = json!([request("ping", json!({})), call_in_batch()]);
    let (status, body) = answer(server.mcp(&batch).header("mcp-session-id", id)).await;
    assert_eq!((status, body.as_array().unwrap().len()), (200, 2), "{body}");
}

fn with_id(mut message: Value, id: i64) -> Value {
    message["id"] = json!(id);
    message
}

fn call_in_batch() -> Value {
    let mut call = request(
        "tools/call",
        json!({"name": "echo", "arguments": {"message": "x"}}),
    );
    call["id"] = json!(2);
    call
}

#[tokio::test]
async fn a_browser_gets_an_explanation() {
    let server = start().await;
    let request = server
        .get("/mcp")
        .header("accept", "text/html,application/xhtml+xml,*/*;q=0.8");
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 405);
    assert!(
        response.headers()["content-type"]
            .to_str()
            .unwrap()
            .starts_with("text/plain")
    );
    assert!(
        response
            .text()
            .await
            .unwrap()
            .contains("This is an MCP server")
    );
}

#[tokio::test]
async fn a_trailing_slash_is_the_same_and_no_redirect() {
    let server = start().await;
    let request = server
        .post("/mcp/", request("ping", json!({})).to_string())
        .header("content-type", "application/json");
    assert_eq!(
        answer(request).await,
        (200, json!({"jsonrpc": "2.0", "id": 1, "result": {}}))
    );
}
