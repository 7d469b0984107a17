//! Clients with keys, and a server that knows them.

use std::{collections::BTreeMap, fs, sync::Arc, time::Duration};

use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};
use simply_mcp::{
    McpServer,
    server::{Context, NoArguments},
};
use sse_stream::{Sse, SseStream};
use tempfile::TempDir;
use tokio::sync::Semaphore;

use crate::common::{self, Echo, Server};

pub(crate) const BOTH: &str = "application/json, text/event-stream";

/// How long a loaded machine may take for what should be at once.
const PATIENCE: Duration = Duration::from_secs(30);

/// A server with two keys, and what its tools wait for.
pub(crate) struct Fixture {
    pub(crate) server: Server,
    /// Each permit lets one step of the tool `steps` happen.
    pub(crate) steps: Arc<Semaphore>,
    _keys: TempDir,
}

/// One who calls.
#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) http: reqwest::Client,
    pub(crate) url: String,
    pub(crate) key: Option<&'static str>,
}

/// Starts a server that has keys for alice and bob, and that also serves who comes without one.
pub(crate) async fn start(mut settings: Value) -> Fixture {
    let keys = tempfile::tempdir().unwrap();
    let file = keys.path().join("keys.json");
    let names = ["alice", "bob"].map(|name| json!({"name": name, "key": key_of(name)}));
    fs::write(&file, json!({"keys": names}).to_string()).unwrap();
    settings["auth"] = json!({"enabled": true, "require_auth": false, "keys_file": file});
    let steps = Arc::new(Semaphore::new(0));
    let server = common::start_with(server(Arc::clone(&steps)), settings).await;
    Fixture {
        server,
        steps,
        _keys: keys,
    }
}

fn key_of(name: &str) -> &'static str {
    match name {
        "alice" => "alice-has-a-key-of-her-own",
        _ => "bob-has-another-key-entirely",
    }
}

fn server(steps: Arc<Semaphore>) -> McpServer {
    McpServer::new("fixture", "1")
        .tool("echo", "Returns", async |Echo { message }: Echo| message)
        .tool(
            "whoami",
            "Says who asks",
            async |_: NoArguments, context: Context| {
                context.caller().name().unwrap_or("nobody").to_owned()
            },
        )
        .tool(
            "tell",
            "Says the message as progress and as an answer",
            async |Echo { message }: Echo, context: Context| {
                context.progress(1.0, 2.0, &message).await;
                message
            },
        )
        .tool("steps", "Takes three steps, each when it may", {
            move |_: NoArguments, context: Context| {
                let steps = Arc::clone(&steps);
                async move {
                    for step in 1..=3 {
                        let step_may_happen = steps.acquire().await;
                        step_may_happen
                            .map(tokio::sync::SemaphorePermit::forget)
                            .ok();
                        context.progress(f64::from(step), 3.0, "a step").await;
                    }
                    "done"
                }
            }
        })
}

impl Fixture {
    pub(crate) fn client(&self, name: &str) -> Client {
        let key = (name != "nobody").then(|| key_of(name));
        Client {
            http: common::client(),
            url: self.server.url("/mcp"),
            key,
        }
    }

    /// The value of a metric without labels.
    pub(crate) async fn metric(&self, name: &str) -> i64 {
        let text = self.server.get("/metrics").send().await.unwrap();
        let text = text.text().await.unwrap();
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap().parse().unwrap()
    }

    /// Waits until a metric has a value.
    pub(crate) async fn until(&self, name: &str, value: i64) {
        eventually(name, async || {
            (self.metric(name).await == value).then_some(())
        })
        .await;
    }
}

