//! From a tree of values to the entries of a keys file, and everything in it that is not as it should be.
//!
//! Nothing that is found is repeated, but names that are known: a key may stand in any place by mistake.

use std::num::NonZeroU32;

use super::{
    Expiry, KeyHash,
    entry::{KeyEntry, LONGEST_KEY, PlainKey, is_presentable},
    file::{Placed, kind},
};
use crate::config::{Data, Entry, Node, Origin, Problem};

/// The most keys of a source.
pub(super) const MOST_KEYS: usize = 100_000;
/// The most problems that are reported.
pub(super) const MOST_PROBLEMS: usize = 100;
/// The most characters of a name: it is a label in metrics.
const LONGEST_NAME: usize = 128;
/// The longest window, in seconds: a day.
const LONGEST_WINDOW: u32 = 86_400;
/// What metrics call callers without a key of their own.
const RESERVED: [&str; 2] = ["anonymous", "token"];

const FIELDS: [&str; 8] = [
    "name",
    "key",
    "key_hash",
    "enabled",
    "rate_limit",
    "window_seconds",
    "expires_at",
    "tools",
];

/// The entries of the tree that are right.
pub(super) fn entries(tree: Node, problems: &mut Vec<Problem>) -> Vec<Placed> {
    let mut found = Vec::new();
    for (index, node) in items(tree, problems).into_iter().enumerate() {
        if problems.len() >= MOST_PROBLEMS {
            let message = "there may be more problems; these are the first";
            problems.push(Problem::of_source(Origin::Given, message));
            break;
        }
        let place = format!("keys[{index}]");
        let origin = node.origin.clone();
        let mut report = Report {
            place: &place,
            problems,
        };
        if let Some(entry) = report.entry(node) {
            found.push(Placed {
                entry,
                origin,
                place,
            });
        }
    }
    found
}

/// Whether the tree says which keys there are, be it none.
pub(super) fn has_list(tree: &Node) -> bool {
    let Data::Map(fields) = &tree.data else {
        return false;
    };
    let mut keys = fields.iter().filter(|field| field.name == "keys");
    keys.any(|field| matches!(field.value.data, Data::List(_)))
}

fn items(tree: Node, problems: &mut Vec<Problem>) -> Vec<Node> {
    let fields = match tree.data {
        Data::Map(fields) => fields,
        Data::Null => Vec::new(),
        other => {
            let message = format!(
                "expected `keys:` and a list of keys, and found {}",
                kind(&other)
            );
            problems.push(Problem::of_source(tree.origin, message));
            return Vec::new();
        }
    };
    let mut keys = None;
    for field in fields {
        if problems.len() >= MOST_PROBLEMS {
            break;
        }
        if field.name != "keys" {
            let message = format!(
                "{}; a keys file has only `keys`",
                unknown(&field.name, &["keys"])
            );
            problems.push(Problem::of_source(field.origin, message));
        } else if keys.is_some() {
            let message = "`keys` stands there twice; keep one of them";
            problems.push(Problem::of_source(field.origin, message));
        } else {
            keys = Some(field.value);
        }
    }
    match keys.map(|keys| (keys.origin, keys.data)) {
        Some((_, Data::List(items))) => items,
        // A file without keys is good: it is where the first one will be.
        Some((_, Data::Null)) | None => Vec::new(),
        Some((origin, other)) => {
            let message = format!(
                "expected a list of keys, as `- {{name: ci, key_hash: \"sha256:…\"}}`, and found {}",
                kind(&other)
            );
            problems.push(Problem::of_setting(origin, "keys", message));
            Vec::new()
        }
    }
}

// An unknown name is repeated only where it is nearly a known one: it could be a key that was put in its place.
fn unknown(name: &str, known: &[&str]) -> String {
    let lower = name.to_ascii_lowercase().replace('-', "_");
    let nearest = known
        .iter()
        .filter(|_| name.len() <= 20)
        .map(|known| (strsim::damerau_levenshtein(&lower, known), *known))
        .filter(|(distance, known)| *distance <= (known.len() / 3).clamp(1, 3))
        .min();
    match nearest {
        Some((_, known)) => format!("{name:?} is not known here; did you mean {known}?"),
        None => "a name is not known here".to_owned(),
    }
}

/// Reads one entry, and reports what is wrong with it.
struct Report<'a> {
    place: &'a str,
    problems: &'a mut Vec<Problem>,
}

