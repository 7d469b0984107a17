//! What the gateway's tests share: children, clients over a pipe in memory, and a look at the process table.
#![allow(dead_code, reason = "each test file uses its own part of it")]
#![expect(deprecated, reason = "logging is deprecated, and still passed through")]

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rmcp::model::{
    CallToolRequestParams, CallToolResult, ClientConfig, LoggingMessageNotificationParam,
    ProgressNotificationParam, ProtocolVersion, ResourceUpdatedNotificationParam,
};
use rmcp::service::{
    ClientLifecycleMode, ClientServiceExt as _, NotificationContext, RoleClient, RunningService,
    ServiceError,
};
use rmcp::{ClientHandler, ServiceExt as _};
use serde_json::{Value, json};
use simply_mcp_cli::gateway::{ChildCommand, Gateway, GatewayError, GatewayOptions, RestartPolicy};

pub(crate) type Client = RunningService<RoleClient, Recorder>;

pub(crate) fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/children")
        .join(name)
}

pub(crate) fn python(script: &str, arguments: &[&str]) -> ChildCommand {
    ChildCommand::new("python3")
        .arguments(["-B".into(), fixture(script).into_os_string()])
        .arguments(arguments.iter().copied())
}

pub(crate) fn options() -> GatewayOptions {
    GatewayOptions {
        guard_program: Some(env!("CARGO_BIN_EXE_simply-mcp").into()),
        restart: RestartPolicy {
            first_delay: Duration::from_millis(100),
            ..RestartPolicy::default()
        },
        ..GatewayOptions::default()
    }
}

pub(crate) async fn start(command: ChildCommand) -> Gateway {
    Gateway::start(command, options())
        .await
        .expect("the child starts")
}

pub(crate) async fn well_behaved() -> Gateway {
    start(python("well_behaved.py", &[])).await
}

pub(crate) async fn hostile(fault: &str) -> Gateway {
    start(python("hostile.py", &[fault])).await
}

pub(crate) async fn failure(command: ChildCommand, options: GatewayOptions) -> GatewayError {
    match Gateway::start(command, options).await {
        Ok(_) => panic!("it must not start"),
        Err(error) => error,
    }
}

/// A client of an older version, with a session of its own.
pub(crate) async fn client(gateway: &Gateway) -> Client {
    let (ours, theirs) = tokio::io::duplex(1 << 20);
    let gateway = gateway.clone();
    tokio::spawn(async move {
        gateway
            .serve(theirs)
            .await
            .expect("it works in a test")
            .waiting()
            .await
    });
    Recorder::default()
        .serve(ours)
        .await
        .expect("it works in a test")
}

/// A client of 2026-07-28.
pub(crate) async fn modern_client(gateway: &Gateway, config: ClientConfig) -> Client {
    let (ours, theirs) = tokio::io::duplex(1 << 20);
    let gateway = gateway.clone();
    tokio::spawn(async move {
        gateway
            .serve(theirs)
            .await
            .expect("it works in a test")
            .waiting()
            .await
    });
    let recorder = Recorder {
        config,
        ..Recorder::default()
    };
    let lifecycle = ClientLifecycleMode::Discover {
        preferred_versions: vec![ProtocolVersion::LATEST],
    };
    recorder
        .serve_with_lifecycle(ours, lifecycle)
        .await
        .expect("it works in a test")
}

pub(crate) fn tool(name: &'static str, arguments: Value) -> CallToolRequestParams {
    let mut params = CallToolRequestParams::new(name);
    if let Value::Object(arguments) = arguments {
        params.arguments = Some(arguments);
    }
    params
}

pub(crate) async fn call(
    client: &Client,
    name: &'static str,
    arguments: Value,
) -> Result<CallToolResult, ServiceError> {
    let answer = client.call_tool(tool(name, arguments));
    // A gateway that loses an answer must fail its test and not hang it.
    tokio::time::timeout(Duration::from_secs(30), answer)
        .await
        .expect("an answer within 30 seconds")
}

pub(crate) async fn text(client: &Client, name: &'static str, arguments: Value) -> String {
    text_of(
        &call(client, name, arguments)
            .await
            .expect("it works in a test"),
    )
}

pub(crate) fn text_of(result: &CallToolResult) -> String {
    let content = serde_json::to_value(&result.content).expect("it works in a test");
    content[0]["text"].as_str().unwrap_or_default().to_owned()
}

pub(crate) async fn json_of(client: &Client, name: &'static str) -> Value {
    serde_json::from_str(&text(client, name, json!({})).await).expect("it works in a test")
}

pub(crate) fn refusal(error: &ServiceError) -> (i32, String, Value) {
    match error {
        ServiceError::McpError(error) => (
            error.code.0,
            error.message.to_string(),
            error.data.clone().unwrap_or_default(),
        ),
        other => panic!("not an answer of the server: {other:?}"),
    }
}

/// Waits until `condition` holds, at most so long.
pub(crate) async fn eventually(what: &str, limit: Duration, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(
            start.elapsed() < limit,
            "{what} did not happen within {limit:?}"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The processes (zombies too) whose command line has this word.
pub(crate) fn processes_with(word: &str) -> Vec<u32> {
    let entries = std::fs::read_dir("/proc").expect("it works in a test");
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|id| {
            let line = std::fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
            line.split(|byte| *byte == 0)
                .any(|part| part == word.as_bytes())
        })
        .collect()
}

/// A number of seconds for `sleep` that no other test uses.
pub(crate) fn unique_seconds() -> String {
    let nanos = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .expect("it works in a test")
        .as_nanos();
    format!("600.{}{}", std::process::id(), nanos % 1_000_000_000)
}

pub(crate) fn signal(process: u32, signal: rustix::process::Signal) {
    let process = rustix::process::Pid::from_raw(process.try_into().expect("it works in a test"))
        .expect("it works in a test");
    let _ = rustix::process::kill_process(process, signal);
}

/// A client that remembers what it was told.
#[derive(Debug, Clone, Default)]
pub(crate) struct Recorder {
    pub(crate) config: ClientConfig,
    pub(crate) heard: Arc<Mutex<Vec<String>>>,
    pub(crate) progress: Arc<Mutex<Vec<ProgressNotificationParam>>>,
}

impl Recorder {
    pub(crate) fn heard(&self) -> Vec<String> {
        self.heard.lock().expect("it works in a test").clone()
    }

    fn note(&self, what: impl Into<String>) {
        self.heard
            .lock()
            .expect("it works in a test")
            .push(what.into());
    }
}

impl ClientHandler for Recorder {
    fn get_info(&self) -> ClientConfig {
        self.config.clone()
    }

    async fn on_progress(
        &self,
        params: ProgressNotificationParam,
        _: NotificationContext<RoleClient>,
    ) {
        self.progress
            .lock()
            .expect("it works in a test")
            .push(params);
    }

    async fn on_tool_list_changed(&self, _: NotificationContext<RoleClient>) {
        self.note("tools");
    }

    async fn on_prompt_list_changed(&self, _: NotificationContext<RoleClient>) {
        self.note("prompts");
    }

    async fn on_resource_list_changed(&self, _: NotificationContext<RoleClient>) {
        self.note("resources");
    }

    async fn on_resource_updated(
        &self,
        params: ResourceUpdatedNotificationParam,
        _: NotificationContext<RoleClient>,
    ) {
        self.note(params.uri);
    }

    async fn on_logging_message(
        &self,
        params: LoggingMessageNotificationParam,
        _: NotificationContext<RoleClient>,
    ) {
        self.note(format!("{:?} {}", params.level, params.data));
    }
}
