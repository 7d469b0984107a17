//! `simply-mcp tools` and `simply-mcp health`, as a program, against servers in this process.

#![expect(clippy::unwrap_used, reason = "a helper of a test may fail it")]

use std::{
    net::SocketAddr,
    process::{Output, Stdio},
    sync::Arc,
    time::Duration,
};

use axum::{
    Router,
    extract::Request,
    http::{StatusCode, header},
    middleware::{Next, from_fn},
    response::{IntoResponse, Response},
    routing::get,
};
use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{
        CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ListToolsResult,
        PaginatedRequestParams, ServerCapabilities, ServerConfig, Tool,
    },
    service::RequestContext,
    transport::streamable_http_server::{
        StreamableHttpServerConfig, StreamableHttpService, session::local::LocalSessionManager,
    },
};
use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt as _, net::TcpListener, process::Command};

struct Demo;

impl ServerHandler for Demo {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let tool = |name: &'static str, description: &'static str| {
            Tool::new(name, description, Arc::new(serde_json::Map::new()))
        };
        Ok(ListToolsResult::with_all_items(vec![
            tool("echo", "Returns the message\nand more that nobody lists"),
            tool("add_numbers", "Adds \u{1b}[31mred"),
        ]))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let arguments = Value::Object(request.arguments.unwrap_or_default());
        let text = |text: String| vec![ContentBlock::text(text)];
        let result = match &*request.name {
            "echo" => CallToolResult::success(text(arguments["message"].to_string())),
            "add" => CallToolResult::structured(json!({"sum": 3})),
            "fail" => CallToolResult::error(text("the disk is full".to_owned())),
            "slow" => {
                tokio::time::sleep(Duration::from_secs(30)).await;
                CallToolResult::success(Vec::new())
            }
            _ => return Err(ErrorData::invalid_params("no tool of that name", None)),
        };
        Ok(result.into())
    }
}

async fn only_with_the_key(request: Request, next: Next) -> Response {
    match request.headers().get(header::AUTHORIZATION) {
        Some(value) if value == "Bearer right" => next.run(request).await,
        _ => (
            StatusCode::UNAUTHORIZED,
            [(header::WWW_AUTHENTICATE, "Bearer")],
        )
            .into_response(),
    }
}

async fn serve(router: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

fn demo() -> Router {
    let service = StreamableHttpService::new(
        || Ok(Demo),
        Arc::new(LocalSessionManager::default()),
        StreamableHttpServerConfig::default(),
    );
    Router::new().route_service("/mcp", service)
}

async fn demo_url() -> String {
    format!("http://{}/mcp", serve(demo()).await)
}

async fn run(arguments: &[&str]) -> Output {
    run_with_input(arguments, "").await
}

async fn run_with_input(arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_simply-mcp"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).await.unwrap();
    drop(stdin);
    tokio::time::timeout(Duration::from_secs(30), child.wait_with_output())
        .await
        .unwrap()
        .unwrap()
}

fn out(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).unwrap()
}

fn err(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).unwrap()
}

#[track_caller]
fn fails(output: &Output, code: i32, says: &str) {
    assert_eq!(output.status.code(), Some(code), "{output:?}");
    assert_eq!(out(output), "", "results only on stdout");
    assert!(
        err(output).contains(says),
        "{says:?} is not in {:?}",
        err(output)
    );
}

#[tokio::test]
async fn list_shows_names_and_first_lines_aligned() {
    let output = run(&["tools", "list", "--url", &demo_url().await]).await;
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(
        out(&output),
        "echo         Returns the message\nadd_numbers  Adds  [31mred\n",
        "control characters do not reach the terminal"
    );
}

#[tokio::test]
async fn list_as_json_is_what_the_server_answered() {
    let output = run(&["tools", "list", "--json", "--url", &demo_url().await]).await;
    let tools: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(tools[0]["name"], "echo");
    assert!(tools[0]["inputSchema"].is_object());
}

#[tokio::test]
async fn call_prints_a_text_as_text_and_structured_content_as_json() {
    let url = demo_url().await;
    let echo = run(&[
        "tools",
        "call",
        "echo",
        r#"{"message": "hi"}"#,
        "--url",
        &url,
    ])
    .await;
    assert_eq!((out(&echo), echo.status.code()), ("\"hi\"\n", Some(0)));
    let add = run(&["tools", "call", "add", "--url", &url]).await;
    assert_eq!(
        (out(&add), add.status.code()),
        ("{\n  \"sum\": 3\n}\n", Some(0))
    );
    let whole = run(&["tools", "call", "add", "--json", "--url", &url]).await;
    let whole: Value = serde_json::from_slice(&whole.stdout).unwrap();
    assert_eq!(whole["structuredContent"]["sum"], 3);
}

#[tokio::test]
async fn a_tool_that_fails_is_exit_code_1_with_its_text_on_stderr() {
    let output = run(&["tools", "call", "fail", "--url", &demo_url().await]).await;
    fails(&output, 1, "the disk is full\n");
}

