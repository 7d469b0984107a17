//! From a tree that has the right shape to the types, each value by its own type.

use serde_path_to_error::{Path, Segment};

use super::{HttpConfig, Node, Origin, Problem, fit::MOST_PROBLEMS, node::Step};

/// Reads the settings. A value that its type refuses is reported and taken out, and the rest is read again, so
/// that every refusal is found.
pub(super) fn read(tree: &mut Node, problems: &mut Vec<Problem>) -> HttpConfig {
    let mut shift = Shift::default();
    while problems.len() < MOST_PROBLEMS {
        let error = match serde_path_to_error::deserialize(tree.to_json()) {
            Ok(config) => return config,
            Err(error) => error,
        };
        let steps = steps(error.path());
        let taken = tree.take(&steps);
        let origin = taken
            .as_ref()
            .map_or(Origin::Default, |node| node.origin.clone());
        let key = shift.original(&steps);
        problems.push(Problem::of_setting(origin, key, error.inner().to_string()));
        if taken.is_none() {
            break;
        }
    }
    HttpConfig::default()
}

fn steps(path: &Path) -> Vec<Step> {
    path.iter()
        .filter_map(|segment| match segment {
            Segment::Map { key } => Some(Step::Name(key.clone())),
            Segment::Seq { index } => Some(Step::Index(*index)),
            Segment::Enum { .. } | Segment::Unknown => None,
        })
        .collect()
}

/// How many items of each list have been taken out, so that a report counts as the file does. Items are refused
/// from the front, so every one taken out stood before those that are left.
#[derive(Default)]
struct Shift {
    taken: std::collections::HashMap<String, usize>,
}

impl Shift {
    fn original(&mut self, steps: &[Step]) -> String {
        let mut key = String::new();
        for step in steps {
            match step {
                Step::Name(name) => {
                    if !key.is_empty() {
                        key.push('.');
                    }
                    key.push_str(name);
                }
                Step::Index(index) => {
                    let taken = self.taken.entry(key.clone()).or_default();
                    key = format!("{key}[{}]", index + *taken);
                    *taken += 1;
                }
            }
        }
        key
    }
}