impl Report<'_> {
    fn entry(&mut self, node: Node) -> Option<KeyEntry> {
        let before = self.problems.len();
        let Data::Map(fields) = node.data else {
            let message = format!(
                "expected a key, as `{{name: ci, key_hash: \"sha256:…\"}}`, and found {}",
                kind(&node.data)
            );
            self.say(&node.origin, "", message);
            return None;
        };
        let mut entry = KeyEntry::new("", KeyHash::of(""));
        entry.key_hash = None;
        let mut seen = [false; FIELDS.len()];
        for field in fields {
            self.field(field, &mut seen, &mut entry);
        }
        let [named, keyed, hashed, ..] = seen;
        if !named {
            self.say(
                &node.origin,
                "",
                "`name` is missing; it says in logs and metrics whose key this is",
            );
        }
        match (keyed, hashed) {
            (true, true) => {
                self.say(
                    &node.origin,
                    "",
                    "both `key` and `key_hash` are there; keep key_hash",
                );
            }
            (false, false) => {
                let message = "neither `key` nor `key_hash` is there; `simply-mcp keys new` writes a key_hash";
                self.say(&node.origin, "", message);
            }
            _ => {}
        }
        (self.problems.len() == before).then_some(entry)
    }

    fn field(&mut self, field: Entry, seen: &mut [bool; FIELDS.len()], entry: &mut KeyEntry) {
        let Some(index) = FIELDS.iter().position(|known| *known == field.name) else {
            let message = format!(
                "{}; a key has {}",
                unknown(&field.name, &FIELDS),
                FIELDS.join(", ")
            );
            self.say(&field.origin, "", message);
            return;
        };
        let name = FIELDS[index];
        // Nothing stands for a default, where there is one.
        if matches!(field.value.data, Data::Null) && index > 2 {
            // A list that was emptied, or is just being written, must not open everything.
            if name == "tools" {
                let message = "there is nothing in it; write `tools: []` for none, or leave it out for all of them";
                self.say(&field.origin, name, message);
            }
            return;
        }
        if std::mem::replace(&mut seen[index], true) {
            self.say(
                &field.origin,
                name,
                "this stands there twice; keep one of them",
            );
            return;
        }
        let origin = field.value.origin;
        if let Err(message) = set(entry, name, field.value.data) {
            self.say(&origin, name, message);
        }
    }

    fn say(&mut self, origin: &Origin, field: &str, message: impl Into<String>) {
        let key = if field.is_empty() {
            self.place.to_owned()
        } else {
            format!("{}.{field}", self.place)
        };
        self.problems
            .push(Problem::of_setting(origin.clone(), key, message));
    }
}

fn set(entry: &mut KeyEntry, name: &str, data: Data) -> Result<(), String> {
    match name {
        "name" => entry.name = caller_name(data)?,
        "key" => entry.key = Some(plain(data)?),
        "key_hash" => {
            let hash = text(data)?.parse::<KeyHash>();
            entry.key_hash = Some(hash.map_err(|error| error.to_string())?);
        }
        "enabled" => {
            entry.enabled = match data {
                Data::Boolean(truth) => truth,
                other => return Err(expected("true or false", &other)),
            }
        }
        "rate_limit" => entry.rate_limit = Some(number(&data, u32::MAX)?),
        "window_seconds" => entry.window_seconds = Some(number(&data, LONGEST_WINDOW)?),
        "expires_at" => {
            let expiry = text(data)?.parse::<Expiry>();
            entry.expires_at = Some(expiry.map_err(|error| error.to_string())?);
        }
        _ => entry.tools = Some(tools(data)?),
    }
    Ok(())
}

fn caller_name(data: Data) -> Result<String, String> {
    let name = text(data)?;
    if name.trim().is_empty() {
        return Err("the name is empty; it says in logs and metrics whose key this is".to_owned());
    }
    if name.trim() != name || name.chars().any(char::is_control) {
        return Err("a name has no spaces around it and no control characters".to_owned());
    }
    if name.chars().count() > LONGEST_NAME {
        return Err(format!("a name has at most {LONGEST_NAME} characters"));
    }
    if RESERVED.contains(&&*name) {
        return Err(format!(
            "{name} is what metrics call callers without a key; choose another name"
        ));
    }
    Ok(name)
}

fn plain(data: Data) -> Result<PlainKey, String> {
    let key = PlainKey::new(text(data)?);
    if key.expose().is_empty() {
        return Err(
            "the key is empty, and everybody could show it; `simply-mcp keys new` makes one"
                .to_owned(),
        );
    }
    if !is_presentable(key.expose()) {
        return Err(format!(
            "a key can stand in a header: at most {LONGEST_KEY} letters, digits and signs, without spaces and commas"
        ));
    }
    Ok(key)
}

fn tools(data: Data) -> Result<Vec<String>, String> {
    let Data::List(items) = data else {
        return Err(expected("a list of tools, as [echo, add]", &data));
    };
    let names = items.into_iter().map(|item| match item.data {
        Data::Text(name) if !name.is_empty() => Ok(name),
        other => Err(expected("the names of tools", &other)),
    });
    names.collect()
}

fn number(data: &Data, most: u32) -> Result<NonZeroU32, String> {
    let number = match data {
        Data::Integer(number) => u32::try_from(*number).ok(),
        other => return Err(expected("a whole number", other)),
    };
    number
        .filter(|number| *number <= most)
        .and_then(NonZeroU32::new)
        .ok_or_else(|| format!("expected a whole number from 1 to {most}"))
}

fn text(data: Data) -> Result<String, String> {
    match data {
        Data::Text(text) => Ok(text),
        Data::Boolean(_) | Data::Integer(_) | Data::Float(_) => {
            Err(format!("{}; put it in quotes", expected("text", &data)))
        }
        other => Err(expected("text", &other)),
    }
}

fn expected(what: &str, found: &Data) -> String {
    format!("expected {what}, and found {}", kind(found))
}
