//! Whether a tree has the shape of the settings: known keys, each once, each with a value of its kind. What does
//! not fit is reported and taken out, so that one look finds everything.

use super::{Entry, Node, Problem, node::Data, unknown};
use crate::config::{
    Origin,
    catalog::{self, Kind, Setting, join},
};

/// The most characters of a wrong value that a report repeats.
const LONGEST_QUOTE: usize = 40;
/// The most problems of one source that are reported.
pub(super) const MOST_PROBLEMS: usize = 100;

/// Reports and takes out what does not fit.
pub(super) fn fit(tree: &mut Node, problems: &mut Vec<Problem>) {
    match &mut tree.data {
        Data::Map(entries) => section("", entries, problems),
        Data::Null => *tree = Node::empty(tree.origin.clone()),
        other => {
            let found = found(other, true);
            let message =
                format!("expected settings, as `server: {{port: 8000}}`, and found {found}");
            problems.push(Problem::of_source(tree.origin.clone(), message));
            *tree = Node::empty(tree.origin.clone());
        }
    }
}

fn section(key: &str, entries: &mut Vec<Entry>, problems: &mut Vec<Problem>) {
    duplicates(key, entries, problems);
    entries.retain_mut(|entry| {
        problems.len() < MOST_PROBLEMS && keep(&join(key, &entry.name), entry, problems)
    });
}

fn duplicates(section: &str, entries: &mut Vec<Entry>, problems: &mut Vec<Problem>) {
    let mut seen: std::collections::HashMap<String, Origin> = std::collections::HashMap::new();
    entries.retain(|entry| {
        let Some(first) = seen.get(&entry.name) else {
            seen.insert(entry.name.clone(), entry.origin.clone());
            return true;
        };
        if problems.len() < MOST_PROBLEMS {
            let message = format!(
                "this key is set twice, first {}; keep one of them",
                where_it_is(first)
            );
            let key = shown(&join(section, &entry.name));
            problems.push(Problem::of_setting(entry.origin.clone(), key, message));
        }
        false
    });
}

fn where_it_is(origin: &Origin) -> String {
    match origin {
        Origin::File {
            place: Some((line, _)),
            ..
        } => format!("in line {line}"),
        other => format!("by {other}"),
    }
}

fn keep(key: &str, entry: &mut Entry, problems: &mut Vec<Problem>) -> bool {
    let Some(setting) = catalog::find(key) else {
        let message = unknown::message(key, &str::to_owned);
        problems.push(Problem::of_setting(
            entry.origin.clone(),
            shown(key),
            message,
        ));
        return false;
    };
    match (&setting.kind, &mut entry.value.data) {
        (Kind::Section, Data::Map(inner)) => {
            section(key, inner, problems);
            true
        }
        // All settings of a section may be commented out.
        (Kind::Section, Data::Null) => false,
        _ => fits(setting, &mut entry.value, problems),
    }
}

/// Reports a value that is not of the setting's kind, and turns one that is into its usual spelling.
pub(super) fn fits(setting: &Setting, value: &mut Node, problems: &mut Vec<Problem>) -> bool {
    if setting.nullable && matches!(value.data, Data::Null) {
        return true;
    }
    let before = problems.len();
    value_fits(&setting.key, setting, &setting.kind, value, problems);
    problems.len() == before
}

fn value_fits(
    key: &str,
    setting: &Setting,
    kind: &Kind,
    value: &mut Node,
    problems: &mut Vec<Problem>,
) {
    let good = match (kind, &mut value.data) {
        (Kind::Boolean, Data::Boolean(_)) => true,
        (Kind::Integer { least, most }, Data::Integer(number)) => (*least..=*most).contains(number),
        (Kind::Text { choices }, Data::Text(text)) => choose(choices, text),
        (Kind::List(inner), Data::List(items)) => {
            for (index, item) in items.iter_mut().enumerate() {
                if problems.len() < MOST_PROBLEMS {
                    value_fits(&format!("{key}[{index}]"), setting, inner, item, problems);
                }
            }
            true
        }
        (Kind::Map(inner), Data::Map(entries)) => {
            duplicates(key, entries, problems);
            for entry in entries {
                if problems.len() < MOST_PROBLEMS {
                    let key = shown(&join(key, &entry.name));
                    value_fits(&key, setting, inner, &mut entry.value, problems);
                }
            }
            true
        }
        (Kind::Record(settings), Data::Map(entries)) => {
            duplicates(key, entries, problems);
            record_fits(key, settings, entries, problems);
            true
        }
        _ => false,
    };
    if !good {
        let message = format!(
            "expected {}, and found {}{}",
            expected(kind),
            found(&value.data, is_secret(setting) || *kind == Kind::Section),
            hint(kind, &value.data)
        );
        problems.push(Problem::of_setting(value.origin.clone(), key, message));
    }
}

