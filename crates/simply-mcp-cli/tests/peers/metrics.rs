//! Scrapes of a server under a mixed load, for programs that others wrote to judge.

use serde_json::{Value, json};
use simply_mcp::{HttpConfig, HttpTransport, McpServer, RunningTransport, server::NoArguments};
use tempfile::TempDir;

const KEY: &str = "0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d";

/// Names that a format could stumble over.
const NAME: &str = "a \"name\" with \\ and \\n, = { } é 🔑";

/// Files with scrapes, the oldest first. They are gone when this is dropped.
pub(crate) struct Scrapes {
    folder: TempDir,
    count: usize,
}

impl Scrapes {
    pub(crate) fn files(&self) -> Vec<std::path::PathBuf> {
        let file = |index| self.folder.path().join(format!("{index}.txt"));
        (0..self.count).map(file).collect()
    }

    /// Starts a server, and scrapes it between requests of every kind.
    pub(crate) async fn of_a_server_under_load() -> Self {
        let mut scrapes = Self {
            folder: tempfile::tempdir().expect("a temporary folder"),
            count: 0,
        };
        let server = start(&scrapes.folder).await;
        let url = format!("http://{}", server.address());
        let client = reqwest::Client::builder().no_proxy();
        let client = client.build().expect("a plain client");
        for _ in 0..4 {
            scrapes.take(&client, &url).await;
            load(&client, &url).await;
        }
        scrapes.take(&client, &url).await;
        drop(client);
        server.shutdown().await;
        scrapes
    }

    async fn take(&mut self, client: &reqwest::Client, url: &str) {
        let answered = client.get(format!("{url}/metrics")).send().await;
        let text = answered.expect("an answer").bytes().await;
        let file = self.folder.path().join(format!("{}.txt", self.count));
        std::fs::write(file, text.expect("a whole answer")).expect("the folder is ours");
        self.count += 1;
    }
}

async fn start(folder: &TempDir) -> RunningTransport {
    let keys = folder.path().join("keys.json");
    let entries = json!({"keys": [{"name": NAME, "key": KEY}]});
    std::fs::write(&keys, entries.to_string()).expect("the folder is ours");
    let config = HttpConfig::from_value(json!({
        "environment": "a \"test\"\nof \\ names",
        "server": {"port": 0},
        "auth": {"keys_file": keys, "require_auth": false},
        "rate_limit": {"enabled": true, "default_limit": 20},
    }));
    let handler = McpServer::new("a \"server\"\nof \\ names", "1")
        .tool("hello", "Says hello", async |_: NoArguments| "hello")
        .tool("panic", "Breaks", async |_: NoArguments| -> String {
            panic!("on purpose")
        });
    HttpTransport::new(handler, config.expect("the settings are good"))
        .with_gauge(
            "test_queue_depth",
            "A \"help\" text\nof \\ two lines.",
            || 0.5,
        )
        .with_counter("test_jobs_total", "Jobs.", || 7)
        .start()
        .await
        .expect("a free port")
}

async fn load(client: &reqwest::Client, url: &str) {
    let call = |path: &str, body: &Value| client.post(format!("{url}{path}")).json(body);
    let nothing = json!({});
    let list = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"});
    for request in [
        call("/tools/hello", &nothing),
        call("/tools/hello", &nothing).bearer_auth(KEY),
        call("/tools/hello", &nothing).bearer_auth("a-wrong-key"),
        call("/tools/none", &nothing),
        call("/tools/panic", &nothing),
        call("/mcp", &list).bearer_auth(KEY),
        call("/mcp", &nothing),
        client.get(format!("{url}/nothing")),
        client.get(format!("{url}/health")),
    ] {
        // Refusals are what is wanted, too.
        drop(request.send().await.expect("an answer").bytes().await);
    }
}
