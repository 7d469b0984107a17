//! The program as an operator runs it: start, log lines, signals, stdio, and what it says when it cannot start.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    process::{Child, ChildStderr, Command, Output, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;

/// The program without anything of our environment that could configure it.
fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_simply-mcp"));
    command
        .args(arguments)
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin");
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// A running server, ended when the test is.
struct Server {
    child: Child,
    address: String,
    log: BufReader<ChildStderr>,
    said: Vec<Value>,
}

impl Server {
    fn start(arguments: &[&str]) -> Self {
        Self::of(&mut program(
            &[&["serve", "--port", "0"], arguments].concat(),
        ))
    }

    fn of(command: &mut Command) -> Self {
        let mut child = command.spawn().unwrap();
        let log = BufReader::new(child.stderr.take().unwrap());
        let mut server = Self {
            child,
            address: String::new(),
            log,
            said: Vec::new(),
        };
        let start = server.line("Serving");
        let url = start["context"]["rest"].as_str().unwrap();
        server.address = url
            .trim_start_matches("http://")
            .trim_end_matches("/tools")
            .to_owned();
        server
    }

    /// The next log line with that message.
    fn line(&mut self, message: &str) -> Value {
        loop {
            let mut line = String::new();
            assert_ne!(
                self.log.read_line(&mut line).unwrap(),
                0,
                "no {message:?} in {:?}",
                self.said
            );
            let line: Value =
                serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line:?} is not JSON"));
            self.said.push(line.clone());
            if line["message"] == message {
                return line;
            }
        }
    }

    fn send(&self, request: &str) -> TcpStream {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        stream
    }

    fn post(&self, path: &str, body: &str) -> TcpStream {
        let length = body.len();
        self.send(&format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
        ))
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("/bin/kill")
            .args([name, &self.child.id().to_string()])
            .status();
        assert!(sent.unwrap().success());
    }

    fn exit_code(&mut self) -> Option<i32> {
        let deadline = Instant::now() + Duration::from_secs(20);
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            pause(20);
        }
        panic!("still running");
    }
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
fn pause(milliseconds: u64) {
    std::thread::sleep(Duration::from_millis(milliseconds));
}

