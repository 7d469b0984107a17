//! The dashboard of Grafana: as its source writes it, complete, and laid out without gap or overlap.

use std::{collections::BTreeSet, fs, process::Command};

use serde_json::Value;

use crate::repository;

/// One query of one panel.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) panel: String,
    /// With the variables filled in.
    pub(crate) expression: String,
    /// The labels that name its series in the legend.
    pub(crate) legend: BTreeSet<String>,
}

/// What stands for Grafana's variables.
const VARIABLES: [(&str, &str); 6] = [
    ("$__rate_interval", "30s"),
    ("$__range", "1m"),
    ("$instance", ".*"),
    ("$job", "simply-mcp"),
    ("$tool", ".*"),
    ("$key", ".*"),
];

/// Every query of every panel.
pub(crate) fn targets() -> Vec<Target> {
    let mut targets = vec![];
    for panel in panels(&read()) {
        for target in list(&panel["targets"]) {
            targets.push(Target {
                panel: text(&panel["title"]).to_owned(),
                expression: filled(text(&target["expr"])),
                legend: legend(text(&target["legendFormat"])),
            });
        }
    }
    assert!(targets.len() > 50, "queries are missing: {targets:?}");
    targets
}

/// What marks points in time on every panel.
pub(crate) fn annotations() -> Vec<String> {
    let dashboard = read();
    let annotations = list(&dashboard["annotations"]["list"]);
    annotations
        .iter()
        .map(|one| filled(text(&one["target"]["expr"])))
        .collect()
}

/// The series and the label that each variable takes its values from.
pub(crate) fn variables() -> Vec<(String, String)> {
    let dashboard = read();
    list(&dashboard["templating"]["list"])
        .iter()
        .filter_map(|variable| {
            let asked = variable["query"]["query"].as_str()?;
            let asked = asked.strip_prefix("label_values(")?.strip_suffix(')')?;
            let (series, label) = asked.rsplit_once(", ")?;
            Some((filled(series), label.to_owned()))
        })
        .collect()
}

fn read() -> Value {
    let file = repository("deploy/grafana/dashboards/simply-mcp.json");
    serde_json::from_slice(&fs::read(file).unwrap()).unwrap()
}

fn filled(expression: &str) -> String {
    let mut filled = expression.to_owned();
    for (name, value) in VARIABLES {
        filled = filled.replace(name, value);
    }
    assert!(!filled.contains("$_"), "{filled}");
    filled
}

fn legend(format: &str) -> BTreeSet<String> {
    let parts = format.split("{{").skip(1);
    parts
        .filter_map(|part| Some(part.split_once("}}")?.0.to_owned()))
        .collect()
}

fn panels(dashboard: &Value) -> Vec<Value> {
    list(&dashboard["panels"]).to_vec()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[test]
fn the_dashboard_is_what_its_source_writes() {
    let folder = repository("deploy/grafana");
    let written = Command::new("python3")
        .arg(folder.join("dashboard.py"))
        .output()
        .unwrap();
    assert!(written.status.success(), "{written:?}");
    let kept = fs::read(folder.join("dashboards/simply-mcp.json")).unwrap();
    assert!(
        written.stdout == kept,
        "run: python3 deploy/grafana/dashboard.py > deploy/grafana/dashboards/simply-mcp.json"
    );
}

#[test]
fn every_panel_says_what_it_shows_and_where_it_asks() {
    for panel in panels(&read()) {
        let title = text(&panel["title"]);
        assert!(!title.is_empty(), "{panel}");
        if panel["type"] == "row" {
            continue;
        }
        assert!(text(&panel["description"]).ends_with('.'), "{title}");
        if panel["type"] == "text" {
            continue;
        }
        assert!(panel["fieldConfig"]["defaults"]["unit"].is_string());
        assert!(!list(&panel["targets"]).is_empty(), "{title}");
        let mut letters = BTreeSet::new();
        for target in list(&panel["targets"]) {
            assert_eq!(target["datasource"]["uid"], "${datasource}", "{title}");
            assert!(letters.insert(text(&target["refId"])), "{title}: {target}");
        }
    }
}

#[test]
fn panels_have_ids_of_their_own_and_do_not_overlap() {
    let (mut ids, mut taken) = (BTreeSet::new(), BTreeSet::new());
    for panel in panels(&read()) {
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "{panel}");
        let side = |name: &str| panel["gridPos"][name].as_u64().unwrap();
        let (left, right) = (side("x"), side("x") + side("w"));
        assert!(right <= 24, "{} is too wide", panel["title"]);
        for column in left..right {
            for line in side("y")..side("y") + side("h") {
                assert!(
                    taken.insert((column, line)),
                    "{} covers another",
                    panel["title"]
                );
            }
        }
    }
}

#[test]
fn the_dashboard_can_be_found_and_pointed_elsewhere() {
    let dashboard = read();
    assert_eq!(dashboard["uid"], "simply-mcp");
    assert_eq!(dashboard["refresh"], "30s");
    let variables: Vec<_> = list(&dashboard["templating"]["list"])
        .iter()
        .map(|variable| text(&variable["name"]))
        .collect();
    assert_eq!(variables, ["datasource", "job", "instance", "tool", "key"]);
}
