//! Sources in, settings or problems out.

mod limits;
mod refusals;

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
    ("server.trusted_proxies", "10.0.0.0/8", "[\"10.0.0.0/8\"]"),
    (
        "server.allowed_hosts",
        "A.com, b.com:80",
        "[\"a.com\",\"b.com:80\"]",
    ),
    ("auth.enabled", "false", "false"),
    ("auth.keys_file", "k.yaml", "\"k.yaml\""),
    ("auth.key_env_var", "MY_KEY", "\"MY_KEY\""),
    ("auth.require_auth", "no", "false"),
    ("auth.jwt.issuer", "https://a", "\"https://a\""),
    ("auth.jwt.audience", "a, b", "[\"a\",\"b\"]"),
    ("auth.jwt.jwks_url", "https://a/", "\"https://a/\""),
    ("auth.jwt.jwks_file", "j.json", "\"j.json\""),
    ("auth.jwt.algorithms", "PS256", "[\"PS256\"]"),
    ("auth.jwt.required_scopes", "a, b", "[\"a\",\"b\"]"),
    (
        "auth.jwt.further_issuers",
        r#"[{"issuer": "https://b", "jwks_file": "j"}]"#,
        r#"[{"algorithms":["RS256","ES256","EdDSA"],"audience":[],"issuer":"https://b","jwks_file":"j","jwks_url":null,"required_scopes":[]}]"#,
    ),
    ("auth.jwt.tool_scopes", r#"{"t": ["a"]}"#, r#"{"t":["a"]}"#),
    ("auth.jwt.leeway", "0", "0"),
    ("auth.jwt.max_stale", "60", "60"),
    ("auth.jwt.allow_private_networks", "yes", "true"),
    ("rate_limit.enabled", "true", "true"),
    ("rate_limit.default_limit", "5", "5"),
    ("rate_limit.window_seconds", "1", "1"),
    (
        "rate_limit.strategy",
        "sliding_window",
        "\"sliding_window\"",
    ),
    ("rate_limit.shadow", "true", "true"),
    (
        "rate_limit.store",
        "redis://me:secret@a:1/2",
        "\"redis://***@a:1/2\"",
    ),
    ("rate_limit.on_store_failure", "closed", "\"closed\""),
    (
        "rate_limit.tools",
        r#"{"t": {"limit": 1}}"#,
        r#"{"t":{"cost":1,"limit":1,"window_seconds":null}}"#,
    ),
    ("monitoring.health_path", "/up", "\"/up\""),
    ("monitoring.prometheus_enabled", "no", "false"),
    ("monitoring.prometheus_path", "/m", "\"/m\""),
    ("monitoring.tracing_enabled", "on", "true"),
    ("monitoring.log_requests", "no", "false"),
    ("monitoring.log_responses", "yes", "true"),
    ("monitoring.allow_from", "10.0.0.0/8", "[\"10.0.0.0/8\"]"),
    ("monitoring.listen", "127.0.0.1:9", "\"127.0.0.1:9\""),
    ("logging.level", "warn", "\"WARN\""),
    ("logging.format", "text", "\"text\""),
    ("logging.structured", "off", "false"),
    ("logging.enable_console", "no", "false"),
    ("logging.file", "f.log", "\"f.log\""),
    ("logging.rotate_bytes", "4096", "4096"),
    ("logging.rotate_seconds", "60", "60"),
    ("logging.keep_files", "1", "1"),
    ("audit.file", "a.log", "\"a.log\""),
    ("audit.arguments", r#"{"t": ["a"]}"#, r#"{"t":["a"]}"#),
    ("mcp.path", "/m", "\"/m\""),
    ("mcp.sessions", "off", "false"),
    ("mcp.max_sessions", "1", "1"),
    ("mcp.max_sessions_per_caller", "1", "1"),
    ("mcp.session_timeout", "1", "1"),
    ("mcp.max_streams_per_caller", "1", "1"),
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
            let loaded = with_companions(loader, key).load().expect(key);
            let explained = loaded.explain(key).unwrap();
            assert_eq!(explained[0].value, *value, "{key}");
            assert_ne!(explained[0].default, *value, "{key}");
            assert_ne!(explained[0].origin, Origin::Default, "{key}");
            assert_ne!(loaded.config, HttpConfig::default(), "{key}");
        }
    }
}

/// What a setting about tokens cannot do without.
fn with_companions(loader: Loader, key: &str) -> Loader {
    let wanted: &[(&str, &str)] = match key {
        "auth.jwt.issuer" => &[("jwks_url", "https://a/")],
        "auth.jwt.jwks_url" | "auth.jwt.jwks_file" => &[("issuer", "https://a")],
        key if key.starts_with("auth.jwt.") && key != "auth.jwt.further_issuers" => {
            &[("issuer", "https://a"), ("jwks_url", "https://a/")]
        }
        _ => &[],
    };
    wanted.iter().fold(loader, |loader, (name, value)| {
        loader.flag(format!("auth.jwt.{name}"), *value)
    })
}

#[test]
fn each_setting_can_be_set_by_file() {
    for (key, word, value) in FLIPPED {
        let setting = catalog::find(key).unwrap();
        let yaml = match setting.kind {
            Kind::Text { .. } => format!("{word:?}"),
            Kind::List(_) if !word.starts_with('[') => format!("[{word}]"),
            _ => (*word).to_owned(),
        };
        let text = key
            .rsplit('.')
            .fold(yaml, |inner, name| format!("{{{name}: {inner}}}"));
        let (_directory, path) = written("c.yaml", text);
        let loader = Loader::new().file(Some(path));
        let loaded = with_companions(loader, key).load().expect(key);
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
fn a_key_in_the_environment_turns_authentication_on() {
    for (name, word) in [("MCP_API_KEY", "a"), ("MCP_HTTP_API_KEY", "{\"keys\": []}")] {
        let config = load_variables(&[(name, word)]).unwrap().config;
        assert!(config.auth.is_on());
        let keys = &config.auth.environment_keys;
        assert_eq!(
            (keys[0].variable.as_str(), keys[0].text.expose()),
            (name, word)
        );
        // Wherever it listens.
        assert!(load_variables(&[(name, word), ("MCP_HTTP_SERVER__HOST", "0.0.0.0")]).is_ok());
    }
    assert!(!load_variables(&[]).unwrap().config.auth.is_on());
    let loaded = load_variables(&[
        ("MCP_HTTP_AUTH__KEY_ENV_VAR", "OTHER"),
        ("OTHER", "b"),
        ("MCP_API_KEY", "a"),
        ("MCP_HTTP_API_KEY", "c"),
    ])
    .unwrap();
    let keys = loaded.config.auth.environment_keys;
    let names: Vec<&str> = keys.iter().map(|keys| keys.variable.as_str()).collect();
    assert_eq!(names, ["MCP_HTTP_API_KEY", "OTHER"]);
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
    assert_eq!(loaded.explain("mcp").unwrap().len(), 7);
    assert!(loaded.explain("").is_err());
}

#[test]
fn a_flag_for_a_setting_that_does_not_exist_is_an_error() {
    assert!(Loader::new().flag("server.nope", "1").load().is_err());
    assert!(Loader::new().flag("server", "1").load().is_err());
}
