//! What a PromQL expression asks for: which series, and which of their labels. Prometheus itself judges the grammar;
//! this only finds the names.

use std::collections::BTreeSet;

/// What an expression asks for.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    pub(crate) selectors: Vec<Selector>,
    /// Labels that are matched or grouped by.
    pub(crate) labels: BTreeSet<String>,
    /// Texts outside of matchers: `label_replace` makes labels of them.
    pub(crate) texts: BTreeSet<String>,
}

/// A series with its matchers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Selector {
    pub(crate) name: String,
    /// As it is written: `name{label="value"}`.
    pub(crate) text: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Name(String),
    Text(String),
    Sign(char),
}

const AGGREGATIONS: &[&str] = &["avg", "count", "max", "min", "sum", "topk"];
const BEFORE_LABELS: &[&str] = &[
    "by",
    "group_left",
    "group_right",
    "ignoring",
    "on",
    "without",
];
const OPERATORS: &[&str] = &["and", "bool", "offset", "or", "unless"];

/// Reads `expression`, in which no variable of Grafana is left.
pub(crate) fn asked(expression: &str) -> Asked {
    let mut asked = Asked::default();
    let tokens = tokens(expression);
    let mut rest = tokens.as_slice();
    while let Some((first, after)) = rest.split_first() {
        rest = match first {
            Token::Name(name) => name_at(name, after, &mut asked),
            Token::Text(text) => {
                asked.texts.insert(text.clone());
                after
            }
            Token::Sign(_) => after,
        };
    }
    asked
}

/// Takes what belongs to `name`, and returns what follows.
fn name_at<'a>(name: &str, after: &'a [Token], asked: &mut Asked) -> &'a [Token] {
    if BEFORE_LABELS.contains(&name) {
        let (labels, after) = until(after, ')');
        asked.labels.extend(names(labels));
        return after;
    }
    let is_function = after.first() == Some(&Token::Sign('('));
    if is_function || AGGREGATIONS.contains(&name) || OPERATORS.contains(&name) {
        return after;
    }
    let (matchers, after) = if after.first() == Some(&Token::Sign('{')) {
        until(after, '}')
    } else {
        (&[][..], after)
    };
    asked.labels.extend(names(matchers));
    asked.selectors.push(Selector {
        name: name.to_owned(),
        text: format!("{name}{}", written(matchers)),
    });
    after
}

/// Everything up to and with `end`, and what follows.
fn until(tokens: &[Token], end: char) -> (&[Token], &[Token]) {
    let length = tokens
        .iter()
        .position(|token| *token == Token::Sign(end))
        .unwrap_or_else(|| panic!("no {end:?} in {tokens:?}"));
    tokens.split_at(length + 1)
}

fn names(tokens: &[Token]) -> impl Iterator<Item = String> {
    tokens.iter().filter_map(|token| match token {
        Token::Name(name) => Some(name.clone()),
        _ => None,
    })
}

fn written(tokens: &[Token]) -> String {
    let written = tokens.iter().map(|token| match token {
        Token::Name(name) => name.clone(),
        Token::Text(text) => format!("\"{text}\""),
        Token::Sign(sign) => sign.to_string(),
    });
    written.collect()
}

fn tokens(expression: &str) -> Vec<Token> {
    let mut tokens = vec![];
    let mut rest = expression;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '"' => rest[1..].find('"').expect("a text has an end") + 2,
            _ if is_of_name(first) => rest.find(|one| !is_of_name(one)).unwrap_or(rest.len()),
            _ => first.len_utf8(),
        };
        let (text, after) = rest.split_at(length);
        match first {
            '"' => tokens.push(Token::Text(text.trim_matches('"').to_owned())),
            // A number, or a duration.
            _ if first.is_ascii_digit() => {}
            _ if is_of_name(first) => tokens.push(Token::Name(text.to_owned())),
            _ if first.is_whitespace() => {}
            _ => tokens.push(Token::Sign(first)),
        }
        rest = after;
    }
    tokens
}

fn is_of_name(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '_' | ':')
}

#[test]
fn names_of_series_and_labels_are_found() {
    let asked = asked(
        r#"1 - sum by (job, le) (rate(a_total{job="x",status!="501"}[5m])) / on (job) group_left () b:c > 14.4 or vector(0)"#,
    );
    let texts: Vec<_> = asked.selectors.iter().map(|one| &one.text).collect();
    assert_eq!(texts, [r#"a_total{job="x",status!="501"}"#, "b:c"]);
    assert_eq!(
        asked.labels,
        ["job", "le", "status"].map(String::from).into()
    );
}
