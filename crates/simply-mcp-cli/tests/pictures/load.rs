//! A mixed load: everything that a caller can do right and wrong, a few times.

use std::time::Duration;

use reqwest::Response;
use serde_json::{Value, json};

use crate::site::{ALICE, BOB, Site};

const PATIENCE: Duration = Duration::from_secs(20);

/// Clients that do it again and again.
#[derive(Debug)]
pub(crate) struct Load {
    http: reqwest::Client,
    /// Event streams that stay open.
    streams: Vec<Response>,
}

impl Load {
    pub(crate) fn new() -> Self {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self {
            http,
            streams: vec![],
        }
    }

    /// Everything once, at both servers.
    pub(crate) async fn pass(&mut self, site: &Site) {
        for server in [&site.program, &site.library] {
            if self.streams.len() < 2 {
                let stream = self.open_stream(server).await;
                self.streams.push(stream);
            }
            self.good_calls(server).await;
            self.rubbish(server).await;
            self.over_the_limit(server).await;
        }
        self.tools_that_fail(site).await;
    }

    async fn good_calls(&self, server: &str) {
        for _ in 0..5 {
            assert_eq!(self.tool(server, "echo", r#"{"message":"a"}"#).await, 200);
        }
        let call = json!({"name": "echo", "arguments": {"message": "a"}});
        let answer = self.mcp(server, "tools/call", &call, None).await;
        assert_eq!(answer.status(), 200);
        for path in ["/health", "/metrics"] {
            assert_eq!(self.get(server, path).await, 200);
        }
    }

    async fn rubbish(&self, server: &str) {
        for credentials in [None, Some("nobody-knows-this-key-here")] {
            let status = self.post(server, "/tools/echo", "{}", credentials).await;
            assert_eq!(status, 401);
        }
        assert_eq!(self.tool(server, "echo", "{").await, 400);
        assert_eq!(self.tool(server, "no-such-tool", "{}").await, 404);
        let lost = self.post(server, "/wp-login.php", "", Some(ALICE)).await;
        assert_eq!(lost, 404);
    }

    async fn over_the_limit(&self, server: &str) {
        let mut last = 0;
        for _ in 0..5 {
            let body = r#"{"message":"a"}"#;
            last = self.post(server, "/tools/echo", body, Some(BOB)).await;
        }
        assert_eq!(last, 429);
    }

    async fn tools_that_fail(&self, site: &Site) {
        let Site {
            program, library, ..
        } = site;
        assert_eq!(self.tool(program, "fail", "{}").await, 500);
        for (tool, status) in [("fail", 500), ("panic", 500), ("slow", 200), ("ask", 501)] {
            assert_eq!(self.tool(library, tool, "{}").await, status, "{tool}");
        }
        assert_eq!(self.tool(library, "echo", r#"{"message":1}"#).await, 400);
        self.give_up(library, "slow").await;
    }

    /// Calls a tool and goes away before it answers.
    async fn give_up(&self, server: &str, tool: &str) {
        let url = format!("http://{server}/tools/{tool}");
        let call = self.http.post(url).bearer_auth(ALICE).body("{}");
        let answer = call.timeout(Duration::from_millis(100)).send().await;
        assert!(answer.is_err(), "{answer:?}");
    }

    async fn tool(&self, server: &str, tool: &str, body: &str) -> u16 {
        let path = format!("/tools/{tool}");
        self.post(server, &path, body, Some(ALICE)).await
    }

    async fn post(&self, server: &str, path: &str, body: &str, key: Option<&str>) -> u16 {
        let url = format!("http://{server}{path}");
        let mut request = self.http.post(url).timeout(PATIENCE).body(body.to_owned());
        if let Some(key) = key {
            request = request.bearer_auth(key);
        }
        request.send().await.unwrap().status().as_u16()
    }

    async fn get(&self, server: &str, path: &str) -> u16 {
        let request = self.http.get(format!("http://{server}{path}"));
        let answer = request.timeout(PATIENCE).send().await.unwrap();
        answer.status().as_u16()
    }

    async fn mcp(&self, server: &str, method: &str, params: &Value, id: Option<&str>) -> Response {
        let mut request = self
            .http
            .post(format!("http://{server}/mcp"))
            .timeout(PATIENCE)
            .bearer_auth(ALICE)
            .header("accept", "application/json, text/event-stream")
            .json(&json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}));
        if let Some(id) = id {
            request = request.header("mcp-session-id", id);
        }
        request.send().await.unwrap()
    }

    /// Starts a session and opens its event stream.
    async fn open_stream(&self, server: &str) -> Response {
        let client = json!({
            "protocolVersion": "2025-06-18",
            "capabilities": {},
            "clientInfo": {"name": "load", "version": "1"},
        });
        let started = self.mcp(server, "initialize", &client, None).await;
        let session = started.headers()["mcp-session-id"].clone();
        started.bytes().await.unwrap();
        let stream = self
            .http
            .get(format!("http://{server}/mcp"))
            .bearer_auth(ALICE)
            .header("accept", "text/event-stream")
            .header("mcp-session-id", session)
            .send()
            .await
            .unwrap();
        assert_eq!(stream.status(), 200);
        stream
    }
}
