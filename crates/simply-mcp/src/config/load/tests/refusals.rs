//! What is refused, and in which words.

use std::ffi::OsString;

use super::{Loader, Problem, assert_says, load_file, load_variables, variables, written};

const BAD_YAML: &[(&str, &[&str])] = &[
    // Unknown names.
    (
        "server:\n  prot: 1",
        &["c.yaml:2:3: server.prot: this is not a setting; did you mean server.port?"],
    ),
    (
        "sever:\n  port: 1",
        &["c.yaml:1:1: sever:", "did you mean server?"],
    ),
    (
        "port: 1",
        &["c.yaml:1:1: port:", "did you mean server.port?"],
    ),
    (
        "server: {health_path: /x}",
        &[
            "c.yaml:1:10: server.health_path:",
            "monitoring.health_path?",
        ],
    ),
    (
        "server: {Keep-Alive: 5}",
        &["server.Keep-Alive:", "did you mean server.keepalive?"],
    ),
    (
        "server: {zzzzzz: 5}",
        &["server.zzzzzz:", "here there are server.host, server.port"],
    ),
    (
        "tls: {enabled: true}",
        &["c.yaml:1:1: tls: this setting is not in this version of simply-mcp"],
    ),
    (
        "server: {workers: 4}",
        &[
            "c.yaml:1:10: server.workers:",
            "not in this version of simply-mcp",
        ],
    ),
    ("cors: {enabled: false}", &["cors:", "not in this version"]),
    (
        "security: {frame_options: DENY}",
        &["security:", "not in this version"],
    ),
    (
        "logging: {keep_files: 0}",
        &["logging.keep_files:", "from 1 to 1000"],
    ),
    (
        "logging: {rotate_bytes: 0}",
        &["logging.rotate_bytes:", "from 1 to"],
    ),
    (
        "monitoring: {listen: \"9090\"}",
        &["monitoring.listen:", "127.0.0.1:9090"],
    ),
    (
        "monitoring: {listen: metrics.local:9090}",
        &["monitoring.listen:", "is not an address with a port"],
    ),
    ("audit: {arguments: [a]}", &["audit.arguments:"]),
    // Wrong kinds.
    (
        "server:\n  port: abc",
        &[
            "c.yaml:2:9: server.port: expected a whole number from 0 to 65535",
            "\"abc\"",
        ],
    ),
    (
        "server: {port: \"80\"}",
        &["c.yaml:1:16: server.port:", "leave out the quotes"],
    ),
    (
        "server: {port: 8.5}",
        &["expected a whole number", "found 8.5"],
    ),
    (
        "server: {port:}",
        &[
            "server.port:",
            "found nothing; leave the line out for the default",
        ],
    ),
    ("server: {port: [1]}", &["server.port:", "found a list"]),
    (
        "server: 5",
        &["c.yaml:1:9: server: expected a section", "a number"],
    ),
    (
        "server: [a]",
        &["server: expected a section", "found a list"],
    ),
    (
        "environment: on",
        &["c.yaml:1:14: environment: expected text, and found true; put it in quotes"],
    ),
    (
        "environment: {a: 1}",
        &["environment: expected text, and found a section"],
    ),
    (
        "mcp: {sessions: 2}",
        &["c.yaml:1:17: mcp.sessions: expected true or false, and found 2"],
    ),
    (
        "server: {allowed_hosts: a.com}",
        &["server.allowed_hosts:", "put it in brackets"],
    ),
    (
        "server: {allowed_hosts: [1]}",
        &["c.yaml:1:26: server.allowed_hosts[0]: expected text, and found 1"],
    ),
    (
        "logging: {level: LOUD}",
        &["c.yaml:1:18: logging.level: expected one of TRACE, DEBUG, INFO, WARN, ERROR"],
    ),
    (
        "logging: {format: xml}",
        &["logging.format: expected one of json, text"],
    ),
    ("5", &["c.yaml:1:1: expected settings"]),
    ("[a, b]", &["c.yaml:1:1: expected settings", "found a list"]),
    // Impossible values.
    (
        "server: {port: 65536}",
        &["c.yaml:1:16: server.port:", "found 65536"],
    ),
    ("server: {port: -1}", &["server.port:", "found -1"]),
    (
        "server: {keepalive: 0}",
        &["server.keepalive: expected a whole number from 1 to 86400"],
    ),
    (
        "server: {graceful_timeout: 99999999999999999999999999}",
        &["server.graceful_timeout: expected a whole number"],
    ),
    (
        "server:\n  host: example.com",
        &[
            "c.yaml:2:9: server.host: \"example.com\"",
            "write an IP address",
        ],
    ),
    (
        "server: {public_url: mcp.example.com}",
        &["server.public_url:", "https:// or http://"],
    ),
    (
        "server: {public_url: \"https://a/b\"}",
        &["c.yaml:1:22: server.public_url:", "leave out what follows"],
    ),
    (
        "server: {allowed_hosts: [a.com, \"*\", b.com, \"a b\"]}",
        &["allowed_hosts[1]: \"*\"", "allowed_hosts[3]: \"a b\""],
    ),
    (
        "mcp: {path: mcp}",
        &["c.yaml:1:13: mcp.path: \"mcp\" does not begin with /"],
    ),
    ("mcp: {path: /mcp/}", &["mcp.path:", "ends with /"]),
    (
        "mcp: {path: /tools/x}",
        &["c.yaml:1:13: mcp.path: /tools/x belongs to the tools"],
    ),
    (
        "mcp: {path: /health/ready}",
        &["c.yaml:1:13: mcp.path:", "belongs to the health report"],
    ),
    (
        "monitoring: {health_path: /mcp}",
        &["mcp.path:", "monitoring.health_path is /mcp"],
    ),
    (
        "monitoring: {health_path: /tools}",
        &["c.yaml:1:27: monitoring.health_path: /tools belongs to the tools"],
    ),
    (
        "mcp: {state_key: hunter2}",
        &[
            "c.yaml:1:18: mcp.state_key:",
            "has 7 characters and needs at least 32",
        ],
    ),
    // Authentication.
    (
        "auth: {enabled: true}",
        &[
            "c.yaml:1:17: auth.enabled: authentication is on, and there is no key",
            "simply-mcp keys new",
            "MCP_API_KEY",
        ],
    ),
    (
        "auth: {enabled: true, key_env_var: OTHER_KEY}",
        &["the environment variable OTHER_KEY"],
    ),
    (
        "auth: {key_env_var: sk-123}",
        &["c.yaml:1:21: auth.key_env_var:", "not the key itself"],
    ),
    (
        "auth: {api_key: abc}",
        &["auth.api_key: this is not a setting", "auth.keys_file"],
    ),
    (
        "auth: {jwt: {issuer: a, jwks_file: f, tool_scopes: {t: a}}}",
        &["auth.jwt.tool_scopes.t: expected a list"],
    ),
    (
        "rate_limit: {tools: {t: {limt: 1}}}",
        &[
            "rate_limit.tools.t.limt: this is not a setting; here there are cost, limit, window_seconds",
        ],
    ),
    (
        "rate_limit: {tools: {t: {limit: 0}, u: 5}}",
        &[
            "rate_limit.tools.t.limit: expected a whole number from 1",
            "rate_limit.tools.u: expected a section with",
        ],
    ),
    (
        "rate_limit: {tools: {t: {limit: 1}, t: {limit: 2}}}",
        &["rate_limit.tools.t: this key is set twice"],
    ),
    (
        "rate_limit: {default_limit: 0, window_seconds: 0, strategy: leaky, store: 'http://x'}",
        &[
            "rate_limit.default_limit:",
            "rate_limit.window_seconds:",
            "one of token_bucket, sliding_window",
            "redis://host",
        ],
    ),
    (
        "server: {trusted_proxies: [10.0.0.1/8]}",
        &["server.trusted_proxies[0]:", "10.0.0.0/8"],
    ),
    (
        "monitoring: {prometheus_path: /health/x}",
        &["monitoring.prometheus_path:", "in each other's way"],
    ),
    (
        "auth: {enable: true}",
        &["auth.enable:", "did you mean auth.enabled?"],
    ),
    (
        "server: {host: 0.0.0.0}",
        &[
            "c.yaml:1:16: server.host: 0.0.0.0",
            "auth: {enabled: false}",
            "MCP_HTTP_AUTH__ENABLED=false",
        ],
    ),
    (
        "server: {host: \"::\"}",
        &["server.host: ::", "auth: {enabled: false}"],
    ),
    (
        "server: {host: \"::ffff:10.0.0.1\"}",
        &["auth: {enabled: false}"],
    ),
    // Not YAML, or too much of it.
    ("server: {port: 1\n", &["c.yaml:", "not proper YAML"]),
    ("server:\n\tport: 1", &["c.yaml:2:", "not proper YAML"]),
    ("a: 1\n---\nb: 2", &["c.yaml:", "more than one document"]),
    (
        "server: *x",
        &["c.yaml:1:9:", "an alias (*) names an anchor"],
    ),
    ("? [a]\n: 1", &["c.yaml:1:3:", "keys are plain text"]),
    (
        "server:\n  port: 1\n  host: ::1\n  port: 2",
        &["c.yaml:4:3: server.port: this key is set twice, first in line 2"],
    ),
    (
        "server: {port: 1}\nmcp: {}\nserver: {port: 2}",
        &["c.yaml:3:1: server: this key is set twice, first in line 1"],
    ),
];

