//! Secrets are planted wherever a client, an operator or a neighbour can put one, everything is made to fail that can, at
//! TRACE, and then nothing that the program writes shows one of them.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod planted;
#[path = "../../../simply-mcp/tests/common/redis.rs"]
mod redis;
#[path = "../support/served.rs"]
mod served;
mod traffic;

use std::{fs, path::Path, process::Command};

use serde_json::{Value, json};
use tempfile::TempDir;

use self::{planted::Canary, redis::Redis, served::Served, traffic::Traffic};

const STORE_PASSWORD: Canary = Canary::new("the store's password", "Sp4w0rdOfTheStoreQ8");
const WRONG_PASSWORD: Canary = Canary::new("a wrong password of the store", "Wr0ngStorePassZk2");
const STATE_KEY: Canary = Canary::new("mcp.state_key", "Kz8StateKeyThatSealsWhatClientsCarry");
const ENVIRONMENT_KEY: Canary = Canary::new("MCP_API_KEY", "Ek5EnvironmentKeyOfTheOperator7Lm2Qx");

const COLLECTOR_KEY: Canary = Canary::new("OTEL_EXPORTER_OTLP_HEADERS", "Ot6KeyForTheCollectorB8x");

/// Nobody listens on port 1: all that is told of traces goes wrong.
const COLLECTOR: [(&str, &str); 3] = [
    ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1"),
    (
        "OTEL_EXPORTER_OTLP_HEADERS",
        "x-key=Ot6KeyForTheCollectorB8x",
    ),
    ("OTEL_BSP_SCHEDULE_DELAY", "20"),
];

/// A directory with a keys file, and the key in it.
fn with_keys_file() -> (TempDir, String) {
    let directory = tempfile::tempdir().unwrap();
    let made = Command::new(env!("CARGO_BIN_EXE_simply-mcp"))
        .args(["keys", "new", "--name", "ci", "--file", "keys.yaml"])
        .current_dir(directory.path())
        .env_clear()
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    (
        directory,
        String::from_utf8(made.stdout).unwrap().trim().to_owned(),
    )
}

/// Everything that can say too much says all it can.
fn settings(store: &str) -> Value {
    json!({
        "auth": {
            "keys_file": "keys.yaml",
            "jwt": {"issuer": "https://issuer.example", "jwks_file": "jwks.json", "audience": ["us"]},
        },
        "rate_limit": {"enabled": true, "default_limit": 100_000, "store": store},
        "monitoring": {"tracing_enabled": true},
        "logging": {"level": "TRACE", "file": "file.log"},
        "audit": {"file": "audit.log", "arguments": {"echo": ["harmless"]}},
        "mcp": {"state_key": STATE_KEY.text},
    })
}

/// What the program wrote anywhere, by where.
async fn outputs(served: &Served, traffic: &mut Traffic) -> Vec<(String, String)> {
    for path in [
        "/metrics",
        "/health",
        "/health/ready",
        "/.well-known/oauth-protected-resource",
    ] {
        traffic.get(path).await;
    }
    let mut outputs: Vec<(String, String)> = ["stderr", "file.log", "audit.log"]
        .into_iter()
        .map(|name| (name.to_owned(), read(&served.path(name))))
        .collect();
    outputs.append(&mut traffic.answers);
    outputs.push((
        "/proc/cmdline".to_owned(),
        read(Path::new(&format!("/proc/{}/cmdline", served.id()))),
    ));
    outputs
}

fn read(path: &Path) -> String {
    let bytes = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    String::from_utf8_lossy(&bytes).into_owned()
}

