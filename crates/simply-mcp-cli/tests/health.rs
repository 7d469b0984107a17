//! Health of the program: what probes see of its start, of its child and of its end, and `simply-mcp health`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "support/shell.rs"]
#[allow(dead_code, reason = "each test file uses a part of it")]
mod shell;

use std::{
    fs::{self, File},
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::{Child, Command},
    time::{Duration, Instant},
};

use serde_json::Value;
use shell::Shell;

/// Far more than anything here takes: the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(60);

/// The program as a server, ended when the test is.
struct Server(Child);

impl Server {
    /// Starts `simply-mcp serve` with the shell's configuration file.
    fn start(shell: &Shell, arguments: &[&str]) -> Self {
        let log = File::create(shell.path("log")).unwrap();
        let serve = ["serve", "--config", "config.yaml"];
        let mut command = shell.command(&[&serve, arguments].concat());
        command.env("PATH", "/usr/local/bin:/usr/bin:/bin");
        Self(command.stderr(log).spawn().unwrap())
    }

    fn terminate(&self) {
        let kill = Command::new("/bin/kill")
            .args(["-TERM", &self.0.id().to_string()])
            .status();
        assert!(kill.unwrap().success());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a test of another process has nothing else to do"
)]
fn pause() {
    std::thread::sleep(Duration::from_millis(10));
}

/// Waits until `look` finds something.
fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(started.elapsed() < PATIENCE, "{what} does not happen");
        pause();
    }
}

/// Ports that were free a moment ago.
fn free<const N: usize>() -> [SocketAddr; N] {
    let listeners = [(); N].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    listeners.map(|listener| listener.local_addr().unwrap())
}

fn send(address: SocketAddr, method: &str, path: &str, body: &str) -> Option<TcpStream> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).ok()?;
    Some(stream)
}

fn read(mut stream: TcpStream) -> (u16, String) {
    let mut answer = String::new();
    // A server that ends may reset what it has not read.
    let _ = stream.read_to_string(&mut answer);
    let status = answer.get(9..12).and_then(|status| status.parse().ok());
    let body = answer.split_once("\r\n\r\n").map(|(_, body)| body);
    (status.unwrap_or(0), body.unwrap_or_default().to_owned())
}

fn get(address: SocketAddr, path: &str) -> Option<(u16, String)> {
    send(address, "GET", path, "").map(read)
}

fn status(address: SocketAddr, path: &str) -> Option<u16> {
    get(address, path).map(|(status, _)| status)
}

fn is_ready(address: SocketAddr) -> Option<()> {
    (status(address, "/health/ready")? == 200).then_some(())
}

fn config(main: SocketAddr, apart: SocketAddr) -> String {
    format!(
        "server: {{port: {}}}\nmonitoring: {{listen: \"{apart}\"}}\n",
        main.port()
    )
}

/// The `Serving` line of the log.
fn start_line(shell: &Shell) -> Value {
    eventually("the start", || {
        let log = fs::read_to_string(shell.path("log")).ok()?;
        let mut lines = log
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok());
        lines.find(|line: &Value| line["message"] == "Serving")
    })
}

