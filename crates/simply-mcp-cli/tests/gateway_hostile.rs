//! The gateway with children that fail, cheat and die: they harm themselves only.

mod support;

use std::time::{Duration, Instant};

use rmcp::service::ServiceError;
use rustix::process::Signal;
use serde_json::json;
use simply_mcp_cli::gateway::{ChildCommand, ChildVariable, Gateway, GatewayError, GatewayOptions};
use support::{
    call, client, eventually, failure, hostile, json_of, options, processes_with, python, refusal,
    signal, start, text, text_of, unique_seconds, well_behaved,
};

const SOON: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread")]
async fn a_child_that_cannot_start_is_explained() {
    let error = failure(
        ChildCommand::new("no-such-program").arguments(["x"]),
        options(),
    )
    .await;
    assert!(matches!(error, GatewayError::NotFound { .. }));
    assert!(error.to_string().contains("`no-such-program x`"), "{error}");
    let error = failure(python("hostile.py", &["exits"]), options())
        .await
        .to_string();
    assert!(
        error.contains("exit code 3") && error.contains("missing the API key"),
        "{error}"
    );
    let impatient = GatewayOptions {
        start_timeout: Duration::from_secs(1),
        ..options()
    };
    for fault in ["silent", "no-mcp"] {
        let error = failure(python("hostile.py", &[fault]), impatient.clone()).await;
        assert!(matches!(error, GatewayError::Silent { .. }), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_child_that_ends_at_an_unknown_request_is_started_once_more_without_it() {
    let gateway = hostile("dies-on-discover").await;
    assert_eq!(
        text(&client(&gateway).await, "fine", json!({})).await,
        "fine"
    );
    gateway.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn gw_09_a_list_with_a_name_twice_is_refused_at_start() {
    let error = failure(python("hostile.py", &["duplicates"]), options()).await;
    assert!(
        matches!(&error, GatewayError::DuplicateTool { tool, .. } if tool == "pid"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn gw_02_a_crash_fails_what_is_in_flight_within_a_second_and_the_child_comes_back() {
    let gateway = well_behaved().await;
    let client = client(&gateway).await;
    let (slow, crash) = tokio::join!(
        async {
            let began = Instant::now();
            (
                call(&client, "slow", json!({"seconds": 60})).await,
                began.elapsed(),
            )
        },
        async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            call(&client, "crash", json!({})).await
        },
    );
    assert!(slow.1 < Duration::from_millis(1300), "{:?}", slow.1);
    for error in [slow.0.unwrap_err(), crash.unwrap_err()] {
        let (code, message, data) = refusal(&error);
        assert_eq!((code, &data["code"]), (-32000, &json!("child_down")));
        assert!(message.contains("stopped (exit code 1)"), "{message}");
    }
    let mut status = gateway.watch_status();
    tokio::time::timeout(
        SOON,
        status.wait_for(|status| status.is_up && status.restarts == 1),
    )
    .await
    .unwrap()
    .unwrap();
    assert_eq!(gateway.status().last_exit.as_deref(), Some("exit code 1"));
    assert_eq!(
        text(&client, "echo", json!({"message": "back"})).await,
        "back"
    );
    gateway.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn gw_02_a_child_that_is_down_is_answered_for_quickly() {
    let slow_restart = GatewayOptions {
        restart: simply_mcp_cli::gateway::RestartPolicy {
            first_delay: Duration::from_secs(60),
            longest_delay: Duration::from_secs(60),
            ..Default::default()
        },
        ..options()
    };
    let gateway = Gateway::start(python("well_behaved.py", &[]), slow_restart)
        .await
        .unwrap();
    let client = client(&gateway).await;
    let _ = call(&client, "crash", json!({})).await;
    eventually("down", SOON, || !gateway.status().is_up).await;
    let began = Instant::now();
    for _ in 0..100 {
        let error = call(&client, "echo", json!({})).await.unwrap_err();
        assert_eq!(refusal(&error).2["code"], "child_down");
    }
    assert!(began.elapsed() < Duration::from_secs(2));
    gateway.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn gw_02_a_child_that_dies_again_and_again_makes_no_storm() {
    let gateway = hostile("dies-after-start").await;
    tokio::time::sleep(Duration::from_secs(4)).await;
    let restarts = gateway.status().restarts;
    assert!(
        (1..=6).contains(&restarts),
        "{restarts} restarts in 4 seconds"
    );
    gateway.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn gw_02_a_child_that_is_killed_in_a_loop_always_comes_back() {
    let eager = GatewayOptions {
        restart: simply_mcp_cli::gateway::RestartPolicy {
            first_delay: Duration::from_millis(10),
            // Each life counts as long enough, so each pause is the first one.
            stable_after: Duration::ZERO,
            ..Default::default()
        },
        ..options()
    };
    let gateway = Gateway::start(python("hostile.py", &["none"]), eager)
        .await
        .unwrap();
    let client = client(&gateway).await;
    for round in 1..=15 {
        let pid: u32 = text(&client, "pid", json!({})).await.parse().unwrap();
        signal(pid, Signal::KILL);
        let mut status = gateway.watch_status();
        let back = status.wait_for(|status| status.is_up && status.restarts == round);
        tokio::time::timeout(SOON, back).await.unwrap().unwrap();
        assert_eq!(gateway.status().last_exit.as_deref(), Some("signal 9"));
    }
    gateway.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn gw_03_a_stubborn_child_is_ended_step_by_step() {
    for (fault, least, most) in [
        ("polite", 0, 2500),
        ("ignores-close", 2900, 4500),
        ("stubborn", 5900, 8000),
    ] {
        let marker = unique_seconds();
        let gateway = start(python("hostile.py", &[fault, &marker])).await;
        assert!(!processes_with(&marker).is_empty());
        let began = Instant::now();
        gateway.shutdown().await;
        let took = began.elapsed().as_millis();
        assert!((least..most).contains(&took), "{fault}: {took} ms");
        assert_eq!(processes_with(&marker), Vec::<u32>::new(), "{fault}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn gw_01_what_the_child_started_ends_with_it() {
    let marker = unique_seconds();
    let gateway = start(python("hostile.py", &["forks", &marker])).await;
    let client = client(&gateway).await;
    let pid: u32 = text(&client, "pid", json!({})).await.parse().unwrap();
    // The guard, the child, and two `sleep`s, one of them in a session of its own.
    eventually("all run", SOON, || processes_with(&marker).len() == 4).await;
    let before = processes_with(&marker);
    signal(pid, Signal::KILL);
    eventually("the first tree is gone", Duration::from_secs(3), || {
        before
            .iter()
            .all(|old| !processes_with(&marker).contains(old))
    })
    .await;
    eventually("a second tree", SOON, || {
        gateway.status().is_up && gateway.status().restarts == 1
    })
    .await;
    drop(client);
    gateway.shutdown().await;
    assert_eq!(processes_with(&marker), Vec::<u32>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn gw_01_a_guard_that_is_killed_takes_its_child_with_it() {
    let marker = unique_seconds();
    let gateway = start(python("hostile.py", &["stubborn", &marker])).await;
    let before = processes_with(&marker);
    let is_guard = |process: &&u32| {
        let line = std::fs::read(format!("/proc/{process}/cmdline")).unwrap();
        String::from_utf8_lossy(&line).contains("__child-guard")
    };
    signal(*before.iter().find(is_guard).unwrap(), Signal::KILL);
    eventually("the old ones are gone", Duration::from_secs(3), || {
        before
            .iter()
            .all(|old| !processes_with(&marker).contains(old))
    })
    .await;
    eventually("a new one", SOON, || gateway.status().is_up).await;
    drop(gateway);
}

#[tokio::test(flavor = "multi_thread")]
async fn gw_01_a_gateway_that_is_dropped_ends_its_child() {
    let marker = unique_seconds();
    let gateway = start(python("hostile.py", &["forks", &marker])).await;
    drop(gateway);
    eventually("gone", SOON, || processes_with(&marker).is_empty()).await;
}

const HOST: &str = "SIMPLY_MCP_TEST_HOST";

/// Not a test of its own: the process that the next one kills.
#[expect(
    clippy::disallowed_methods,
    reason = "one test talks to another process of itself"
)]
#[tokio::test(flavor = "multi_thread")]
async fn host_of_a_gateway() {
    if let Some((_, marker)) = std::env::vars_os().find(|(name, _)| name == HOST) {
        let _gateway = start(python("hostile.py", &["clings", &marker.to_string_lossy()])).await;
        tokio::time::sleep(Duration::from_secs(60)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn gw_01_nothing_outlives_us_even_if_we_are_killed() {
    let marker = unique_seconds();
    let mut host = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "host_of_a_gateway", "--nocapture"])
        .env(HOST, &marker)
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    eventually("all run", Duration::from_secs(15), || {
        processes_with(&marker).len() == 4
    })
    .await;
    host.kill().unwrap();
    host.wait().unwrap();
    eventually("all gone", Duration::from_secs(3), || {
        processes_with(&marker).is_empty()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn gw_04_a_child_that_does_not_read_blocks_nobody() {
    let few = GatewayOptions {
        max_in_flight: 50,
        request_timeout: Duration::from_secs(1),
        ..options()
    };
    let gateway = Gateway::start(python("hostile.py", &["none"]), few)
        .await
        .unwrap();
    let client = client(&gateway).await;
    text(&client, "stop_reading", json!({})).await;
    let big = "x".repeat(10_000);
    let began = Instant::now();
    let calls = (0..1000).map(|_| call(&client, "fine", json!({"text": big})));
    let answers = futures::future::join_all(calls).await;
    let codes: Vec<_> = answers
        .into_iter()
        .map(|answer| refusal(&answer.unwrap_err()).2["code"].clone())
        .collect();
    assert!(
        codes
            .iter()
            .all(|code| code == "overloaded" || code == "timeout"),
        "{codes:?}"
    );
    assert!(codes.iter().filter(|code| *code == "timeout").count() >= 50);
    assert!(
        began.elapsed() < Duration::from_secs(20),
        "{:?}",
        began.elapsed()
    );
    gateway.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn gw_04_a_child_that_is_stopped_is_replaced_once_it_counts_as_stuck() {
    let impatient = GatewayOptions {
        stall_timeout: Duration::from_secs(1),
        ..options()
    };
    let gateway = Gateway::start(python("hostile.py", &["none"]), impatient)
        .await
        .unwrap();
    let client = client(&gateway).await;
    let pid: u32 = text(&client, "pid", json!({})).await.parse().unwrap();
    signal(pid, Signal::STOP);
    // More than a pipe holds.
    let error = call(&client, "fine", json!({"text": "x".repeat(1_000_000)}))
        .await
        .unwrap_err();
    assert_eq!(refusal(&error).2["code"], "child_down");
    eventually("a new child", Duration::from_secs(10), || {
        gateway.status().restarts == 1 && gateway.status().is_up
    })
    .await;
    assert_eq!(text(&client, "fine", json!({})).await, "fine");
    gateway.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn gw_05_a_message_without_end_is_skipped_and_costs_no_memory() {
    let gateway = hostile("none").await;
    let client = client(&gateway).await;
    assert_eq!(text(&client, "long_line", json!({})).await, "after");
    let error = call(&client, "too_long", json!({})).await.unwrap_err();
    assert_eq!(refusal(&error).2["code"], "child_malformed", "{error}");
    let peak = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = peak
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap();
    let kilobytes: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(kilobytes < 100 * 1024, "{kilobytes} kB");
    gateway.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn gw_05_garbage_and_foreign_ids_reach_nobody() {
    let gateway = hostile("none").await;
    let client = client(&gateway).await;
    assert_eq!(text(&client, "garbage", json!({})).await, "after");
    let (wrong, fine) = tokio::join!(
        text(&client, "wrong_ids", json!({})),
        text(&client, "fine", json!({})),
    );
    assert_eq!(wrong, "right");
    // The child answered this one's id with "wrong" before it was asked, or with "fine" after.
    assert!(fine == "fine" || fine == "wrong", "{fine}");
    let error = call(&client, "malformed", json!({})).await.unwrap_err();
    let (_, message, data) = refusal(&error);
    assert_eq!(data["code"], "child_malformed");
    // LOG-03: what the parser says of the child's answer is in the log only.
    assert!(
        message.contains("the log of this gateway") && !message.contains("this is not a list"),
        "{message}"
    );
    assert_eq!(
        text(&client, "notification_flood", json!({})).await,
        "flooded"
    );
    assert_eq!(gateway.status().restarts, 0);
    gateway.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn gw_05_the_childs_own_requests_are_refused() {
    let gateway = hostile("none").await;
    let client = client(&gateway).await;
    let answers = json_of(&client, "unsolicited").await;
    let expected = json!({
        "sampling/createMessage": -32601, "elicitation/create": -32601, "roots/list": -32601, "ping": "ok",
    });
    assert_eq!(answers, expected);
    gateway.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn gw_06_a_flood_on_stderr_stalls_nothing() {
    let gateway = hostile("none").await;
    let client = client(&gateway).await;
    let flooded = tokio::time::timeout(
        Duration::from_secs(60),
        text(&client, "stderr_flood", json!({})),
    );
    assert_eq!(flooded.await.unwrap(), "flooded");
    gateway.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn gw_07_the_child_gets_its_words_a_short_environment_and_three_streams() {
    let words = ["a b", "$HOME", "*", "'\"", "; ls", ""];
    let command =
        python("well_behaved.py", &words).variable(ChildVariable::Set("DEBUG".into(), "1".into()));
    // A descriptor that every child of ours inherits, as a careless parent of ours may have left one.
    let _leaky = rustix::io::dup(std::io::stderr()).unwrap();
    let gateway = start(command).await;
    let client = client(&gateway).await;
    let child = json_of(&client, "environment").await;
    assert_eq!(
        child["argv"].as_array().unwrap()[1..],
        words.map(|word| json!(word))
    );
    assert_eq!(child["descriptors"], json!([0, 1, 2]));
    assert_eq!(child["directory"], json!(std::env::current_dir().unwrap()));
    let environment = child["environment"].as_object().unwrap();
    assert_eq!(environment["DEBUG"], "1");
    // CARGO_PKG_NAME and the like are in our own environment here.
    let foreign: Vec<_> = environment
        .keys()
        .filter(|name| name.starts_with("CARGO") || name.starts_with("NEXTEST"))
        .collect();
    assert!(foreign.is_empty(), "{foreign:?}");
    gateway.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_after_a_shutdown_are_refused() {
    let gateway = well_behaved().await;
    let client = client(&gateway).await;
    gateway.shutdown().await;
    gateway.shutdown().await;
    let error = call(&client, "echo", json!({})).await.unwrap_err();
    assert!(
        matches!(&error, ServiceError::McpError(error) if error.message.contains("shutting down")),
        "{error}"
    );
    let _ = text_of;
}
