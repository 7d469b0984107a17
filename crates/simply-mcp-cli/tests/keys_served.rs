//! Keys that `simply-mcp keys` makes, rotates and revokes, in front of a server that runs meanwhile.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{
    fs::{self, File},
    io::{Read, Write},
    net::TcpStream,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;
use tempfile::TempDir;

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

/// A server with a keys file, ended when the test is.
struct Server {
    child: Child,
    address: String,
}

impl Server {
    fn start(directory: &Path) -> Self {
        let log = directory.join("log");
        let child = program(directory, "serve --port 0")
            .env("MCP_HTTP_AUTH__KEYS_FILE", "keys.yaml")
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let mut server = Self {
            child,
            address: String::new(),
        };
        let start = Instant::now();
        while server.address.is_empty() {
            let said = fs::read_to_string(&log).unwrap();
            server.address = said.lines().find_map(address).unwrap_or_default();
            assert!(start.elapsed() < PATIENCE, "{said}");
            pause();
        }
        server
    }

    /// The status of a call with this key.
    fn status(&self, key: &str) -> u16 {
        let mut stream = TcpStream::connect(&self.address).unwrap();
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

    fn becomes(&self, key: &str, status: u16) {
        let start = Instant::now();
        while self.status(key) != status {
            assert!(
                start.elapsed() < PATIENCE,
                "the key does not become {status}"
            );
            pause();
        }
    }
}

/// The address in the log line of the start.
fn address(line: &str) -> Option<String> {
    let line: Value = serde_json::from_str(line).ok()?;
    let url = line["context"]["rest"].as_str()?;
    let address = url.strip_prefix("http://")?.strip_suffix("/tools")?;
    Some(address.to_owned())
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a test of another process has nothing else to do"
)]
fn pause() {
    std::thread::sleep(Duration::from_millis(50));
}

// AUT-05
#[test]
fn a_key_is_made_rotated_and_revoked_while_the_server_runs() {
    let directory = TempDir::new().unwrap();
    let directory = directory.path();
    let first = keys(directory, "new --name ci --file keys.yaml");
    let server = Server::start(directory);
    assert_eq!(server.status("smcp_wrong"), 401);
    assert_eq!(server.status(&first), 200);

    let second = keys(directory, "rotate ci --file keys.yaml");
    server.becomes(&second, 200);
    assert_eq!(server.status(&first), 200, "both are good in the overlap");

    let other = keys(directory, "new --file keys.yaml");
    keys(directory, "revoke ci --file keys.yaml");
    server.becomes(&second, 401);
    assert_eq!(server.status(&first), 401);
    server.becomes(&other, 200);

    let third = keys(directory, "rotate key-1 --overlap 0 --file keys.yaml");
    server.becomes(&third, 200);
    assert_eq!(
        server.status(&other),
        401,
        "without an overlap the old one has ended"
    );
}
