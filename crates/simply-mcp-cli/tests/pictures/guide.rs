//! The commands of the guide that this server is built after, letter for letter but for host and port.

use std::process::Command;

use crate::{load::Load, site::Site};

const COMMANDS: [&str; 5] = [
    "curl http://localhost:8000/metrics",
    r#"curl http://localhost:8000/metrics | grep http_requests_total | grep status=\"500\""#,
    "curl http://localhost:8000/metrics | grep http_auth_failure_total",
    "curl http://localhost:8000/metrics | grep http_rate_limit_exceeded_total",
    "curl http://localhost:8000/metrics | grep tool_execution_duration",
];

/// The series that the guide names.
const NAMES: [&str; 14] = [
    "http_requests_total",
    "http_request_duration_seconds",
    "http_request_size_bytes",
    "http_response_size_bytes",
    "http_auth_success_total",
    "http_auth_failure_total",
    "http_rate_limit_hit_total",
    "http_rate_limit_exceeded_total",
    "http_rate_limit_remaining",
    "http_tool_execution_total",
    "http_tool_execution_duration_seconds",
    "http_tool_execution_errors_total",
    "http_active_connections",
    "http_request_queue_size",
];

/// The lines that a command prints which are samples: neither empty nor help.
fn samples(command: &str) -> Vec<String> {
    let answer = Command::new("bash")
        .args(["-c", command])
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .output()
        .unwrap();
    let printed = String::from_utf8(answer.stdout).unwrap();
    let lines = printed
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_mixed_load_each_command_of_the_guide_finds_what_it_looks_for() {
    let site = Site::start().await;
    Load::new().pass(&site).await;
    for server in [&site.program, &site.library] {
        for command in COMMANDS {
            let command = command.replace("localhost:8000", server);
            let found = samples(&command);
            let counts_something = found.iter().any(|line| !line.ends_with(" 0"));
            assert!(counts_something, "{command}: {found:?}");
        }
        let everything = samples(&format!("curl http://{server}/metrics"));
        for name in NAMES {
            let is_there = everything.iter().any(|line| line.starts_with(name));
            assert!(is_there, "{server} has no {name}");
        }
    }
}
