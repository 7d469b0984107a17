//! What a source can be at worst: unreadable, hostile, or full of secrets.

use super::{Loader, assert_says, load_file, load_variables, variables, written};

#[test]
fn no_secret_is_repeated() {
    for text in [
        "mcp: {state_key: s3cr3t}",
        "mcp: {state_key: [s3cr3t]}",
        "environment: x: s3cr3t",
        "mcp: {state_key: {s: s3cr3t}}",
        "mcp: {state_key: 's3cr3t",
        "mcp: {state_key: !!int s3cr3t}",
        "mcp: {state_key: s3cr3t: x}",
        "mcp: s3cr3t",
        "auth: s3cr3t",
        "auth: {key: s3cr3t}",
        "auth: {enabled: s3cr3t}",
        "auth: {key_env_var: s3cr3t-key}",
        "server: {public_url: 'https://me:s3cr3t@a'}",
        "server: {public_url: 'me:s3cr3t@a'}",
    ] {
        let errors = load_file("c.yaml", text).expect_err(text);
        assert!(!errors.to_string().contains("s3cr3t"), "{errors}");
        assert!(!format!("{errors:?}").contains("s3cr3t"), "{errors:?}");
    }
    let errors = load_file("c.toml", "mcp.state_key = \"s3cr3t\nx = 1").unwrap_err();
    assert!(!errors.to_string().contains("s3cr3t"), "{errors}");
    for name in ["MCP_API_KEY", "MCP_HTTP_API_KEY"] {
        let loaded = load_variables(&[(name, "s3cr3t")]).expect(name);
        assert!(!format!("{loaded:?}").contains("s3cr3t"));
        assert!(!loaded.config.to_yaml().contains("s3cr3t"));
    }
    for name in [
        "MCP_HTTP_MCP__STATE_KEY",
        "MCP_HTTP_AUTH__KEY",
        "MCP_HTTP_RATE_LIMIT__STORE",
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
    let errors = load_file("c.yaml", "server: {host: 0.0.0.0}\nauthorisation: {}").unwrap_err();
    assert_eq!(errors.problems().len(), 2, "{errors}");
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
fn a_secret_that_looks_like_a_number_or_a_truth_is_not_repeated_either() {
    for value in ["31337", "31337.5", "true"] {
        let errors = load_file("c.yaml", format!("mcp: {{state_key: {value}}}")).unwrap_err();
        assert_says(&errors, &["mcp.state_key: expected text"]);
        assert!(!errors.to_string().contains(value), "{errors}");
    }
}

#[test]
fn what_aliases_repeat_is_counted() {
    let repeated = |times: usize| {
        let items = "x,".repeat(1000);
        load_file(
            "c.yaml",
            format!("a: &a [{items}]\nb: [{}]", "*a,".repeat(times)),
        )
        .unwrap_err()
    };
    assert_says(&repeated(5), &["a: this is not a setting"]);
    assert_says(&repeated(15), &["larger than any configuration"]);
}

#[test]
fn a_problem_that_the_parser_reports_many_times_is_reported_once() {
    let errors = load_file("c.toml", format!("a = {}", "[".repeat(5000))).unwrap_err();
    assert_eq!(errors.problems().len(), 2, "{errors}");
}

#[cfg(unix)]
#[test]
fn a_device_is_no_configuration() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("c.yaml");
    std::os::unix::fs::symlink("/dev/zero", &path).unwrap();
    let errors = Loader::new().file(Some(path)).load().unwrap_err();
    assert_says(&errors, &["c.yaml: this is a device, a pipe or a socket"]);
}

#[test]
fn a_byte_order_mark_takes_no_column() {
    assert_says(
        &load_file("c.yaml", "\u{feff}nope: 1").unwrap_err(),
        &["c.yaml:1:1: nope"],
    );
    assert_says(
        &load_file("c.toml", "\u{feff}nope = 1").unwrap_err(),
        &["c.toml:1:1: nope"],
    );
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
