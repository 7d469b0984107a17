//! Calling tools, reading resources, getting prompts.

use std::{
    borrow::Cow,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use rmcp::ServerHandler;
use rmcp::model::{
    ArgumentInfo, CompleteRequestParams, ErrorCode, GetPromptRequestParams, PaginatedRequestParams,
    ReadResourceRequestParams, Reference, RequestId, ResourceContents, Tool, ToolAnnotations,
};
use rmcp::service::RequestContext;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::*;
use crate::server::{CompletionRequest, Context, Json, ToolError};

#[derive(Deserialize, JsonSchema)]
struct Echo {
    message: String,
}

#[derive(Serialize, JsonSchema)]
struct Sum {
    sum: i64,
}

#[derive(Deserialize, JsonSchema)]
struct Pair {
    /// The first.
    left: i64,
    right: Option<i64>,
}

#[tokio::test]
async fn every_form_of_closure_is_a_tool() {
    let counter = Arc::new(AtomicU32::new(41));
    let server = McpServer::new("s", "1")
        .tool("echo", "d", async |Echo { message }: Echo| message)
        .tool("nothing", "d", async || ())
        .tool("context", "d", async |context: Context| {
            context.request_id().to_string()
        })
        .tool("both", "d", async |pair: Pair, context: Context| {
            format!(
                "{} {}",
                pair.left,
                context.caller().name().unwrap_or("nobody")
            )
        })
        .tool("surroundings", "d", move || {
            let counter = Arc::clone(&counter);
            async move { counter.fetch_add(1, Ordering::Relaxed) + 1 }
        })
        .blocking_tool("blocking", "d", |Echo { message }: Echo| {
            message.to_uppercase()
        })
        .blocking_tool("blocking_context", "d", |_: Echo, context: Context| {
            context.is_cancelled()
        });
    let client = connect(&server, ()).await;
    let hello = json!({"message": "hello"});
    assert_eq!(text(&call(&client, "echo", hello.clone()).await), "hello");
    assert!(call(&client, "nothing", json!({})).await.content.is_empty());
    assert!(!text(&call(&client, "context", json!({})).await).is_empty());
    assert_eq!(
        text(&call(&client, "both", json!({"left": 3})).await),
        "3 nobody"
    );
    assert_eq!(text(&call(&client, "surroundings", json!({})).await), "42");
    assert_eq!(
        text(&call(&client, "blocking", hello.clone()).await),
        "HELLO"
    );
    assert_eq!(
        text(&call(&client, "blocking_context", hello).await),
        "false"
    );
}

#[tokio::test]
async fn a_failure_is_a_result_with_its_text() {
    let server = McpServer::new("s", "1")
        .tool("fails", "d", async || "x".parse::<i32>())
        .tool("asks", "d", async || {
            Err::<(), _>(ToolError::failed("no more tea"))
        });
    let client = connect(&server, ()).await;
    let result = call(&client, "fails", json!({})).await;
    assert_eq!(
        (result.is_error, text(&result)),
        (Some(true), "invalid digit found in string")
    );
    let result = call(&client, "asks", json!({})).await;
    assert_eq!(
        (result.is_error, text(&result)),
        (Some(true), "no more tea")
    );
}

#[tokio::test]
async fn arguments_that_do_not_fit_are_a_result_that_names_them() {
    let server = McpServer::new("s", "1").tool("pair", "d", async |pair: Pair| pair.left);
    let client = connect(&server, ()).await;
    let result = call(&client, "pair", json!({"left": 1, "right": "two"})).await;
    assert_eq!(result.is_error, Some(true));
    assert!(text(&result).contains("`right`"), "{}", text(&result));
}

#[tokio::test]
async fn json_is_structured_content_with_a_schema() {
    let server = McpServer::new("s", "1").tool("sum", "d", async |pair: Pair| {
        pair.right
            .map(|right| {
                Json(Sum {
                    sum: pair.left + right,
                })
            })
            .ok_or("right is missing")
    });
    let schema = server.shared.registry.load().tools["sum"]
        .definition
        .output_schema
        .clone();
    assert_eq!(schema.unwrap()["required"], json!(["sum"]));
    let client = connect(&server, ()).await;
    let result = call(&client, "sum", json!({"left": 1, "right": 2})).await;
    assert_eq!(result.structured_content, Some(json!({"sum": 3})));
    assert_eq!(text(&result), r#"{"sum":3}"#);
}

#[tokio::test]
async fn a_definition_of_ones_own_keeps_its_schema_or_gets_one() {
    let raw = object(json!({"type": "object", "x-own": true}));
    let annotations = ToolAnnotations::new().read_only(true);
    let server = McpServer::new("s", "1")
        .tool_with(Tool::new("raw", "d", raw), async |arguments: JsonObject| {
            arguments.len()
        })
        .tool_with(
            Tool::new("typed", "d", JsonObject::new())
                .with_title("T")
                .annotate(annotations),
            async |pair: Pair| pair.left,
        );
    let client = connect(&server, ()).await;
    let tools = client.list_all_tools().await.unwrap();
    assert_eq!(tools[0].input_schema["x-own"], json!(true));
    assert_eq!(
        tools[1].input_schema["properties"]["left"]["description"],
        "The first."
    );
    assert_eq!(tools[1].title.as_deref(), Some("T"));
    assert_eq!(
        text(&call(&client, "raw", json!({"a": 1, "b": 2})).await),
        "2"
    );
}

#[tokio::test]
async fn an_unknown_tool_is_invalid_params() {
    let client = connect(&McpServer::new("s", "1").tool("t", "d", async || ()), ()).await;
    let error = error_of(client.call_tool(CallToolRequestParams::new("other")).await);
    assert_eq!(error.code, ErrorCode::INVALID_PARAMS);
}

#[tokio::test]
async fn tools_are_listed_in_the_order_of_registration_and_in_pages() {
    let names: Vec<String> = (0..1500).rev().map(|number| format!("t{number}")).collect();
    let server = names.iter().fold(McpServer::new("s", "1"), |server, name| {
        server.tool(Cow::Owned(name.clone()), "d", async || ())
    });
    let client = connect(&server, ()).await;
    let first = client.list_tools(None).await.unwrap();
    assert_eq!(first.tools.len(), 1000);
    let next = PaginatedRequestParams::default().with_cursor(first.next_cursor);
    let second = client.list_tools(Some(next)).await.unwrap();
    assert_eq!((second.tools.len(), second.next_cursor), (500, None));
    let listed = first
        .tools
        .iter()
        .chain(&second.tools)
        .map(|tool| tool.name.as_ref());
    assert!(listed.eq(names.iter().map(String::as_str)));
    let bad = PaginatedRequestParams::default().with_cursor(Some("mine".to_owned()));
    assert_eq!(
        error_of(client.list_tools(Some(bad)).await).code,
        ErrorCode::INVALID_PARAMS
    );
}

#[tokio::test]
async fn resources_are_read_by_uri_and_by_template() {
    #[derive(Deserialize, JsonSchema)]
    struct Id {
        id: u32,
    }
    let server = McpServer::new("s", "1")
        .resource("test://text", "text", async || "hello")
        .resource("test://bytes", "bytes", async || vec![1_u8, 2, 3])
        .resource_template("test://items/{id}", "items", async |Id { id }: Id| {
            (id < 100).then(|| Json(json!({ "id": id })))
        });
    let client = connect(&server, ()).await;
    let read = async |uri: &str| {
        client
            .read_resource(ReadResourceRequestParams::new(uri))
            .await
    };
    let contents = read("test://text").await.unwrap().contents;
    assert_eq!(contents, [ResourceContents::text("hello", "test://text")]);
    let ResourceContents::BlobResourceContents { blob, .. } =
        read("test://bytes").await.unwrap().contents.remove(0)
    else {
        panic!("not a blob");
    };
    assert_eq!(blob, "AQID");
    let contents = read("test://items/42").await.unwrap().contents;
    let expected = ResourceContents::text(r#"{"id":42}"#, "test://items/42");
    assert_eq!(contents, [expected.with_mime_type("application/json")]);
    for missing in ["test://items/100", "test://nowhere"] {
        let error = error_of(read(missing).await);
        assert_eq!(error.code, ErrorCode::RESOURCE_NOT_FOUND);
        assert_eq!(error.data.unwrap()["uri"], missing);
    }
}

#[tokio::test]
async fn prompts_take_text_and_name_what_is_missing() {
    let server = McpServer::new("s", "1").prompt("pair", "d", async |pair: Pair| {
        format!("{} {:?}", pair.left, pair.right)
    });
    let client = connect(&server, ()).await;
    let prompts = client.list_all_prompts().await.unwrap();
    let arguments = prompts[0].arguments.as_ref().unwrap();
    let listed: Vec<_> = arguments
        .iter()
        .map(|a| (a.name.as_str(), a.required))
        .collect();
    assert_eq!(listed, [("left", Some(true)), ("right", Some(false))]);
    let get = async |arguments: Value| {
        let params = GetPromptRequestParams::new("pair").with_arguments(object(arguments));
        client.get_prompt(params).await
    };
    let result = get(json!({"left": "7"})).await.unwrap();
    assert_eq!(result.messages[0].content.as_text().unwrap().text, "7 None");
    let error = error_of(get(json!({})).await);
    assert_eq!(error.code, ErrorCode::INVALID_PARAMS);
    assert!(error.message.contains("left"));
}

#[tokio::test]
async fn completions_get_what_was_typed() {
    let server = McpServer::new("s", "1")
        .prompt("pair", "d", async |pair: Pair| pair.left.to_string())
        .complete_prompt("pair", "left", async |request: CompletionRequest| {
            (0..3)
                .map(|digit| format!("{}{digit}", request.value))
                .collect::<Vec<_>>()
        });
    let client = connect(&server, ()).await;
    let complete = async |prompt: &str, argument: &str| {
        let argument = ArgumentInfo::new(argument, "1");
        client
            .complete(CompleteRequestParams::new(
                Reference::for_prompt(prompt),
                argument,
            ))
            .await
    };
    assert_eq!(
        complete("pair", "left").await.unwrap().completion.values,
        ["10", "11", "12"]
    );
    assert!(
        complete("pair", "right")
            .await
            .unwrap()
            .completion
            .values
            .is_empty()
    );
    assert_eq!(
        error_of(complete("other", "x").await).code,
        ErrorCode::INVALID_PARAMS
    );
}

#[tokio::test]
async fn only_what_is_registered_is_advertised() {
    let client = connect(&McpServer::new("s", "1").tool("t", "d", async || ()), ()).await;
    let capabilities = client.peer_info().unwrap().capabilities.clone();
    assert!(capabilities.tools.is_some() && capabilities.logging.is_some());
    assert!(capabilities.prompts.is_none() && capabilities.resources.is_none());
    assert!(capabilities.completions.is_none());
}

#[tokio::test]
async fn a_builder_call_on_a_handle_with_clones_makes_a_server_of_its_own() {
    let one = McpServer::new("s", "1").tool("a", "d", async || ());
    let two = one.clone().tool("b", "d", async || ());
    assert_eq!(
        (one.registry().tools.len(), two.registry().tools.len()),
        (1, 2)
    );
}

#[tokio::test]
async fn a_bad_update_leaves_the_server_as_it_was() {
    let server = McpServer::new("s", "1").tool("a", "d", async || ());
    assert!(
        server
            .update(|server| server.tool("a", "d", async || ()))
            .is_err()
    );
    server
        .update(|server| server.without_tool("a").tool("b", "d", async || ()))
        .unwrap();
    assert_eq!(server.registry().tools.keys().collect::<Vec<_>>(), ["b"]);
}

#[tokio::test]
async fn a_blocking_tool_learns_that_its_caller_left() {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    let sender = Arc::new(std::sync::Mutex::new(Some(sender)));
    let server = McpServer::new("s", "1").blocking_tool("wait", "d", move |context: Context| {
        context.wait(context.cancelled());
        sender
            .lock()
            .unwrap()
            .take()
            .unwrap()
            .send(context.is_cancelled())
            .unwrap();
    });
    let (near, far) = tokio::io::duplex(1 << 16);
    let (served, _client) = tokio::join!(server.clone().serve(far), ().serve(near));
    let request = RequestContext::new(RequestId::Number(1), served.unwrap().peer().clone());
    let running = server.call_tool(CallToolRequestParams::new("wait"), request);
    assert!(
        tokio::time::timeout(Duration::from_millis(50), running)
            .await
            .is_err()
    );
    assert!(
        tokio::time::timeout(Duration::from_secs(5), receiver)
            .await
            .unwrap()
            .unwrap()
    );
}
