//! Every way in which a call can come, a tool for every outcome, and what `/metrics` says of them.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use reqwest::RequestBuilder;
use rmcp::{
    model::{CallToolResponse, CallToolResult, CreateTaskResult},
    task_manager::{TaskContext, TaskManager, TaskOptions},
};
use serde_json::{Value, json};
use simply_mcp::{
    Context, McpServer, ToolError,
    server::{Json, NoArguments},
};

use crate::common::{self, Add, Echo, Name, Server, Sum};

const BOTH: &str = "application/json, text/event-stream";

/// How a call comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Rest,
    /// 2026-07-28, answered in the request's own task.
    Modern,
    /// The same with a progress token, so that the answer is a stream.
    Streamed,
    /// 2025-06-18 without a session.
    Stateless,
    /// In a batch of 2025-03-26.
    Batch,
    /// 2025-11-25, in a session.
    Session,
}

pub(crate) const WAYS: [Way; 6] = [
    Way::Rest,
    Way::Modern,
    Way::Streamed,
    Way::Stateless,
    Way::Batch,
    Way::Session,
];

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Typed {
    #[schemars(with = "String")]
    port: u16,
}

/// A server with a tool for each way a call can end.
pub(crate) fn server() -> McpServer {
    let tasks = TaskManager::new();
    let starting = tasks.clone();
    McpServer::new("fixture", "1")
        .tool("echo", "Returns", async |Echo { message }: Echo| message)
        .tool("add", "Adds", async |Add { a, b }: Add| {
            Json(Sum { sum: a + b })
        })
        .tool("fail", "Fails", async |_: NoArguments| {
            Err::<String, _>(ToolError::failed("overloaded, timeout, cancelled"))
        })
        .tool("panic", "Breaks", async |_: NoArguments| -> String {
            panic!("a secret text")
        })
        .tool("busy", "Has no room", async |_: NoArguments| {
            Err::<String, _>(ToolError::overloaded("later"))
        })
        .tool("late", "Gives up", async |_: NoArguments| {
            Err::<String, _>(ToolError::timed_out("the printer did not answer"))
        })
        .tool(
            "typed",
            "Takes less than its schema",
            async |typed: Typed| typed.port.to_string(),
        )
        .tool("picky", "Refuses what fits", async |_: NoArguments| {
            let error = rmcp::ErrorData::invalid_params("not these", None);
            Err::<String, _>(ToolError::protocol(error))
        })
        .tool("ask", "Asks", async |_: NoArguments, context: Context| {
            context.elicit::<Name>("name", "What is your name?").await?;
            Ok::<_, ToolError>("thanks")
        })
        .tool("start", "Starts a task", move |_: NoArguments| {
            let started = start(&starting);
            async move { started }
        })
        .tasks(tasks)
}

fn start(tasks: &TaskManager) -> CallToolResponse {
    let work = |_: TaskContext| -> rmcp::task_manager::TaskFuture {
        Box::pin(async { Ok(CallToolResult::success(Vec::new())) })
    };
    let task = tasks.spawn(TaskOptions::default(), work);
    CallToolResponse::Task(CreateTaskResult::new(task))
}

/// A server, and a session with it.
pub(crate) struct Fixture {
    pub(crate) server: Server,
    /// One for all calls: a client takes its time to be made.
    pub(crate) http: reqwest::Client,
    session: String,
    next_id: AtomicI64,
}

impl Fixture {
    pub(crate) async fn start(handler: impl rmcp::ServerHandler, settings: Value) -> Self {
        let server = common::start_with(handler, settings).await;
        let opened = server.mcp(&common::initialize("2025-11-25"));
        let opened = opened.header("accept", BOTH).send().await.unwrap();
        let session = opened.headers()["mcp-session-id"].to_str().unwrap();
        let fixture = Self {
            session: session.to_owned(),
            next_id: AtomicI64::new(10),
            http: common::client(),
            server,
        };
        opened.text().await.unwrap();
        let initialized = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
        let told = fixture.in_session(&initialized).send().await.unwrap();
        assert_eq!(told.status(), 202);
        fixture
    }

    /// A message within the session.
    pub(crate) fn in_session(&self, message: &Value) -> RequestBuilder {
        let request = self.mcp("2025-11-25", message);
        request.header("mcp-session-id", &self.session)
    }

    /// A body for a path.
    pub(crate) fn post(&self, path: &str, body: impl Into<String>) -> RequestBuilder {
        self.http.post(self.server.url(path)).body(body.into())
    }

