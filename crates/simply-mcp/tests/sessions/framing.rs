//! What a tool says stays within its event.

use serde_json::{Value, json};

use crate::{
    client::{Client, call_with_progress, start},
    common,
};

/// Every character that ends a line somewhere, and what an attacker would put behind it.
const HOSTILE: &str = "a\n\nevent: x\ndata: {\"jsonrpc\":\"2.0\"}\n\nb\r\rid: 9\rretry: 1\r\n\r\n: c\u{2028}data: d\u{2029}e\u{85}f\u{0}g\u{b}h\u{c}i";

/// One event, as the standard says it is read (HTML, "Interpreting an event stream"): by hand, so that no library's
/// mercy hides a fault.
fn parse(stream: &str) -> Vec<Value> {
    let lines = stream.replace("\r\n", "\n").replace('\r', "\n");
    let mut found = vec![];
    let mut data: Option<String> = None;
    for line in lines.split('\n') {
        if line.is_empty() {
            if let Some(data) = data.take().filter(|data| !data.is_empty()) {
                found.push(serde_json::from_str(&data).unwrap());
            }
            continue;
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "data" => match &mut data {
                Some(data) => {
                    data.push('\n');
                    data.push_str(value);
                }
                None => data = Some(value.to_owned()),
            },
            "id" => {
                let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/@".contains(&byte);
                assert!(value.bytes().all(plain), "{value:?}");
            }
            "retry" => assert!(value.bytes().all(|byte| byte.is_ascii_digit()), "{value:?}"),
            "" => {}
            other => panic!("no such field was sent: {other:?}"),
        }
    }
    found
}

async fn streamed(request: reqwest::RequestBuilder) -> Vec<Value> {
    let response = request.send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    parse(&response.text().await.unwrap())
}

fn text_of(answer: &Value) -> &Value {
    &answer["result"]["content"][0]["text"]
}

fn modern(client: &Client, tool: &str, progress: bool) -> reqwest::RequestBuilder {
    let mut params = json!({"name": tool, "arguments": {"message": HOSTILE}});
    if progress {
        params["_meta"]["progressToken"] = json!(HOSTILE);
    }
    client
        .post(&common::modern("tools/call", params))
        .header("mcp-protocol-version", "2026-07-28")
        .header("mcp-method", "tools/call")
        .header("mcp-name", tool)
}

// SES-06
#[tokio::test]
async fn a_message_is_one_event_whatever_a_tool_says() {
    let fixture = start(json!({})).await;
    let alice = fixture.client("alice");
    let id = alice.open().await;
    let mut message = call_with_progress(1, "tell", &json!({"message": HOSTILE}));
    message["params"]["_meta"]["progressToken"] = json!(HOSTILE);
    message["id"] = json!(HOSTILE);
    let in_session = alice.in_session(&id, &message);
    let without = alice
        .post(&message)
        .header("mcp-protocol-version", "2025-11-25");
    for request in [in_session, without, modern(&alice, "tell", true)] {
        let messages = streamed(request).await;
        assert_eq!(messages.len(), 2, "{messages:?}");
        assert_eq!(messages[0]["method"], "notifications/progress");
        assert_eq!(messages[0]["params"]["message"], HOSTILE);
        assert_eq!(messages[0]["params"]["progressToken"], HOSTILE);
        assert_eq!(text_of(&messages[1]), HOSTILE);
    }
}

// SES-06
#[tokio::test]
async fn an_answer_that_is_a_stream_of_one_event_is_one() {
    let fixture = start(json!({})).await;
    let alice = fixture.client("alice");
    let mut request = modern(&alice, "echo", false).build().unwrap();
    let preferred = "text/event-stream, application/json".parse().unwrap();
    request.headers_mut().insert("accept", preferred);
    let response = alice.http.execute(request).await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let messages = parse(&response.text().await.unwrap());
    assert_eq!(messages.len(), 1, "{messages:?}");
    assert_eq!(text_of(&messages[0]), HOSTILE);
}
