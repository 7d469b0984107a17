//! `simply-mcp check` and `simply-mcp config`, as a shell sees them.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

#[path = "support/shell.rs"]
mod shell;

use std::{fs, net::TcpListener, path::Path};

use shell::{Answer, Shell};

/// A port that nobody listens on, for as long as the listener is not taken again.
fn free_port() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port().to_string()
}

#[test]
fn a_good_configuration_is_fine_and_says_so_on_stdout() {
    let shell = Shell::with_file("c.yaml", "environment: production\n");
    let answer = shell.run(&["check", "--config", "c.yaml", "--port", &free_port()]);
    assert_eq!(answer.code, Some(0), "{answer:?}");
    assert_eq!(answer.stdout, "configuration is fine\n");
    assert_eq!(answer.stderr, "");
}

#[test]
fn a_bad_configuration_exits_with_78_and_every_error_on_stderr() {
    let shell = Shell::with_file("c.yaml", "server:\n  prot: 1\n  host: nowhere\n")
        .with_variable("MCP_HTTP_LOGGING__LEVEL", "LOUD");
    let answer = shell.run(&["check", "--config", "c.yaml", "--port", "x"]);
    assert_eq!(answer.code, Some(78), "{answer:?}");
    assert_eq!(answer.stdout, "");
    let lines: Vec<&str> = answer.stderr.lines().collect();
    assert!(
        lines[0].starts_with("c.yaml:2:3: server.prot: "),
        "{answer:?}"
    );
    assert!(
        lines[1].starts_with("c.yaml:3:9: server.host: "),
        "{answer:?}"
    );
    assert!(lines[2].starts_with("environment variable MCP_HTTP_LOGGING__LEVEL: logging.level: "));
    assert!(lines[3].starts_with("flag --port: server.port: "));
    assert_eq!(lines[4], "the configuration has 4 problems");
}

#[test]
fn every_subcommand_that_loads_exits_with_78_on_a_bad_configuration() {
    let shell = Shell::with_file("c.yaml", "nope: 1");
    for arguments in [
        &["check", "--config", "c.yaml"][..],
        &["config", "show", "--config", "c.yaml"],
        &["config", "explain", "server.port", "--config", "c.yaml"],
        &["check", "--config", "missing.yaml"],
    ] {
        let answer = shell.run(arguments);
        assert_eq!(
            (answer.code, answer.stdout.as_str()),
            (Some(78), ""),
            "{answer:?}"
        );
    }
}

#[test]
fn a_busy_port_is_only_a_warning() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let answer = Shell::new().run(&["check", "--port", &port]);
    assert_eq!(answer.code, Some(0), "{answer:?}");
    assert_eq!(answer.stdout, "configuration is fine\n");
    assert!(
        answer.stderr.contains(&port) && answer.stderr.contains("listens there already"),
        "{answer:?}"
    );
}

#[test]
fn an_open_address_is_refused_until_somebody_says_that_it_is_meant() {
    let answer = Shell::new().run(&["check", "--host", "0.0.0.0", "--port", "0"]);
    assert_eq!(answer.code, Some(78), "{answer:?}");
    assert!(
        answer.stderr.contains("MCP_HTTP_AUTH__ENABLED=false"),
        "{answer:?}"
    );
    let shell = Shell::new().with_variable("MCP_HTTP_AUTH__ENABLED", "false");
    let answer = shell.run(&["check", "--host", "0.0.0.0", "--port", "0"]);
    assert_eq!(answer.code, Some(0), "{answer:?}");
    assert!(
        answer.stderr.starts_with("warning: server.host: 0.0.0.0"),
        "{answer:?}"
    );
}

#[test]
fn a_key_in_the_environment_is_checked_and_never_shown() {
    for name in ["MCP_API_KEY", "MCP_HTTP_API_KEY"] {
        let short = Shell::new().with_variable(name, "s3cr3t");
        let answer = short.run(&["check", "--port", "0"]);
        assert_eq!(answer.code, Some(0), "{answer:?}");
        assert!(
            answer.stderr.contains("fewer than 16 characters"),
            "{answer:?}"
        );
        let broken = Shell::new().with_variable(name, "s3cr3t with spaces");
        let refused = broken.run(&["check", "--port", "0"]);
        assert_eq!(refused.code, Some(78), "{refused:?}");
        for answer in [answer, refused] {
            assert!(
                answer.stderr.contains(name) && !answer.stderr.contains("s3cr3t"),
                "{answer:?}"
            );
        }
    }
}

