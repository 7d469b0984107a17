//! What to say about a name that is not a setting.

use crate::config::catalog::{self, Kind, Setting};

/// Settings that the documentation of the whole system knows and this version does not have. Saying so helps more
/// than guessing at a spelling.
const NOT_YET: [&str; 7] = [
    "server.workers",
    "server.worker_connections",
    "server.backlog",
    "server.drain_delay",
    "tls",
    "cors",
    "security",
];

/// Why the key is refused and what may have been meant; `spell` writes a key as its source does.
pub(in crate::config) fn message(key: &str, spell: &dyn Fn(&str) -> String) -> String {
    if is_not_yet(key) {
        return "this setting is not in this version of simply-mcp; remove it".to_owned();
    }
    match likely(key) {
        Some(setting) => format!(
            "this is not a setting; did you mean {}?",
            spell(&setting.key)
        ),
        None => format!("this is not a setting; {}", what_there_is(key, spell)),
    }
}

fn is_not_yet(key: &str) -> bool {
    NOT_YET.iter().any(|name| {
        key.strip_prefix(name)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    })
}

/// The setting whose name is near: beside it, or of the same name in another section.
fn likely(key: &str) -> Option<&'static Setting> {
    let section = catalog::parent(key);
    let name = last(key);
    if is_not_yet(key) {
        return None;
    }
    nearest(name, catalog::children(section))
        .or_else(|| likely_section(name, section))
        .or_else(|| {
            catalog::all()
                .iter()
                .find(|setting| is_leaf(setting) && setting.name == name)
        })
}

// `sever.port`: the section is misspelt, and perhaps the setting as well.
fn likely_section(name: &str, section: &str) -> Option<&'static Setting> {
    if section.is_empty() {
        return None;
    }
    let meant = nearest(section, catalog::children(""))?;
    nearest(name, catalog::children(&meant.key))
}

fn nearest(
    name: &str,
    candidates: impl Iterator<Item = &'static Setting>,
) -> Option<&'static Setting> {
    let lower = name.to_ascii_lowercase().replace('-', "_");
    let most = (lower.chars().count() / 3).clamp(1, 3);
    candidates
        .map(|setting| (strsim::damerau_levenshtein(&lower, &setting.name), setting))
        .filter(|(distance, _)| *distance <= most)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, setting)| setting)
}

fn what_there_is(key: &str, spell: &dyn Fn(&str) -> String) -> String {
    let section = catalog::parent(key);
    let known: Vec<String> = catalog::children(section)
        .map(|setting| spell(&setting.key))
        .collect();
    if known.is_empty() {
        let sections: Vec<&str> = catalog::children("")
            .map(|setting| setting.name.as_str())
            .collect();
        return format!("the sections are {}", sections.join(", "));
    }
    format!("here there are {}", known.join(", "))
}

fn is_leaf(setting: &Setting) -> bool {
    setting.kind != Kind::Section
}

fn last(key: &str) -> &str {
    key.rsplit('.').next().unwrap_or(key)
}
