//! The rules of Prometheus: promtool takes them, and their tests leave no alert out.

use std::{collections::BTreeSet, fs, path::PathBuf, process::Command};

use serde_json::Value;

use crate::repository;

/// A recording or alerting rule.
#[derive(Debug)]
pub(crate) struct Rule {
    /// What it records, or is called.
    pub(crate) name: String,
    pub(crate) expression: String,
    pub(crate) is_alert: bool,
    severity: String,
    summary: String,
    description: String,
}

/// All of `deploy/prometheus/rules`.
pub(crate) fn all() -> Vec<Rule> {
    let mut rules = vec![];
    for file in yaml_files("rules") {
        for group in list(&read(&file)["groups"]) {
            rules.extend(list(&group["rules"]).iter().map(rule));
        }
    }
    assert!(rules.len() > 30, "rules are missing: {rules:?}");
    rules
}

fn rule(rule: &Value) -> Rule {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let is_alert = rule["alert"].is_string();
    Rule {
        name: text(&rule[if is_alert { "alert" } else { "record" }]),
        expression: text(&rule["expr"]),
        is_alert,
        severity: text(&rule["labels"]["severity"]),
        summary: text(&rule["annotations"]["summary"]),
        description: text(&rule["annotations"]["description"]),
    }
}

fn yaml_files(folder: &str) -> Vec<PathBuf> {
    let folder = repository("deploy/prometheus").join(folder);
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files
}

fn read(file: &PathBuf) -> Value {
    serde_saphyr::from_str(&fs::read_to_string(file).unwrap()).unwrap()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn promtool(arguments: &[&str], files: &[PathBuf]) {
    let answer = Command::new("promtool")
        .args(arguments)
        .args(files)
        .output()
        .expect("promtool is installed (Debian package prometheus)");
    assert!(answer.status.success(), "{arguments:?}: {answer:#?}");
}

#[test]
fn promtool_takes_the_settings_and_the_rules_and_their_tests_pass() {
    let settings = repository("deploy/prometheus/prometheus.yml");
    promtool(&["check", "config"], &[settings]);
    promtool(
        &["check", "rules", "--lint=all", "--lint-fatal"],
        &yaml_files("rules"),
    );
    promtool(&["test", "rules"], &yaml_files("tests"));
}

#[test]
fn each_alert_is_tested_to_come_and_to_stay_away() {
    let (mut comes, mut stays_away) = (BTreeSet::new(), BTreeSet::new());
    for file in yaml_files("tests") {
        for test in list(&read(&file)["tests"]) {
            for check in list(&test["alert_rule_test"]) {
                let name = check["alertname"].as_str().unwrap().to_owned();
                if list(&check["exp_alerts"]).is_empty() {
                    stays_away.insert(name);
                } else {
                    comes.insert(name);
                }
            }
        }
    }
    let alerts: BTreeSet<String> = all()
        .into_iter()
        .filter(|rule| rule.is_alert)
        .map(|rule| rule.name)
        .collect();
    assert_eq!(comes, alerts);
    assert_eq!(stays_away, alerts);
}

#[test]
fn each_alert_says_what_happened_and_what_to_do() {
    for alert in all().iter().filter(|rule| rule.is_alert) {
        let Rule {
            name,
            severity,
            summary,
            description,
            ..
        } = alert;
        assert!(
            ["critical", "warning", "info"].contains(&severity.as_str()),
            "{name}: {severity}"
        );
        assert!(
            name.starts_with("SimplyMcp") && summary.ends_with('.'),
            "{name}: {summary}"
        );
        assert!(
            description.ends_with('.') && description.len() > 40,
            "{name}: {description}"
        );
    }
}
