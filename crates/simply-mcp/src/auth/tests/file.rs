//! Keys files, good and bad.

use std::path::Path;

use crate::auth::{KeyFile, KeyHash, file::Source};

const HASH: &str = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

fn problems(text: &str, name: &str) -> Vec<String> {
    let error = KeyFile::parse(text, name).unwrap_err();
    assert!(!error.to_string().contains("hunter2"), "{error}");
    error.problems().iter().map(ToString::to_string).collect()
}

#[test]
fn json_and_yaml_say_the_same() {
    let yaml = format!(
        "keys:\n  - name: ci\n    key_hash: {HASH}\n    enabled: false\n    rate_limit: 10\n    window_seconds: 60\n    \
         expires_at: 2027-01-31\n    tools: [echo, add]\n  - {{key: your-secret-key-here, name: guide}}\n"
    );
    let json = format!(
        "{{\n\t\"keys\": [{{\"name\": \"ci\", \"key_hash\": \"{HASH}\", \"enabled\": false, \"rate_limit\": 10, \
         \"window_seconds\": 60, \"expires_at\": \"2027-01-31T00:00:00Z\", \"tools\": [\"echo\", \"add\"]}},\n\t\
         {{\"key\": \"your-secret-key-here\", \"name\": \"guide\"}}]\n}}"
    );
    let file = KeyFile::parse(&yaml, "keys.yaml").unwrap();
    assert_eq!(KeyFile::parse(&json, "keys.json").unwrap(), file);
    let [ci, guide] = &file.keys[..] else {
        panic!("two keys");
    };
    assert!(!ci.enabled && guide.enabled);
    assert_eq!(ci.hash(), Some(KeyHash::of("abc")));
    assert_eq!(guide.hash(), Some(KeyHash::of("your-secret-key-here")));
    assert_eq!(ci.tools.as_ref().unwrap(), &["echo", "add"]);
    let written = serde_saphyr::to_string(&file).unwrap();
    assert_eq!(KeyFile::parse(&written, "keys.yaml").unwrap(), file);
}

#[test]
fn a_file_without_keys_is_good() {
    for text in ["", "# nothing yet\n", "keys:\n", "keys: []\n", "{}"] {
        assert_eq!(KeyFile::parse(text, "k.yaml").unwrap().keys, [], "{text}");
    }
    assert_eq!(KeyFile::parse("{}", "k.json").unwrap().keys, []);
}

#[test]
fn every_problem_is_told_with_its_line() {
    let text = format!(
        "kyes: []\nkeys:\n- name: a\n- nmae: b\n  key: hunter2-0\n- name: ''\n  key: hunter2-1\n  key_hash: {HASH}\n\
         - name: c\n  key: hunter2-2\n  rate_limit: 0\n  expires_at: soon\n  tools: echo\n- hunter2\n"
    );
    let found = problems(&text, "keys.yaml");
    for expected in [
        "keys.yaml:1:1: \"kyes\" is not known here; did you mean keys?",
        "keys.yaml:3:3: keys[0]: neither",
        "keys.yaml:4:3: keys[1]: \"nmae\" is not known here; did you mean name?",
        "keys.yaml:4:3: keys[1]: `name` is missing",
        "keys.yaml:6:9: keys[2].name: the name is empty",
        "keys.yaml:6:3: keys[2]: both",
        "keys.yaml:11:15: keys[3].rate_limit: expected a whole number from 1",
        "keys.yaml:12:15: keys[3].expires_at: expected a time",
        "keys.yaml:13:10: keys[3].tools: expected a list of tools",
        "keys.yaml:14:3: keys[4]: expected a key",
    ] {
        assert!(
            found.iter().any(|problem| problem.starts_with(expected)),
            "{expected}\n{found:#?}"
        );
    }
    assert_eq!(found.len(), 10, "{found:#?}");
}

// AUT-10
#[test]
fn an_empty_place_for_tools_is_not_taken_for_all_of_them() {
    for text in [
        "keys:\n- name: a\n  key: x\n  tools:\n",
        "keys:\n- name: a\n  key: x\n  tools:\n  # - echo\n  enabled: true\n",
        "keys: [{name: a, key: x, tools: null}]",
    ] {
        let found = problems(text, "k.yaml");
        assert!(
            found[0].contains("keys[0].tools: there is nothing"),
            "{found:?}"
        );
    }
    for text in ["enabled:", "expires_at:", "rate_limit: null"] {
        let text = format!("keys:\n- name: a\n  key: x\n  {text}\n");
        assert_eq!(KeyFile::parse(&text, "k.yaml").unwrap().keys.len(), 1);
    }
}

