//! A type written with rmcp's own macros is served unchanged, on both doors.

mod common;

use common::{answer, start_with};
use rmcp::{handler::server::wrapper::Parameters, tool, tool_router};
use serde_json::json;

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Numbers {
    a: i32,
    b: i32,
}

#[derive(Clone)]
struct Calculator;

#[tool_router(server_handler)]
impl Calculator {
    #[tool(description = "Adds two numbers")]
    fn add(&self, Parameters(Numbers { a, b }): Parameters<Numbers>) -> String {
        (a + b).to_string()
    }

    #[tool(description = "Divides, and breaks on zero")]
    fn divide(&self, Parameters(Numbers { a, b }): Parameters<Numbers>) -> String {
        (a / b).to_string()
    }
}

#[tokio::test]
async fn its_tools_are_listed_and_called_on_both_doors() {
    let server = start_with(Calculator, json!({})).await;
    let (status, body) = answer(server.get("/tools")).await;
    assert_eq!((status, &body["count"]), (200, &json!(2)));
    let (status, body) = answer(server.post("/tools/add", r#"{"a":2,"b":3}"#)).await;
    assert_eq!((status, &body["result"]), (200, &json!("5")));
    let call = json!({"name": "add", "arguments": {"a": 2, "b": 3}});
    let (status, body) = answer(server.modern("tools/call", call)).await;
    assert_eq!(
        (status, &body["result"]["content"][0]["text"]),
        (200, &json!("5"))
    );
}

#[tokio::test]
async fn its_arguments_are_checked_and_its_panics_caught() {
    let server = start_with(Calculator, json!({})).await;
    let (status, body) = answer(server.post("/tools/add", r#"{"a":"two"}"#)).await;
    assert_eq!((status, &body["code"]), (400, &json!("invalid_arguments")));
    assert!(body["detail"].as_str().unwrap().contains("/b"), "{body}");
    let (status, body) = answer(server.post("/tools/divide", r#"{"a":1,"b":0}"#)).await;
    assert_eq!((status, &body["code"]), (500, &json!("internal")));
    let call = json!({"name": "divide", "arguments": {"a": 1, "b": 0}});
    let (_, body) = answer(server.modern("tools/call", call)).await;
    assert_eq!(body["error"]["code"], -32603);
    let (status, _) = answer(server.post("/tools/nope", "")).await;
    assert_eq!(status, 404);
}
