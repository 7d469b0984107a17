//! What every test over a socket needs: a running server, a client, and raw bytes.

#![allow(dead_code, reason = "each test file uses a part of it")]

pub(crate) mod intervals;

use std::{net::SocketAddr, time::Duration};

use reqwest::RequestBuilder;
use rmcp::ServerHandler;
use serde_json::{Value, json};
use simply_mcp::{
    HttpConfig, HttpTransport, McpServer, RunningTransport,
    server::{Context, Json, NoArguments, ToolError},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

#[derive(serde::Deserialize, schemars::JsonSchema)]
pub(crate) struct Echo {
    pub(crate) message: String,
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
pub(crate) struct Add {
    pub(crate) a: i64,
    pub(crate) b: i64,
}

#[derive(serde::Serialize, schemars::JsonSchema)]
pub(crate) struct Sum {
    pub(crate) sum: i64,
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
pub(crate) struct Sleep {
    pub(crate) milliseconds: u64,
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
pub(crate) struct Name {
    #[allow(dead_code, reason = "only its schema matters")]
    pub(crate) name: String,
}

/// A server with a tool for each way a tool can behave.
pub(crate) fn server() -> McpServer {
    McpServer::new("fixture", "1.2.3")
        .tool(
            "echo",
            "Returns the message",
            async |Echo { message }: Echo| message,
        )
        .tool("add", "Adds two numbers", async |Add { a, b }: Add| {
            Json(Sum { sum: a + b })
        })
        .tool("fail", "Fails", async |_: NoArguments| {
            Err::<String, _>(ToolError::failed("the disk is full"))
        })
        .tool("panic", "Breaks", async |_: NoArguments| -> String {
            panic!("a secret text")
        })
        .blocking_tool(
            "sleep_blocking",
            "Blocks a thread",
            |Sleep { milliseconds }: Sleep| {
                #[expect(clippy::disallowed_methods, reason = "this tool is there to block")]
                std::thread::sleep(Duration::from_millis(milliseconds));
                "slept"
            },
        )
        .tool(
            "sleep",
            "Takes its time",
            async |Sleep { milliseconds }: Sleep| {
                tokio::time::sleep(Duration::from_millis(milliseconds)).await;
                "slept"
            },
        )
        .tool(
            "count",
            "Reports its progress",
            async |_: NoArguments, context: Context| {
                for step in 1..=3 {
                    context.progress(f64::from(step), 3.0, "counting").await;
                }
                "counted"
            },
        )
        .tool(
            "ask",
            "Asks for a name",
            async |_: NoArguments, context: Context| {
                context.elicit::<Name>("name", "What is your name?").await?;
                Ok::<_, ToolError>("thanks")
            },
        )
        .resource("test://text", "text", async || "some text")
        .prompt("greet", "Greets", async |Echo { message }: Echo| message)
}

/// The fixture on a free port.
pub(crate) async fn start() -> Server {
    start_with(server(), json!({})).await
}

/// Any handler with any settings on a free port.
pub(crate) async fn start_with(handler: impl ServerHandler, settings: Value) -> Server {
    let mut settings = settings;
    settings["server"]["port"] = json!(0);
    let config = HttpConfig::from_value(settings).expect("the settings are good");
    let running = HttpTransport::new(handler, config)
        .start()
        .await
        .expect("a free port");
    Server {
        address: running.address(),
        running,
    }
}

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) running: RunningTransport,
}

impl Server {
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn get(&self, path: &str) -> RequestBuilder {
        client().get(self.url(path))
    }

    pub(crate) fn post(&self, path: &str, body: impl Into<String>) -> RequestBuilder {
        client().post(self.url(path)).body(body.into())
    }

    /// A POST to the MCP door, in the version that the headers added by the caller say.
    pub(crate) fn mcp(&self, message: &Value) -> RequestBuilder {
        self.post("/mcp", message.to_string())
            .header("content-type", "application/json")
    }

    /// A request of 2026-07-28 with all that belongs to it.
    pub(crate) fn modern(&self, method: &str, params: Value) -> RequestBuilder {
        let message = modern(method, params);
        let name = ["name", "uri", "taskId"]
            .iter()
            .find_map(|key| message["params"][key].as_str());
        let mut request = self
            .mcp(&message)
            .header("mcp-protocol-version", "2026-07-28")
            .header("mcp-method", method)
            .header("accept", "application/json, text/event-stream");
        if let Some(name) = name {
            request = request.header("mcp-name", name);
        }
        request
    }

    /// Sends `bytes` as they are, and reads until the server closes.
    pub(crate) async fn raw(&self, bytes: &[u8]) -> String {
        raw(self.address, bytes).await
    }
}

/// A message of 2026-07-28.
pub(crate) fn modern(method: &str, mut params: Value) -> Value {
    params["_meta"]["io.modelcontextprotocol/protocolVersion"] = json!("2026-07-28");
    params["_meta"]["io.modelcontextprotocol/clientCapabilities"] = json!({});
    request(method, params)
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "a call with json!({…}) reads better without a reference"
)]
pub(crate) fn request(method: &str, params: Value) -> Value {
    json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
}

pub(crate) fn initialize(version: &str) -> Value {
    let client = json!({"name": "test", "version": "1"});
    request(
        "initialize",
        json!({"protocolVersion": version, "capabilities": {}, "clientInfo": client}),
    )
}

pub(crate) fn client() -> reqwest::Client {
    reqwest::Client::builder()
        .no_proxy()
        .timeout(Duration::from_secs(20))
        .build()
        .expect("a client without TLS roots of its own")
}

/// A client that speaks HTTP/2 without being asked.
pub(crate) fn http2_client() -> reqwest::Client {
    reqwest::Client::builder()
        .no_proxy()
        .http2_prior_knowledge()
        .build()
        .expect("a client without TLS roots of its own")
}

pub(crate) async fn raw(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address)
        .await
        .expect("the server listens");
    stream.write_all(bytes).await.expect("the server reads");
    let mut answer = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut answer)).await;
    // A reset after the answer is an answer all the same.
    let _ = read.expect("the server closes in time");
    String::from_utf8_lossy(&answer).into_owned()
}

/// Status and JSON of an answer.
pub(crate) async fn answer(request: RequestBuilder) -> (u16, Value) {
    let response = request.send().await.expect("an answer");
    let status = response.status().as_u16();
    let text = response.text().await.expect("a whole body");
    let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
    (status, body)
}