// AUT-08
#[test]
fn no_report_repeats_a_key_wherever_it_stands() {
    for text in [
        "keys: hunter2",
        "hunter2",
        "hunter2: x",
        "keys: {hunter2: x}",
        "keys: [{hunter2: ci}]",
        "keys: [{name: a, key: [hunter2]}]",
        "keys: [{name: a, key_hash: hunter2}]",
        "keys: [{name: a, key: 'hunter2 x'}]",
        "keys: [{name: a, key: x, enabled: hunter2, rate_limit: hunter2, expires_at: hunter2, tools: hunter2}]",
        "keys: [{name: a, key: 'hunter2",
        "keys: [{name: a, key: *hunter2}]",
        "keys: [{name: a, key: hunter2-0}, {name: b, key: hunter2-0}]",
    ] {
        problems(text, "k.yaml");
    }
    for text in ["hunter2", "{\"keys\": hunter2}", "{\"keys\": [\"hunter2\""] {
        problems(text, "k.json");
        let text = format!("{{{text}");
        let error = Source::of_variable("MCP_API_KEY", &text).unwrap_err();
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
    let file = KeyFile::parse("keys: [{name: a, key: hunter2}]", "k.yaml").unwrap();
    assert!(!format!("{file:?}").contains("hunter2"));
}

#[test]
fn the_same_key_twice_is_refused() {
    let text = format!("keys:\n- {{name: a, key: abc}}\n- {{name: b, key_hash: '{HASH}'}}\n");
    let found = problems(&text, "k.yaml");
    assert_eq!(
        found,
        ["k.yaml:3:3: keys[1]: this is the same key as keys[0] in line 2; remove one of them"]
    );
}

#[test]
fn keys_of_one_name_must_allow_the_same() {
    let good = "keys:\n- {name: a, key: x, tools: [one, two], expires_at: 2027-01-01}\n- {name: a, key: z, tools: [two, one]}\n";
    assert_eq!(KeyFile::parse(good, "k.yaml").unwrap().keys.len(), 2);
    let bad = "keys:\n- {name: a, key: x, rate_limit: 1}\n- {name: a, key: z, tools: []}\n";
    let found = problems(bad, "k.yaml");
    assert_eq!(found.len(), 2);
    assert!(
        found[0].starts_with("k.yaml:3:3: keys[1].rate_limit: keys of one name are one caller")
    );
    assert!(found[1].starts_with("k.yaml:3:3: keys[1].tools:"));
}

#[test]
fn a_variable_holds_one_key_or_a_whole_file() {
    let one = Source::of_variable("MCP_API_KEY", "your-secret-key-here\n").unwrap();
    assert_eq!(one.entries[0].entry.name, "default");
    assert_eq!(
        one.entries[0].entry.hash(),
        Some(KeyHash::of("your-secret-key-here"))
    );
    let many = r#" {"keys": [{"name": "a", "key": "x"}, {"name": "b", "key": "y"}]}"#;
    assert_eq!(
        Source::of_variable("MCP_API_KEY", many)
            .unwrap()
            .entries
            .len(),
        2
    );
    let error = Source::of_variable("MCP_API_KEY", "two words").unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("environment variable MCP_API_KEY: keys[0].key:"),
        "{error}"
    );
}

#[test]
fn short_keys_are_warned_of_and_work() {
    let source = Source::of_variable("MCP_API_KEY", "hunter2").unwrap();
    let [warning] = &source.warnings[..] else {
        panic!("one warning");
    };
    assert!(!warning.to_string().contains("hunter2"));
    assert!(warning.message().contains("\"default\""));
}

#[cfg(unix)]
#[test]
fn a_file_that_everybody_can_read_is_warned_of_only_for_plain_keys() {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.yaml");
    let warnings = |text: &str, mode: u32| {
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        Source::read(&path).unwrap().warnings.len()
    };
    let plain = "keys: [{name: a, key: a-key-of-decent-length}]";
    assert_eq!(warnings(plain, 0o644), 1);
    assert_eq!(warnings(plain, 0o640), 0);
    assert_eq!(
        warnings(&format!("keys: [{{name: a, key_hash: '{HASH}'}}]"), 0o644),
        0
    );
}

#[test]
fn what_is_no_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let said = |path: &Path| KeyFile::read(path).unwrap_err().to_string();
    assert!(said(&folder.path().join("none.yaml")).contains("there is no such file"));
    assert!(said(folder.path()).contains("directory"));
    assert!(said(Path::new("/dev/null")).contains("name a file"));
    let other = folder.path().join("keys.txt");
    std::fs::write(&other, "keys: []").unwrap();
    assert!(said(&other).contains(".yaml, .yml or .json"));
    let bytes = folder.path().join("keys.yaml");
    std::fs::write(&bytes, b"keys:\n- \xff").unwrap();
    assert!(said(&bytes).contains("line 2 is not UTF-8"));
}

#[test]
fn a_hundred_thousand_keys_are_read_and_one_more_is_refused() {
    let source = |count: usize| {
        let keys: Vec<String> = (0..count)
            .map(|index| format!("{{\"name\": \"n{index}\", \"key\": \"k{index}\"}}"))
            .collect();
        Source::of_variable("KEYS", &format!("{{\"keys\": [{}]}}", keys.join(",")))
    };
    assert_eq!(source(100_000).unwrap().entries.len(), 100_000);
    let error = source(100_001).unwrap_err().to_string();
    assert!(error.contains("more than 100000 keys"), "{error}");
}

// A document of the configuration may be far smaller.
#[test]
fn ten_thousand_keys_fit_into_a_file() {
    let mut text = String::from("keys:\n");
    for index in 0..10_000 {
        text.push_str(&format!(
            "- {{name: n{index}, key: k{index}, enabled: true, rate_limit: 5, window_seconds: 60, tools: [a, b, c, d]}}\n"
        ));
    }
    assert_eq!(KeyFile::parse(&text, "k.yaml").unwrap().keys.len(), 10_000);
}
