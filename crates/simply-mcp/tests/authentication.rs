//! The authentication door, as clients see it: who gets in, who does not, and what each of them hears.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed, in its helpers as well"
)]

mod common;

use std::{
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use common::{Server, answer, client, http2_client, initialize, start_with};
use serde_json::{Value, json};
use simply_mcp::{
    HttpConfig, McpServer,
    auth::{ApiKey, KeyEntry, KeyFile, check},
    server::NoArguments,
};
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

// AUT-01
#[tokio::test]
async fn no_spelling_of_a_path_slips_past() {
    let fixture = Fixture::with(guide()).await;
    let address = fixture.server.address;
    let mut targets: Vec<String> = [
        "/tools/hit",
        "/tools/hit/",
        "//tools/hit",
        "/./tools/hit",
        "/health/../tools/hit",
        "/health/%2e%2e/tools/hit",
        "/%2e%2e/tools/hit",
        "/tools%2Fhit",
        "/tools%2fhit",
        "/%74ools/hit",
        "/%2574ools/hit",
        "/TOOLS/hit",
        "/Tools/Hit",
        "/tools/hit;a",
        "/tools/hit;/health",
        "/tools/hit%00",
        "/tools/hit%20",
        "/tools/hit?/health",
        "/tools/hit%3f/health",
        "/tools\\hit",
        "/health\\..\\tools\\hit",
        "/health/",
        "/health/ready/",
        "/health/live/../../tools/hit",
        "/metrics/",
        "/metrics/../tools/hit",
        "/metrics;/tools/hit",
        "/.well-known/oauth-protected-resource",
        "/.well-known/oauth-protected-resource/../../tools/hit",
        "/mcp",
        "/mcp/",
        "/tools",
        "/nowhere",
        "/",
        "*",
    ]
    .map(String::from)
    .into();
    for path in ["/tools/hit", "/health/../tools/hit", "//tools/hit"] {
        targets.push(format!("http://{address}{path}"));
        targets.push(format!("http://localhost{path}"));
    }
    for path in ["//tools/hit", "/health/../tools/hit", "/tools/hit", "/mcp"] {
        let request = http2_client().post(fixture.server.url(path));
        assert_eq!(request.send().await.unwrap().status(), 401, "{path}");
    }
    for target in &targets {
        for method in ["GET", "POST", "HEAD", "OPTIONS", "PUT", "DELETE", "BREW"] {
            is_refused(&fixture, method, target, "").await;
        }
    }
    assert_eq!(fixture.calls.load(Ordering::SeqCst), 0);
    assert_eq!(fixture.call(KEY).await, 200);
    assert_eq!(fixture.calls.load(Ordering::SeqCst), 1);
}

// AUT-01
#[tokio::test]
async fn no_header_changes_which_path_or_method_it_is() {
    let fixture = Fixture::with(guide()).await;
    for headers in [
        "X-Original-URL: /health\r\n",
        "X-Rewrite-URL: /health\r\n",
        "X-Original-URI: /health\r\n",
        "X-Forwarded-Uri: /health\r\n",
        "X-Forwarded-Path: /health\r\n",
        "X-Forwarded-Prefix: /health\r\n",
        "X-HTTP-Method-Override: OPTIONS\r\n",
        "X-Method-Override: HEAD\r\n",
        "X-HTTP-Method: GET\r\n",
        "X-Forwarded-For: 127.0.0.1\r\n",
        "X-Real-IP: 127.0.0.1\r\n",
        "X-API-Key: your-secret-key-here\r\n",
        "Cookie: Authorization=Bearer your-secret-key-here\r\n",
        "Proxy-Authorization: Bearer your-secret-key-here\r\n",
        "X-Forwarded-User: guide\r\n",
        "Remote-User: guide\r\n",
        "X-Forwarded-Authorization: Bearer your-secret-key-here\r\n",
    ] {
        is_refused(&fixture, "POST", "/tools/hit", headers).await;
    }
    is_refused(
        &fixture,
        "POST",
        "/tools/hit?access_token=your-secret-key-here&key=your-secret-key-here",
        "",
    )
    .await;
    for (path, header) in [("/health", "X-Original-URL"), ("/metrics", "X-Rewrite-URL")] {
        let request = fixture.server.get(path).header(header, "/tools/hit");
        assert_eq!(answer(request).await.0, 200);
    }
    assert_eq!(fixture.calls.load(Ordering::SeqCst), 0);
}

async fn is_refused(fixture: &Fixture, method: &str, target: &str, headers: &str) {
    let request = format!(
        "{method} {target} HTTP/1.1\r\nHost: {}\r\n{headers}Connection: close\r\nContent-Length: 2\r\n\r\n{{}}",
        fixture.server.address
    );
    let said = fixture.server.raw(request.as_bytes()).await;
    let status = said.get(9..12).unwrap_or_default();
    // 400 is what is no request at all, and 429 comes after a hundred failures.
    assert!(
        ["400", "401", "429"].contains(&status),
        "{method} {target} {headers}: {said}"
    );
}

#[tokio::test]
async fn health_and_metrics_need_no_key() {
    let fixture = Fixture::with(guide()).await;
    for path in ["/health", "/health/live", "/health/ready", "/metrics"] {
        assert_eq!(answer(fixture.server.get(path)).await.0, 200, "{path}");
    }
    assert_eq!(
        fixture.health().await,
        json!({ "status": "enabled", "keys_count": 1 })
    );
}

// AUT-02
#[tokio::test]
async fn no_method_gets_around_the_key_or_tells_which_tools_there_are() {
    let fixture = Fixture::with(guide()).await;
    let ask = |method: &'static str, path: &'static str, key: Option<&'static str>| {
        let method = method.parse().unwrap();
        let request = client().request(method, fixture.server.url(path));
        let request = request.header("x-correlation-id", "c-1");
        match key {
            Some(key) => request.bearer_auth(key).send(),
            None => request.send(),
        }
    };
    for path in ["/tools", "/tools/hit", "/mcp"] {
        for method in ["HEAD", "OPTIONS", "TRACE", "PATCH", "BREW"] {
            let response = ask(method, path, None).await.unwrap();
            assert_eq!(response.status(), 401, "{method} {path}");
        }
    }
    let preflight = |path| async move {
        let response = ask("OPTIONS", path, None).await.unwrap();
        (response.status(), response.text().await.unwrap())
    };
    assert_eq!(
        preflight("/tools/hit").await,
        preflight("/tools/nope").await
    );

    assert_eq!(
        ask("HEAD", "/tools", Some(KEY)).await.unwrap().status(),
        200
    );
    for method in ["HEAD", "OPTIONS", "BREW"] {
        let response = ask(method, "/tools/hit", Some(KEY)).await.unwrap();
        assert_eq!(response.status(), 405, "{method}");
        assert_eq!(response.headers()["allow"], "POST");
    }
    assert_eq!(fixture.calls.load(Ordering::SeqCst), 0);
}

