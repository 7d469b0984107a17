//! Two servers of one job: the program in front of a child, with a store and an audit record; and a library server
//! whose tools do what a child cannot.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use serde_json::{Value, json};
use simply_mcp::{
    Context, HttpConfig, HttpTransport, McpServer, RunningTransport, ToolError, server::NoArguments,
};
use tempfile::TempDir;

use crate::redis::Redis;

pub(crate) const ALICE: &str = "alice-has-a-key-of-her-own";
/// May call three times a minute.
pub(crate) const BOB: &str = "bob-has-another-key-entirely";

pub(crate) struct Site {
    /// `host:port` of the program.
    pub(crate) program: String,
    /// `host:port` of the library's server.
    pub(crate) library: String,
    pub(crate) folder: TempDir,
    child: Child,
    _running: RunningTransport,
    _redis: Redis,
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Echo {
    message: String,
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Name {
    #[expect(dead_code, reason = "only its schema matters")]
    name: String,
}

impl Site {
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let redis = Redis::start();
        write_keys(folder.path());
        let (child, program) = start_program(folder.path(), &redis.url());
        let running = start_library(folder.path()).await;
        Self {
            program,
            library: running.address().to_string(),
            folder,
            child,
            _running: running,
            _redis: redis,
        }
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn write_keys(folder: &Path) {
    let keys = json!({"keys": [
        {"name": "alice", "key": ALICE, "rate_limit": 100_000},
        {"name": "bob", "key": BOB, "rate_limit": 3, "window_seconds": 60},
    ]});
    fs::write(folder.join("keys.json"), keys.to_string()).unwrap();
}

fn settings(folder: &Path) -> Value {
    json!({
        "server": {"port": 0},
        "auth": {"enabled": true, "keys_file": folder.join("keys.json")},
        "rate_limit": {"enabled": true},
    })
}

async fn start_library(folder: &Path) -> RunningTransport {
    let server = McpServer::new("pictures", "1")
        .tool(
            "echo",
            "Returns the message",
            async |Echo { message }: Echo| message,
        )
        .tool("fail", "Fails", async |_: NoArguments| {
            Err::<String, _>(ToolError::failed("the disk is full"))
        })
        .tool("panic", "Breaks", async |_: NoArguments| -> String {
            panic!("it broke")
        })
        .tool("slow", "Takes its time", async |_: NoArguments| {
            tokio::time::sleep(Duration::from_millis(400)).await;
            "slept"
        })
        .tool(
            "ask",
            "Asks back",
            async |_: NoArguments, context: Context| {
                context.elicit::<Name>("name", "What is your name?").await?;
                Ok::<_, ToolError>("thanks")
            },
        );
    let config = HttpConfig::from_value(settings(folder)).unwrap();
    HttpTransport::new(server, config).start().await.unwrap()
}

/// The program and its address.
fn start_program(folder: &Path, store: &str) -> (Child, String) {
    let mut settings = settings(folder);
    settings["rate_limit"]["store"] = json!(store);
    settings["audit"] = json!({"file": folder.join("audit.log")});
    let file = folder.join("config.yaml");
    fs::write(&file, settings.to_string()).unwrap();
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/children/well_behaved.py");
    let mut child = Command::new(env!("CARGO_BIN_EXE_simply-mcp"))
        .args(["serve", "--config"])
        .arg(file)
        .args(["--", "python3", "-B"])
        .arg(tools)
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let (sender, serving) = mpsc::channel();
    thread::spawn(move || {
        for line in lines.map_while(Result::ok) {
            let event: Value = serde_json::from_str(&line).unwrap_or_default();
            if event["message"] == "Serving" {
                let _ = sender.send(event["context"]["rest"].as_str().unwrap().to_owned());
            }
        }
    });
    let url = serving.recv_timeout(Duration::from_secs(30)).unwrap();
    let address = url.trim_start_matches("http://").trim_end_matches("/tools");
    (child, address.to_owned())
}
