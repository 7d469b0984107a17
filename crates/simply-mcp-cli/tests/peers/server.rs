//! A server under test: a process of its own on a free port, that ends with the test.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use tempfile::NamedTempFile;
use tokio::process::{Child, Command};
use tokio::time::sleep;

/// Longest time until a server answers, for a debug build on a busy machine.
const START: Duration = Duration::from_secs(30);

/// How much of a server's log is worth reading, in bytes.
const LOG_TAIL: usize = 8_000;

/// A running server; dropping it ends the process, also when the test panics.
pub(crate) struct Server {
    address: SocketAddr,
    child: Child,
    log: NamedTempFile,
}

impl Server {
    /// The conformance fixture server on its whole HTTP transport.
    pub(crate) async fn fixture() -> Self {
        Self::start(|port| {
            let mut command = Command::new(fixture());
            command.env("PORT", port.to_string());
            command
        })
        .await
    }

    /// `simply-mcp serve -- CHILD…`.
    pub(crate) async fn gateway(child: &[PathBuf]) -> Self {
        Self::start(|port| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_simply-mcp"));
            command
                .args(["serve", "--port", &port.to_string(), "--"])
                .args(child);
            command
        })
        .await
    }

    /// Where it speaks MCP.
    pub(crate) fn mcp_url(&self) -> String {
        format!("http://{}/mcp", self.address)
    }

    /// The end of what it wrote to stdout and stderr.
    pub(crate) fn log(&self) -> String {
        let text = std::fs::read(self.log.path()).expect("the log can be read");
        String::from_utf8_lossy(&text[text.len().saturating_sub(LOG_TAIL)..]).into_owned()
    }

    async fn start(command: impl Fn(u16) -> Command) -> Self {
        let address = free_address();
        let log = NamedTempFile::new().expect("a temporary file");
        let output = log.reopen().expect("the log can be opened again");
        let child = command(address.port())
            .stdin(Stdio::null())
            .stdout(output.try_clone().expect("the log can be opened again"))
            .stderr(output)
            .kill_on_drop(true)
            .spawn()
            .expect("the server starts");
        let mut server = Self {
            address,
            child,
            log,
        };
        server.wait_until_ready().await;
        server
    }

    async fn wait_until_ready(&mut self) {
        let started = Instant::now();
        while !self.is_ready().await {
            let ended = self.child.try_wait().expect("the server's state is known");
            assert!(
                ended.is_none(),
                "the server ended with {ended:?}:\n{}",
                self.log()
            );
            assert!(
                started.elapsed() < START,
                "the server was not ready within {START:?}:\n{}",
                self.log()
            );
            sleep(Duration::from_millis(50)).await;
        }
    }

    async fn is_ready(&self) -> bool {
        let client = reqwest::Client::builder()
            .no_proxy()
            .build()
            .expect("a plain client");
        let probe = client
            .get(format!("http://{}/health/ready", self.address))
            .timeout(Duration::from_secs(2));
        probe
            .send()
            .await
            .is_ok_and(|response| response.status().is_success())
    }
}

/// The example that offers what the conformance suite asks for.
///
/// # Panics
/// Where it was not built: cargo builds examples beside tests, but not under `--all-targets`, which makes tests of them.
pub(crate) fn fixture() -> PathBuf {
    let test = std::env::current_exe().expect("the test knows its own path");
    let profile = test
        .parent()
        .and_then(Path::parent)
        .expect("a test lies in target/PROFILE/deps");
    let example = profile.join("examples/conformance_server");
    assert!(
        example.exists(),
        "{} is missing: run `cargo nextest run --workspace` without --all-targets, or `cargo build --examples` first",
        example.display()
    );
    example
}

/// An address of loopback that nobody listens on.
fn free_address() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has a free port");
    listener
        .local_addr()
        .expect("a bound socket has an address")
}