#[test]
fn what_keeps_traces_from_being_told_is_found_beside_everything_else() {
    let shell = Shell::new()
        .with_variable("MCP_HTTP_LOGGING__FILE", "/nowhere/log")
        .with_variable("MCP_HTTP_AUTH__KEYS_FILE", "nowhere.yaml")
        .with_variable("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc");
    let answer = shell.run(&["check", "--port", "0"]);
    assert!(!answer.stderr.contains("OTEL_"), "{answer:?}");
    let shell = shell.with_variable("MCP_HTTP_MONITORING__TRACING_ENABLED", "true");
    let answer = shell.run(&["check", "--port", "0"]);
    assert_eq!(answer.code, Some(78), "{answer:?}");
    for part in [
        "nowhere.yaml",
        "logging.file",
        "OTEL_EXPORTER_OTLP_PROTOCOL",
    ] {
        assert!(answer.stderr.contains(part), "{part}: {answer:?}");
    }
}

#[test]
fn a_keys_file_is_checked_with_every_line_that_is_wrong() {
    let shell = Shell::with_file("keys.yaml", "keys:\n- {name: a}\n- {key: x}\n")
        .with_variable("MCP_HTTP_AUTH__KEYS_FILE", "keys.yaml");
    let answer = shell.run(&["check", "--port", "0"]);
    assert_eq!(answer.code, Some(78), "{answer:?}");
    for place in ["keys.yaml:2:3: keys[0]", "keys.yaml:3:3: keys[1]"] {
        assert!(answer.stderr.contains(place), "{answer:?}");
    }
}

#[test]
fn a_variable_that_kubernetes_injects_is_a_warning() {
    let shell = Shell::new().with_variable("MCP_HTTP_PORT", "tcp://10.0.0.1:8000");
    let answer = shell.run(&["check", "--port", "0"]);
    assert_eq!(answer.code, Some(0), "{answer:?}");
    assert!(
        answer.stderr.contains("warning: MCP_HTTP_PORT: "),
        "{answer:?}"
    );
}

#[test]
fn the_starter_file_is_written_once_and_is_fine() {
    let shell = Shell::new();
    for name in ["c.yaml", "c.toml"] {
        let answer = shell.run(&["config", "init", name]);
        assert_eq!(
            (answer.code, answer.stdout.as_str()),
            (Some(0), ""),
            "{answer:?}"
        );
        let answer = shell.run(&["check", "--config", name, "--port", "0"]);
        assert_eq!(
            (answer.code, answer.stderr.as_str()),
            (Some(0), ""),
            "{answer:?}"
        );
        fs::write(shell.path(name), "mine").unwrap();
        let answer = shell.run(&["config", "init", name]);
        assert_eq!(answer.code, Some(1), "{answer:?}");
        assert!(
            answer.stderr.contains("exists and is left as it is"),
            "{answer:?}"
        );
        assert_eq!(fs::read_to_string(shell.path(name)).unwrap(), "mine");
    }
}

#[test]
fn the_starter_file_goes_to_stdout_without_a_name() {
    let shell = Shell::new();
    let answer = shell.run(&["config", "init"]);
    assert_eq!(
        (answer.code, answer.stderr.as_str()),
        (Some(0), ""),
        "{answer:?}"
    );
    fs::write(shell.path("c.yaml"), &answer.stdout).unwrap();
    let check = shell.run(&["check", "--config", "c.yaml", "--port", "0"]);
    assert_eq!(check.code, Some(0), "{check:?}");
}

#[test]
fn a_starter_file_that_cannot_be_written_is_explained() {
    let shell = Shell::new();
    for name in ["c.json", "nowhere/c.yaml"] {
        let answer = shell.run(&["config", "init", name]);
        assert_eq!(answer.code, Some(1), "{answer:?}");
        assert!(answer.stderr.contains(name), "{answer:?}");
        assert!(!Path::new(&shell.path(name)).exists());
    }
}

#[test]
fn the_settings_in_force_are_shown_without_secrets_and_load_again() {
    let shell = Shell::with_file("c.yaml", "server: {keepalive: 7}\n").with_variable(
        "MCP_HTTP_MCP__STATE_KEY",
        "0123456789abcdef0123456789abcdef",
    );
    let answer = shell.run(&["config", "show", "--config", "c.yaml", "--port", "9000"]);
    assert_eq!(answer.code, Some(0), "{answer:?}");
    for line in ["keepalive: 7", "port: 9000", "***"] {
        assert!(answer.stdout.contains(line), "{answer:?}");
    }
    assert!(!answer.stdout.contains("0123456789abcdef"), "{answer:?}");
    let shell = Shell::new();
    let shown = shell.run(&["config", "show"]).stdout;
    fs::write(shell.path("shown.yaml"), &shown).unwrap();
    assert_eq!(
        shell
            .run(&["config", "show", "--config", "shown.yaml"])
            .stdout,
        shown
    );
}

