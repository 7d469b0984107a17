//! LOG-01: one event is one line, and each line is JSON, whatever a client or a child puts into it.

use super::server::{Server, lines, parsed, with_message};

/// What breaks logs, terminals and parsers.
const HOSTILE: &[&str] = &[
    "\r\n\r\nHTTP/1.1 200 OK",
    "\n{\"level\":\"ERROR\",\"message\":\"forged\"}",
    "\u{1b}[31mred\u{1b}[0m\u{1b}]0;title\u{7}",
    "\0nul\0",
    "\u{7f}\u{8}\u{9b}31m\u{85}",
    "\u{2028}\u{2029}\u{202e}\u{2066}\u{feff}\u{200b}",
    "\"},\"context\":{\"key\":\"admin\"}}",
    "\\\" \\u0000 \\",
    "%00%0d%0a%1b%ff",
    "${jndi:ldap://127.0.0.1/a}{{7*7}}$(id)`id`",
    "'; DROP TABLE logs; --<script>alert(1)</script>",
    "../../../../etc/passwd",
    "💥 e\u{301} \u{926}\u{947} \u{fdd0} \u{10ffff}",
    "NaN Infinity -0 1e999 null undefined true",
    "smcp_",
    " ",
];

const CONFIGURATION: &str = "logging: {file: FOLDER/log, level: TRACE}";

/// Percent-encodes every byte.
fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// `text` without what ends a header.
fn header(text: &str) -> Vec<u8> {
    text.bytes()
        .filter(|byte| !matches!(byte, 0 | b'\r' | b'\n'))
        .collect()
}

fn with_headers(text: &str) -> Vec<u8> {
    let body = serde_json::json!({"message": text}).to_string();
    let value = header(text);
    let mut request = b"POST /tools/echo HTTP/1.1\r\nHost: localhost\r\n".to_vec();
    for name in [
        "X-Correlation-ID",
        "User-Agent",
        "X-Forwarded-For",
        "Referer",
    ] {
        request.extend_from_slice(name.as_bytes());
        request.extend_from_slice(b": ");
        request.extend_from_slice(&value);
        request.extend_from_slice(b"\xff\xfe\r\n");
    }
    request.extend_from_slice(format!("Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes());
    request
}

fn call_of(tool: &str) -> String {
    serde_json::json!({
        "jsonrpc": "2.0", "id": tool, "method": "tools/call",
        "params": {"name": tool, "arguments": {tool: tool}, "_meta": {"progressToken": tool}}
    })
    .to_string()
}

/// Sends everything; returns how many calls of the echo were answered.
fn attack(server: &Server) -> usize {
    let mut echoed = 0;
    for text in HOSTILE {
        let mut client = server.client();
        client.post(&format!("/tools/{}", encoded(text)), "", "{}");
        client.post("/tools/echo", "", &format!("{text}{{"));
        let headers = "Content-Type: application/json\r\nAccept: application/json, text/event-stream\r\nMCP-Protocol-Version: 2025-03-26\r\n";
        server.client().post("/mcp", headers, &call_of(text));
        // A control character in a header is refused before there is a request.
        let answer = server.client().raw(&with_headers(text));
        echoed += usize::from(answer.is_some_and(|answer| answer.status == 200));
        let path = [
            b"GET /",
            text.as_bytes(),
            b"\xff HTTP/1.1\r\nHost: localhost\r\n\r\n",
        ];
        server.client().raw(&path.concat());
    }
    echoed
}

// LOG-01
#[test]
fn every_line_is_json_and_every_event_one_line_whatever_clients_send() {
    let mut server = Server::start(CONFIGURATION);
    server.read_console();
    let echoed: usize = std::thread::scope(|scope| {
        let attackers: Vec<_> = (0..4).map(|_| scope.spawn(|| attack(&server))).collect();
        attackers.into_iter().map(|it| it.join().unwrap()).sum()
    });
    assert!(echoed > 4 * 5, "{echoed}");
    assert_eq!(server.dropped(), 0.0);
    let (folder, _) = server.end();
    let lines = lines(&folder.path().join("log"));
    let finished = with_message(&lines, "Request completed");
    let count = finished.iter().filter(|line| {
        line["context"]["path"] == "/tools/echo" && line["context"]["status"] == 200
    });
    assert_eq!(count.count(), echoed);
    for line in &lines {
        assert_ne!(line["message"], "forged");
        assert_eq!(line.as_object().unwrap().len(), 6, "{line}");
    }
}

#[test]
fn console_and_file_say_the_same() {
    let server = Server::start(CONFIGURATION);
    server.serves(20);
    let (folder, said) = server.end();
    assert_eq!(parsed(said.as_bytes()), lines(&folder.path().join("log")));
}

// LOG-01, GW-06
#[test]
fn a_child_can_write_what_it_wants_and_each_of_its_lines_is_one() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/children/noisy.py");
    let server = Server::with_child(CONFIGURATION, &["python3", "-B", script, "hostile"]);
    let answer = server.client().post("/tools/echo", "", "{}");
    assert_eq!(answer.status, 200, "{answer:?}");
    let (folder, _) = server.end();
    let lines = lines(&folder.path().join("log"));
    let from_child: Vec<&str> = lines
        .iter()
        .filter(|line| line["logger"] == "simply_mcp::child")
        .map(|line| line["message"].as_str().unwrap())
        .collect();
    for number in 0..12 {
        let mark = format!("MARK-{number:02} ");
        let count = from_child
            .iter()
            .filter(|line| line.contains(&mark))
            .count();
        assert_eq!(count, 1, "{mark}: {from_child:?}");
    }
    let raw = std::fs::read(folder.path().join("log")).unwrap();
    let dangerous = |byte: &&u8| byte.is_ascii_control() && **byte != b'\n';
    assert_eq!(raw.iter().find(dangerous), None);
    assert!(from_child.iter().all(|line| line.len() < 5_000));
}
