//! LOG-04: wherever the lines go and whatever becomes of them there, requests are answered.

use std::{fs, process::Command};

use serde_json::json;

use super::server::{Server, eventually, lines, parsed, with_message};

/// Enough for a few pages of log.
const CALLS: usize = 50;

const LOST: &str = "Lines were lost before this one: they came faster than they could be written, or could not be \
                    written at all";

// LOG-04
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_fails_no_request_and_is_counted_and_told_elsewhere() {
    let server = Server::start("logging: {file: /dev/full}");
    server.serves(CALLS);
    eventually("the count", || {
        (server.dropped() >= CALLS as f64).then_some(())
    });
    let (_, said) = server.end();
    let said = parsed(said.as_bytes());
    let complaints = said.iter().filter(|line| {
        let message = line["message"].as_str().unwrap();
        message.starts_with("Lines cannot be written to /dev/full")
    });
    assert_eq!(complaints.count(), 1);
    assert_eq!(with_message(&said, "Request completed").len(), CALLS + 1);
    assert!(with_message(&said, "Something panicked").is_empty());
}

// LOG-04
#[test]
fn a_file_that_may_not_grow_has_whole_lines_and_goes_on_when_there_is_room() {
    let server = Server::with_file_limit("logging: {file: FOLDER/log}", 8);
    server.serves(CALLS);
    let lost = eventually("the count", || {
        Some(server.dropped()).filter(|lost| *lost > 0.0)
    });
    let full = fs::read(server.path("log")).unwrap();
    assert!(full.len() > 3_000, "{}", full.len());
    parsed(&full);
    fs::remove_file(server.path("log")).unwrap();
    server.serves(1);
    let told = eventually("the line that tells", || {
        let again = parsed(&fs::read(server.path("log")).ok()?);
        let told = with_message(&again, LOST);
        Some(told.first()?["context"]["lost"].as_f64().unwrap())
    });
    assert!(told >= lost, "{told} of {lost}");
    server.end();
}

// LOG-04
#[test]
fn a_directory_that_is_gone_and_comes_back_fails_no_request() {
    let server = Server::start_in("logging: {file: FOLDER/inner/log}", &["inner"]);
    server.serves(1);
    fs::remove_dir_all(server.path("inner")).unwrap();
    server.serves(CALLS);
    eventually("the count", || (server.dropped() > 0.0).then_some(()));
    fs::create_dir(server.path("inner")).unwrap();
    server.serves(1);
    eventually("the line that tells", || {
        let log = fs::read(server.path("inner/log")).ok()?;
        (!with_message(&parsed(&log), LOST).is_empty()).then_some(())
    });
    server.end();
}

// LOG-04
#[test]
fn a_pipe_in_the_place_of_the_file_holds_nothing_up() {
    let server = Server::start("logging: {file: FOLDER/log}");
    let pipe = server.path("pipe");
    assert!(
        Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );
    // In one step: else the server may make the file again in between.
    fs::rename(&pipe, server.path("log")).unwrap();
    server.serves(CALLS);
    eventually("the count", || (server.dropped() > 0.0).then_some(()));
    fs::remove_file(server.path("log")).unwrap();
    server.serves(1);
    eventually("the line that tells", || {
        let log = fs::read(server.path("log")).ok()?;
        (!with_message(&parsed(&log), LOST).is_empty()).then_some(())
    });
    server.end();
}

// LOG-04
#[test]
fn a_deleted_file_is_made_again() {
    let server = Server::start("logging: {file: FOLDER/log}");
    server.serves(1);
    fs::remove_file(server.path("log")).unwrap();
    server.serves(CALLS);
    assert_eq!(server.dropped(), 0.0);
    let (folder, _) = server.end();
    let lines = lines(&folder.path().join("log"));
    assert!(with_message(&lines, "Request completed").len() >= CALLS);
}

