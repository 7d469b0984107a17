//! The text of a keys file, and changes of it that keep what the operator wrote.
//!
//! YAML is changed in place: comments, order, quotes and line endings stay. JSON has no comments and is written anew, in
//! its order. Either way the new text is read again, and taken only when it says exactly what was intended.

mod flow;
mod lines;
mod node;
mod write;
mod yaml;

use std::path::Path;

use simply_mcp::auth::{Expiry, KeyEntry};

use node::{Node, Value};
use yaml::{Splice, Yaml};

/// The language of a keys file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Language {
    /// `.yaml`, `.yml`
    Yaml,
    /// `.json`
    Json,
}

impl Language {
    /// The language that a file's name tells.
    pub(super) fn of(path: &Path) -> Option<Self> {
        let extension = path.extension()?.to_str()?.to_ascii_lowercase();
        match extension.as_str() {
            "yaml" | "yml" => Some(Self::Yaml),
            "json" => Some(Self::Json),
            _ => None,
        }
    }
}

/// One change of the list of keys.
pub(super) struct Change(Edit);

enum Edit {
    /// One more entry, after the others.
    Add(Node),
    /// Another value for a member of the entry at `index`, or a member more.
    Set {
        index: usize,
        name: &'static str,
        value: Node,
    },
}

impl Change {
    /// Adds an entry. Its key, if it has one in plain text, is not written.
    pub(super) fn add(entry: &KeyEntry) -> Self {
        let mut map = Node::from(Value::Map(Vec::new()));
        map.set("name", Node::text(&entry.name));
        if let Some(hash) = entry.key_hash {
            map.set("key_hash", Node::text(hash.to_string()));
        }
        for (name, number) in [
            ("rate_limit", entry.rate_limit),
            ("window_seconds", entry.window_seconds),
        ] {
            if let Some(number) = number {
                map.set(name, Value::Integer(number.get().into()).into());
            }
        }
        if let Some(expiry) = entry.expires_at {
            map.set("expires_at", Node::text(expiry.to_string()));
        }
        if let Some(tools) = &entry.tools {
            map.set(
                "tools",
                Value::List(tools.iter().map(Node::text).collect()).into(),
            );
        }
        Self(Edit::Add(map))
    }

    /// Ends the entry at `index` at once and for good.
    pub(super) fn disable(index: usize) -> Self {
        Self(Edit::Set {
            index,
            name: "enabled",
            value: Value::Boolean(false).into(),
        })
    }

    /// Ends the entry at `index` at a moment.
    pub(super) fn expire(index: usize, expiry: Expiry) -> Self {
        Self(Edit::Set {
            index,
            name: "expires_at",
            value: Node::text(expiry.to_string()),
        })
    }
}

/// The text of a keys file, and what it says.
pub(super) struct Document {
    text: String,
    language: Language,
    tree: Node,
}

impl Document {
    /// A file that is still to be written.
    pub(super) fn new(language: Language) -> Self {
        let text = match language {
            Language::Yaml => {
                "# API keys of simply-mcp. `simply-mcp keys --help` says how to make, rotate and revoke them.\n"
            }
            Language::Json => "",
        };
        Self {
            text: text.to_owned(),
            language,
            tree: Value::Null.into(),
        }
    }

    /// The text of a file. `None` when it is not in its language, or says something of a kind that no keys file has.
    pub(super) fn parse(text: String, language: Language) -> Option<Self> {
        let tree = read(&text, language)?;
        Some(Self {
            text,
            language,
            tree,
        })
    }

    /// The text with the changes made. `None` when they cannot be made so that nothing else changes.
    pub(super) fn edited(&self, changes: &[Change]) -> Option<String> {
        let intended = self.intended(changes)?;
        let text = match self.language {
            Language::Json => {
                let text = serde_json::to_string_pretty(&intended).ok()? + "\n";
                text.replace('\n', self.ending())
            }
            Language::Yaml => {
                let yaml = Yaml::new(&self.text, self.ending(), &self.tree);
                let mut splices = Vec::new();
                for change in changes {
                    splices.extend(yaml.splices(&change.0)?);
                }
                apply(&self.text, splices)?
            }
        };
        (read(&text, self.language)? == intended).then_some(text)
    }

    /// The changes, said so that a person can make them.
    pub(super) fn by_hand(&self, changes: &[Change]) -> String {
        let yaml = Yaml::new(&self.text, self.ending(), &self.tree);
        let said: Vec<String> = changes
            .iter()
            .map(|change| match &change.0 {
                Edit::Add(entry) => {
                    format!("under `keys`, add\n{}", write::entry(entry, "  ", "\n"))
                }
                Edit::Set { index, name, value } => {
                    let place = match yaml.line_of(*index) {
                        Some(line) => format!("in line {line}"),
                        None => format!("keys[{index}]"),
                    };
                    let member = write::member(&Node::text(*name), value, write::Quotes::Needed);
                    format!("in the entry {place}, write {member}")
                }
            })
            .collect();
        said.join("\n")
    }

    fn intended(&self, changes: &[Change]) -> Option<Node> {
        let mut tree = self.tree.clone();
        if matches!(tree.value, Value::Null) {
            tree = Value::Map(Vec::new()).into();
        }
        if tree
            .member("keys")
            .is_none_or(|(_, keys)| matches!(keys.value, Value::Null))
        {
            tree.set("keys", Value::List(Vec::new()).into());
        }
        let Value::Map(members) = &mut tree.value else {
            return None;
        };
        let keys = members
            .iter_mut()
            .find(|(name, _)| name.as_text() == Some("keys"));
        let Value::List(items) = &mut keys?.1.value else {
            return None;
        };
        for change in changes {
            match &change.0 {
                Edit::Add(entry) => items.push(entry.clone()),
                Edit::Set { index, name, value } => {
                    items.get_mut(*index)?.set(name, value.clone());
                }
            }
        }
        Some(tree)
    }

    fn ending(&self) -> &'static str {
        match self.text.split_once('\n') {
            Some((first, _)) if first.ends_with('\r') => "\r\n",
            _ => "\n",
        }
    }
}

fn read(text: &str, language: Language) -> Option<Node> {
    match language {
        Language::Yaml => Node::of_yaml(text),
        Language::Json => Node::of_json(text),
    }
}

// Insertions at one place keep the order in which they were asked for.
fn apply(text: &str, mut splices: Vec<Splice>) -> Option<String> {
    splices.sort_by_key(|splice| splice.range.start);
    let mut new = String::with_capacity(text.len() + 256);
    let mut at = 0;
    for splice in splices {
        new.push_str(text.get(at..splice.range.start)?);
        new.push_str(&splice.text);
        at = splice.range.end;
    }
    new.push_str(text.get(at..)?);
    Some(new)
}

#[cfg(test)]
mod tests;