#[test]
fn every_bad_yaml_is_named_with_its_place_and_a_way_out() {
    for (text, fragments) in BAD_YAML {
        let errors = load_file("c.yaml", text).expect_err(text);
        assert_says(&errors, fragments);
    }
}

#[test]
fn every_bad_toml_is_named_with_its_place_and_a_way_out() {
    for (text, fragments) in [
        (
            "[server]\nprot = 1",
            ["c.toml:2:1: server.prot:", "did you mean server.port?"],
        ),
        (
            "server.port = \"80\"",
            ["c.toml:1:15: server.port:", "leave out the quotes"],
        ),
        (
            "environment = 2020-01-01T00:00:00Z\nx = 1",
            ["c.toml:2:1: x:", "not a setting"],
        ),
        (
            "[server]\nport = 1\nport = 2",
            ["c.toml:3:1:", "set twice, first in line 2"],
        ),
        (
            "[server]\nport = 1\n[mcp]\n[server]\nhost = \"::1\"",
            ["c.toml:4:2:", "set twice, first in line 1"],
        ),
        ("[mcp]\nstate_key = \"abc", ["c.toml:2:", "not proper TOML"]),
        (
            "[server]\nallowed_hosts = [\"ä\", 5]",
            ["c.toml:2:23: server.allowed_hosts[1]:", "expected text"],
        ),
        (
            "[auth]\nenabled = true",
            ["c.toml:2:11: auth.enabled:", "there is no key"],
        ),
    ] {
        assert_says(&load_file("c.toml", text).expect_err(text), &fragments);
    }
}