fn read(mut stream: TcpStream) -> String {
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn fails(arguments: &[&str]) -> (Option<i32>, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = program(arguments).output().unwrap();
    assert!(stdout.is_empty(), "{}", String::from_utf8_lossy(&stdout));
    (status.code(), String::from_utf8(stderr).unwrap())
}

#[test]
fn the_guides_curl_is_answered_and_logged_without_its_arguments() {
    let mut server = Server::start(&[]);
    let answer = read(server.post("/tools/echo", r#"{"message":"canary-7Q"}"#));
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(
        answer.ends_with(r#"{"success":true,"tool":"echo","result":"canary-7Q"}"#),
        "{answer}"
    );
    let line = server.line("Request completed");
    let keys: Vec<_> = line
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    for key in [
        "timestamp",
        "level",
        "logger",
        "message",
        "correlation_id",
        "context",
    ] {
        assert!(keys.contains(&key), "{keys:?}");
    }
    let context = &line["context"];
    assert_eq!(context["method"], "POST");
    assert_eq!(context["path"], "/tools/echo");
    assert_eq!(context["status"], 200);
    assert_eq!(context["tool"], "echo");
    assert!(context["duration"].is_f64());
    assert!(answer.contains(line["correlation_id"].as_str().unwrap()));
}

#[test]
fn not_even_at_trace_is_an_argument_or_a_key_logged() {
    let mut child = program(&["serve", "--port", "0"])
        .env("MCP_HTTP_LOGGING__LEVEL", "TRACE")
        .spawn()
        .unwrap();
    let log = BufReader::new(child.stderr.take().unwrap());
    let mut server = Server {
        child,
        address: String::new(),
        log,
        said: Vec::new(),
    };
    let start = server.line("Serving");
    server.address = start["context"]["health"].as_str().unwrap()[7..]
        .trim_end_matches("/health")
        .to_owned();
    for path in ["/tools/echo", "/tools/add", "/tools/canary-7Q%0a"] {
        read(server.post(path, r#"{"message":"canary-7Q","a":"canary-7Q"}"#));
    }
    let call = r#"{"jsonrpc":"2.0","id":"canary-7Q","method":"tools/call","params":{"name":"echo","arguments":{"message":"canary-7Q"},"_meta":{"progressToken":"canary-7Q"}}}"#;
    let length = call.len();
    read(server.send(&format!(
        "POST /mcp HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer canary-7Q\r\nContent-Type: application/json\r\nAccept: application/json, text/event-stream\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{call}"
    )));
    server.signal("-TERM");
    assert_eq!(server.exit_code(), Some(0));
    let mut rest = String::new();
    server.log.read_to_string(&mut rest).unwrap();
    // A path is what the client asked for: that one stands in the log, escaped.
    let lines: Vec<&str> = rest
        .lines()
        .filter(|line| !line.contains("/tools/canary-7Q%0a"))
        .collect();
    assert!(lines.len() >= 4, "{rest}");
    assert!(!lines.iter().any(|line| line.contains("canary")), "{rest}");
}

#[test]
fn a_signal_lets_running_requests_finish_and_ends_with_0() {
    for signal in ["-TERM", "-INT"] {
        let mut server = Server::start(&[]);
        let call = server.post("/tools/countdown", r#"{"seconds":1}"#);
        pause(300);
        server.signal(signal);
        pause(200);
        assert!(
            TcpStream::connect(&server.address).is_err(),
            "a new connection was accepted"
        );
        let answer = read(call);
        assert!(answer.contains("counted 1 seconds"), "{answer}");
        assert_eq!(server.exit_code(), Some(0));
    }
}

#[test]
fn a_second_signal_ends_at_once() {
    for (signal, code) in [("-TERM", 143), ("-INT", 130)] {
        let mut server = Server::start(&[]);
        let _call = server.post("/tools/countdown", r#"{"seconds":60}"#);
        pause(300);
        server.signal(signal);
        pause(300);
        let asked = Instant::now();
        server.signal(signal);
        assert_eq!(server.exit_code(), Some(code));
        assert!(
            asked.elapsed() < Duration::from_secs(2),
            "{:?}",
            asked.elapsed()
        );
    }
}

#[test]
fn a_port_in_use_is_named_with_what_helps() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let (code, said) = fails(&["serve", "--port", &port]);
    assert_eq!(code, Some(1));
    assert!(
        said.contains(&format!("127.0.0.1:{port}")) && said.contains("--port"),
        "{said}"
    );
}

#[test]
fn a_command_that_cannot_be_started_is_named() {
    let (code, said) = fails(&["serve", "--port", "0", "--", "no-such-program-here"]);
    assert_eq!(code, Some(1));
    assert!(said.contains("no-such-program-here"), "{said}");
    let (code, said) = fails(&[
        "serve",
        "--port",
        "0",
        "--",
        "sh",
        "-c",
        "echo the reason >&2; exit 3",
    ]);
    assert_eq!(code, Some(1));
    assert!(said.contains("the reason"), "{said}");
}

#[test]
fn a_key_in_the_environment_closes_the_server_to_everybody_else() {
    for name in ["MCP_API_KEY", "MCP_HTTP_API_KEY"] {
        let mut command = program(&["serve", "--port", "0"]);
        let mut server = Server::of(command.env(name, "canary-7Q-secret-key"));
        let call = |key: &str| {
            let request = format!(
                "POST /tools/echo HTTP/1.1\r\nHost: localhost\r\n{key}Connection: close\r\nContent-Length: 17\r\n\r\n{{\"message\": \"hi\"}}"
            );
            read(server.send(&request))
        };
        assert!(call("").starts_with("HTTP/1.1 401"), "{name}");
        assert!(call("Authorization: Bearer x\r\n").starts_with("HTTP/1.1 401"));
        let good = call("Authorization: Bearer canary-7Q-secret-key\r\n");
        assert!(good.starts_with("HTTP/1.1 200"), "{good}");
        server.signal("-TERM");
        assert_eq!(server.exit_code(), Some(0));
        let mut rest = String::new();
        server.log.read_to_string(&mut rest).unwrap();
        assert!(
            rest.contains("\"reason\":\"missing\"") && rest.contains("\"key\":\"default\""),
            "{rest}"
        );
        let said: String = server.said.iter().map(ToString::to_string).collect();
        assert!(
            !rest.contains("canary") && !said.contains("canary"),
            "{rest}"
        );
    }
}

#[test]
fn an_open_server_that_somebody_meant_to_close_does_not_start() {
    let output = program(&["serve", "--port", "0"])
        .env("MCP_HTTP_AUTH__ENABLED", "true")
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(78), "{said}");
    assert!(said.contains("simply-mcp keys new"), "{said}");
    let output = program(&["serve", "--port", "0"])
        .env("MCP_HTTP_AUTH__KEYS_FILE", "/nowhere/keys.yaml")
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(78), "{said}");
    assert!(
        said.contains("/nowhere/keys.yaml: there is no such file"),
        "{said}"
    );
    let (code, said) = fails(&["serve", "--host", "0.0.0.0", "--port", "0"]);
    assert_eq!(code, Some(78));
    assert!(said.contains("auth"), "{said}");
}

#[test]
fn over_stdio_nothing_but_mcp_is_written_to_stdout() {
    let mut child = program(&["serve", "--transport", "stdio"])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    for message in [
        r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#,
        r#"{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"echo","arguments":{"message":"Hello"}}}"#,
    ] {
        writeln!(input, "{message}").unwrap();
    }
    let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next = || serde_json::from_str::<Value>(&output.next().unwrap().unwrap()).unwrap();
    assert_eq!(next()["result"]["serverInfo"]["name"], "simply-mcp-demo");
    assert_eq!(next()["result"]["content"][0]["text"], "Hello");
    drop(input);
    assert!(output.next().is_none());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