/// Asks until there is an answer.
pub(crate) async fn eventually<T>(what: &str, question: impl AsyncFn() -> Option<T>) -> T {
    let asked = async {
        loop {
            if let Some(answer) = question().await {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let answer = tokio::time::timeout(PATIENCE, asked).await;
    answer.unwrap_or_else(|_| panic!("this never happened: {what}"))
}

impl Client {
    pub(crate) fn request(&self, method: Method) -> RequestBuilder {
        let request = self.http.request(method, &self.url);
        match self.key {
            Some(key) => request.bearer_auth(key),
            None => request,
        }
    }

    pub(crate) fn post(&self, message: &Value) -> RequestBuilder {
        self.request(Method::POST)
            .header("content-type", "application/json")
            .header("accept", BOTH)
            .body(message.to_string())
    }

    pub(crate) async fn initialize(&self) -> Response {
        let message = common::initialize("2025-11-25");
        self.post(&message).send().await.unwrap()
    }

    /// Opens a session.
    pub(crate) async fn open(&self) -> String {
        let response = self.initialize().await;
        assert_eq!(response.status(), 200);
        let id = session_of(&response);
        let ready = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
        let response = self.in_session(&id, &ready).send().await.unwrap();
        assert_eq!(response.status(), 202);
        id
    }

    pub(crate) fn in_session(&self, id: &str, message: &Value) -> RequestBuilder {
        self.post(message).header("mcp-session-id", id)
    }

    /// The standing stream of a session.
    pub(crate) fn stand(&self, id: &str) -> RequestBuilder {
        self.request(Method::GET)
            .header("accept", "text/event-stream")
            .header("mcp-session-id", id)
    }

    pub(crate) fn end(&self, id: &str) -> RequestBuilder {
        self.request(Method::DELETE).header("mcp-session-id", id)
    }

    /// Calls a tool in a session, and returns the status and the answer's text, or its code.
    pub(crate) async fn call(&self, id: &str, tool: &str) -> (u16, String) {
        let response = self
            .in_session(id, &call(1, tool, &json!({})))
            .send()
            .await
            .unwrap();
        let status = response.status().as_u16();
        let text = if status == 200 {
            let answer = last(response).await;
            answer["result"]["content"][0]["text"].clone()
        } else {
            let body: Value = response.json().await.unwrap();
            body["error"]["data"]["code"].clone()
        };
        (status, text.as_str().unwrap_or_default().to_owned())
    }
}

pub(crate) fn session_of(response: &Response) -> String {
    response.headers()["mcp-session-id"]
        .to_str()
        .unwrap()
        .to_owned()
}

pub(crate) fn call(id: i64, tool: &str, arguments: &Value) -> Value {
    let params = json!({"name": tool, "arguments": arguments});
    json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params})
}

/// The same, of a client that wants to hear of progress.
pub(crate) fn call_with_progress(id: i64, tool: &str, arguments: &Value) -> Value {
    let mut message = call(id, tool, arguments);
    message["params"]["_meta"] = json!({"progressToken": id});
    message
}

/// The events of an answer.
pub(crate) fn events(response: Response) -> Events {
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let body =
        http_body_util::BodyExt::map_err(reqwest::Body::from(response), std::io::Error::other);
    Events(Box::pin(SseStream::new(body)))
}

pub(crate) struct Events(
    std::pin::Pin<Box<dyn futures::Stream<Item = Result<Sse, sse_stream::Error>> + Send>>,
);

impl Events {
    /// The next event that carries a message; `None` at the end of the stream.
    pub(crate) async fn next(&mut self) -> Option<(Option<String>, Value)> {
        loop {
            let next = futures::StreamExt::next(&mut self.0);
            let event = tokio::time::timeout(PATIENCE, next).await.unwrap()?.ok()?;
            if let Some(data) = event.data.filter(|data| !data.is_empty()) {
                return Some((event.id, serde_json::from_str(&data).unwrap()));
            }
        }
    }
}

/// The last message of an answer, streamed or not.
pub(crate) async fn last(response: Response) -> Value {
    if response.headers()["content-type"] == "application/json" {
        return response.json().await.unwrap();
    }
    let mut events = events(response);
    let mut last = Value::Null;
    while let Some((_, message)) = events.next().await {
        last = message;
    }
    last
}

/// Everything of an answer that a client could tell two of them apart by.
pub(crate) async fn appearance(response: Response) -> (u16, BTreeMap<String, String>, String) {
    let status = response.status().as_u16();
    let correlation = response.headers()["x-correlation-id"]
        .to_str()
        .unwrap()
        .to_owned();
    let headers = response
        .headers()
        .iter()
        .filter(|(name, _)| *name != "date")
        .map(|(name, value)| {
            let value = value.to_str().unwrap().replace(&correlation, "…");
            (name.to_string(), value)
        })
        .collect();
    let body = response.text().await.unwrap();
    (status, headers, body.replace(&correlation, "…"))
}