#[test]
fn a_setting_is_explained_with_its_value_and_who_set_it() {
    let shell = Shell::with_file("c.yaml", "server:\n  port: 9\n")
        .with_variable("MCP_HTTP_MCP__SESSIONS", "no");
    for (key, flags, value, origin) in [
        (
            "server.port",
            &["--port", "8"][..],
            "server.port: 8",
            "flag --port",
        ),
        ("server.port", &[], "server.port: 9", "c.yaml:2:9"),
        (
            "mcp.sessions",
            &[],
            "mcp.sessions: false",
            "environment variable MCP_HTTP_MCP__SESSIONS",
        ),
        ("server.keepalive", &[], "server.keepalive: 5", "default"),
    ] {
        let mut arguments = vec!["config", "explain", key, "--config", "c.yaml"];
        arguments.extend(flags);
        let answer = shell.run(&arguments);
        assert_eq!(answer.code, Some(0), "{answer:?}");
        assert!(answer.stdout.starts_with(value), "{answer:?}");
        assert!(
            answer.stdout.contains(&format!("origin:      {origin}\n")),
            "{answer:?}"
        );
    }
    let answer = shell.run(&["config", "explain", "server.keepalive"]);
    assert!(
        answer.stdout.contains("Seconds that an idle connection"),
        "{answer:?}"
    );
}

#[test]
fn an_unknown_setting_is_bad_usage_with_a_suggestion() {
    let answer = Shell::new().run(&["config", "explain", "server.prot"]);
    assert_eq!(
        (answer.code, answer.stdout.as_str()),
        (Some(2), ""),
        "{answer:?}"
    );
    assert!(
        answer.stderr.contains("did you mean server.port?"),
        "{answer:?}"
    );
}

#[test]
fn the_schema_is_json_on_stdout() {
    let answer = Shell::new().run(&["config", "schema"]);
    let schema: serde_json::Value = serde_json::from_str(&answer.stdout).unwrap();
    assert_eq!(
        schema["properties"]["server"]["properties"]["port"]["maximum"],
        65535
    );
}

#[test]
fn help_with_an_example_stands_on_every_subcommand() {
    for subcommand in [
        &[][..],
        &["serve"],
        &["check"],
        &["config"],
        &["config", "init"],
        &["config", "show"],
        &["config", "schema"],
        &["config", "explain"],
        &["keys"],
        &["tools"],
        &["health"],
    ] {
        let mut arguments = subcommand.to_vec();
        arguments.push("--help");
        let answer = Shell::new().run(&arguments);
        assert_eq!(answer.code, Some(0), "{answer:?}");
        assert!(
            answer.stdout.contains("Example:\n  simply-mcp "),
            "{answer:?}"
        );
    }
    let version = Shell::new().run(&["--version"]);
    assert_eq!(
        version.stdout,
        format!("simply-mcp {}\n", env!("CARGO_PKG_VERSION"))
    );
}

#[test]
fn bad_usage_exits_with_2_and_leaves_stdout_empty() {
    for arguments in [
        &[][..],
        &["nope"],
        &["check", "--nope"],
        &["config"],
        &["config", "explain"],
    ] {
        let answer = Shell::new().run(arguments);
        assert_eq!(
            (answer.code, answer.stdout.as_str()),
            (Some(2), ""),
            "{answer:?}"
        );
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_behind_stdout_is_a_failure_and_no_panic() {
    let full = fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let output = Shell::new()
        .command(&["config", "init"])
        .stdout(full)
        .output()
        .unwrap();
    let answer = Answer::from(output);
    assert_eq!(answer.code, Some(1), "{answer:?}");
    assert!(
        answer.stderr.contains("stdout cannot be written to"),
        "{answer:?}"
    );
}

#[cfg(unix)]
#[test]
fn a_reader_that_has_gone_away_is_no_failure() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = Shell::new()
        .command(&["config", "init"])
        .stdout(writer)
        .output()
        .unwrap();
    let answer = Answer::from(output);
    assert_eq!(
        (answer.code, answer.stderr.as_str()),
        (Some(0), ""),
        "{answer:?}"
    );
}
