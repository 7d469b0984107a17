//! GW-06: a child that floods its stderr costs the log little and calls nothing.

use std::{fs, time::Instant};

use super::server::{Server, eventually, lines, with_message};

/// Lines that the child writes: 64 MiB.
const FLOOD: u64 = 64 * 1024;

/// What a child may have logged: the constants of the gateway, with room for the fields around a line.
const LINES_PER_SECOND: u64 = 50;
const BYTES_PER_LINE: u64 = 4096 + 1024;

// GW-06
#[test]
fn a_flood_of_64_mib_is_counted_and_not_logged_and_calls_are_answered_meanwhile() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/children/noisy.py");
    let mut server = Server::with_child(
        "logging: {file: FOLDER/log}",
        &["python3", "-B", script, "flood"],
    );
    server.read_console();
    let mut client = server.client();
    let began = Instant::now();
    assert_eq!(client.post("/tools/flood", "", "{}").status, 200);
    let mut calls = 0_u64;
    eventually("the end of the flood", || {
        let answer = client.post("/tools/flooded", "", "{}");
        assert_eq!(answer.status, 200, "{answer:?}");
        calls += 1;
        answer.body.contains("True").then_some(())
    });
    assert_eq!(server.dropped(), 0.0);
    let (told, logged) = eventually("the count of what was left out", || {
        let lines = lines(&server.path("log"));
        let flood = lines.iter().filter(|line| {
            let message = line["message"].as_str().unwrap();
            line["logger"] == "simply_mcp::child" && message.starts_with("fff")
        });
        let logged = flood.count() as u64;
        let told = with_message(&lines, "the child wrote too many lines to stderr");
        let told = told
            .iter()
            .map(|line| line["context"]["suppressed"].as_u64().unwrap());
        let told: u64 = told.sum();
        (told + logged == FLOOD).then_some((told, logged))
    });
    assert!(told > logged, "{told} and {logged}");
    let seconds = began.elapsed().as_secs() + 2;
    let (folder, _) = server.end();
    let path = folder.path().join("log");
    let from_child: Vec<_> = lines(&path)
        .into_iter()
        .filter(|line| line["logger"] == "simply_mcp::child")
        .collect();
    assert!(
        from_child.len() as u64 <= 2 * LINES_PER_SECOND * seconds,
        "{}",
        from_child.len()
    );
    let cap = LINES_PER_SECOND * BYTES_PER_LINE * seconds + calls * 1024;
    let length = fs::metadata(&path).unwrap().len();
    assert!(length <= cap, "{length} of {cap}");
}
