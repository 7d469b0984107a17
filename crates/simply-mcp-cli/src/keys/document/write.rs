//! Values as YAML and JSON text.

use super::node::{Node, Value};

/// Words that are no text in YAML unless they are quoted, in one of its versions or another.
const NOT_TEXT: [&str; 12] = [
    "true", "false", "null", "yes", "no", "on", "off", "y", "n", "inf", "nan", "infinity",
];

/// How YAML is written in one line.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Quotes {
    /// Where they are needed.
    Needed,
    /// Around all text, as JSON has it.
    Always,
}

/// A value in one line.
pub(super) fn inline(node: &Node, quotes: Quotes) -> String {
    match &node.value {
        Value::Null => "null".to_owned(),
        Value::Boolean(truth) => truth.to_string(),
        Value::Integer(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Text(text) => scalar(text, quotes),
        Value::List(items) => {
            let items: Vec<String> = items.iter().map(|item| inline(item, quotes)).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Map(members) => {
            let members: Vec<String> = members
                .iter()
                .map(|(name, value)| member(name, value, quotes))
                .collect();
            format!("{{{}}}", members.join(", "))
        }
    }
}

/// A name and a value in one line.
pub(super) fn member(name: &Node, value: &Node, quotes: Quotes) -> String {
    format!("{}: {}", inline(name, quotes), inline(value, quotes))
}

/// An entry of a list, a member a line, without an ending after the last.
pub(super) fn entry(node: &Node, indent: &str, ending: &str) -> String {
    let members = node.members().unwrap_or_default();
    let lines: Vec<String> = members
        .iter()
        .enumerate()
        .map(|(index, (name, value))| {
            let mark = if index == 0 { "- " } else { "  " };
            format!("{indent}{mark}{}", member(name, value, Quotes::Needed))
        })
        .collect();
    lines.join(ending)
}

fn scalar(text: &str, quotes: Quotes) -> String {
    let letters = text.starts_with(|first: char| first.is_ascii_alphabetic());
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if quotes == Quotes::Needed
        && letters
        && text.bytes().all(plain)
        && !NOT_TEXT.contains(&text.to_ascii_lowercase().as_str())
    {
        return text.to_owned();
    }
    // A string of JSON is one of YAML.
    serde_json::Value::from(text).to_string()
}
