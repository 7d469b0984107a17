//! Sources in, settings or problems out.

use std::{ffi::OsString, fs, path::PathBuf};

use tempfile::TempDir;

use super::*;
use crate::config::{
    LogFormat, LogLevel,
    catalog::{self, Kind},
};

/// A directory of its own with one file in it.
fn written(name: &str, text: impl AsRef<[u8]>) -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(name);
    fs::write(&path, text).unwrap();
    (directory, path)
}

fn variables(pairs: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
    pairs
        .iter()
        .map(|(name, value)| (name.into(), value.into()))
        .collect()
}

fn load_file(name: &str, text: impl AsRef<[u8]>) -> Result<Loaded, ConfigErrors> {
    let (_directory, path) = written(name, text);
    Loader::new().file(Some(path)).load()
}

fn load_variables(pairs: &[(&str, &str)]) -> Result<Loaded, ConfigErrors> {
    Loader::new().environment(variables(pairs)).load()
}

#[track_caller]
fn assert_says(errors: &ConfigErrors, fragments: &[&str]) {
    let text = errors.to_string();
    for fragment in fragments {
        assert!(text.contains(fragment), "{fragment:?} is not in:\n{text}");
    }
}

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
    ("rate_limit: {}", &["rate_limit:", "not in this version"]),
    ("cors: {enabled: false}", &["cors:", "not in this version"]),
    (
        "security: {frame_options: DENY}",
        &["security:", "not in this version"],
    ),
    (
        "logging: {file: x.log}",
        &["logging.file:", "not in this version"],
    ),
    (
        "monitoring: {prometheus_enabled: true}",
        &["monitoring.prometheus_enabled:", "not in this version"],
    ),
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
        &["c.yaml:1:17: auth.enabled: authentication is not in this version of simply-mcp"],
    ),
    (
        "auth: {keys_file: keys.json}",
        &["c.yaml:1:8: auth.keys_file: authentication is not in this version"],
    ),
    (
        "auth: {api_key: abc}",
        &[
            "auth.api_key: authentication is not in this version",
            "remove this",
        ],
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
            [
                "c.toml:2:11: auth.enabled:",
                "authentication is not in this version",
            ],
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
            [
                "MCP_HTTP_AUTH__ENABLED: auth.enabled:",
                "authentication is not",
            ],
        ),
        (
            "MCP_HTTP_AUTH__KEYS_FILE",
            "k",
            ["MCP_HTTP_AUTH__KEYS_FILE:", "authentication is not"],
        ),
        (
            "MCP_API_KEY",
            "topsecret",
            [
                "environment variable MCP_API_KEY: auth:",
                "authentication is not",
            ],
        ),
        (
            "MCP_HTTP_API_KEY",
            "topsecret",
            ["variable MCP_HTTP_API_KEY: auth:", "authentication is not"],
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

#[test]
fn no_secret_is_repeated() {
    for text in [
        "mcp: {state_key: s3cr3t}",
        "mcp: {state_key: [s3cr3t]}",
        "mcp: {state_key: {s: s3cr3t}}",
        "mcp: {state_key: 's3cr3t",
        "mcp: {state_key: !!int s3cr3t}",
        "mcp: {state_key: s3cr3t: x}",
        "mcp: s3cr3t",
        "auth: s3cr3t",
        "auth: {key: s3cr3t}",
        "server: {public_url: 'https://me:s3cr3t@a'}",
        "server: {public_url: 'me:s3cr3t@a'}",
    ] {
        let errors = load_file("c.yaml", text).expect_err(text);
        assert!(!errors.to_string().contains("s3cr3t"), "{errors}");
        assert!(!format!("{errors:?}").contains("s3cr3t"), "{errors:?}");
    }
    let errors = load_file("c.toml", "mcp.state_key = \"s3cr3t\nx = 1").unwrap_err();
    assert!(!errors.to_string().contains("s3cr3t"), "{errors}");
    for name in [
        "MCP_API_KEY",
        "MCP_HTTP_API_KEY",
        "MCP_HTTP_MCP__STATE_KEY",
        "MCP_HTTP_AUTH__KEY",
    ] {
        let errors = load_variables(&[(name, "s3cr3t")]).expect_err(name);
        assert!(!errors.to_string().contains("s3cr3t"), "{errors}");
        let loader = Loader::new().environment(variables(&[(name, "s3cr3t")]));
        assert!(!format!("{loader:?}").contains("s3cr3t"));
    }
}

#[test]
fn a_file_that_cannot_be_read_is_explained() {
    let directory = tempfile::tempdir().unwrap();
    let missing = directory.path().join("missing.yaml");
    let errors = Loader::new().file(Some(missing)).load().unwrap_err();
    assert_says(&errors, &["missing.yaml: there is no such file"]);
    let errors = Loader::new()
        .file(Some(directory.path().to_owned()))
        .load()
        .unwrap_err();
    assert_says(&errors, &["this is a directory"]);
    assert_says(
        &load_file("c.json", "{}").unwrap_err(),
        &["ends in .yaml, .yml or .toml"],
    );
    assert_says(
        &load_file("c", "").unwrap_err(),
        &["ends in .yaml, .yml or .toml"],
    );
    assert_says(
        &load_file("c.yaml", b"a: 1\n\xff").unwrap_err(),
        &["line 2 is not UTF-8"],
    );
    assert_says(
        &load_file("c.yaml", "#".repeat(1024 * 1024 + 1)).unwrap_err(),
        &["larger than 1 MiB"],
    );
    assert!(load_file("c.yaml", "#".repeat(1024 * 1024)).is_ok());
}

#[test]
fn a_file_that_cannot_be_read_does_not_count_as_silence_about_authentication() {
    let (_directory, path) = written("c.yaml", "auth: {enabled: false");
    let loader = Loader::new()
        .file(Some(path))
        .flag("server.host", "0.0.0.0");
    assert_eq!(loader.load().unwrap_err().problems().len(), 1);
}

#[test]
fn whoever_wrote_about_authentication_and_got_it_wrong_hears_only_of_that() {
    let errors = load_file(
        "c.yaml",
        "server: {host: 0.0.0.0}\nauth: {enabled: perhaps}",
    )
    .unwrap_err();
    assert_eq!(errors.problems().len(), 1, "{errors}");
    assert_says(&errors, &["auth.enabled: expected true or false"]);
}

#[test]
fn aliases_and_nesting_cannot_grow_without_bound() {
    let mut bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
    for level in 1..9 {
        let below = format!("*a{},", level - 1).repeat(10);
        bomb.push_str(&format!("a{level}: &a{level} [{below}]\n"));
    }
    assert_says(
        &load_file("c.yaml", bomb).unwrap_err(),
        &["larger than any configuration"],
    );
    assert!(load_file("c.yaml", "[".repeat(5000)).is_err());
    assert!(load_file("c.toml", format!("a = {}", "[".repeat(5000))).is_err());
    let many = "k: 1\n".repeat(50_000);
    let unknown: String = (0..50_000)
        .map(|number| format!("k{number}: 1\n"))
        .collect();
    let items = format!("server:\n  allowed_hosts:\n{}", "    - '*'\n".repeat(1000));
    for text in [many, unknown, items] {
        let errors = load_file("c.yaml", text).unwrap_err();
        assert!(errors.problems().len() <= 101);
        assert_says(&errors, &["there may be more problems"]);
    }
}

#[test]
fn a_long_or_strange_value_is_cut_and_escaped() {
    let errors = load_file(
        "c.yaml",
        format!("server: {{port: \"\\e[31m{}\"}}", "x".repeat(500)),
    )
    .unwrap_err();
    let text = errors.to_string();
    assert!(
        text.contains("\\u{1b}[31m") && !text.contains('\u{1b}'),
        "{text}"
    );
    assert!(!text.contains(&"x".repeat(100)), "{text}");
    let errors = load_file("c.yaml", format!("\"\\e{}\": 1", "k".repeat(500))).unwrap_err();
    let text = errors.to_string();
    assert!(
        !text.contains('\u{1b}') && !text.contains(&"k".repeat(100)),
        "{text}"
    );
}

#[test]
fn a_file_that_says_nothing_is_the_defaults() {
    for text in [
        "",
        "\n",
        "# nothing\n",
        "---\n",
        "{}",
        "server:\nauth:\n",
        "\u{feff}",
        "\u{feff}server: {}\r\n",
    ] {
        assert_eq!(
            load_file("c.yaml", text).expect(text).config,
            HttpConfig::default()
        );
    }
    for text in ["", "# nothing\n", "[server]\n[auth]\n", "\u{feff}"] {
        assert_eq!(
            load_file("c.toml", text).expect(text).config,
            HttpConfig::default()
        );
    }
}

#[test]
fn anchors_and_both_endings_and_any_case_are_read() {
    let text = "server: {graceful_timeout: &seconds 9, keepalive: *seconds}\nlogging: {level: debug, format: TEXT}";
    for name in ["c.yaml", "c.yml", "c.YAML"] {
        let config = load_file(name, text).expect(name).config;
        assert_eq!(config.server.keepalive.as_secs(), 9);
        assert_eq!(config.logging.level, LogLevel::Debug);
        assert_eq!(config.logging.format, LogFormat::Text);
    }
    let text = "# ä\nserver.port = 0x50\nauth = {enabled = false}\n[[server.x]]\n";
    assert_says(&load_file("c.toml", text).unwrap_err(), &["c.toml:4:"]);
}

#[test]
fn a_flag_stands_above_a_variable_above_the_file_above_the_default() {
    let (_directory, path) = written(
        "c.yaml",
        "server: {port: 1, keepalive: 1}\nenvironment: file",
    );
    let file = Loader::new().file(Some(path));
    let loaded = file
        .environment(variables(&[
            ("MCP_HTTP_SERVER__PORT", "2"),
            ("MCP_HTTP_SERVER__KEEPALIVE", "2"),
        ]))
        .flag("server.port", "3")
        .load()
        .unwrap();
    assert_eq!(loaded.config.server.port, 3);
    assert_eq!(loaded.config.server.keepalive.as_secs(), 2);
    assert_eq!(loaded.config.environment, "file");
    assert_eq!(loaded.config.server.graceful_timeout.as_secs(), 30);
    assert_eq!(loaded.origin("server.port").to_string(), "flag --port");
    assert_eq!(
        loaded.origin("server.keepalive").to_string(),
        "environment variable MCP_HTTP_SERVER__KEEPALIVE"
    );
    assert!(
        loaded
            .origin("environment")
            .to_string()
            .ends_with("c.yaml:2:14")
    );
    assert_eq!(loaded.origin("server.graceful_timeout"), Origin::Default);
}

/// Each setting, a value that is not its default, and that value as it is serialised.
const FLIPPED: &[(&str, &str, &str)] = &[
    ("environment", "production", "\"production\""),
    ("server.host", "127.0.0.2", "\"127.0.0.2\""),
    ("server.port", "0", "0"),
    ("server.graceful_timeout", "0", "0"),
    ("server.keepalive", "86400", "86400"),
    (
        "server.public_url",
        "https://MCP.example.com/",
        "\"https://mcp.example.com\"",
    ),
    (
        "server.allowed_hosts",
        "A.com, b.com:80",
        "[\"a.com\",\"b.com:80\"]",
    ),
    ("auth.enabled", "false", "false"),
    ("monitoring.health_path", "/up", "\"/up\""),
    ("logging.level", "warn", "\"WARN\""),
    ("logging.format", "text", "\"text\""),
    ("mcp.path", "/m", "\"/m\""),
    ("mcp.sessions", "off", "false"),
    (
        "mcp.state_key",
        "0123456789abcdef0123456789abcdef",
        "\"***\"",
    ),
];

#[test]
fn each_setting_can_be_set_by_variable_and_flag_and_is_explained() {
    let known = catalog::all()
        .iter()
        .filter(|setting| setting.kind != Kind::Section);
    let known: Vec<&str> = known.map(|setting| setting.key.as_str()).collect();
    let flipped: Vec<&str> = FLIPPED.iter().map(|(key, ..)| *key).collect();
    assert_eq!(known, flipped, "each setting stands in the table");
    for (key, word, value) in FLIPPED {
        let variable = variable_name(key);
        for loader in [
            Loader::new().environment(variables(&[(&variable, word)])),
            Loader::new().flag(*key, *word),
        ] {
            let loaded = loader.load().expect(key);
            let explained = loaded.explain(key).unwrap();
            assert_eq!(explained[0].value, *value, "{key}");
            assert_ne!(explained[0].default, *value, "{key}");
            assert_ne!(explained[0].origin, Origin::Default, "{key}");
            assert_ne!(loaded.config, HttpConfig::default(), "{key}");
        }
    }
}

#[test]
fn each_setting_can_be_set_by_file() {
    for (key, word, value) in FLIPPED {
        let setting = catalog::find(key).unwrap();
        let written = match setting.kind {
            Kind::Text { .. } => format!("{word:?}"),
            Kind::List(_) => format!("[{word}]"),
            _ => (*word).to_owned(),
        };
        let text = match key.split_once('.') {
            Some((section, name)) => format!("{section}:\n  {name}: {written}\n"),
            None => format!("{key}: {written}\n"),
        };
        let loaded = load_file("c.yaml", text).expect(key);
        assert_eq!(loaded.explain(key).unwrap()[0].value, *value, "{key}");
    }
}

#[test]
fn a_variable_is_read_as_its_setting_says() {
    for (word, sessions) in [
        ("0", false),
        ("NO", false),
        ("off", false),
        ("1", true),
        ("Yes", true),
        ("on", true),
    ] {
        let loaded = load_variables(&[("MCP_HTTP_MCP__SESSIONS", word)]).expect(word);
        assert_eq!(loaded.config.mcp.sessions, sessions, "{word}");
    }
    let loaded = load_variables(&[
        ("MCP_HTTP_ENVIRONMENT", "0"),
        (
            "MCP_HTTP_SERVER__ALLOWED_HOSTS",
            "[\"a.com\", \"[::1]:80\"]",
        ),
        ("MCP_HTTP_SERVER__PUBLIC_URL", "null"),
    ]);
    let config = loaded.unwrap().config;
    assert_eq!(config.environment, "0");
    assert_eq!(config.server.allowed_hosts.len(), 2);
    assert_eq!(config.server.public_url, None);
}

#[test]
fn an_empty_variable_counts_as_unset() {
    let names = [
        "MCP_HTTP_SERVER__PORT",
        "MCP_API_KEY",
        "MCP_HTTP_API_KEY",
        "MCP_HTTP_SERVER__NOPE",
    ];
    let loaded = load_variables(&names.map(|name| (name, ""))).unwrap();
    assert_eq!(loaded.config, HttpConfig::default());
    assert!(loaded.warnings.is_empty());
}

#[test]
fn a_variable_without_a_double_underscore_only_warns() {
    let loaded = load_variables(&[
        ("MCP_HTTP_PORT", "tcp://10.0.0.1:80"),
        ("MCP_HTTP_SERVICE_HOST", "10.0.0.1"),
        ("PATH", "/bin"),
    ]);
    let loaded = loaded.unwrap();
    assert_eq!(loaded.config, HttpConfig::default());
    let warnings: Vec<String> = loaded.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(warnings.len(), 2);
    assert!(
        warnings[0].starts_with("MCP_HTTP_PORT:") && warnings[0].contains("MCP_HTTP_SERVER__PORT")
    );
    assert!(warnings[1].starts_with("MCP_HTTP_SERVICE_HOST:"));
}

#[test]
fn a_key_beside_authentication_turned_off_is_a_warning() {
    let loaded = load_variables(&[
        ("MCP_API_KEY", "topsecret"),
        ("MCP_HTTP_AUTH__ENABLED", "false"),
    ])
    .unwrap();
    assert_eq!(loaded.warnings.len(), 1);
    assert_eq!(loaded.warnings[0].setting(), "MCP_API_KEY");
}

#[test]
fn an_unknown_key_is_not_explained_but_guessed_at() {
    let loaded = Loader::new().load().unwrap();
    assert!(
        loaded
            .explain("server.prot")
            .unwrap_err()
            .to_string()
            .contains("server.port")
    );
    assert!(
        loaded
            .explain("tls")
            .unwrap_err()
            .to_string()
            .contains("not in this version")
    );
    assert_eq!(loaded.explain("monitoring").unwrap().len(), 1);
    assert!(loaded.explain("").is_err());
}

#[test]
fn a_flag_for_a_setting_that_does_not_exist_is_an_error() {
    assert!(Loader::new().flag("server.nope", "1").load().is_err());
    assert!(Loader::new().flag("server", "1").load().is_err());
}