fn ways_to_fail() -> Value {
    json!([
        { "name": "guide", "key": KEY },
        { "name": "off", "key": "a-key-that-is-off", "enabled": false },
        { "name": "old", "key": "a-key-that-is-old", "expires_at": "2020-01-01" },
    ])
}

// AUT-03, AUT-06
#[tokio::test]
async fn all_who_are_refused_hear_the_same_and_the_operator_hears_why() {
    let fixture = Fixture::with(ways_to_fail()).await;
    let mut said = Vec::new();
    for (reason, header) in [
        ("missing", ""),
        ("malformed", "Authorization: Basic Z3VpZGU6\r\n"),
        ("unknown", "Authorization: Bearer a-key-that-is-not\r\n"),
        ("disabled", "Authorization: Bearer a-key-that-is-off\r\n"),
        ("expired", "Authorization: Bearer a-key-that-is-old\r\n"),
    ] {
        let request = format!(
            "POST /tools/hit HTTP/1.1\r\nHost: localhost\r\nX-Correlation-ID: c-1\r\n{header}Connection: close\r\n\r\n"
        );
        let answer = fixture.server.raw(request.as_bytes()).await;
        let lines = answer.lines().filter(|line| !line.starts_with("date:"));
        said.push(lines.collect::<Vec<_>>().join("\n"));
        let line = format!("http_auth_failure_total{{reason=\"{reason}\"}} 1");
        assert!(fixture.metric(&line).await, "{line}");
    }
    assert!(said[0].starts_with("HTTP/1.1 401 Unauthorized\n"));
    assert!(
        said[0].contains("\nwww-authenticate: Bearer\n"),
        "{}",
        said[0]
    );
    for other in &said {
        assert_eq!(*other, said[0]);
    }
    let (_, body) = answer(fixture.server.post("/tools/hit", "")).await;
    assert_eq!(
        (&body["error"], &body["code"]),
        (&json!("Unauthorized"), &json!("unauthorized"))
    );
    assert_eq!(fixture.calls.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_mistyped_key_of_ours_is_told_from_an_unknown_one() {
    let key = ApiKey::generate().unwrap();
    let entry = KeyEntry::new("ours", key.hash());
    let fixture = Fixture::with(json!([entry])).await;
    assert_eq!(fixture.call(key.expose()).await, 200);
    let code_of = async |key: &str| {
        let request = fixture.server.post("/tools/hit", "").bearer_auth(key);
        answer(request).await
    };
    let other = ApiKey::generate().unwrap();
    let (status, body) = code_of(other.expose()).await;
    assert_eq!((status, &body["code"]), (401, &json!("unauthorized")));
    let (status, body) = code_of(&key.expose()[..50]).await;
    assert_eq!((status, &body["code"]), (401, &json!("key_malformed")));
    assert!(!body.to_string().contains(&key.expose()[..50]));
    assert!(
        fixture
            .metric("http_auth_failure_total{reason=\"mistyped\"} 1")
            .await
    );
    assert!(
        fixture
            .metric("http_auth_success_total{key_name=\"ours\"} 1")
            .await
    );
}

#[tokio::test]
async fn the_mcp_door_refuses_in_json_rpc() {
    let fixture = Fixture::with(guide()).await;
    let (status, body) = answer(fixture.server.modern("tools/list", json!({}))).await;
    assert_eq!((status, &body["error"]["code"]), (401, &json!(-32000)));
    assert_eq!(body["error"]["data"]["code"], "unauthorized");
    let request = fixture.server.modern("tools/list", json!({}));
    assert_eq!(answer(request.bearer_auth(KEY)).await.0, 200);
}

// AUT-07
#[tokio::test]
async fn only_one_well_formed_bearer_token_is_taken() {
    let fixture = Fixture::with(guide()).await;
    let long = "k".repeat(65_536);
    for (headers, good) in [
        ("Authorization: Bearer your-secret-key-here", true),
        ("authorization: bEARER    your-secret-key-here  ", true),
        ("Authorization: Bearer\tyour-secret-key-here", false),
        ("Authorization: your-secret-key-here", false),
        (
            "Authorization: Bearer your-secret-key-here, Bearer x",
            false,
        ),
        (
            "Authorization: Bearer your-secret-key-here\r\nAuthorization: Bearer your-secret-key-here",
            false,
        ),
        (
            "Authorization: Basic x\r\nAuthorization: Bearer your-secret-key-here",
            false,
        ),
        ("Authorization: Bearer your-secret-key-h\u{e9}re", false),
        ("Authorization: Bearer \"your-secret-key-here\"", false),
        (&format!("Authorization: Bearer {long}"), false),
    ] {
        let request = format!(
            "POST /tools/hit HTTP/1.1\r\nHost: localhost\r\n{headers}\r\nConnection: close\r\n\r\n"
        );
        let said = fixture.server.raw(request.as_bytes()).await;
        let status = said.get(9..12).unwrap_or_default();
        assert_eq!(status == "200", good, "{headers:.80}: {said}");
        assert!(good || ["400", "401", "431"].contains(&status), "{said}");
    }
}

// AUT-09
#[tokio::test]
async fn guessing_is_slowed_down_and_locks_nobody_out() {
    let fixture = Fixture::with(guide()).await;
    let mut throttled = 0;
    for guess in 0..300 {
        let key = format!("a-guess-{guess}");
        let request = fixture.server.post("/tools/hit", "").bearer_auth(key);
        let response = request.send().await.unwrap();
        if response.status() == 429 {
            throttled += 1;
            let wait = response.headers()["retry-after"].to_str().unwrap();
            assert!(wait.parse::<u64>().unwrap() >= 1);
            let body: Value = response.json().await.unwrap();
            assert_eq!(body["code"], "rate_limited");
        } else {
            assert_eq!(response.status(), 401);
        }
        if guess % 50 == 49 {
            assert_eq!(fixture.call(KEY).await, 200, "after {guess} guesses");
        }
    }
    assert!(throttled > 100, "{throttled}");
    assert!(
        fixture
            .metric("http_auth_failure_total{reason=\"unknown\"} 300")
            .await
    );
}

#[tokio::test]
async fn where_no_key_is_required_a_wrong_one_is_refused_all_the_same() {
    let settings = json!({ "auth": { "require_auth": false } });
    let fixture = Fixture::with_settings(ways_to_fail(), settings).await;
    assert_eq!(answer(fixture.server.post("/tools/hit", "")).await.0, 200);
    assert_eq!(fixture.call(KEY).await, 200);
    for key in [
        "a-key-that-is-not",
        "a-key-that-is-off",
        "a-key-that-is-old",
    ] {
        assert_eq!(fixture.call(key).await, 401, "{key}");
    }
    let other = fixture.server.post("/tools/hit", "");
    let other = other.header("authorization", "Basic eDp5");
    assert_eq!(answer(other).await.0, 401);
}

#[tokio::test]
async fn switched_off_nothing_asks_for_a_key() {
    let settings = json!({ "auth": { "enabled": false } });
    let fixture = Fixture::with_settings(guide(), settings).await;
    assert_eq!(answer(fixture.server.post("/tools/hit", "")).await.0, 200);
    assert_eq!(fixture.call("anything").await, 200);
    assert_eq!(fixture.health().await, Value::Null);
}

// AUT-05
#[tokio::test]
async fn a_key_is_rotated_under_load_without_an_error() {
    let old = json!({ "name": "ci", "key": "the-old-key-of-the-ci" });
    let new = json!({ "name": "ci", "key": "the-new-key-of-the-ci" });
    let fixture = Arc::new(Fixture::with(json!([old])).await);
    let is_over = Arc::new(AtomicBool::new(false));
    let load = |key: &'static str| {
        let (fixture, is_over) = (Arc::clone(&fixture), Arc::clone(&is_over));
        tokio::spawn(async move {
            let client = client();
            let mut refused = 0;
            while !is_over.load(Ordering::SeqCst) {
                let request = client.post(fixture.server.url("/tools/hit"));
                let response = request.bearer_auth(key).send().await.unwrap();
                refused += usize::from(response.status() != 200);
            }
            refused
        })
    };
    let with_old = load("the-old-key-of-the-ci");
    fixture.write(&json!([old, new]));
    fixture.until("the-new-key-of-the-ci", 200).await;
    is_over.store(true, Ordering::SeqCst);
    assert_eq!(with_old.await.unwrap(), 0, "the old key during the overlap");

    is_over.store(false, Ordering::SeqCst);
    let with_new = load("the-new-key-of-the-ci");
    fixture.write(&json!([new]));
    fixture.until("the-old-key-of-the-ci", 401).await;
    is_over.store(true, Ordering::SeqCst);
    assert_eq!(with_new.await.unwrap(), 0, "the new key");
}

/// An event stream that stands open, with the session it belongs to.
async fn standing_stream(server: &Server, key: &str) -> (reqwest::Response, String) {
    let response = server
        .mcp(&initialize("2025-11-25"))
        .header("accept", "application/json, text/event-stream")
        .bearer_auth(key)
        .send()
        .await
        .unwrap();
    let session = response.headers()["mcp-session-id"].to_str().unwrap();
    let session = session.to_owned();
    let ready = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
    let ready = server.mcp(&ready).header("mcp-session-id", &session);
    ready.bearer_auth(key).send().await.unwrap();
    let stream = reqwest::Client::builder()
        .no_proxy()
        .build()
        .unwrap()
        .get(server.url("/mcp"))
        .header("accept", "text/event-stream")
        .header("mcp-session-id", &session)
        .bearer_auth(key)
        .send()
        .await
        .unwrap();
    assert_eq!(stream.status(), 200);
    (stream, session)
}

// AUT-05
#[tokio::test]
async fn the_open_streams_of_a_revoked_key_end_and_those_of_others_stay() {
    let gone = json!({ "name": "ci", "key": "the-key-that-goes" });
    let kept = json!({ "name": "ci", "key": "the-key-that-stays" });
    let fixture = Fixture::with(json!([gone, kept])).await;
    let (ending, session) = standing_stream(&fixture.server, "the-key-that-goes").await;
    let (mut staying, _) = standing_stream(&fixture.server, "the-key-that-stays").await;

    fixture.write(&json!([kept]));
    let ended = timeout(PATIENCE, ending.bytes()).await;
    assert!(ended.expect("the stream ends").is_ok(), "and ends cleanly");
    let request = client()
        .get(fixture.server.url("/mcp"))
        .header("accept", "text/event-stream")
        .header("mcp-session-id", &session);
    let again = request.bearer_auth("the-key-that-goes").send();
    assert_eq!(again.await.unwrap().status(), 401);

    let quiet = timeout(Duration::from_millis(300), async {
        while staying.chunk().await.unwrap().is_some() {}
    });
    assert!(quiet.await.is_err(), "the other key's stream ended");
    // Its rights are others now: what it has open was opened with the old ones.
    let other = json!({ "name": "ci", "key": "the-key-that-stays", "tools": [] });
    fixture.write(&json!([other]));
    let ended = timeout(PATIENCE, async {
        while staying.chunk().await.unwrap().is_some() {}
    });
    assert!(ended.await.is_ok(), "a stream outlived its rights");
}

#[tokio::test]
async fn a_broken_file_leaves_the_last_good_keys_in_force_and_says_so() {
    let fixture = Fixture::with(guide()).await;
    let stale = "simply_mcp_keys_stale{source=\"keys_file\"} 1";
    let until_stale = async || {
        let wait = async {
            while !fixture.metric(stale).await {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        assert!(timeout(PATIENCE, wait).await.is_ok(), "nobody noticed");
    };
    for broken in ["", "{\"keys\": [", "{\"keys\": [{\"name\": \"x\"}]}"] {
        fixture.write_text(broken);
        until_stale().await;
        assert_eq!(fixture.call(KEY).await, 200, "{broken}");
        let health = fixture.health().await;
        assert_eq!(health["keys_file"]["status"], "broken", "{health}");
        assert!(!health.to_string().contains("keys.json"), "{health}");

        fixture.write(&json!([{ "name": "guide", "key": KEY }, { "name": "b", "key": format!("mended-{}", broken.len()) }]));
        fixture
            .until(&format!("mended-{}", broken.len()), 200)
            .await;
        assert_eq!(
            fixture.health().await,
            json!({ "status": "enabled", "keys_count": 2 })
        );
    }
    fs::remove_file(fixture.file()).unwrap();
    until_stale().await;
    assert_eq!(fixture.call(KEY).await, 200);
    fixture.write(&json!([]));
    fixture.until(KEY, 401).await;
    assert!(fixture.metric("simply_mcp_keys 0").await);
}

// Kubernetes mounts a secret as a link through a link that is swapped.
#[cfg(unix)]
#[tokio::test]
async fn a_secret_that_kubernetes_swaps_is_followed() {
    use std::os::unix::fs::symlink;

    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for (version, key) in [
        ("..1", "the-first-key-of-all"),
        ("..2", "the-second-key-of-all"),
    ] {
        fs::create_dir(at(version)).unwrap();
        let keys = format!("keys: [{{name: k8s, key: {key}}}]");
        fs::write(at(version).join("keys.yaml"), keys).unwrap();
    }
    symlink("..1", at("..data")).unwrap();
    symlink("..data/keys.yaml", at("keys.yaml")).unwrap();
    let settings = json!({ "auth": { "keys_file": at("keys.yaml") } });
    let server = start_with(common::server(), settings).await;
    let call = async |key: &str| answer(server.get("/tools").bearer_auth(key)).await.0;
    assert_eq!(call("the-first-key-of-all").await, 200);

    symlink("..2", at("..data_tmp")).unwrap();
    fs::rename(at("..data_tmp"), at("..data")).unwrap();
    let swapped = timeout(PATIENCE, async {
        while call("the-second-key-of-all").await != 200 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    assert!(swapped.await.is_ok(), "the swap was not seen");
    assert_eq!(call("the-first-key-of-all").await, 401);
}

// JWT-12
#[tokio::test]
async fn no_handler_sees_the_credentials() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keys.json");
    fs::write(&file, json!({ "keys": guide() }).to_string()).unwrap();
    let handler = McpServer::new("spy", "1").tool(
        "headers",
        "Tells what it sees",
        async |_: NoArguments, context: simply_mcp::Context| {
            let parts = context.extension::<http::request::Parts>();
            parts.map_or_else(String::new, |parts| format!("{:?}", parts.headers))
        },
    );
    let server = start_with(handler, json!({ "auth": { "keys_file": file } })).await;
    for request in [
        server.post("/tools/headers", ""),
        server.modern("tools/call", json!({ "name": "headers", "arguments": {} })),
    ] {
        let (status, body) = answer(request.bearer_auth(KEY)).await;
        assert_eq!(status, 200);
        let said = body.to_string();
        assert!(said.contains("host"), "{said}");
        assert!(
            !said.contains(KEY) && !said.contains("authorization"),
            "{said}"
        );
    }
}

#[test]
fn what_is_wrong_with_the_keys_is_said_without_a_start() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keys.yaml");
    let checked = |text: &str| {
        fs::write(&file, text).unwrap();
        check(&HttpConfig::from_value(json!({ "auth": { "keys_file": file } })).unwrap())
    };
    let error = checked("keys:\n- {name: a}\n- {key: x}\n").unwrap_err();
    assert_eq!(error.problems().len(), 2, "{error}");
    for none in ["", "keys: []", "keys: [{name: a, key: x, enabled: false}]"] {
        let error = checked(none).unwrap_err().to_string();
        assert!(error.contains("no key is there that is enabled"), "{error}");
    }
    let warnings = checked("keys: [{name: a, key: short, expires_at: 2020-01-01}]").unwrap();
    let said: Vec<String> = warnings.iter().map(ToString::to_string).collect();
    assert!(
        said.iter().any(|said| said.contains("fewer than 16")),
        "{said:?}"
    );
    assert!(
        said.iter().any(|said| said.contains("has expired")),
        "{said:?}"
    );
    fs::remove_file(&file).unwrap();
    let missing = HttpConfig::from_value(json!({ "auth": { "keys_file": file } })).unwrap();
    let error = check(&missing).unwrap_err().to_string();
    assert!(error.contains("there is no such file"), "{error}");
    assert!(KeyFile::read(Path::new("/nowhere/keys.yaml")).is_err());
}
