//! What clients hear without asking: progress, logs, changes; and tasks.

#![expect(
    deprecated,
    reason = "SEP-2577 deprecates logging and legacy subscriptions; older clients use them"
)]

use std::time::Duration;

use rmcp::model::{
    CallToolResponse, CallToolResult, ContentBlock, CreateTaskResult, LoggingLevel,
    ServerNotification, SetLevelRequestParams, SubscribeRequestParams, SubscriptionFilter,
    UnsubscribeRequestParams,
};
use rmcp::task_manager::{TaskManager, TaskOptions};
use serde_json::json;
use tokio::sync::mpsc::UnboundedReceiver;

use super::{client::Answering, *};
use crate::server::Context;

const LONG: Duration = Duration::from_secs(5);
const MOMENT: Duration = Duration::from_millis(50);

fn server() -> McpServer {
    McpServer::new("s", "1")
        .tool("work", "d", async |context: Context| {
            for done in [1.0, 2.0, 2.0, 1.0, 3.0] {
                context.progress(done, 3.0, "working").await;
            }
        })
        .tool("log", "d", async |context: Context| {
            context.log(LoggingLevel::Debug, "test", "small").await;
            context.log(LoggingLevel::Info, "test", "middle").await;
            context.log(LoggingLevel::Error, "test", "large").await;
        })
        .resource("test://a", "a", async || "a")
        .prompt("p", "d", async || "p")
}

async fn hear(hears: &mut UnboundedReceiver<String>) -> String {
    tokio::time::timeout(LONG, hears.recv())
        .await
        .unwrap()
        .unwrap()
}

async fn hears_nothing(hears: &mut UnboundedReceiver<String>) {
    let heard = tokio::time::timeout(MOMENT, hears.recv()).await;
    assert!(heard.is_err(), "{heard:?}");
}

#[tokio::test]
async fn progress_only_rises() {
    let (client, mut hears) = Answering::new(Vec::new());
    let client = connect(&server(), client).await;
    call(&client, "work", json!({})).await;
    for done in 1..=3 {
        assert_eq!(
            hear(&mut hears).await,
            format!("progress: {done} of Some(3.0)")
        );
    }
    hears_nothing(&mut hears).await;
}