// LOG-04
#[test]
fn a_console_that_nobody_has_any_more_fails_no_request() {
    let mut server = Server::start("logging: {file: FOLDER/log}");
    server.close_console();
    server.serves(CALLS);
    eventually("the count", || {
        (server.dropped() >= CALLS as f64).then_some(())
    });
    let (folder, _) = server.end();
    let lines = lines(&folder.path().join("log"));
    assert_eq!(
        lines
            .iter()
            .filter(|line| line["context"]["path"] == "/tools/echo")
            .count(),
        CALLS,
        "the file has them all"
    );
    assert!(with_message(&lines, "Something panicked").is_empty());
}

// LOG-04
#[test]
fn a_console_that_nobody_reads_fails_no_request_and_holds_up_no_end() {
    let mut server = Server::start("logging: {}");
    // A pipe holds 64 KiB, the queue 4 MiB twice.
    let mut client = server.client();
    let mut calls = 0;
    while calls % 1_000 != 0 || calls == 0 || server.dropped() == 0.0 {
        assert_eq!(client.echo("some").status, 200);
        calls += 1;
        assert!(calls < 100_000, "nothing was ever dropped");
    }
    server.signal(rustix::process::Signal::TERM);
    assert_eq!(server.exit_code(), Some(0));
}

#[test]
fn at_the_end_everything_that_was_queued_is_written() {
    let server = Server::start("logging: {file: FOLDER/log}");
    server.serves(500);
    let (folder, said) = server.end();
    let last = "ended; every request was answered";
    for lines in [parsed(said.as_bytes()), lines(&folder.path().join("log"))] {
        assert_eq!(with_message(&lines, "Request completed").len(), 500);
        assert_eq!(with_message(&lines, last).len(), 1);
    }
}

#[test]
fn the_console_is_silent_when_it_is_off() {
    let server = Server::start("logging: {enable_console: false, file: FOLDER/log}");
    server.serves(3);
    let (folder, said) = server.end();
    assert_eq!(said, "");
    assert!(!lines(&folder.path().join("log")).is_empty());
}

#[test]
fn what_ends_a_start_is_said_although_the_console_is_off() {
    let folder = tempfile::tempdir().unwrap();
    let run = |command: &str, logging: &str| {
        let config = folder.path().join("config.yaml");
        fs::write(&config, format!("logging: {logging}\n")).unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_simply-mcp"))
            .args([command, "--config"])
            .arg(config)
            .env_clear()
            .output()
            .unwrap();
        (
            output.status.code(),
            String::from_utf8(output.stderr).unwrap(),
        )
    };
    for command in ["serve", "check"] {
        let (code, said) = run(command, "{enable_console: false, file: /nowhere/log}");
        assert_eq!(code, Some(78), "{said}");
        assert!(
            said.contains("config.yaml:1") && said.contains("/nowhere does not exist; create it"),
            "{said}"
        );
    }
    let (code, said) = run("check", "{enable_console: false, rotate_bytes: 4096}");
    assert_eq!(code, Some(0));
    assert!(
        said.contains("logging.enable_console: ") && said.contains("logging.rotate_bytes: "),
        "{said}"
    );
}

#[test]
fn without_structure_the_facts_are_in_the_message() {
    for (structured, context) in [(true, json!("POST")), (false, json!(null))] {
        let server = Server::start(&format!(
            "logging: {{file: FOLDER/log, structured: {structured}}}"
        ));
        server.serves(1);
        let (folder, _) = server.end();
        let lines = lines(&folder.path().join("log"));
        let line = lines
            .iter()
            .find(|line| {
                line["message"]
                    .as_str()
                    .unwrap()
                    .starts_with("Request completed")
            })
            .unwrap();
        assert_eq!(line["context"]["method"], context);
        let told = line["message"]
            .as_str()
            .unwrap()
            .contains("method=POST path=/tools/echo status=200");
        assert_eq!(told, !structured, "{line}");
    }
}

#[test]
fn text_is_for_people_and_has_no_colours_where_there_is_no_terminal() {
    let server = Server::start("logging: {file: FOLDER/log, format: text}");
    server.serves(1);
    let (folder, said) = server.end();
    let log = fs::read_to_string(folder.path().join("log")).unwrap();
    assert_eq!(log, said);
    assert!(!log.contains('\x1b'), "{log}");
    let line = log.lines().find(|line| line.contains("Request completed"));
    assert!(line.unwrap().contains(" INFO  "), "{log}");
}
