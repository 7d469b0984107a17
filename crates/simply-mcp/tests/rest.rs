//! The REST door, as curl sees it.

mod common;

use common::{answer, server, start, start_with};
use serde_json::{Value, json};

#[tokio::test]
async fn the_guides_curl_is_answered() {
    let server = start().await;
    // curl -d labels its body a form, and sends a key that nobody asked for.
    let request = server
        .post("/tools/echo", r#"{"message":"Hello"}"#)
        .header("authorization", "Bearer x")
        .header("content-type", "application/x-www-form-urlencoded");
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "application/json");
    assert!(response.headers().contains_key("x-correlation-id"));
    assert_eq!(
        response.text().await.unwrap(),
        r#"{"success":true,"tool":"echo","result":"Hello"}"#
    );
}

#[tokio::test]
async fn structured_content_is_the_result_where_there_is_one() {
    let server = start().await;
    let (status, body) = answer(server.post("/tools/add", r#"{"a":2,"b":3}"#)).await;
    assert_eq!(
        (status, body),
        (
            200,
            json!({"success": true, "tool": "add", "result": {"sum": 5}})
        )
    );
}

#[tokio::test]
async fn tools_are_listed_in_the_order_they_were_registered() {
    let server = start().await;
    let (status, body) = answer(server.get("/tools")).await;
    assert_eq!(status, 200);
    let names: Vec<_> = body["tools"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tool| &tool["name"])
        .collect();
    assert_eq!(names[..4], ["echo", "add", "fail", "panic"]);
    assert_eq!(body["count"], names.len());
    assert_eq!(body["tools"][0]["description"], "Returns the message");
    assert_eq!(
        body["tools"][0]["inputSchema"]["required"],
        json!(["message"])
    );
}

#[tokio::test]
async fn every_refusal_says_what_happened_and_what_to_do() {
    let server = start().await;
    for (method, path, body, status, code, says) in [
        ("GET", "/nowhere", "", 404, "not_found", "/tools/{name}"),
        ("GET", "/", "", 404, "not_found", "/mcp"),
        ("POST", "/tools/nope", "{}", 404, "unknown_tool", "\"nope\""),
        ("POST", "/tools/echo", "{", 400, "bad_json", "not JSON"),
        (
            "POST",
            "/tools/echo",
            "[1]",
            400,
            "bad_json",
            "not an object",
        ),
        (
            "POST",
            "/tools/echo",
            "",
            400,
            "invalid_arguments",
            "/message",
        ),
        (
            "POST",
            "/tools/echo",
            r#"{"message": 5}"#,
            400,
            "invalid_arguments",
            "/message",
        ),
        ("GET", "/tools/echo", "", 405, "method_not_allowed", "POST"),
        ("DELETE", "/tools", "", 405, "method_not_allowed", "GET"),
        ("POST", "/health", "", 405, "method_not_allowed", "GET"),
        (
            "POST",
            "/tools/fail",
            "",
            500,
            "tool_error",
            "the disk is full",
        ),
        ("POST", "/tools/panic", "", 500, "internal", "log"),
        ("POST", "/tools/ask", "", 501, "needs_mcp", "MCP client"),
        ("POST", "/tools/%ff", "", 400, "bad_request", "UTF-8"),
    ] {
        let method = method.parse().unwrap();
        let request = common::client()
            .request(method, server.url(path))
            .body(body)
            .header("x-correlation-id", "c-1");
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), status, "{path}");
        assert_eq!(response.headers()["x-correlation-id"], "c-1");
        assert_eq!(response.headers()["content-type"], "application/json");
        if status == 405 {
            assert!(response.headers()["allow"].to_str().unwrap().contains(says));
        }
        let text = response.text().await.unwrap();
        assert!(!text.contains("secret"), "{text}");
        let body: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(body["code"], code, "{path}: {text}");
        assert!(
            body["detail"].as_str().unwrap().contains(says),
            "{path}: {text}"
        );
        assert_eq!(body["correlation_id"], "c-1");
        assert!(body["error"].is_string());
    }
}