// People write the key itself where something is said about it.
fn is_secret(setting: &Setting) -> bool {
    setting.secret || setting.key.starts_with("auth.")
}

fn record_fits(
    key: &str,
    settings: &[Setting],
    entries: &mut Vec<Entry>,
    problems: &mut Vec<Problem>,
) {
    entries.retain_mut(|entry| {
        if problems.len() >= MOST_PROBLEMS {
            return false;
        }
        let key = shown(&join(key, &entry.name));
        let Some(setting) = settings.iter().find(|setting| setting.name == entry.name) else {
            let names: Vec<&str> = settings.iter().map(|setting| &*setting.name).collect();
            let message = format!("this is not a setting; here there are {}", names.join(", "));
            problems.push(Problem::of_setting(entry.origin.clone(), key, message));
            return false;
        };
        if setting.nullable && matches!(entry.value.data, Data::Null) {
            return true;
        }
        let before = problems.len();
        value_fits(&key, setting, &setting.kind, &mut entry.value, problems);
        problems.len() == before
    });
}

// Words that stand for one of a few things may be written in any case.
fn choose(choices: &[String], text: &mut String) -> bool {
    if choices.is_empty() {
        return true;
    }
    let chosen = choices
        .iter()
        .find(|choice| choice.eq_ignore_ascii_case(text));
    if let Some(choice) = chosen {
        text.clone_from(choice);
    }
    chosen.is_some()
}

/// What a value of that kind is, in words.
pub(in crate::config) fn expected(kind: &Kind) -> String {
    match kind {
        Kind::Section => "a section with settings of its own".to_owned(),
        Kind::Boolean => "true or false".to_owned(),
        Kind::Integer { least, most } => format!("a whole number from {least} to {most}"),
        Kind::Text { choices } if choices.is_empty() => "text".to_owned(),
        Kind::Text { choices } => format!("one of {}", choices.join(", ")),
        Kind::List(inner) => format!("a list, each item {}", expected(inner)),
        Kind::Map(inner) => format!("names, each with {}", expected(inner)),
        Kind::Record(settings) => {
            let names: Vec<&str> = settings.iter().map(|setting| &*setting.name).collect();
            format!("a section with {}", names.join(", "))
        }
    }
}

fn found(data: &Data, secret: bool) -> String {
    match data {
        Data::Null => "nothing".to_owned(),
        Data::List(_) => "a list".to_owned(),
        Data::Map(_) => "a section".to_owned(),
        Data::Boolean(_) if secret => "a yes or no".to_owned(),
        Data::Integer(_) | Data::Float(_) if secret => "a number".to_owned(),
        Data::Text(_) if secret => "text".to_owned(),
        Data::Boolean(truth) => truth.to_string(),
        Data::Integer(number) => number.to_string(),
        Data::Float(number) => number.to_string(),
        Data::Text(text) => format!("the text {}", quote(text)),
    }
}

fn hint(kind: &Kind, data: &Data) -> &'static str {
    match (kind, data) {
        (_, Data::Null) => "; leave the line out for the default",
        (Kind::Text { choices }, Data::Boolean(_) | Data::Integer(_) | Data::Float(_))
            if choices.is_empty() =>
        {
            "; put it in quotes"
        }
        (Kind::Integer { .. }, Data::Text(text)) if text.trim().parse::<i128>().is_ok() => {
            "; leave out the quotes"
        }
        (Kind::List(_), Data::Text(_)) => "; put it in brackets, as [\"one\", \"two\"]",
        _ => "",
    }
}

fn quote(text: &str) -> String {
    match text.char_indices().nth(LONGEST_QUOTE) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}

/// A key as a report shows it: whoever wrote it may have written anything, and much of it.
fn shown(key: &str) -> String {
    let short: String = key.chars().take(2 * LONGEST_QUOTE).collect();
    let cut = if short.len() < key.len() { "…" } else { "" };
    format!("{}{cut}", short.escape_debug())
}
