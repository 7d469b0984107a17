//! Keys that `simply-mcp keys` makes, rotates and revokes, in front of a server that runs meanwhile.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "support/served.rs"]
mod served;

use std::{
    io::{Read, Write},
    net::TcpStream,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::json;
use tempfile::TempDir;

use self::served::Served;

/// Far longer than the two seconds that are promised: the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(20);

fn program(directory: &Path, line: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_simply-mcp"));
    command
        .args(line.split_whitespace())
        .current_dir(directory)
        .env_clear()
        .stdin(Stdio::null())
        .stderr(Stdio::piped());
    command
}

/// Runs `simply-mcp keys …` and returns what it prints, which is a key or nothing.
fn keys(directory: &Path, line: &str) -> String {
    let output = program(directory, &format!("keys {line}"))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// The status of a call with this key.
fn status(server: &Served, key: &str) -> u16 {
    let address = server.url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let body = r#"{"message":"Hello"}"#;
    let request = format!(
        "POST /tools/echo HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer[9..12].parse().unwrap()
}

fn becomes(server: &Served, key: &str, expected: u16) {
    let start = Instant::now();
    while status(server, key) != expected {
        assert!(
            start.elapsed() < PATIENCE,
            "the key does not become {expected}"
        );
        served::pause();
    }
}

// AUT-05
#[test]
fn a_key_is_made_rotated_and_revoked_while_the_server_runs() {
    let directory = TempDir::new().unwrap();
    let first = keys(directory.path(), "new --name ci --file keys.yaml");
    let settings = json!({"auth": {"keys_file": "keys.yaml"}});
    let server = Served::start(directory, &settings, &[], &[]);
    let directory = &server.path("");
    assert_eq!(status(&server, "smcp_wrong"), 401);
    assert_eq!(status(&server, &first), 200);

    let second = keys(directory, "rotate ci --file keys.yaml");
    becomes(&server, &second, 200);
    assert_eq!(status(&server, &first), 200, "both are good in the overlap");

    let other = keys(directory, "new --file keys.yaml");
    keys(directory, "revoke ci --file keys.yaml");
    becomes(&server, &second, 401);
    assert_eq!(status(&server, &first), 401);
    becomes(&server, &other, 200);

    let third = keys(directory, "rotate key-1 --overlap 0 --file keys.yaml");
    becomes(&server, &third, 200);
    assert_eq!(
        status(&server, &other),
        401,
        "without an overlap the old one has ended"
    );
}