#[tokio::test]
async fn a_session_hears_the_levels_that_it_set() {
    let (client, mut hears) = Answering::new(Vec::new());
    let client = connect(&server(), client).await;
    call(&client, "log", json!({})).await;
    assert_eq!(hear(&mut hears).await, r#"log: Info "middle""#);
    assert_eq!(hear(&mut hears).await, r#"log: Error "large""#);
    client
        .set_level(SetLevelRequestParams::new(LoggingLevel::Warning))
        .await
        .unwrap();
    call(&client, "log", json!({})).await;
    assert_eq!(hear(&mut hears).await, r#"log: Error "large""#);
    hears_nothing(&mut hears).await;
}

#[tokio::test]
async fn the_level_of_one_session_is_not_that_of_another() {
    let server = server();
    let (quiet, _) = Answering::new(Vec::new());
    let quiet = connect(&server, quiet).await;
    quiet
        .set_level(SetLevelRequestParams::new(LoggingLevel::Emergency))
        .await
        .unwrap();
    let (client, mut hears) = Answering::new(Vec::new());
    let client = connect(&server, client).await;
    call(&client, "log", json!({})).await;
    assert_eq!(hear(&mut hears).await, r#"log: Info "middle""#);
}

#[tokio::test]
async fn a_modern_request_without_a_level_hears_no_logs() {
    let (client, mut hears) = Answering::new(Vec::new());
    let client = connect_modern(&server(), client).await;
    call(&client, "log", json!({})).await;
    hears_nothing(&mut hears).await;
    let mut params = CallToolRequestParams::new("log");
    let mut meta = rmcp::model::RequestMetaObject::new();
    meta.set_log_level(LoggingLevel::Error);
    params.meta = Some(meta);
    client.call_tool(params).await.unwrap();
    assert_eq!(hear(&mut hears).await, r#"log: Error "large""#);
    hears_nothing(&mut hears).await;
}

#[tokio::test]
async fn sessions_hear_of_changed_lists_and_of_the_resources_they_watch() {
    let server = server();
    let (client, mut hears) = Answering::new(Vec::new());
    let client = connect(&server, client).await;
    client
        .subscribe(SubscribeRequestParams::new("test://a"))
        .await
        .unwrap();
    server
        .update(|server| server.tool("more", "d", async || ()))
        .unwrap();
    assert_eq!(hear(&mut hears).await, "tools changed");
    assert_eq!(client.list_all_tools().await.unwrap().len(), 3);
    server.notify_resource_updated("test://other");
    server.notify_resource_updated("test://a");
    assert_eq!(hear(&mut hears).await, "updated: test://a");
    client
        .unsubscribe(UnsubscribeRequestParams::new("test://a"))
        .await
        .unwrap();
    server.notify_resource_updated("test://a");
    server.notify_prompts_changed();
    assert_eq!(hear(&mut hears).await, "prompts changed");
}

#[tokio::test]
async fn a_session_that_ended_is_forgotten() {
    let server = server();
    let (client, _hears) = Answering::new(Vec::new());
    let client = connect(&server, client).await;
    call(&client, "work", json!({})).await;
    assert_eq!(server.shared.sessions.count(), 1);
    client.cancel().await.unwrap();
    for _ in 0..100 {
        server.notify_tools_changed();
        tokio::time::sleep(Duration::from_millis(10)).await;
        if server.shared.sessions.count() == 0 {
            return;
        }
    }
    panic!("the session is still remembered");
}

#[tokio::test]
async fn a_session_watches_a_bounded_number_of_resources() {
    let (client, _hears) = Answering::new(Vec::new());
    let client = connect(&server(), client).await;
    for number in 0..1000 {
        let params = SubscribeRequestParams::new(format!("test://{number}"));
        client.subscribe(params).await.unwrap();
    }
    client
        .subscribe(SubscribeRequestParams::new("test://0"))
        .await
        .unwrap();
    let error = error_of(
        client
            .subscribe(SubscribeRequestParams::new("test://1000"))
            .await,
    );
    assert!(error.message.contains("1000"), "{}", error.message);
}

#[tokio::test]
async fn a_session_watches_resources_of_a_bounded_length() {
    let (client, _hears) = Answering::new(Vec::new());
    let client = connect(&server(), client).await;
    let long = |letter: &str| SubscribeRequestParams::new(letter.repeat(100_000));
    client.subscribe(long("a")).await.unwrap();
    client.subscribe(long("a")).await.unwrap();
    let error = error_of(client.subscribe(long("b")).await);
    assert!(error.message.contains("bytes"), "{}", error.message);
}

#[tokio::test]
async fn a_stream_hears_only_what_it_asked_for() {
    let server = server();
    let client = connect_modern(&server, ()).await;
    let filter = SubscriptionFilter::builder()
        .tools_list_changed()
        .resource_subscription("test://a");
    let mut stream = client.listen(filter.build()).await.unwrap();
    tokio::time::sleep(MOMENT).await;
    server.notify_prompts_changed();
    server.notify_resource_updated("test://b");
    server.notify_resource_updated("test://a");
    server.notify_tools_changed();
    let first = tokio::time::timeout(LONG, stream.next())
        .await
        .unwrap()
        .unwrap()
        .unwrap();
    let ServerNotification::ResourceUpdatedNotification(first) = first else {
        panic!("{first:?}");
    };
    assert_eq!(first.params.uri, "test://a");
    let second = tokio::time::timeout(LONG, stream.next())
        .await
        .unwrap()
        .unwrap()
        .unwrap();
    assert!(
        matches!(second, ServerNotification::ToolListChangedNotification(_)),
        "{second:?}"
    );
}

#[tokio::test]
async fn a_stream_that_asks_for_too_many_resources_is_told_that_it_gets_none() {
    let client = connect_modern(&server(), ()).await;
    let uris = (0..1001).map(|number| format!("test://{number}"));
    let filter = SubscriptionFilter::builder()
        .tools_list_changed()
        .resource_subscriptions(uris);
    let stream = client.listen(filter.build()).await.unwrap();
    assert_eq!(stream.acknowledged().resource_subscriptions, None);
    assert_eq!(stream.acknowledged().tools_list_changed, Some(true));
}

#[tokio::test]
async fn a_tool_can_become_a_task_that_clients_ask_about() {
    let tasks = TaskManager::new();
    let starting = tasks.clone();
    let server = McpServer::new("s", "1")
        .tasks(tasks)
        .tool("task", "d", move || {
            let task = starting.spawn(TaskOptions::default(), |_| {
                let done = CallToolResult::success(vec![ContentBlock::text("done")]);
                Box::pin(async move { Ok(done) })
            });
            async move { CallToolResponse::Task(CreateTaskResult::new(task)) }
        });
    let extension = json!({"extensions": {"io.modelcontextprotocol/tasks": {}}});
    let (client, _hears) = Answering::new(Vec::new());
    let client = connect_modern(&server, client.with_capabilities(extension.clone())).await;
    let advertised = client.peer_info().unwrap().capabilities.extensions.clone();
    assert_eq!(json!(advertised), extension["extensions"]);
    let started = client
        .call_tool_once(CallToolRequestParams::new("task"))
        .await
        .unwrap();
    let CallToolResponse::Task(started) = started else {
        panic!("{started:?}")
    };
    let params = rmcp::model::GetTaskParams::new(started.task.task_id);
    assert!(client.get_task(params).await.is_ok());
}
