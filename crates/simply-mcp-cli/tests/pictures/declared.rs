//! The series that the source declares.

use std::{collections::BTreeSet, fs, path::Path};

use crate::repository;

/// What the names of our series begin with.
const PREFIXES: [&str; 3] = ["http_", "process_", "simply_mcp_"];

/// What a series is added by outside of the metrics' own room.
const ADDED_BY: [&str; 2] = ["counter(", "gauge("];

/// The name of each family that the library or the program declares.
pub(crate) fn families() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for folder in ["crates/simply-mcp/src", "crates/simply-mcp-cli/src"] {
        each_source(&repository(folder), &mut |path, source| {
            let in_metrics = path.components().any(|part| part.as_os_str() == "metrics");
            let code = source.split("#[cfg(test)]").next().unwrap_or_default();
            found.extend(names_in(code, in_metrics));
        });
    }
    assert!(
        found.len() > 30,
        "the declarations are elsewhere: {found:?}"
    );
    found
}

fn each_source(folder: &Path, see: &mut impl FnMut(&Path, &str)) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            each_source(&path, see);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            see(&path, &fs::read_to_string(&path).unwrap());
        }
    }
}

/// The names in `code`: in the metrics' own room each text that looks like one, elsewhere what is given to the
/// functions that add a series.
fn names_in(code: &str, in_metrics: bool) -> impl Iterator<Item = String> {
    let parts: Vec<&str> = code.split('"').collect();
    let mut names = vec![];
    for pair in parts.windows(2) {
        let [before, text] = pair else { continue };
        let is_added = || {
            let before = before.trim_end();
            ADDED_BY.iter().any(|method| before.ends_with(method))
        };
        if is_name(text) && (in_metrics || is_added()) {
            names.push((*text).to_owned());
        }
    }
    names.into_iter()
}

fn is_name(text: &str) -> bool {
    let is_of_name = |one: char| one.is_ascii_lowercase() || one.is_ascii_digit() || one == '_';
    PREFIXES.iter().any(|prefix| text.starts_with(prefix)) && text.chars().all(is_of_name)
}
