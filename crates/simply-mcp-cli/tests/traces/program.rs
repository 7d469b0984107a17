//! The program in front of a child, and an HTTP client that hides nothing.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Arc, Condvar, Mutex},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::collector::Collector;

/// The one key that is let in.
pub(crate) const KEY: &str = "0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d";

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Program {
    child: Child,
    address: String,
    log: Arc<(Mutex<String>, Condvar)>,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    /// The body as JSON, out of the event stream it may be in.
    pub(crate) fn json(&self) -> Value {
        let mut events = self.body.lines().filter_map(|line| {
            let data = line.strip_prefix("data:")?.trim();
            (!data.is_empty()).then_some(data)
        });
        let text = events.next_back().unwrap_or(&self.body);
        serde_json::from_str(text).unwrap_or_else(|_| panic!("{}{}", self.head, self.body))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(": ")?;
            found.eq_ignore_ascii_case(name).then_some(value)
        })
    }
}

impl Program {
    /// The program, with traces for `collector`, and whatever else the variables say.
    pub(crate) fn traced(collector: &Collector, variables: &[(&str, &str)]) -> Self {
        let mut all = vec![
            ("MCP_HTTP_MONITORING__TRACING_ENABLED", "true"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &*collector.endpoint),
            ("OTEL_BSP_SCHEDULE_DELAY", "50"),
        ];
        all.extend(variables);
        Self::start(&all)
    }

    pub(crate) fn start(variables: &[(&str, &str)]) -> Self {
        let mut child = command(variables).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap());
        let log: Arc<(Mutex<String>, Condvar)> = Arc::default();
        let written = Arc::clone(&log);
        thread::spawn(move || {
            let mut line = String::new();
            while lines.read_line(&mut line).is_ok_and(|read| read > 0) {
                written.0.lock().unwrap().push_str(&line);
                written.1.notify_all();
                line.clear();
            }
        });
        let mut program = Self {
            child,
            address: String::new(),
            log,
        };
        let serving = program.line(|line| line["message"] == "Serving");
        let url = serving["context"]["rest"].as_str().unwrap();
        let address = url.trim_start_matches("http://");
        program.address = address.trim_end_matches("/tools").to_owned();
        program
    }

    /// Waits for a line of the log.
    pub(crate) fn line(&self, wanted: impl Fn(&Value) -> bool) -> Value {
        let found = |log: &str| {
            let mut lines = log
                .lines()
                .filter_map(|line| serde_json::from_str(line).ok());
            lines.find(|line| wanted(line))
        };
        let log = self.log.0.lock().unwrap();
        let wait = self
            .log
            .1
            .wait_timeout_while(log, PATIENCE, |log| found(log).is_none());
        let (log, _) = wait.unwrap();
        found(&log).unwrap_or_else(|| panic!("no such line in {log}"))
    }

    /// All that was logged so far.
    pub(crate) fn log(&self) -> String {
        self.log.0.lock().unwrap().clone()
    }

    pub(crate) fn send(&self, head: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut text = format!(
            "{head} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nauthorization: Bearer {KEY}\r\n\
             content-type: application/json\r\naccept: application/json, text/event-stream\r\n\
             content-length: {}\r\n",
            body.len()
        );
        for (name, value) in headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
            .write_all(format!("{text}\r\n{body}").as_bytes())
            .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        Answer {
            status: head.split(' ').nth(1).unwrap().parse().unwrap(),
            head: head.to_owned(),
            body: if head.contains("transfer-encoding: chunked") {
                unchunked(body)
            } else {
                body.to_owned()
            },
        }
    }

    /// A call by REST.
    pub(crate) fn rest(&self, tool: &str, headers: &[(&str, &str)], arguments: &Value) -> Answer {
        let head = format!("POST /tools/{tool}");
        self.send(&head, headers, &arguments.to_string())
    }

    /// A call by MCP, the direct way.
    pub(crate) fn direct(&self, tool: &str, headers: &[(&str, &str)], meta: &Value) -> Answer {
        let version = [("mcp-protocol-version", "2025-06-18")];
        let headers = [headers, &version].concat();
        self.send("POST /mcp", &headers, &call(tool, meta).to_string())
    }

    pub(crate) fn terminate(&self) {
        let sent = Command::new("/bin/kill")
            .args(["-TERM", &self.child.id().to_string()])
            .status();
        assert!(sent.unwrap().success());
    }

    pub(crate) fn exit_code(&mut self) -> Option<i32> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(Instant::now() < deadline, "still running");
            pause();
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A message that calls a tool.
pub(crate) fn call(tool: &str, meta: &Value) -> Value {
    let arguments = json!({"message": "canary-argument"});
    let params = json!({"name": tool, "arguments": arguments, "_meta": meta});
    json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params})
}

/// The program in front of the well-behaved child, not started yet.
pub(crate) fn command(variables: &[(&str, &str)]) -> Command {
    let child = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/children/well_behaved.py");
    let mut command = Command::new(env!("CARGO_BIN_EXE_simply-mcp"));
    command
        .args(["serve", "--port", "0", "--", "python3", "-B"])
        .arg(child)
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("MCP_API_KEY", KEY)
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    command
}

#[expect(
    clippy::disallowed_methods,
    reason = "a test of another process has nothing else to do"
)]
fn pause() {
    thread::sleep(Duration::from_millis(20));
}

fn unchunked(mut body: &str) -> String {
    let mut whole = String::new();
    while let Some((size, rest)) = body.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).unwrap();
        whole.push_str(&rest[..size]);
        body = rest[size..].trim_start_matches("\r\n");
    }
    whole
}
