//! A setting from one word, as variables and flags give it, read as the kind of the setting says.

use serde_json::Value;

use super::{
    Node, Problem,
    fit::{expected, fits},
    node::Data,
    unknown,
};
use crate::config::{
    Origin,
    catalog::{self, Kind, Setting},
};

/// Sets a setting in the tree, or reports why it cannot be set.
pub(super) fn set(
    tree: &mut Node,
    key: &str,
    word: &str,
    origin: Origin,
    problems: &mut Vec<Problem>,
) {
    let Some(setting) = catalog::find(key) else {
        problems.push(Problem::of_setting(
            origin,
            key,
            unknown::message(key, &str::to_owned),
        ));
        return;
    };
    if setting.kind == Kind::Section {
        let message = format!("this is {}; set one of those", expected(&setting.kind));
        problems.push(Problem::of_setting(origin, key, message));
        return;
    }
    let mut value = Node {
        data: data(setting, word, &origin),
        origin,
    };
    if fits(setting, &mut value, problems) {
        tree.set(key, value);
    }
}

fn data(setting: &Setting, word: &str, origin: &Origin) -> Data {
    if setting.nullable && word == "null" {
        return Data::Null;
    }
    let read = match &setting.kind {
        Kind::Boolean => truth(word).map(Data::Boolean),
        Kind::Integer { .. } => word.trim().parse().ok().map(Data::Integer),
        Kind::List(_) => Some(list(word, origin)),
        Kind::Map(_) => map(word, origin),
        Kind::Text { .. } | Kind::Section | Kind::Record(_) => None,
    };
    // What cannot be read stays text, and the report then says what was expected.
    read.unwrap_or_else(|| Data::Text(word.to_owned()))
}

fn truth(word: &str) -> Option<bool> {
    match word.trim().to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Some(true),
        "false" | "0" | "no" | "off" => Some(false),
        _ => None,
    }
}

fn map(word: &str, origin: &Origin) -> Option<Data> {
    let value: Value = serde_json::from_str(word).ok()?;
    value
        .is_object()
        .then(|| Node::from_json(value, origin).data)
}

fn list(word: &str, origin: &Origin) -> Data {
    if word.trim_start().starts_with('[')
        && let Ok(Value::Array(items)) = serde_json::from_str(word)
    {
        return Data::List(
            items
                .into_iter()
                .map(|item| Node::from_json(item, origin))
                .collect(),
        );
    }
    let items = word
        .split(',')
        .map(str::trim)
        .filter(|item| !item.is_empty());
    Data::List(
        items
            .map(|item| Node {
                origin: origin.clone(),
                data: Data::Text(item.to_owned()),
            })
            .collect(),
    )
}
