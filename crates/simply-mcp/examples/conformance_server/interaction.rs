//! Tools that log, ask the client, or announce changes.

#![expect(
    deprecated,
    reason = "SEP-2577 deprecates what the suite still asks for"
)]

use std::time::Duration;

use rmcp::model::{CreateMessageRequestParams, ElicitationSchema, LoggingLevel, SamplingMessage};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use simply_mcp::{Context, McpServer, ToolError, rmcp, server::Elicited};

#[derive(Deserialize, JsonSchema)]
struct Prompt {
    prompt: String,
}

#[derive(Deserialize, JsonSchema)]
struct Message {
    message: String,
}

#[derive(Debug, Deserialize, JsonSchema, Serialize)]
struct User {
    /// The user's name
    username: String,
    /// The user's address
    email: String,
}

pub(crate) fn add(server: McpServer) -> McpServer {
    server
        .tool("test_tool_with_logging", "Logs while it works", logging)
        .tool(
            "test_logging_tool",
            "Logs if the request asks for it",
            async |context: Context| {
                context
                    .log(LoggingLevel::Info, "fixture", "Logging tool called")
                    .await;
                "Logged where wanted"
            },
        )
        .tool("test_sampling", "Asks the client's model", sampling)
        .tool("test_elicitation", "Asks the user", elicitation)
        .tool(
            "test_streaming_elicitation",
            "Asks the user",
            async |context: Context| {
                Ok::<_, ToolError>(described(
                    &context.elicit::<User>("user", "Who are you?").await?,
                ))
            },
        )
        .tool(
            "test_elicitation_sep1034_defaults",
            "Asks with defaults",
            async |context: Context| ask_form(&context, defaults()).await,
        )
        .tool(
            "test_elicitation_sep1330_enums",
            "Asks with choices",
            async |context: Context| ask_form(&context, choices()).await,
        )
        .tool(
            "test_missing_capability",
            "Needs sampling",
            async |context: Context| {
                context
                    .sample("missing", question("Are you there?"))
                    .await?;
                Ok::<_, ToolError>("The client can sample")
            },
        )
        .tool(
            "test_trigger_tool_change",
            "Announces new tools",
            async |context: Context| {
                context.server().notify_tools_changed();
                "Announced"
            },
        )
        .tool(
            "test_trigger_prompt_change",
            "Announces new prompts",
            async |context: Context| {
                context.server().notify_prompts_changed();
                "Announced"
            },
        )
}

async fn logging(context: Context) -> &'static str {
    let steps = [
        "Tool execution started",
        "Tool processing data",
        "Tool execution completed",
    ];
    for step in steps {
        context.log(LoggingLevel::Info, "fixture", step).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    "Logged three messages"
}

async fn sampling(Prompt { prompt }: Prompt, context: Context) -> Result<String, ToolError> {
    let answer = context.sample("sample", question(&prompt)).await?;
    let text = answer
        .message
        .content
        .first()
        .and_then(|content| content.as_text());
    Ok(format!(
        "LLM response: {}",
        text.map_or("no text", |text| text.text.as_str())
    ))
}

async fn elicitation(Message { message }: Message, context: Context) -> Result<String, ToolError> {
    Ok(described(&context.elicit::<User>("user", &message).await?))
}

async fn ask_form(context: &Context, form: Value) -> Result<String, ToolError> {
    let form: ElicitationSchema = serde_json::from_value(form)?;
    let answer = context
        .elicit_form("form", "Please check the form", form)
        .await?;
    Ok(described(&answer))
}

pub(crate) fn question(text: &str) -> CreateMessageRequestParams {
    CreateMessageRequestParams::new(vec![SamplingMessage::user_text(text)], 100)
}

fn described<T: std::fmt::Debug>(answer: &Elicited<T>) -> String {
    match answer {
        Elicited::Accepted(content) => format!("User response: accept {content:?}"),
        refusal => format!("User response: {refusal:?}"),
    }
}

fn defaults() -> Value {
    json!({
        "type": "object",
        "properties": {
            "name": {"type": "string", "default": "John Doe"},
            "age": {"type": "integer", "default": 30},
            "score": {"type": "number", "default": 95.5},
            "status": {"type": "string", "enum": ["active", "inactive", "pending"], "default": "active"},
            "verified": {"type": "boolean", "default": true}
        }
    })
}

fn choices() -> Value {
    let titled = json!([
        {"const": "one", "title": "The first"},
        {"const": "two", "title": "The second"}
    ]);
    json!({
        "type": "object",
        "properties": {
            "untitledSingle": {"type": "string", "enum": ["one", "two"]},
            "titledSingle": {"type": "string", "oneOf": titled},
            "legacyEnum": {"type": "string", "enum": ["one", "two"], "enumNames": ["First", "Second"]},
            "untitledMulti": {"type": "array", "items": {"type": "string", "enum": ["one", "two"]}},
            "titledMulti": {"type": "array", "items": {"anyOf": titled}}
        }
    })
}
