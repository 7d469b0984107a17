//! Keys from several places at once.

use std::fs;

use serde_json::json;

use crate::{
    auth::{KeyHash, sources::Sources},
    config::{Auth, Loader},
};

/// The section as these variables make it.
fn auth(variables: &[(&str, &str)]) -> Auth {
    let variables = variables
        .iter()
        .map(|(name, value)| ((*name).into(), (*value).into()));
    let loaded = Loader::new().environment(variables).load().unwrap();
    loaded.config.auth
}

fn hashes(auth: &Auth) -> Vec<Option<KeyHash>> {
    let sources = Sources::read(auth).unwrap();
    sources.entries.iter().map(|entry| entry.hash()).collect()
}

// The guide's compose file fills MCP_HTTP_API_KEY from MCP_API_KEY.
#[test]
fn the_same_key_in_both_variables_is_one_key() {
    let one = Some(KeyHash::of("your-secret-key-here"));
    let both = [
        ("MCP_API_KEY", "your-secret-key-here"),
        ("MCP_HTTP_API_KEY", "your-secret-key-here"),
    ];
    assert_eq!(hashes(&auth(&both)), [one]);
    let two = [both[0], ("MCP_HTTP_API_KEY", "another-key-of-ours")];
    let other = Some(KeyHash::of("another-key-of-ours"));
    let mut found = hashes(&auth(&two));
    found.sort_by_key(|hash| *hash != one);
    assert_eq!(found, [one, other]);
}

#[test]
fn sources_that_disagree_about_a_name_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keys.json");
    let keys = json!({ "keys": [{ "name": "default", "key": "b", "rate_limit": 5 }] });
    fs::write(&file, keys.to_string()).unwrap();
    let mut auth = auth(&[("MCP_API_KEY", "your-secret-key-here")]);
    auth.keys_file = Some(file);
    let error = Sources::read(&auth).unwrap_err().to_string();
    assert!(
        error.contains("keys[0].rate_limit: keys of one name are one caller"),
        "{error}"
    );
    assert!(
        error.contains("environment variable MCP_API_KEY"),
        "{error}"
    );
}

// Whoever writes a file in place empties it first.
#[test]
fn a_file_that_is_empty_for_a_moment_takes_no_key_away() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keys.yaml");
    for (text, good) in [("", false), ("# later\n", false), ("keys: []\n", true)] {
        fs::write(&file, text).unwrap();
        assert_eq!(Sources::read_again(&file, &[]).is_ok(), good, "{text:?}");
    }
}

#[test]
fn a_key_that_may_do_less_than_nobody_is_warned_of() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keys.json");
    let keys =
        json!({ "keys": [{ "name": "narrow", "key": "a-key-of-one-tool", "tools": ["echo"] }] });
    fs::write(&file, keys.to_string()).unwrap();
    let mut auth = auth(&[]);
    auth.keys_file = Some(file);
    let warned = |auth: &Auth| {
        let warnings = Sources::read(auth).unwrap().warnings;
        warnings
            .iter()
            .any(|warning| warning.setting() == "auth.require_auth")
    };
    assert!(!warned(&auth));
    auth.require_auth = false;
    assert!(warned(&auth));
}
