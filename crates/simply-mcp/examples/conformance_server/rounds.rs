//! Tools and a prompt that take more than one round (SEP-2322).

#![expect(
    deprecated,
    reason = "SEP-2577 deprecates what the suite still asks for"
)]

use rmcp::model::{PromptMessage, Role};
use schemars::JsonSchema;
use serde::Deserialize;
use simply_mcp::{Context, McpServer, ToolError, rmcp, server::Elicited};

use crate::interaction::question;

#[derive(Deserialize, JsonSchema)]
pub(crate) struct Name {
    pub(crate) name: String,
}

#[derive(Deserialize, JsonSchema)]
struct Confirmation {
    ok: bool,
}

#[derive(Deserialize, JsonSchema)]
struct Color {
    #[expect(dead_code, reason = "the answer must have it; nobody needs it")]
    color: String,
}

#[derive(Deserialize, JsonSchema)]
struct Topic {
    context: String,
}

pub(crate) fn add(server: McpServer) -> McpServer {
    server
        .tool(
            "test_input_required_result_elicitation",
            "Asks for a name",
            elicitation,
        )
        .tool(
            "test_input_required_result_sampling",
            "Asks the model",
            async |context: Context| {
                context
                    .sample(
                        "capital_question",
                        question("What is the capital of France?"),
                    )
                    .await?;
                Ok::<_, ToolError>("The model knows")
            },
        )
        .tool(
            "test_input_required_result_list_roots",
            "Asks for roots",
            async |context: Context| {
                let roots = context.list_roots("client_roots").await?.roots;
                Ok::<_, ToolError>(format!("The client has {} roots", roots.len()))
            },
        )
        .tool(
            "test_input_required_result_request_state",
            "Keeps a state",
            state,
        )
        .tool(
            "test_input_required_result_tampered_state",
            "Guards a state",
            state,
        )
        .tool(
            "test_input_required_result_multiple_inputs",
            "Asks three things",
            several,
        )
        .tool(
            "test_input_required_result_multi_round",
            "Asks twice",
            twice,
        )
        .tool(
            "test_input_required_result_capabilities",
            "Asks what it may",
            permitted,
        )
        .prompt(
            "test_input_required_result_prompt",
            "Asks for its topic",
            topic,
        )
}

pub(crate) async fn user_name(context: &Context) -> Result<String, ToolError> {
    let name = context
        .elicit::<Name>("user_name", "What is your name?")
        .await?;
    Ok(name
        .accepted()
        .map_or_else(|| "nobody".to_owned(), |Name { name }| name))
}

async fn elicitation(context: Context) -> Result<String, ToolError> {
    Ok(format!("Hello, {}!", user_name(&context).await?))
}

async fn state(context: Context) -> Result<String, ToolError> {
    context.set_state(&"the question was asked")?;
    let answer = context
        .elicit::<Confirmation>("confirm", "Is it so?")
        .await?;
    let is_kept = context.state::<String>()?.is_some();
    let is_confirmed = matches!(answer, Elicited::Accepted(Confirmation { ok: true }));
    Ok(format!(
        "{}, confirmed: {is_confirmed}",
        if is_kept { "state-ok" } else { "no state" }
    ))
}

async fn several(context: Context) -> Result<String, ToolError> {
    context.set_state(&"three questions")?;
    let answers = context
        .ask()
        .elicit::<Name>("user_name", "What is your name?")
        .sample("greeting", question("Write a greeting"))
        .list_roots("client_roots")
        .answers()
        .await?;
    let model = answers.sampled("greeting")?.model;
    let roots = answers.roots("client_roots")?.roots.len();
    Ok(format!("Greeted by {model} with {roots} roots"))
}

async fn twice(context: Context) -> Result<String, ToolError> {
    context.set_state(&1)?;
    context
        .elicit::<Name>("step1", "Step 1: What is your name?")
        .await?;
    context.set_state(&2)?;
    context
        .elicit::<Color>("step2", "Step 2: What is your favorite color?")
        .await?;
    Ok("Both answers are known".to_owned())
}

async fn permitted(context: Context) -> Result<&'static str, ToolError> {
    let declared = context.client_capabilities();
    let mut ask = context.ask();
    if declared.elicitation.is_some() {
        ask = ask.elicit::<Name>("user_name", "What is your name?");
    }
    if declared.sampling.is_some() {
        ask = ask.sample("greeting", question("Write a greeting"));
    }
    ask.answers().await?;
    Ok("Asked only what the client can answer")
}

async fn topic(context: Context) -> Result<Vec<PromptMessage>, ToolError> {
    let topic = context
        .elicit::<Topic>("user_context", "What is it about?")
        .await?;
    let topic = topic
        .accepted()
        .map_or_else(|| "nothing".to_owned(), |topic| topic.context);
    Ok(vec![PromptMessage::new_text(
        Role::User,
        format!("Talk about {topic}"),
    )])
}
