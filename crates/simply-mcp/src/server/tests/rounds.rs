//! Questions to the client, in both eras.

#![expect(
    deprecated,
    reason = "SEP-2577 deprecates sampling and roots; clients still offer them"
)]

use rmcp::model::{
    CallToolResponse, CreateMessageRequestParams, ErrorCode, InputRequest, InputRequiredResult,
    SamplingMessage,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::{client::Answering, *};
use crate::server::{Context, Elicited, ToolError};

#[derive(Debug, Deserialize, JsonSchema)]
struct Name {
    name: String,
}

#[derive(Debug, Deserialize, JsonSchema)]
struct Age {
    age: u32,
}

/// Asks twice, and counts its rounds in the state.
async fn introduce(context: Context) -> Result<String, ToolError> {
    let rounds = context.state::<u32>()?.unwrap_or_default() + 1;
    context.set_state(&rounds)?;
    let Elicited::Accepted(Name { name }) = context.elicit::<Name>("who", "Name?").await? else {
        return Ok("nobody".to_owned());
    };
    let age = context.elicit::<Age>("age", "Age?").await?.accepted();
    Ok(format!(
        "{name}, {:?}, round {rounds}",
        age.map(|Age { age }| age)
    ))
}

async fn everything(context: Context) -> Result<String, ToolError> {
    let request = CreateMessageRequestParams::new(vec![SamplingMessage::user_text("Capital?")], 9);
    let answers = context
        .ask()
        .elicit::<Name>("who", "Name?")
        .sample("capital", request)
        .list_roots("roots")
        .answers()
        .await?;
    let name = answers.elicited::<Name>("who")?.accepted();
    let (model, roots) = (
        answers.sampled("capital")?.model,
        answers.roots("roots")?.roots.len(),
    );
    Ok(format!(
        "{:?} {model} {roots}",
        name.map(|Name { name }| name)
    ))
}

fn server() -> McpServer {
    McpServer::new("s", "1")
        .tool("introduce", "d", introduce)
        .tool("everything", "d", everything)
        .prompt("introduction", "d", introduce)
        .resource("test://introduction", "introduction", introduce)
}

fn alice_of_30() -> Vec<Value> {
    vec![json!({"name": "Alice"}), json!({"age": 30})]
}

#[tokio::test]
async fn answers_of_earlier_rounds_are_remembered_for_the_client() {
    let (client, _hears) = Answering::new(alice_of_30());
    let client = connect_modern(&server(), client).await;
    let result = call(&client, "introduce", json!({})).await;
    assert_eq!(text(&result), "Alice, Some(30), round 3");
}

#[tokio::test]
async fn older_clients_are_asked_while_the_handler_waits() {
    let (client, _hears) = Answering::new(alice_of_30());
    let client = connect(&server(), client).await;
    let result = call(&client, "introduce", json!({})).await;
    assert_eq!(text(&result), "Alice, Some(30), round 1");
}

#[tokio::test]
async fn three_questions_at_once_take_one_round_in_both_eras() {
    let (client, _hears) = Answering::new(vec![json!({"name": "Alice"})]);
    let modern = connect_modern(&server(), client).await;
    let result = call(&modern, "everything", json!({})).await;
    assert_eq!(text(&result), r#"Some("Alice") model 1"#);
    let (client, _hears) = Answering::new(Vec::new());
    let older = connect(&server(), client).await;
    assert_eq!(
        text(&call(&older, "everything", json!({})).await),
        "None model 1"
    );
}

#[tokio::test]
async fn a_refusal_is_an_answer() {
    let (client, _hears) = Answering::new(Vec::new());
    let client = connect_modern(&server(), client).await;
    assert_eq!(text(&call(&client, "introduce", json!({})).await), "nobody");
}

#[tokio::test]
async fn an_answer_that_does_not_fit_asks_again() {
    let forms = vec![
        json!({"nom": "?"}),
        json!({"name": "Alice"}),
        json!({"age": 30}),
    ];
    let (client, mut hears) = Answering::new(forms);
    let client = connect_modern(&server(), client).await;
    let result = call(&client, "introduce", json!({})).await;
    assert!(
        text(&result).starts_with("Alice, Some(30)"),
        "{}",
        text(&result)
    );
    for expected in ["asked: Name?", "asked: Name?", "asked: Age?"] {
        assert_eq!(hears.recv().await.unwrap(), expected);
    }
}

#[tokio::test]
async fn a_key_that_asks_for_something_else_later_takes_the_new_answer() {
    let server = McpServer::new("s", "1").tool("same", "d", async |context: Context| {
        context.elicit::<Name>("key", "Name?").await?;
        Ok::<_, ToolError>(format!("{:?}", context.elicit::<Age>("key", "Age?").await?))
    });
    let both = json!({"name": "Alice", "age": 30});
    let (client, _hears) = Answering::new(vec![json!({"name": "Alice"}), both]);
    let client = connect_modern(&server, client).await;
    assert_eq!(
        text(&call(&client, "same", json!({})).await),
        "Accepted(Age { age: 30 })"
    );
}

#[tokio::test]
async fn a_client_is_never_asked_for_what_it_did_not_declare() {
    for is_modern in [true, false] {
        let (client, mut hears) = Answering::new(alice_of_30());
        let client = client.with_capabilities(json!({"sampling": {}}));
        let client = if is_modern {
            connect_modern(&server(), client).await
        } else {
            connect(&server(), client).await
        };
        let params = CallToolRequestParams::new("everything");
        let error = error_of(client.call_tool(params).await);
        assert_eq!(error.code, ErrorCode::MISSING_REQUIRED_CLIENT_CAPABILITY);
        let required = error.data.unwrap()["requiredCapabilities"].clone();
        assert_eq!(required, json!({"elicitation": {"form": {}}, "roots": {}}));
        assert!(hears.try_recv().is_err());
    }
}

#[tokio::test]
async fn a_client_that_elicits_by_address_only_gets_no_form() {
    let (client, _hears) = Answering::new(alice_of_30());
    let client = client.with_capabilities(json!({"elicitation": {"url": {}}}));
    let client = connect_modern(&server(), client).await;
    let error = error_of(
        client
            .call_tool(CallToolRequestParams::new("introduce"))
            .await,
    );
    assert_eq!(error.code, ErrorCode::MISSING_REQUIRED_CLIENT_CAPABILITY);
}

#[tokio::test]
async fn prompts_and_resources_ask_too() {
    let (client, _hears) = Answering::new([alice_of_30(), alice_of_30()].concat());
    let client = connect_modern(&server(), client).await;
    let prompt = rmcp::model::GetPromptRequestParams::new("introduction");
    let message = client.get_prompt(prompt).await.unwrap().messages.remove(0);
    assert_eq!(
        message.content.as_text().unwrap().text,
        "Alice, Some(30), round 3"
    );
    let uri = "test://introduction";
    let read = rmcp::model::ReadResourceRequestParams::new(uri);
    let contents = client.read_resource(read).await.unwrap().contents;
    let expected = rmcp::model::ResourceContents::text("Alice, Some(30), round 3", uri);
    assert_eq!(contents, [expected]);
}

/// Makes the first round by hand and returns its question.
async fn first_round(client: &RunningService<RoleClient, Answering>) -> InputRequiredResult {
    let params = CallToolRequestParams::new("introduce");
    match client.call_tool_once(params).await.unwrap() {
        CallToolResponse::InputRequired(question) => question,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_changed_or_borrowed_state_is_refused() {
    let (client, _hears) = Answering::new(Vec::new());
    let client = connect_modern(&server(), client).await;
    let question = first_round(&client).await;
    let requests = question.input_requests.unwrap();
    assert!(matches!(&requests["who"], InputRequest::Elicitation(_)));
    let state = question.request_state.unwrap();
    let again = CallToolRequestParams::new("introduce").with_request_state(&state);
    assert!(client.call_tool_once(again.clone()).await.is_ok());
    let changed = CallToolRequestParams::new("introduce").with_request_state(format!("{state}x"));
    let borrowed = CallToolRequestParams::new("everything").with_request_state(&state);
    let other_arguments = again.with_arguments(object(json!({"a": 1})));
    for params in [changed, borrowed, other_arguments] {
        let error = error_of(client.call_tool_once(params).await);
        assert_eq!(error.code, ErrorCode::INVALID_PARAMS);
    }
}