#[test]
fn every_bad_variable_is_named() {
    for (name, value, fragments) in [
        (
            "MCP_HTTP_SERVER__PORT",
            "abc",
            [
                "environment variable MCP_HTTP_SERVER__PORT: server.port:",
                "\"abc\"",
            ],
        ),
        (
            "MCP_HTTP_SERVER__PRT",
            "1",
            [
                "MCP_HTTP_SERVER__PRT:",
                "did you mean MCP_HTTP_SERVER__PORT?",
            ],
        ),
        (
            "MCP_HTTP_SERVER__PORT__X",
            "1",
            ["MCP_HTTP_SERVER__PORT__X:", "not a setting"],
        ),
        (
            "MCP_HTTP_server__port",
            "1",
            ["MCP_HTTP_server__port:", "MCP_HTTP_SERVER__PORT"],
        ),
        (
            "MCP_HTTP_SERVER__",
            "1",
            ["MCP_HTTP_SERVER__:", "not a setting"],
        ),
        ("MCP_HTTP__PORT", "1", ["MCP_HTTP__PORT:", "not a setting"]),
        (
            "MCP_HTTP_TLS__ENABLED",
            "true",
            ["MCP_HTTP_TLS__ENABLED:", "not in this version"],
        ),
        (
            "MCP_HTTP_MCP__SESSIONS",
            "maybe",
            ["mcp.sessions:", "expected true or false"],
        ),
        (
            "MCP_HTTP_SERVER__ALLOWED_HOSTS",
            "a.com,b c",
            ["server.allowed_hosts[1]:", "not a host"],
        ),
        (
            "MCP_HTTP_AUTH__ENABLED",
            "true",
            ["MCP_HTTP_AUTH__ENABLED: auth.enabled:", "there is no key"],
        ),
        (
            "MCP_HTTP_AUTH__JWT__TOOL_SCOPES",
            "{\"t\": 5}",
            ["auth.jwt.tool_scopes.t:", "expected a list"],
        ),
        (
            "MCP_HTTP_RATE_LIMIT__TOOLS",
            "t=5",
            ["rate_limit.tools:", "expected names, each with a section"],
        ),
        (
            "MCP_HTTP_SERVER__HOST",
            "0.0.0.0",
            [
                "MCP_HTTP_SERVER__HOST: server.host:",
                "auth: {enabled: false}",
            ],
        ),
    ] {
        assert_says(
            &load_variables(&[(name, value)]).expect_err(name),
            &fragments,
        );
    }
}

