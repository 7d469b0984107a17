//! The record of who called which tool, over a socket.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::{
    collections::HashSet,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use common::{Server, answer, start_with};
use futures::future::join_all;
use serde_json::{Value, json};
use tempfile::TempDir;

const KEY: &str = "a-key-that-nobody-would-guess-by-chance";
const LIMITED: &str = "another-key-that-may-only-add-numbers";

/// A server that keeps a record in a directory of its own.
struct Fixture {
    server: Server,
    directory: TempDir,
}

impl Fixture {
    async fn start(mut settings: Value) -> Self {
        let directory = tempfile::tempdir().unwrap();
        settings["audit"]["file"] = json!(directory.path().join("audit.log"));
        let server = start_with(common::server(), settings).await;
        Self { server, directory }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("audit.log")
    }

    async fn lines(&self, count: usize) -> Vec<Value> {
        lines(&[self.path()], count).await
    }
}

/// Waits until the files have so many lines together.
async fn lines(files: &[PathBuf], count: usize) -> Vec<Value> {
    let read = || {
        let texts = files
            .iter()
            .map(|file| fs::read_to_string(file).unwrap_or_default());
        texts.collect::<String>()
    };
    let all = async {
        while read().lines().count() < count {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(30), all).await;
    let text = read();
    assert!(waited.is_ok(), "{count} lines: {text}");
    let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
    lines.collect()
}

fn settings_with_keys(directory: &Path) -> Value {
    let file = directory.join("keys.json");
    let keys = json!({"keys": [
        {"name": "alice", "key": KEY},
        {"name": "adder", "key": LIMITED, "tools": ["add"]},
    ]});
    fs::write(&file, keys.to_string()).unwrap();
    json!({
        "auth": {"enabled": true, "keys_file": file},
        "rate_limit": {"enabled": true, "tools": {"sleep": {"limit": 1}}},
        "audit": {"arguments": {"echo": ["message"]}},
    })
}

#[tokio::test]
async fn each_call_is_a_line_whichever_door_it_comes_through_and_however_it_ends() {
    let keys = tempfile::tempdir().unwrap();
    let it = Fixture::start(settings_with_keys(keys.path())).await;
    let rest = |tool: &str, body: &str| {
        let call = it.server.post(&format!("/tools/{tool}"), body);
        call.bearer_auth(KEY)
            .header("x-correlation-id", "of-the-client")
    };
    let mcp = |tool: &str, arguments: Value| {
        let params = json!({"name": tool, "arguments": arguments});
        it.server.modern("tools/call", params).bearer_auth(KEY)
    };
    let none = || json!({});
    let calls = [
        (rest("echo", r#"{"message": "shown"}"#), "echo", "success"),
        (mcp("echo", json!({"message": "shown"})), "echo", "success"),
        (rest("fail", ""), "fail", "tool_error"),
        (mcp("panic", none()), "panic", "panic"),
        (rest("ask", ""), "ask", "refused"),
        (
            mcp("add", json!({"a": "canary"})),
            "add",
            "invalid_arguments",
        ),
        (
            rest("add", r#"{"a": "canary"}"#),
            "add",
            "invalid_arguments",
        ),
        (rest("nobody", ""), "nobody", "unknown_tool"),
        (mcp("nobody", none()), "nobody", "unknown_tool"),
        (rest("sleep", r#"{"milliseconds": 1}"#), "sleep", "success"),
        (
            rest("sleep", r#"{"milliseconds": 1}"#),
            "sleep",
            "rate_limited",
        ),
        (
            mcp("sleep", json!({"milliseconds": 1})),
            "sleep",
            "rate_limited",
        ),
    ];
    for (count, (call, tool, outcome)) in calls.into_iter().enumerate() {
        let by_rest = call.try_clone().unwrap().build().unwrap().url().path() != "/mcp";
        answer(call).await;
        let line = it.lines(count + 1).await.pop().unwrap();
        assert_eq!(line["tool"], tool);
        assert_eq!(line["outcome"], outcome, "{tool}");
        assert_eq!(line["door"], if by_rest { "rest" } else { "mcp" }, "{tool}");
        assert_eq!(line["caller"], json!({"kind": "key", "name": "alice"}));
        assert_eq!(line["client"], "127.0.0.1");
        assert_eq!(line["correlation_id"] == "of-the-client", by_rest);
        let shown = if tool == "echo" {
            json!({"message": "shown"})
        } else {
            none()
        };
        assert_eq!(line["arguments"], shown, "{tool}");
    }
    // Nobody is told of what is no call of a tool, or was not read.
    answer(rest("echo", "{")).await;
    answer(it.server.post("/tools/echo", "").bearer_auth("no such key")).await;
    let hidden = it.server.post("/tools/echo", r#"{"message": "canary"}"#);
    assert_eq!(answer(hidden.bearer_auth(LIMITED)).await.0, 404);
    let text = it.lines(13).await;
    assert_eq!(text.len(), 13);
    assert_eq!(text[12]["outcome"], "unknown_tool");
    assert_eq!(text[12]["caller"]["name"], "adder");
    let text = json!(text).to_string();
    assert!(!text.contains("canary") && !text.contains(KEY), "{text}");
}

#[tokio::test]
async fn a_call_that_the_drain_ends_is_a_line_as_well() {
    let it = Fixture::start(json!({"server": {"graceful_timeout": 0}})).await;
    let sleep = it.server.post("/tools/sleep", r#"{"milliseconds": 60000}"#);
    let call = tokio::spawn(sleep.send());
    let running = async {
        let metric = "simply_mcp_tool_calls_running{tool=\"sleep\"} 1";
        while !answer(it.server.get("/metrics"))
            .await
            .1
            .to_string()
            .contains(&metric.replace('"', "\\\""))
        {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), running)
        .await
        .unwrap();
    let path = it.path();
    it.server.running.shutdown().await;
    let line = lines(&[path], 1).await.pop().unwrap();
    assert_eq!(
        (&line["tool"], &line["outcome"]),
        (&json!("sleep"), &json!("cancelled"))
    );
    call.abort();
}

// LOG-04
#[tokio::test(flavor = "multi_thread")]
async fn a_rename_under_load_loses_and_doubles_no_line() {
    let it = Fixture::start(json!({"audit": {"arguments": {"echo": ["message"]}}})).await;
    let mut files = vec![it.path()];
    let http = common::client();
    for round in 0..5 {
        let calls = (0..100).map(|number| {
            let body = json!({"message": format!("{round}-{number}")}).to_string();
            let call = http.post(it.server.url("/tools/echo")).body(body);
            async move { assert_eq!(call.send().await.unwrap().status(), 200) }
        });
        let renamed = it.directory.path().join(format!("audit.log.{round}"));
        let rename = async {
            tokio::task::yield_now().await;
            fs::rename(it.path(), &renamed).unwrap_or_default();
        };
        tokio::join!(join_all(calls), rename);
        files.push(renamed);
    }
    let all = lines(&files, 500).await;
    let messages: HashSet<_> = all
        .iter()
        .map(|line| line["arguments"]["message"].to_string())
        .collect();
    assert_eq!((all.len(), messages.len()), (500, 500));
    assert!(
        files.iter().filter(|file| file.exists()).count() > 1,
        "a new file was begun"
    );
}

// LOG-04
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_full_disk_fails_no_call_and_is_counted() {
    let server = start_with(common::server(), json!({"audit": {"file": "/dev/full"}})).await;
    for _ in 0..20 {
        let (status, _) = answer(server.post("/tools/echo", r#"{"message": "m"}"#)).await;
        assert_eq!(status, 200);
    }
    let all_dropped = async {
        while !answer(server.get("/metrics"))
            .await
            .1
            .to_string()
            .contains("simply_mcp_audit_lines_dropped_total 20")
        {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), all_dropped)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_file_that_cannot_be_opened_is_an_error_at_the_start() {
    let settings = json!({"server": {"port": 0}, "audit": {"file": "/nowhere/at/all/audit.log"}});
    let config = simply_mcp::HttpConfig::from_value(settings).unwrap();
    let transport = simply_mcp::HttpTransport::new(common::server(), config);
    let error = transport.start().await.unwrap_err().to_string();
    assert!(
        error.contains("audit.file: ") && error.contains("/nowhere/at/all"),
        "{error}"
    );
}
