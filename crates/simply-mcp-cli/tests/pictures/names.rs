//! Every name that rules and dashboard ask for is one that the source declares, and every declared one is shown.

use std::collections::BTreeSet;

use crate::{
    dashboard, declared,
    promql::{self, Asked},
    rules,
};

/// What Prometheus knows by itself.
const OF_PROMETHEUS: [&str; 3] = ["ALERTS", "scrape_duration_seconds", "up"];

/// Families that no panel shows. Each with its reason.
const NOT_SHOWN: [(&str, &str); 0] = [];

/// The family that a series is of: a histogram has three.
fn family<'a>(series: &'a str, declared: &BTreeSet<String>) -> &'a str {
    let of_histogram = ["_bucket", "_count", "_sum"]
        .iter()
        .filter_map(|end| series.strip_suffix(end))
        .find(|family| declared.contains(*family));
    of_histogram.unwrap_or(series)
}

fn families(asked: &[Asked], declared: &BTreeSet<String>) -> BTreeSet<String> {
    let selectors = asked.iter().flat_map(|one| &one.selectors);
    selectors
        .map(|selector| family(&selector.name, declared).to_owned())
        .collect()
}

fn of_dashboard() -> Vec<Asked> {
    let targets = dashboard::targets()
        .into_iter()
        .map(|target| target.expression);
    let annotations = dashboard::annotations().into_iter();
    let variables = dashboard::variables().into_iter().map(|(series, _)| series);
    targets
        .chain(annotations)
        .chain(variables)
        .map(|expression| promql::asked(&expression))
        .collect()
}

#[test]
fn every_name_that_is_asked_for_is_declared() {
    let mut known = declared::families();
    let declared = known.clone();
    known.extend(OF_PROMETHEUS.map(String::from));
    let rules = rules::all();
    known.extend(rules.iter().map(|rule| rule.name.clone()));
    let mut asked = of_dashboard();
    asked.extend(rules.iter().map(|rule| promql::asked(&rule.expression)));
    let unknown: Vec<_> = families(&asked, &declared)
        .difference(&known)
        .cloned()
        .collect();
    assert!(unknown.is_empty(), "nobody declares {unknown:?}");
}

#[test]
fn every_declared_family_is_on_the_dashboard() {
    let declared = declared::families();
    let mut shown = families(&of_dashboard(), &declared);
    shown.extend(NOT_SHOWN.map(|(name, _)| name.to_owned()));
    let missing: Vec<_> = declared.difference(&shown).collect();
    assert!(missing.is_empty(), "no panel shows {missing:?}");
}