#[track_caller]
fn assert_silent(outputs: &[(String, String)], canaries: &[Canary]) {
    let mut found = vec![];
    for (place, output) in outputs {
        for canary in canaries {
            if let Some(spelling) = canary.found_in(output) {
                let at = output.find(&spelling).unwrap();
                let line = output[..at].matches('\n').count();
                let line = output.lines().nth(line).unwrap_or_default();
                found.push(format!("{} in {place}: {line}", canary.place));
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

// LOG-02
#[tokio::test]
async fn no_secret_is_in_anything_that_is_written_in_front_of_a_child() {
    let (directory, key) = with_keys_file();
    fs::write(directory.path().join("jwks.json"), traffic::KEY_SET).unwrap();
    let redis = Redis::start_with("--port", &["--requirepass", STORE_PASSWORD.text]);
    let store = format!(
        "redis://:{}@127.0.0.1:{}",
        STORE_PASSWORD.text,
        redis.port()
    );
    let child = served::child("well_behaved.py");
    let served = Served::start(
        directory,
        &settings(&store),
        &[&COLLECTOR[..], &[("MCP_API_KEY", ENVIRONMENT_KEY.text)]].concat(),
        &["python3", "-B", &child],
    );
    let mut traffic = Traffic::to(&served.url, &key);
    traffic.everything().await;
    let key_canary = Canary::new("the key's own text", key["smcp_".len()..].to_owned().leak());
    let mut canaries = traffic::CANARIES.to_vec();
    canaries.extend([
        STORE_PASSWORD,
        STATE_KEY,
        ENVIRONMENT_KEY,
        COLLECTOR_KEY,
        key_canary,
    ]);
    let outputs = outputs(&served, &mut traffic).await;
    assert_silent(&outputs, &canaries);
    // Floods of refusals are cut short.
    let lines = served.lines("file.log").len();
    assert!(lines > 100, "{lines} lines of {} requests", traffic.sent);
}

// LOG-02
#[tokio::test]
async fn no_secret_is_in_anything_that_is_written_when_the_store_refuses_us() {
    let (directory, key) = with_keys_file();
    fs::write(directory.path().join("jwks.json"), traffic::KEY_SET).unwrap();
    let redis = Redis::start_with("--port", &["--requirepass", STORE_PASSWORD.text]);
    let store = format!(
        "redis://:{}@127.0.0.1:{}",
        WRONG_PASSWORD.text,
        redis.port()
    );
    let served = Served::start(directory, &settings(&store), &COLLECTOR, &[]);
    let mut traffic = Traffic::to(&served.url, &key);
    traffic.everything().await;
    let mut canaries = traffic::CANARIES.to_vec();
    canaries.extend([WRONG_PASSWORD, STATE_KEY, COLLECTOR_KEY]);
    served.says("The collector takes no traces");
    let outputs = outputs(&served, &mut traffic).await;
    assert!(
        outputs[0].1.contains("store"),
        "the log says what is wrong with the store"
    );
    assert_silent(&outputs, &canaries);
}

// LOG-02
#[test]
fn no_secret_is_repeated_by_what_refuses_a_configuration() {
    let (directory, _) = with_keys_file();
    for (place, text) in [
        (
            "c.yaml",
            format!("mcp: {{state_key: {}, path: x}}", STATE_KEY.text),
        ),
        ("c.yaml", format!("mcp: {{state_kee: {}}}", STATE_KEY.text)),
        (
            "c.yaml",
            format!(
                "rate_limit: {{store: 'redis://:{}@a b'}}",
                STORE_PASSWORD.text
            ),
        ),
        (
            "c.yaml",
            format!("rate_limit: {{store: 'http://:{}@a'}}", STORE_PASSWORD.text),
        ),
        (
            "c.yaml",
            format!(
                "auth: {{keys_file: keys.json, key: {}}}",
                ENVIRONMENT_KEY.text
            ),
        ),
        (
            "keys.json",
            format!(
                "{{\"keys\": [{{\"key\": \"{}\", \"nam\": 1}}]}}",
                ENVIRONMENT_KEY.text
            ),
        ),
        (
            "keys.json",
            format!("{{\"keys\": [\"{}\"", ENVIRONMENT_KEY.text),
        ),
    ] {
        fs::write(
            directory.path().join("c.yaml"),
            "auth: {keys_file: keys.json}",
        )
        .unwrap();
        fs::write(directory.path().join(place), &text).unwrap();
        for command in ["check", "serve"] {
            let refused = Command::new(env!("CARGO_BIN_EXE_simply-mcp"))
                .args([command, "--config", "c.yaml"])
                .current_dir(directory.path())
                .env_clear()
                .output()
                .unwrap();
            assert_eq!(refused.status.code(), Some(78), "{text}: {refused:?}");
            let said = [refused.stdout, refused.stderr].concat();
            let said = (
                format!("{command} of {text}"),
                String::from_utf8(said).unwrap(),
            );
            assert_silent(&[said], &[STATE_KEY, STORE_PASSWORD, ENVIRONMENT_KEY]);
        }
    }
}
