//! Whether the keys of one or several sources fit together.

use std::collections::HashMap;

use super::{
    file::Placed,
    record::{MOST_KEYS, MOST_PROBLEMS},
};
use crate::config::{Origin, Problem};

/// Reports keys that stand there twice, keys of one name that allow different things, and too many of them.
pub(super) fn check<'a>(
    entries: impl IntoIterator<Item = &'a Placed>,
    problems: &mut Vec<Problem>,
) {
    let mut hashes = HashMap::new();
    let mut names: HashMap<&str, &Placed> = HashMap::new();
    for (index, placed) in entries.into_iter().enumerate() {
        if problems.len() >= MOST_PROBLEMS {
            return;
        }
        if index == MOST_KEYS {
            let message = format!("there are more than {MOST_KEYS} keys");
            problems.push(problem(placed, "", message));
            return;
        }
        if let Some(hash) = placed.entry.hash()
            && let Some(first) = hashes.insert(hash, placed)
        {
            let message = format!(
                "this is the same key as {}; remove one of them",
                other(first)
            );
            problems.push(problem(placed, "", message));
        }
        match names.get(&*placed.entry.name) {
            None => {
                names.insert(&placed.entry.name, placed);
            }
            Some(first) => differences(first, placed, problems),
        }
    }
}

// Keys of one name are one caller, with one allowance.
fn differences(first: &Placed, placed: &Placed, problems: &mut Vec<Problem>) {
    let (one, two) = (&first.entry, &placed.entry);
    let differing = [
        ("rate_limit", one.rate_limit != two.rate_limit),
        ("window_seconds", one.window_seconds != two.window_seconds),
        (
            "tools",
            sorted(one.tools.as_ref()) != sorted(two.tools.as_ref()),
        ),
    ];
    for (field, _) in differing.into_iter().filter(|(_, differs)| *differs) {
        let message = format!(
            "keys of one name are one caller, and {} of the name {:?} says otherwise; write the same for both, or \
             choose another name",
            other(first),
            two.name
        );
        problems.push(problem(placed, field, message));
    }
}

fn sorted(tools: Option<&Vec<String>>) -> Option<Vec<&str>> {
    tools.map(|tools| {
        let mut tools: Vec<&str> = tools.iter().map(String::as_str).collect();
        tools.sort_unstable();
        tools.dedup();
        tools
    })
}

fn problem(placed: &Placed, field: &str, message: String) -> Problem {
    let key = if field.is_empty() {
        placed.place.clone()
    } else {
        format!("{}.{field}", placed.place)
    };
    Problem::of_setting(placed.origin.clone(), key, message)
}

fn other(placed: &Placed) -> String {
    match &placed.origin {
        Origin::File {
            place: Some((line, _)),
            ..
        } => format!("{} in line {line}", placed.place),
        Origin::Variable(name) => format!("that of the environment variable {name}"),
        _ => placed.place.clone(),
    }
}
