//! Lines as they stand in the file.

use std::{fs, net::SocketAddr, time::Duration};

use http::Request;
use serde_json::{Value, json};

use super::*;
use crate::facts::{Known, PeerAddress, Principal};

const PATIENCE: Duration = Duration::from_secs(30);

/// A record in a directory of its own.
struct Fixture {
    directory: tempfile::TempDir,
    audit: Audit,
}

fn fixture(arguments: &Value) -> Fixture {
    let directory = tempfile::tempdir().unwrap();
    let settings = config::Audit {
        file: Some(directory.path().join("audit.log")),
        arguments: serde_json::from_value(arguments.clone()).unwrap(),
    };
    let audit = Audit::open(&settings).unwrap().unwrap();
    Fixture { directory, audit }
}

impl Fixture {
    fn text(&self) -> String {
        assert!(self.audit.writer.flush(PATIENCE));
        fs::read_to_string(self.directory.path().join("audit.log")).unwrap()
    }

    fn only_line(&self) -> Value {
        serde_json::from_str(self.text().trim_end()).unwrap()
    }
}

fn parts(caller: Caller) -> Parts {
    let (mut parts, ()) = Request::new(()).into_parts();
    let peer: SocketAddr = ([192, 0, 2, 7], 4711).into();
    parts.extensions.insert(PeerAddress(peer));
    parts.extensions.insert(CorrelationId("id-1".into()));
    parts.extensions.insert(caller);
    parts
}

fn key(name: &str) -> Caller {
    Caller::known(Known::new(Principal::Key(name.into())).into())
}

fn object(value: Value) -> JsonObject {
    serde_json::from_value(value).unwrap()
}

#[test]
fn a_line_says_who_called_what_when_and_with_which_outcome() {
    let it = fixture(&json!({"search": ["query", "limit", "absent"]}));
    let mut record = Record::new("rest", "search", Some(&parts(key("alice"))));
    let arguments = object(json!({"limit": 5, "query": "rust", "password": "canary"}));
    it.audit.note(&mut record, "search", Some(&arguments));
    it.audit
        .write(&record, "success", Duration::from_millis(1500));
    let text = it.text();
    let (before, after) = text.split_once("Z\",").unwrap();
    let digits = before.strip_prefix("{\"timestamp\":\"").unwrap();
    assert_eq!(digits.len(), "2026-01-01T00:00:00.000".len(), "{digits}");
    assert_eq!(
        after,
        "\"correlation_id\":\"id-1\",\"caller\":{\"kind\":\"key\",\"name\":\"alice\"},\
         \"client\":\"192.0.2.7\",\"tool\":\"search\",\"door\":\"rest\",\"outcome\":\"success\",\
         \"duration\":1.5,\"arguments\":{\"query\":\"rust\",\"limit\":5}}\n"
    );
}

#[test]
fn every_kind_of_caller_is_told_apart() {
    let token = |client: Option<&str>| {
        Caller::known(
            Known::new(Principal::Token {
                issuer: "https://issuer.example".into(),
                subject: "alice".into(),
                client: client.map(Into::into),
            })
            .into(),
        )
    };
    let issuer = "https://issuer.example";
    for (caller, expected) in [
        (Caller::anonymous(), json!({"kind": "anonymous"})),
        (key("alice"), json!({"kind": "key", "name": "alice"})),
        (
            token(None),
            json!({"kind": "token", "name": "alice", "issuer": issuer}),
        ),
        (
            token(Some("app")),
            json!({"kind": "token", "name": "alice", "issuer": issuer, "client": "app"}),
        ),
    ] {
        let it = fixture(&json!({}));
        let record = Record::new("mcp", "t", Some(&parts(caller)));
        it.audit.write(&record, "cancelled", Duration::ZERO);
        assert_eq!(it.only_line()["caller"], expected);
    }
}

// LOG-01
#[test]
fn whatever_a_client_sends_is_one_line_of_valid_json() {
    let hostile = "a\n{\"forged\": true}\r\u{1b}[31m\u{9b}\u{2028}\u{202e}\u{0}\"\\";
    let it = fixture(&json!({ hostile: [hostile, "huge"] }));
    let mut record = Record::new("mcp", hostile, Some(&parts(key(hostile))));
    let huge = "\u{202e}".repeat(1_000_000);
    let arguments = object(json!({ hostile: hostile, "huge": huge }));
    it.audit.note(&mut record, hostile, Some(&arguments));
    it.audit.write(&record, "success", Duration::ZERO);
    let text = it.text();
    let line = text.strip_suffix('\n').unwrap();
    assert!(!line.contains(crate::logs::is_dangerous), "{line}");
    assert!(line.len() < 16 * 1024, "{}", line.len());
    let line = it.only_line();
    assert_eq!(line["tool"], hostile);
    assert_eq!(line["caller"]["name"], hostile);
    assert_eq!(line["arguments"][hostile], hostile);
    assert!(
        line["arguments"]["huge"]
            .as_str()
            .unwrap()
            .ends_with("(cut)")
    );
}

#[test]
fn arguments_that_nobody_named_do_not_stand_in_the_record() {
    let it = fixture(&json!({"other": ["password"]}));
    let mut record = Record::new("rest", "search", Some(&parts(key("alice"))));
    let arguments = object(json!({"password": "canary", "canary": 1}));
    it.audit.note(&mut record, "search", Some(&arguments));
    it.audit.write(&record, "success", Duration::ZERO);
    assert!(!it.text().contains("canary"), "{}", it.text());
    assert_eq!(it.only_line()["arguments"], json!({}));
}

#[cfg(unix)]
#[test]
fn nobody_else_may_read_the_file_that_is_made() {
    use std::os::unix::fs::PermissionsExt;
    let it = fixture(&json!({}));
    let path = it.directory.path().join("audit.log");
    let mode = fs::metadata(path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_file_that_cannot_be_opened_is_said_by_its_setting() {
    let settings = config::Audit {
        file: Some("/nowhere/at/all/audit.log".into()),
        ..config::Audit::default()
    };
    let error = Audit::open(&settings).unwrap_err().to_string();
    assert!(
        error.starts_with("audit.file: /nowhere/at/all/audit.log: "),
        "{error}"
    );
    assert!(Audit::open(&config::Audit::default()).unwrap().is_none());
}

#[test]
fn the_line_that_says_what_is_missing_is_json_as_well() {
    let line = line::of_losses(OffsetDateTime::UNIX_EPOCH, 7);
    assert_eq!(
        line,
        "{\"timestamp\":\"1970-01-01T00:00:00.000Z\",\"lines_lost\":7}"
    );
}
