//! How the program ends where its child does not want to.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "support/served.rs"]
mod served;

use serde_json::json;

use self::served::{Served, child};

fn before_a_stubborn_child() -> Served {
    let directory = tempfile::tempdir().unwrap();
    let child = child("hostile.py");
    Served::start(
        directory,
        &json!({}),
        &[],
        &["python3", "-B", &child, "stubborn"],
    )
}

#[test]
fn a_second_signal_does_not_wait_for_the_child() {
    for (signal, code) in [("TERM", 143), ("INT", 130)] {
        let mut server = before_a_stubborn_child();
        server.signal(signal);
        server.says("ended; every request was answered");
        server.signal(signal);
        assert_eq!(server.exit_code(), Some(code));
    }
}

#[test]
fn a_child_that_does_not_listen_is_ended_after_its_time() {
    let mut server = before_a_stubborn_child();
    server.signal("TERM");
    assert_eq!(server.exit_code(), Some(0));
}