#[test]
fn a_misspelt_section_is_seen_through() {
    for (name, meant) in [
        ("MCP_HTTP_SEVER__PRT", "MCP_HTTP_SERVER__PORT?"),
        (
            "MCP_HTTP_MONITORNG__HEALTHPATH",
            "MCP_HTTP_MONITORING__HEALTH_PATH?",
        ),
    ] {
        assert_says(&load_variables(&[(name, "1")]).expect_err(name), &[meant]);
    }
}

#[test]
fn the_problems_of_variables_stand_in_the_order_of_their_names() {
    let pairs = [
        ("MCP_HTTP_SERVER__PORT", "x"),
        ("MCP_HTTP_LOGGING__LEVEL", "x"),
    ];
    let errors = load_variables(&pairs).unwrap_err();
    let keys: Vec<_> = errors.problems().iter().filter_map(Problem::key).collect();
    assert_eq!(keys, ["logging.level", "server.port"]);
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_not_text_is_named() {
    use std::os::unix::ffi::OsStringExt as _;

    let value = OsString::from_vec(vec![0xff]);
    let loader = Loader::new().environment([("MCP_HTTP_ENVIRONMENT".into(), value)]);
    assert_says(
        &loader.load().unwrap_err(),
        &["MCP_HTTP_ENVIRONMENT", "not UTF-8"],
    );
}

#[test]
fn all_problems_of_all_sources_are_reported_at_once() {
    let (_directory, path) = written(
        "c.yaml",
        "mcp: {path: x}\nserver: {prot: 1, port: a, host: b}\ntls: {}",
    );
    let loader = Loader::new()
        .file(Some(path))
        .environment(variables(&[("MCP_HTTP_LOGGING__LEVEL", "LOUD")]))
        .flag("server.port", "-5");
    let errors = loader.load().unwrap_err();
    let keys: Vec<&str> = errors.problems().iter().filter_map(Problem::key).collect();
    assert_eq!(
        keys,
        [
            "mcp.path",
            "server.prot",
            "server.port",
            "server.host",
            "tls",
            "logging.level",
            "server.port"
        ]
    );
    assert_says(&errors, &["flag --port: server.port:"]);
}