#[tokio::test]
async fn a_head_is_a_get_without_a_body() {
    let server = start().await;
    for path in ["/tools", "/health"] {
        let response = common::client()
            .head(server.url(path))
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), 200, "{path}");
    }
    let response = common::client()
        .head(server.url("/tools/echo"))
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 405);
}

#[tokio::test]
async fn after_a_panic_the_next_call_is_answered() {
    let server = start().await;
    for _ in 0..3 {
        assert_eq!(answer(server.post("/tools/panic", "")).await.0, 500);
        assert_eq!(
            answer(server.post("/tools/echo", r#"{"message":"x"}"#))
                .await
                .0,
            200
        );
    }
}

#[tokio::test]
async fn a_page_of_another_site_may_not_call() {
    let server = start().await;
    for path in ["/tools/echo", "/mcp", "/health", "/nowhere"] {
        let request = server
            .post(path, r#"{"message":"x"}"#)
            .header("origin", "https://evil.example");
        let (status, body) = answer(request).await;
        assert_eq!(status, 403, "{path}");
        let code = if path == "/mcp" {
            &body["error"]["data"]["code"]
        } else {
            &body["code"]
        };
        assert_eq!(code, "origin_not_allowed");
    }
    let own = format!("http://{}", server.address);
    let request = server
        .post("/tools/echo", r#"{"message":"x"}"#)
        .header("origin", own);
    assert_eq!(answer(request).await.0, 200);
}

#[tokio::test]
async fn a_name_that_is_not_ours_is_refused_until_it_is_configured() {
    let server = start().await;
    let as_name = |server: &common::Server| server.get("/tools").header("host", "mcp.example.com");
    let (status, body) = answer(as_name(&server)).await;
    assert_eq!((status, &body["code"]), (403, &json!("host_not_allowed")));
    assert!(
        body["detail"]
            .as_str()
            .unwrap()
            .contains("server.allowed_hosts")
    );
    let health = server
        .get("/health/ready")
        .header("host", "mcp.example.com");
    assert_eq!(answer(health).await.0, 200);

    let allowed = start_with(
        common::server(),
        json!({"server": {"allowed_hosts": ["mcp.example.com"]}}),
    )
    .await;
    assert_eq!(answer(as_name(&allowed)).await.0, 200);
    let public = start_with(
        common::server(),
        json!({"server": {"public_url": "https://mcp.example.com"}}),
    )
    .await;
    assert_eq!(answer(as_name(&public)).await.0, 200);
    let origin = as_name(&public).header("origin", "https://mcp.example.com");
    assert_eq!(answer(origin).await.0, 200);
}

#[tokio::test]
async fn the_paths_that_are_settings_move() {
    let settings = json!({
        "environment": "production",
        "mcp": {"path": "/agents"},
        "monitoring": {"health_path": "/status"},
    });
    let server = start_with(server(), settings).await;
    assert_eq!(answer(server.get("/mcp")).await.0, 404);
    assert_eq!(answer(server.get("/health")).await.0, 404);
    assert_eq!(answer(server.modern("tools/list", json!({}))).await.0, 404);
    let (status, body) = answer(server.get("/status")).await;
    assert_eq!(status, 200);
    assert_eq!(body["components"]["server"]["environment"], "production");
    assert_eq!(body["components"]["server"]["port"], server.address.port());
    assert_eq!(answer(server.get("/status/ready")).await.0, 200);
    let ping = common::request("ping", json!({})).to_string();
    let request = server
        .post("/agents", ping)
        .header("content-type", "application/json");
    assert_eq!(answer(request).await.0, 200);
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_on_both_doors() {
    let server = start().await;
    let largest = 10 * 1024 * 1024;
    for path in ["/tools/echo", "/mcp"] {
        let body = "x".repeat(largest + 1);
        let request = server
            .post(path, body)
            .header("content-type", "application/json");
        let (status, _) = answer(request).await;
        assert_eq!(status, 413, "{path}");
    }
    let frame = r#"{"message":""}"#;
    let message = "x".repeat(largest - frame.len());
    let body = format!(r#"{{"message":"{message}"}}"#);
    assert_eq!(answer(server.post("/tools/echo", body)).await.0, 200);
}
