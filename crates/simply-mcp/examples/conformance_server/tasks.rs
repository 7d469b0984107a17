//! Tools that become tasks (SEP-2663).

use std::time::Duration;

use rmcp::{
    ErrorData,
    model::{
        CallToolResponse, CallToolResult, ClientCapabilities, ContentBlock, CreateTaskResult,
        ElicitRequest, ElicitRequestParams, InputRequest,
    },
    task_manager::{TaskContext, TaskExit, TaskFuture, TaskManager, TaskOptions},
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use simply_mcp::{Context, McpServer, ToolError, rmcp};

use crate::rounds::user_name;

#[derive(Deserialize, JsonSchema)]
struct Work {
    seconds: f64,
    label: String,
}

#[derive(Deserialize, JsonSchema)]
struct File {
    filename: String,
}

type Answer = Result<CallToolResponse, ToolError>;

pub(crate) fn add(server: McpServer) -> McpServer {
    let tasks = TaskManager::new();
    let with = |tasks: &TaskManager, start: fn(TaskContext) -> TaskFuture| {
        let tasks = tasks.clone();
        move |context: Context| {
            let answer = required(&context).map(|()| started(&tasks, start));
            async move { answer }
        }
    };
    let (computing, deleting, naming) = (tasks.clone(), tasks.clone(), tasks.clone());
    server
        .tool(
            "slow_compute",
            "Takes its time",
            move |work: Work, context: Context| compute(computing.clone(), work, context),
        )
        .tool(
            "failing_job",
            "A task whose tool fails",
            with(&tasks, |_| Box::pin(failing())),
        )
        .tool(
            "protocol_error_job",
            "A task that breaks",
            with(&tasks, |_| Box::pin(breaking())),
        )
        .tool(
            "multi_input",
            "A task that asks twice at once",
            with(&tasks, |task| Box::pin(ask_both(task))),
        )
        .tool(
            "confirm_delete",
            "A task that asks first",
            move |file: File, context: Context| {
                let answer = required(&context)
                    .map(|()| started(&deleting, |task| Box::pin(confirm(task, file.filename))));
                async move { answer }
            },
        )
        .tool(
            "test_tool_with_task",
            "Asks, then becomes a task",
            move |context: Context| name_then_task(naming.clone(), context),
        )
        .tasks(tasks)
}

/// The tool works as a task only.
fn required(context: &Context) -> Result<(), ToolError> {
    if context.client_capabilities().supports_tasks() {
        return Ok(());
    }
    Err(ToolError::missing_capability(
        ClientCapabilities::builder().enable_tasks().build(),
    ))
}

fn started(tasks: &TaskManager, work: impl FnOnce(TaskContext) -> TaskFuture) -> CallToolResponse {
    let options = TaskOptions::new().with_poll_interval_ms(200);
    CallToolResponse::Task(CreateTaskResult::new(tasks.spawn(options, work)))
}

async fn compute(tasks: TaskManager, work: Work, context: Context) -> Answer {
    let time = Duration::try_from_secs_f64(work.seconds)?;
    let done = text(format!(
        "{}: computed for {} seconds",
        work.label, work.seconds
    ));
    if !context.client_capabilities().supports_tasks() {
        tokio::time::sleep(time).await;
        return Ok(done.into());
    }
    Ok(started(&tasks, move |task| {
        Box::pin(async move {
            tokio::select! {
                () = task.cancelled() => Err(TaskExit::Cancelled),
                () = tokio::time::sleep(time) => Ok(done),
            }
        })
    }))
}

async fn failing() -> Result<CallToolResult, TaskExit> {
    tokio::time::sleep(Duration::from_secs(1)).await;
    Ok(CallToolResult::error(vec![ContentBlock::text(
        "The job failed, as it should",
    )]))
}

async fn breaking() -> Result<CallToolResult, TaskExit> {
    tokio::time::sleep(Duration::from_millis(200)).await;
    Err(ErrorData::internal_error("The job broke, as it should", None).into())
}

async fn confirm(task: TaskContext, filename: String) -> Result<CallToolResult, TaskExit> {
    let request = form(
        &format!("Delete {filename}?"),
        &json!({"confirm": {"type": "boolean"}}),
    )?;
    let answer = task.request_input("confirm", request).await?;
    let is_confirmed = answer.pointer("/content/confirm") == Some(&json!(true));
    Ok(text(format!(
        "{filename} is {}",
        if is_confirmed { "deleted" } else { "kept" }
    )))
}

async fn ask_both(task: TaskContext) -> Result<CallToolResult, TaskExit> {
    let name = form("What is your name?", &json!({"name": {"type": "string"}}))?;
    let confirmation = form("Is it so?", &json!({"confirm": {"type": "boolean"}}))?;
    tokio::try_join!(
        task.request_input("name", name),
        task.request_input("confirm", confirmation)
    )?;
    Ok(text("Both questions are answered".to_owned()))
}

async fn name_then_task(tasks: TaskManager, context: Context) -> Answer {
    required(&context)?;
    let name = user_name(&context).await?;
    Ok(started(&tasks, move |_| {
        Box::pin(async move { Ok(text(format!("Hello, {name}!"))) })
    }))
}

fn form(message: &str, properties: &Value) -> Result<InputRequest, TaskExit> {
    let schema = serde_json::from_value(json!({"type": "object", "properties": properties}))
        .map_err(|error| ErrorData::internal_error(error.to_string(), None))?;
    let params = ElicitRequestParams::FormElicitationParams {
        meta: None,
        message: message.to_owned(),
        requested_schema: schema,
    };
    Ok(InputRequest::Elicitation(ElicitRequest::new(params)))
}

fn text(text: String) -> CallToolResult {
    CallToolResult::success(vec![ContentBlock::text(text)])
}
