//! The configuration as a program meets it.

use std::time::Duration;

use serde_json::json;

use super::*;

#[test]
fn a_value_is_read_without_the_environment() {
    let config =
        HttpConfig::from_value(json!({"server": {"port": 9, "host": "localhost"}})).unwrap();
    assert_eq!(config.server.port, 9);
    assert!(config.server.host.is_loopback());
    assert_eq!(
        HttpConfig::from_value(json!({})).unwrap(),
        HttpConfig::default()
    );
    assert_eq!(
        HttpConfig::from_value(json!(null)).unwrap(),
        HttpConfig::default()
    );
}

#[test]
fn every_problem_of_a_value_is_named_by_its_key() {
    let errors =
        HttpConfig::from_value(json!({"server": {"prot": 1, "port": "x"}, "mcp": {"path": 5}}))
            .unwrap_err();
    let lines: Vec<String> = errors.problems().iter().map(ToString::to_string).collect();
    assert_eq!(lines.len(), 3);
    assert!(
        lines
            .iter()
            .any(|line| line.starts_with("server.prot: this is not a setting"))
    );
    assert!(HttpConfig::from_value(json!([])).is_err());
    assert!(HttpConfig::from_value(json!("x")).is_err());
}

#[test]
fn what_a_program_put_together_is_checked_too() {
    let mut config = HttpConfig::default();
    assert_eq!(config.check(), Ok(()));
    config.server.host = [0, 0, 0, 0].into();
    assert!(
        config
            .check()
            .unwrap_err()
            .to_string()
            .contains("auth: {enabled: false}")
    );
    config.auth.enabled = Some(true);
    assert!(
        config
            .check()
            .unwrap_err()
            .to_string()
            .contains("there is no key")
    );
    config.auth.enabled = Some(false);
    assert_eq!(config.check(), Ok(()));
    config.mcp.path = "/health".parse().unwrap();
    assert!(config.check().is_err());
}

#[test]
fn a_time_that_no_clock_can_carry_is_refused() {
    for time in [Duration::MAX, Duration::ZERO] {
        let mut config = HttpConfig::default();
        config.server.keepalive = time;
        let errors = config.check().unwrap_err();
        assert_eq!(errors.problems()[0].key(), Some("server.keepalive"));
    }
    let mut config = HttpConfig::default();
    config.server.graceful_timeout = Duration::MAX;
    assert!(config.check().is_err());
    config.server.graceful_timeout = Duration::ZERO;
    assert!(config.check().is_ok());
}

#[test]
fn serving_everybody_on_purpose_is_warned_of_with_the_setting_that_ends_it() {
    let mut config = HttpConfig::default();
    config.auth.enabled = Some(false);
    assert!(config.warnings().is_empty());
    for loopback in ["127.9.9.9", "::1", "::ffff:127.0.0.1"] {
        config.server.host = loopback.parse().unwrap();
        assert!(config.warnings().is_empty(), "{loopback}");
    }
    config.server.host = [10, 0, 0, 1].into();
    let warnings = config.warnings();
    assert_eq!(warnings.len(), 1);
    assert_eq!(warnings[0].setting(), "server.host");
}

#[test]
fn what_is_set_and_has_no_effect_is_warned_of() {
    let warned = |value: serde_json::Value| {
        let warnings = HttpConfig::from_value(value).unwrap().warnings();
        let settings = warnings.iter().map(|warning| warning.setting().to_owned());
        settings.collect::<Vec<_>>()
    };
    let jwt = json!({"issuer": "https://a", "jwks_file": "f", "audience": ["a"]});
    assert_eq!(
        warned(json!({"auth": {"enabled": false, "keys_file": "k"}})),
        ["auth.keys_file"]
    );
    assert_eq!(
        warned(json!({"auth": {"enabled": false, "jwt": jwt}})),
        ["auth.jwt.issuer"]
    );
    assert!(warned(json!({"auth": {"jwt": jwt, "keys_file": "k"}})).is_empty());
    let away = json!({"host": "0.0.0.0"});
    assert_eq!(
        warned(json!({"server": away, "auth": {"jwt": jwt}})),
        ["server.public_url"]
    );
    let named = json!({"host": "0.0.0.0", "public_url": "https://mcp.example.com"});
    assert!(warned(json!({"server": named, "auth": {"jwt": jwt}})).is_empty());
    let dear = |enabled| json!({"rate_limit": {"enabled": enabled, "tools": {"t": {"cost": 101}, "u": {"cost": 100}}}});
    assert_eq!(warned(dear(true)), ["rate_limit.tools.t"]);
    assert!(warned(dear(false)).is_empty());
}

