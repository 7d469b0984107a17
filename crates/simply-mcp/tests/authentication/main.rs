//! The authentication door, as clients see it: who gets in, who does not, and what each of them hears.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed, in its helpers as well"
)]

mod answers;
mod changes;
#[path = "../common/mod.rs"]
mod common;
mod paths;

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use common::{Server, answer, start_with};
use serde_json::{Value, json};
use simply_mcp::server::NoArguments;
use tempfile::TempDir;
use tokio::time::timeout;

const KEY: &str = "your-secret-key-here";
/// Far more than a change takes to be seen on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// A server with a keys file, and a tool that counts its calls.
struct Fixture {
    server: Server,
    folder: TempDir,
    calls: Arc<AtomicUsize>,
}

impl Fixture {
    async fn with(keys: Value) -> Self {
        Self::with_settings(keys, json!({})).await
    }

    async fn with_settings(keys: Value, mut settings: Value) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("keys.json");
        fs::write(&file, json!({ "keys": keys }).to_string()).unwrap();
        settings["auth"]["keys_file"] = json!(file);
        let calls = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&calls);
        let handler = common::server().tool("hit", "Counts", move |_: NoArguments| {
            counted.fetch_add(1, Ordering::SeqCst);
            async { "hit" }
        });
        Self {
            server: start_with(handler, settings).await,
            folder,
            calls,
        }
    }

    /// Replaces the file, as an editor or a deployment does.
    fn write(&self, keys: &Value) {
        self.write_text(&json!({ "keys": keys }).to_string());
    }

    fn write_text(&self, text: &str) {
        let new = self.folder.path().join("new");
        fs::write(&new, text).unwrap();
        fs::rename(&new, self.file()).unwrap();
    }

    fn file(&self) -> std::path::PathBuf {
        self.folder.path().join("keys.json")
    }

    async fn call(&self, key: &str) -> u16 {
        let request = self.server.post("/tools/hit", "");
        answer(request.bearer_auth(key)).await.0
    }

    /// Waits until a call with the key gets the status.
    async fn until(&self, key: &str, status: u16) {
        let wait = async {
            while self.call(key).await != status {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let waited = timeout(PATIENCE, wait).await;
        assert!(waited.is_ok(), "{status} never came");
    }

    async fn metric(&self, line: &str) -> bool {
        let text = self.server.get("/metrics").send().await.unwrap();
        let text = text.text().await.unwrap();
        text.lines().any(|found| found == line)
    }

    async fn health(&self) -> Value {
        let (status, body) = answer(self.server.get("/health")).await;
        assert_eq!(status, 200);
        body["components"]["authentication"].clone()
    }
}

fn guide() -> Value {
    json!([{ "name": "guide", "key": KEY }])
}