#[test]
fn health_and_metrics_are_answered_until_the_last_request_is() {
    let text = "server: {port: 0}\nmonitoring: {listen: \"127.0.0.1:0\"}\n";
    let shell = Shell::with_file("config.yaml", text);
    let mut server = Server::start(&shell, &[]);
    let facts = start_line(&shell)["context"].take();
    let address = |url: &Value, path: &str| -> SocketAddr {
        let url = url.as_str().unwrap().strip_prefix("http://").unwrap();
        url.strip_suffix(path).unwrap().parse().unwrap()
    };
    let main = address(&facts["rest"], "/tools");
    let (health, metrics) = facts["monitoring"]
        .as_str()
        .unwrap()
        .split_once(' ')
        .unwrap();
    let apart = address(&health.into(), "/health");
    assert_eq!(apart, address(&metrics.into(), "/metrics"));
    let call = send(main, "POST", "/tools/countdown", r#"{"seconds":3}"#).unwrap();
    assert_eq!(status(apart, "/health/ready"), Some(200));
    server.terminate();
    eventually("the drain", || {
        (status(apart, "/health/ready")? == 503).then_some(())
    });
    let (code, report) = get(apart, "/health").unwrap();
    assert_eq!(code, 503);
    assert!(report.contains("\"draining\""), "{report}");
    let (code, text) = get(apart, "/metrics").unwrap();
    assert_eq!(code, 200);
    assert!(text.contains("\nsimply_mcp_draining 1\n"), "{text}");
    assert_eq!(status(apart, "/health/live"), Some(200));
    let (code, answered) = read(call);
    assert_eq!(code, 200);
    assert!(answered.contains("counted 3 seconds"), "{answered}");
    assert_eq!(server.0.wait().unwrap().code(), Some(0));
    assert!(TcpStream::connect(apart).is_err());
}

#[test]
fn health_asks_where_monitoring_listens() {
    let [main, apart, nobody] = free();
    let shell = Shell::with_file("config.yaml", &config(main, apart));
    // The server's own port is wrong here, so it is not the one that is asked.
    fs::write(shell.path("other.yaml"), config(nobody, apart)).unwrap();
    let _server = Server::start(&shell, &[]);
    eventually("the start", || is_ready(apart));
    let answer = shell.run(&["health", "--config", "other.yaml"]);
    assert_eq!(answer.code, Some(0), "{answer:?}");
}

#[test]
fn an_address_for_monitoring_that_is_taken_is_warned_of_and_stops_a_start() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let [main] = free();
    let shell = Shell::with_file("config.yaml", &config(main, address));
    let answer = shell.run(&["check", "--config", "config.yaml"]);
    assert_eq!(answer.code, Some(0), "{answer:?}");
    let warning = format!("monitoring.listen: {address} cannot be used now");
    assert!(answer.stderr.contains(&warning), "{answer:?}");
    let answer = shell.run(&["serve", "--config", "config.yaml"]);
    assert_eq!(answer.code, Some(1), "{answer:?}");
    assert!(
        answer.stderr.contains(&address.to_string()) && answer.stderr.contains("monitoring.listen"),
        "{answer:?}"
    );
    fs::write(shell.path("config.yaml"), config(main, main)).unwrap();
    let answer = shell.run(&["serve", "--config", "config.yaml"]);
    assert_eq!(answer.code, Some(78), "{answer:?}");
    assert!(answer.stderr.contains("monitoring.listen"), "{answer:?}");
}

fn series(address: SocketAddr, name: &str) -> Option<f64> {
    let (_, text) = get(address, "/metrics")?;
    let value = text
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value?.parse().ok()
}

// STA-05
#[test]
fn a_server_is_ready_only_while_its_child_is_up() {
    let [main, apart] = free();
    let shell = Shell::with_file("config.yaml", &config(main, apart));
    let child = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/children/well_behaved.py");
    // It comes up where there is a file of that name, and only there.
    let script = format!(
        "test -e may-start || {{ echo waits >> waits; until test -e may-start; do sleep 0.05; done; }}; exec python3 -B {}",
        child.display()
    );
    let _server = Server::start(&shell, &["--", "sh", "-c", &script]);
    let waits = |times: usize| {
        eventually("the child's start", || {
            let text = fs::read_to_string(shell.path("waits")).unwrap_or_default();
            (text.lines().count() >= times).then_some(())
        });
    };
    waits(1);
    for _ in 0..20 {
        for address in [main, apart] {
            assert_eq!(
                status(address, "/health/ready"),
                None,
                "nobody can call yet"
            );
        }
    }
    let let_start = || fs::write(shell.path("may-start"), "").unwrap();
    let_start();
    eventually("the start", || is_ready(apart));
    let call = send(main, "POST", "/tools/echo", r#"{"message":"at once"}"#).map(read);
    assert!(call.is_some_and(|(code, _)| code == 200));
    assert_eq!(series(apart, "simply_mcp_child_up"), Some(1.0));
    assert_eq!(series(apart, "simply_mcp_child_restarts_total"), Some(0.0));
    assert_eq!(
        series(apart, "simply_mcp_child_requests_in_flight"),
        Some(0.0)
    );
    let first = series(apart, "simply_mcp_child_start_time_seconds").unwrap();
    assert!(first > 1.7e9, "{first}");

    let slow = send(main, "POST", "/tools/slow", r#"{"seconds":1}"#).unwrap();
    eventually("the call", || {
        (series(apart, "simply_mcp_child_requests_in_flight")? == 1.0).then_some(())
    });
    assert_eq!(read(slow).0, 200);

    fs::remove_file(shell.path("may-start")).unwrap();
    let crash = send(main, "POST", "/tools/crash", "").map(read);
    assert!(crash.is_some_and(|(code, _)| code == 503));
    waits(2);
    for address in [main, apart] {
        assert_eq!(status(address, "/health/ready"), Some(503));
        let (code, report) = get(address, "/health").unwrap();
        assert_eq!(code, 503);
        let report: Value = serde_json::from_str(&report).unwrap();
        assert_eq!(report["components"]["child"]["status"], "down");
        assert_eq!(series(address, "simply_mcp_child_up"), Some(0.0));
        assert_eq!(status(address, "/health/live"), Some(200));
    }
    let_start();
    eventually("the return", || is_ready(apart));
    assert_eq!(series(apart, "simply_mcp_child_restarts_total"), Some(1.0));
    assert!(series(apart, "simply_mcp_child_start_time_seconds").unwrap() > first);
}
