//! Keys that change while the server runs, and files that are wrong.

use std::{
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use serde_json::json;
use simply_mcp::{
    HttpConfig,
    auth::{KeyFile, check},
};
use tokio::time::timeout;

use crate::{
    Fixture, KEY, PATIENCE,
    common::{self, Server, answer, client, initialize, start_with},
    guide,
};

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
    for broken in [
        "",
        "{}",
        "{\"keys\": null}",
        "{\"keys\": [",
        "{\"keys\": [{\"name\": \"x\"}]}",
    ] {
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