#[tokio::test]
async fn a_refusal_of_the_server_is_told() {
    let output = run(&["tools", "call", "nowhere", "--url", &demo_url().await]).await;
    fails(&output, 1, "no tool of that name (code -32602)");
}

#[tokio::test]
async fn arguments_come_from_a_file_or_from_standard_input_too() {
    let url = demo_url().await;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("arguments.json");
    std::fs::write(&file, r#"{"message": "from a file"}"#).unwrap();
    let at = format!("@{}", file.display());
    let output = run(&["tools", "call", "echo", &at, "--url", &url]).await;
    assert_eq!(out(&output), "\"from a file\"\n");
    let arguments = ["tools", "call", "echo", "-", "--url", &url];
    let output = run_with_input(&arguments, r#"{"message": "piped"}"#).await;
    assert_eq!(out(&output), "\"piped\"\n");
}

#[tokio::test]
async fn arguments_that_are_not_a_json_object_are_bad_usage() {
    for wrong in ["{message: hi}", "[1]", "\"hi\"", "@/nowhere/at/all"] {
        let output = run(&["tools", "call", "echo", wrong]).await;
        assert_eq!(output.status.code(), Some(2), "{wrong}: {output:?}");
        assert_eq!(
            err(&output)
                .lines()
                .filter(|line| line.starts_with("error: "))
                .count(),
            1
        );
    }
    assert_eq!(run(&["tools", "call"]).await.status.code(), Some(2));
    let scheme = run(&["tools", "list", "--url", "ftp://127.0.0.1/mcp"]).await;
    fails(&scheme, 2, "must begin with http:// or https://");
}

#[tokio::test]
async fn the_key_is_sent_and_its_absence_is_explained() {
    let url = format!(
        "http://{}/mcp",
        serve(demo().layer(from_fn(only_with_the_key))).await
    );
    let output = run(&["tools", "list", "--url", &url, "--key", "right"]).await;
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let piped = run_with_input(&["tools", "list", "--url", &url, "--key", "-"], "right\n").await;
    assert_eq!(piped.status.code(), Some(0), "{piped:?}");
    fails(
        &run(&["tools", "list", "--url", &url]).await,
        1,
        "give it with --key",
    );
    let wrong = run(&["tools", "list", "--url", &url, "--key", "canary"]).await;
    fails(&wrong, 1, "(401)");
    assert!(!err(&wrong).contains("canary"));
}

#[tokio::test]
async fn a_server_that_is_not_there_is_explained() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let output = run(&["tools", "list", "--url", &format!("http://{address}/mcp")]).await;
    fails(
        &output,
        1,
        "is the server running? Start it with `simply-mcp serve`",
    );
    let output = run(&["health", "--url", &format!("http://{address}")]).await;
    fails(&output, 1, "nothing answers");
}

#[tokio::test]
async fn a_path_that_is_no_mcp_endpoint_is_explained() {
    let address = serve(Router::new()).await;
    let output = run(&["tools", "list", "--url", &format!("http://{address}/mpc")]).await;
    fails(&output, 1, "is the path right?");
}

#[tokio::test]
async fn a_server_that_is_too_busy_is_explained() {
    let busy = || async { (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, "7")]) };
    let address = serve(Router::new().fallback(busy)).await;
    let output = run(&["tools", "list", "--url", &format!("http://{address}/mcp")]).await;
    fails(&output, 1, "try again in 7 seconds");
}

#[tokio::test]
async fn a_tool_that_takes_too_long_is_left() {
    let output = run(&[
        "tools",
        "call",
        "slow",
        "--timeout",
        "1",
        "--url",
        &demo_url().await,
    ])
    .await;
    fails(&output, 1, "in 1 second; give it longer with --timeout");
}

#[tokio::test]
async fn health_is_quiet_and_0_when_the_server_is_ready() {
    let router = Router::new()
        .route("/health/ready", get(|| async { "ok" }))
        .route("/own", get(|| async { "ok" }));
    let url = format!("http://{}", serve(router).await);
    let output = run(&["health", "--url", &url]).await;
    assert_eq!(
        (output.status.code(), out(&output), err(&output)),
        (Some(0), "", "")
    );
    let own = run(&["health", "--url", &format!("{url}/own")]).await;
    assert_eq!(own.status.code(), Some(0));
}

#[tokio::test]
async fn health_is_1_with_one_line_when_the_server_is_not_ready() {
    let draining = || async { StatusCode::SERVICE_UNAVAILABLE };
    let elsewhere = || async { (StatusCode::FOUND, [(header::LOCATION, "/health/ready")]) };
    let router = Router::new()
        .route("/health/ready", get(draining))
        .route("/elsewhere", get(elsewhere));
    let url = format!("http://{}", serve(router).await);
    for path in ["", "/elsewhere", "/nowhere"] {
        let output = run(&["health", "--url", &format!("{url}{path}")]).await;
        fails(&output, 1, "not ready: ");
        assert_eq!(err(&output).lines().count(), 1, "{:?}", err(&output));
    }
}