    /// A call of 2026-07-28 by a client that can do what it says.
    pub(crate) fn modern(&self, params: Value, capabilities: &Value) -> RequestBuilder {
        let mut message = common::modern("tools/call", params);
        message["params"]["_meta"]["io.modelcontextprotocol/clientCapabilities"] =
            capabilities.clone();
        let name = message["params"]["name"].as_str().unwrap();
        let request = self.mcp("2026-07-28", &message);
        request
            .header("mcp-method", "tools/call")
            .header("mcp-name", name)
    }

    fn mcp(&self, version: &str, message: &Value) -> RequestBuilder {
        let request = self.post("/mcp", message.to_string());
        request
            .header("content-type", "application/json")
            .header("accept", BOTH)
            .header("mcp-protocol-version", version)
    }

    pub(crate) fn next_id(&self) -> i64 {
        self.next_id.fetch_add(1, Ordering::Relaxed)
    }

    /// A call, ready to be sent.
    pub(crate) fn call(&self, way: Way, tool: &str, arguments: &Value) -> RequestBuilder {
        let params = json!({"name": tool, "arguments": arguments});
        let mut message = common::request("tools/call", params.clone());
        message["id"] = json!(self.next_id());
        match way {
            Way::Rest => {
                let name =
                    percent_encoding::utf8_percent_encode(tool, percent_encoding::NON_ALPHANUMERIC);
                self.post(&format!("/tools/{name}"), arguments.to_string())
            }
            Way::Modern => self.modern(params, &json!({})),
            Way::Streamed => {
                let mut params = params;
                params["_meta"]["progressToken"] = json!("p");
                self.modern(params, &json!({}))
            }
            Way::Stateless => self.mcp("2025-06-18", &message),
            Way::Batch => self.mcp("2025-03-26", &json!([message])),
            Way::Session => self.in_session(&message),
        }
    }

    /// What a call changes in the series of tools, once it is answered.
    pub(crate) async fn counted(&self, request: RequestBuilder) -> BTreeMap<String, i64> {
        let before = self.series().await;
        let answer = request.send().await.unwrap().text().await.unwrap();
        assert!(!answer.is_empty());
        let mut changed = self.series().await;
        changed.retain(|name, value| {
            *value -= before.get(name).copied().unwrap_or_default();
            *value != 0
        });
        changed
    }

    /// The series of tools that only ever count: totals, errors, and how often a duration was noted.
    pub(crate) async fn series(&self) -> BTreeMap<String, i64> {
        self.scrape(|name| name.starts_with("http_tool_execution") && !is_of_a_histogram(name))
            .await
    }

    /// Calls that run.
    pub(crate) async fn running(&self) -> i64 {
        let running = self.scrape(|name| name.starts_with("simply_mcp_tool_calls_running"));
        running.await.values().sum()
    }

    /// One of them.
    pub(crate) async fn value(&self, name: &str) -> i64 {
        self.series().await.get(name).copied().unwrap_or_default()
    }

    /// Waits until one of them has a value.
    pub(crate) async fn until(&self, name: &str, value: i64) {
        let there = async {
            while self.value(name).await != value {
                tokio::task::yield_now().await;
            }
        };
        let there = tokio::time::timeout(Duration::from_secs(30), there).await;
        assert!(there.is_ok(), "{name} is {}", self.value(name).await);
    }

    async fn scrape(&self, is_wanted: impl Fn(&str) -> bool) -> BTreeMap<String, i64> {
        let scrape = self.http.get(self.server.url("/metrics"));
        let text = scrape.send().await.unwrap();
        let text = text.text().await.unwrap();
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        lines
            .filter_map(|line| line.rsplit_once(' '))
            .filter(|(name, _)| is_wanted(name))
            .map(|(name, value)| (name.to_owned(), value.parse().unwrap()))
            .collect()
    }
}

fn is_of_a_histogram(name: &str) -> bool {
    name.contains("_seconds_bucket{") || name.contains("_seconds_sum{")
}

/// The series that one call of a tool changes.
pub(crate) fn expected(tool: &str, outcome: &str, has_run: bool) -> BTreeMap<String, i64> {
    let mut series = BTreeMap::new();
    let status = if outcome == "success" {
        "success"
    } else {
        "error"
    };
    let mut one = |name: String| series.insert(name, 1);
    one(format!(
        "http_tool_execution_total{{status=\"{status}\",tool=\"{tool}\"}}"
    ));
    if status == "error" {
        one(format!(
            "http_tool_execution_errors_total{{error_type=\"{outcome}\",tool=\"{tool}\"}}"
        ));
    }
    if has_run {
        one(format!(
            "http_tool_execution_duration_seconds_count{{tool=\"{tool}\"}}"
        ));
    }
    series
}

/// The name of the series of calls of a tool that ended in such a way.
pub(crate) fn errors(tool: &str, outcome: &str) -> String {
    format!("http_tool_execution_errors_total{{error_type=\"{outcome}\",tool=\"{tool}\"}}")
}