#[test]
fn what_is_written_as_yaml_is_read_back_and_hides_secrets() {
    let mut config = HttpConfig::default();
    config.server.public_url = Some("https://a.com:8443".parse().unwrap());
    config.server.allowed_hosts = vec!["b.com".parse().unwrap(), "[::1]:80".parse().unwrap()];
    config.environment = "on".to_owned();
    let yaml = config.to_yaml();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("c.yaml");
    std::fs::write(&path, &yaml).unwrap();
    assert_eq!(
        Loader::new().file(Some(path)).load().unwrap().config,
        config
    );
    config.mcp.state_key = Some("0123456789abcdef0123456789abcdef".parse().unwrap());
    assert!(config.to_yaml().contains("***"));
    for text in [config.to_yaml(), format!("{config:?}")] {
        assert!(!text.contains("0123456789abcdef"), "{text}");
    }
}

#[test]
fn the_starter_file_loads_as_it_is_and_with_every_line_taken_in() {
    let directory = tempfile::tempdir().unwrap();
    for (format, name) in [
        (StarterFormat::Yaml, "s.yaml"),
        (StarterFormat::Toml, "s.toml"),
    ] {
        let path = directory.path().join(name);
        let text = starter_file(format);
        std::fs::write(&path, &text).unwrap();
        let loaded = Loader::new().file(Some(path.clone())).load().expect(name);
        assert_eq!(loaded.config, HttpConfig::default());
        std::fs::write(&path, taken_in(&text)).unwrap();
        let loaded = Loader::new().file(Some(path)).load().expect(name);
        assert_eq!(loaded.config.auth.enabled, Some(true));
        assert!(loaded.config.mcp.state_key.is_some() && loaded.config.server.public_url.is_some());
        for setting in catalog::all()
            .iter()
            .filter(|setting| setting.kind != catalog::Kind::Section)
            .filter(|setting| setting.name != OR_THE_OTHER)
        {
            assert_ne!(
                loaded.origin(&setting.key),
                Origin::Default,
                "{}",
                setting.key
            );
        }
    }
}

/// The starter file with the # taken from every line that is a setting.
/// Of two settings that exclude each other, the one that stays out.
const OR_THE_OTHER: &str = "jwks_file";

fn taken_in(text: &str) -> String {
    let lines = text.lines().map(|line| {
        let bare = line.trim_start().strip_prefix("# ").unwrap_or_default();
        let name = bare.split([':', ' ']).next().unwrap_or_default();
        let follows = bare.strip_prefix(name).unwrap_or_default();
        let setting =
            catalog::all().iter().any(|setting| setting.name == name) && name != OR_THE_OTHER;
        if setting && (follows.starts_with(": ") || follows.starts_with(" = ")) {
            line.replacen("# ", "", 1)
        } else {
            line.to_owned()
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_schema_describes_every_section_and_refuses_other_names() {
    let schema = HttpConfig::json_schema();
    assert_eq!(schema["additionalProperties"], false);
    assert_eq!(
        schema["properties"]["server"]["properties"]["port"]["default"],
        8000
    );
    assert_eq!(schema["properties"]["mcp"]["additionalProperties"], false);
    let validator = jsonschema::validator_for(&schema).unwrap();
    assert!(validator.is_valid(&serde_json::to_value(HttpConfig::default()).unwrap()));
    assert!(!validator.is_valid(&json!({"server": {"prot": 1}})));
}
