//! Every question of rules and dashboard is put to a real Prometheus that reads real servers under load.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use crate::{
    dashboard,
    load::Load,
    prometheus::Prometheus,
    promql::{self, Asked},
    rules,
    site::Site,
};

/// Series that no server of this test has. Each with its reason.
const NOT_HERE: [(&str, &str); 1] = [(
    "simply_mcp_certificate_expiry_timestamp_seconds",
    "the servers have no certificate",
)];

/// Far longer than it takes: the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(60);

/// What Prometheus adds itself.
const OF_PROMETHEUS: [&str; 3] = ["instance", "job", "le"];

struct Question {
    whence: String,
    expression: String,
    /// Labels that the answer must have.
    labels: BTreeSet<String>,
}

fn question(whence: &str, expression: &str) -> Question {
    Question {
        whence: whence.to_owned(),
        expression: expression.to_owned(),
        labels: BTreeSet::new(),
    }
}

/// All that must have an answer: what is recorded and shown, and each series that an alert looks at. The alert as a
/// whole has none while all is well.
fn questions() -> Vec<Question> {
    let mut questions = vec![];
    for rule in rules::all() {
        if rule.is_alert {
            let asked = promql::asked(&rule.expression);
            let selectors = asked.selectors.iter();
            questions.extend(selectors.map(|one| question(&rule.name, &one.text)));
        } else {
            questions.push(question(&rule.name, &rule.expression));
        }
    }
    for target in dashboard::targets() {
        questions.push(Question {
            whence: target.panel,
            expression: target.expression,
            labels: target.legend,
        });
    }
    for (series, label) in dashboard::variables() {
        questions.push(Question {
            labels: [label].into(),
            ..question("a variable", &series)
        });
    }
    questions
}

fn is_not_here(question: &Question) -> bool {
    let asked = promql::asked(&question.expression);
    let mut names = asked.selectors.iter().map(|selector| &selector.name);
    names.any(|name| NOT_HERE.iter().any(|(not_here, _)| not_here == name))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_load_every_question_has_an_answer() {
    let site = Site::start().await;
    let servers = [site.program.as_str(), site.library.as_str()];
    let prometheus = Prometheus::start(site.folder.path(), &servers).await;
    let mut load = Load::new();
    let (excused, mut open): (Vec<_>, Vec<_>) = questions().into_iter().partition(is_not_here);
    let start = Instant::now();
    while !open.is_empty() {
        load.pass(&site).await;
        // Prometheus reads once a second: more load than this it does not see.
        tokio::time::sleep(Duration::from_millis(300)).await;
        let mut still_open = vec![];
        for question in open {
            if !is_answered(&prometheus, &question).await {
                still_open.push(question);
            }
        }
        open = still_open;
        let left: BTreeMap<_, _> = open
            .iter()
            .map(|one| (&one.expression, &one.whence))
            .collect();
        assert!(start.elapsed() < PATIENCE, "without answer: {left:#?}");
    }
    for question in excused {
        let is_answered = is_answered(&prometheus, &question).await;
        assert!(!is_answered, "{} is here after all", question.expression);
    }
    labels_are_known(&prometheus).await;
    alerts_without_delay_came(&prometheus).await;
}

async fn is_answered(prometheus: &Prometheus, question: &Question) -> bool {
    let answer = prometheus.query(&question.expression).await;
    for labels in &answer {
        assert!(
            labels.is_superset(&question.labels),
            "{}: {:?} are not all in {labels:?}",
            question.whence,
            question.labels
        );
    }
    !answer.is_empty()
}

/// Labels that are excluded or grouped by are no reason for Prometheus to find nothing, so they are looked up.
async fn labels_are_known(prometheus: &Prometheus) {
    let rules = rules::all().into_iter().map(|rule| rule.expression);
    let panels = dashboard::targets()
        .into_iter()
        .map(|target| target.expression);
    for expression in rules.chain(panels) {
        let Asked {
            selectors,
            labels,
            texts,
        } = promql::asked(&expression);
        let mut known: BTreeSet<String> = OF_PROMETHEUS.map(String::from).into();
        known.extend(texts);
        for selector in selectors {
            known.extend(prometheus.labels_of(&selector.name).await);
        }
        assert!(
            known.is_superset(&labels),
            "{expression}: of {labels:?} only {known:?} exist"
        );
    }
}

/// The load has a tool that panics.
async fn alerts_without_delay_came(prometheus: &Prometheus) {
    let firing = r#"ALERTS{alertname="SimplyMcpToolPanics",alertstate="firing",tool="panic"}"#;
    assert_eq!(prometheus.query(firing).await.len(), 1);
}
