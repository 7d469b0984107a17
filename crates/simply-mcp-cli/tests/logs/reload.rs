//! SIGHUP: files, level, and what waits for the next start.

use rustix::process::Signal;
use serde_json::Value;

use super::server::{Server, eventually, lines, with_message};

const READ_AGAIN: &str = "The configuration was read again";
const WAITING: &str = "These settings were changed as well; each takes effect at the next start";

fn log(server: &Server) -> Vec<Value> {
    lines(&server.path("log"))
}

/// The lines of finished calls, once that of the scrape after them is there too.
fn calls(server: &Server) -> usize {
    let called = |line: &&Value| line["context"]["path"] == "/tools/echo";
    log(server).iter().filter(called).count()
}

#[test]
fn the_level_is_changed_by_sighup_in_both_directions() {
    let server = Server::start("logging: {file: FOLDER/log}");
    server.serves(1);
    eventually("the line", || (calls(&server) == 1).then_some(()));

    server.configure("logging: {file: FOLDER/log, level: WARN}");
    server.hang_up();
    server.serves(1);

    server.configure("logging: {file: FOLDER/log, level: INFO}");
    server.hang_up();
    server.serves(1);
    eventually("the line", || (calls(&server) == 2).then_some(()));
    let (folder, _) = server.end();
    let lines = lines(&folder.path().join("log"));
    let read_again = with_message(&lines, READ_AGAIN);
    assert_eq!(read_again.len(), 1, "at WARN it is silent");
    assert_eq!(read_again[0]["context"]["level"], "INFO");
    assert!(with_message(&lines, WAITING).is_empty());
}

// STA-07
#[test]
fn a_bad_configuration_changes_nothing_and_every_error_is_said() {
    let server = Server::start("logging: {file: FOLDER/log}");
    let metric = |name: &str| server.metric(&format!("simply_mcp_config_{name}"));
    assert_eq!(metric("last_reload_successful"), 1.0);
    let started = metric("last_reload_success_timestamp_seconds");
    assert!(started > 1.6e9, "{started}");

    server.configure("logging: {file: FOLDER/log, level: LOUD}\nserver: {prot: 1}");
    server.hang_up();
    assert_eq!(metric("last_reload_successful"), 0.0);
    assert_eq!(metric("reload_failures_total"), 1.0);
    assert_eq!(metric("last_reload_success_timestamp_seconds"), started);
    server.serves(1);
    eventually("the line", || (calls(&server) == 1).then_some(()));
    let said = log(&server);
    for problem in ["logging.level", "server.prot"] {
        let names = |line: &&Value| line["message"].as_str().unwrap().contains(problem);
        let count = said.iter().filter(names).count();
        assert_eq!(count, 1, "{problem}: {said:?}");
    }

    server.configure("logging: {file: FOLDER/log}");
    server.hang_up();
    assert_eq!(metric("last_reload_successful"), 1.0);
    assert_eq!(metric("reloads_total"), 2.0);
    assert_eq!(metric("reload_failures_total"), 1.0);
    assert!(metric("last_reload_success_timestamp_seconds") >= started);
    server.end();
}

#[test]
fn every_other_change_is_named_and_waits_for_the_next_start() {
    let server = Server::start("logging: {file: FOLDER/log}");
    server.configure(
        "logging: {file: FOLDER/log, level: DEBUG, format: text}\nserver: {port: 1}\nrate_limit: {enabled: true}\nmcp: {state_key: canary-0123456789-0123456789-0123456789}",
    );
    server.hang_up();
    server.serves(1);
    let line = eventually("the line", || {
        let log = log(&server);
        with_message(&log, WAITING)
            .first()
            .map(|line| (*line).clone())
    });
    // The port of the flag stands above that of the file.
    let settings = line["context"]["settings"].as_str().unwrap();
    let mut settings: Vec<&str> = settings.split(", ").collect();
    settings.sort_unstable();
    assert_eq!(
        settings,
        ["logging.format", "mcp.state_key", "rate_limit.enabled"]
    );
    let (folder, said) = server.end();
    lines(&folder.path().join("log"));
    assert!(!said.contains("canary"), "{said}");
}

#[test]
fn no_hang_up_ends_the_program_at_start_under_load_or_in_the_drain() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/children/noisy.py");
    let command = ["python3", "-B", script, "slow-start"];
    let server = Server::hung_up_at_start("logging: {file: FOLDER/log}", &command);
    for _ in 0..20 {
        server.signal(Signal::HUP);
        assert_eq!(server.client().post("/tools/echo", "", "{}").status, 200);
    }
    server.hang_up();
    let (folder, _) = server.end_while_hung_up();
    let lines = lines(&folder.path().join("log"));
    assert!(with_message(&lines, READ_AGAIN).len() >= 2);
}
