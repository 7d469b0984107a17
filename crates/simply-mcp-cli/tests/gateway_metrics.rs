//! What becomes of calls to a child process is told apart in the metrics, through both doors.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::time::Duration;

use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};
use simply_mcp::{HttpConfig, HttpTransport, RunningTransport};
use simply_mcp_cli::gateway::{Gateway, GatewayOptions};
use support::{options, python};

/// A gateway that waits a quarter of a second for its child, behind the transport.
struct Fixture {
    gateway: Gateway,
    server: RunningTransport,
    http: Client,
}

impl Fixture {
    async fn start() -> Self {
        let impatient = GatewayOptions {
            request_timeout: Duration::from_millis(250),
            ..options()
        };
        let child = python("well_behaved.py", &[]);
        let gateway = Gateway::start(child, impatient).await.unwrap();
        let config = HttpConfig::from_value(json!({"server": {"port": 0}})).unwrap();
        let server = HttpTransport::new(gateway.clone(), config)
            .start()
            .await
            .unwrap();
        let http = Client::builder().no_proxy().build().unwrap();
        Self {
            gateway,
            server,
            http,
        }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.server.address())
    }

    fn rest(&self, tool: &str, arguments: &Value) -> RequestBuilder {
        let url = self.url(&format!("/tools/{tool}"));
        self.http.post(url).body(arguments.to_string())
    }

    fn mcp(&self, tool: &str, arguments: &Value) -> RequestBuilder {
        let params = json!({"name": tool, "arguments": arguments});
        let call = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
        let request = self.http.post(self.url("/mcp")).body(call.to_string());
        request
            .header("content-type", "application/json")
            .header("mcp-protocol-version", "2025-06-18")
    }

    /// The calls of a tool that failed in such a way.
    async fn errors(&self, tool: &str, kind: &str) -> u64 {
        let series =
            format!("http_tool_execution_errors_total{{error_type=\"{kind}\",tool=\"{tool}\"}} ");
        let text = self.http.get(self.url("/metrics")).send().await.unwrap();
        let text = text.text().await.unwrap();
        let found = text.lines().find_map(|line| line.strip_prefix(&series));
        found.map_or(0, |value| value.parse().unwrap())
    }

    /// Waits until the child answers again.
    async fn until_up(&self) {
        let mut status = self.gateway.watch_status();
        let up = status.wait_for(|status| status.is_up);
        tokio::time::timeout(Duration::from_secs(30), up)
            .await
            .unwrap()
            .unwrap();
    }
}

// GW-02
#[tokio::test(flavor = "multi_thread")]
async fn a_child_that_dies_one_that_dawdles_and_one_that_says_no_are_told_apart() {
    let it = Fixture::start().await;
    let none = json!({});
    for (tool, arguments, status, kind) in [
        ("slow", &json!({"seconds": 1}), 504, "timeout"),
        ("fail", &none, 500, "tool_error"),
        ("refuse", &none, 500, "tool_error"),
        ("crash", &none, 503, "refused"),
    ] {
        it.until_up().await;
        let answer = it.rest(tool, arguments).send().await.unwrap();
        assert_eq!(answer.status(), status, "{tool}");
        assert_eq!(it.errors(tool, kind).await, 1, "{tool} by REST");
        if tool == "crash" {
            let mut status = it.gateway.watch_status();
            let again = status.wait_for(|status| status.is_up && status.restarts == 1);
            tokio::time::timeout(Duration::from_secs(30), again)
                .await
                .unwrap()
                .unwrap();
        }
        let answer = it.mcp(tool, arguments).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{tool}");
        answer.text().await.unwrap();
        assert_eq!(it.errors(tool, kind).await, 2, "{tool} by MCP");
    }
    it.server.shutdown().await;
    it.gateway.shutdown().await;
}
