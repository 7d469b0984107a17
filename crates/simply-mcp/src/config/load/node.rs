//! A tree of values that know where they were written.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Origin;
use crate::config::catalog::join;

/// One value and its origin. It has no `Debug`, because it may hold a secret.
#[derive(Clone)]
pub(crate) struct Node {
    pub(crate) origin: Origin,
    pub(crate) data: Data,
}

/// The values that all sources have in common.
#[derive(Clone)]
pub(crate) enum Data {
    Null,
    Boolean(bool),
    Integer(i128),
    Float(f64),
    Text(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// One key of a map with its value. A key may stand there twice until [`super::fit`] has seen it.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) origin: Origin,
    pub(crate) value: Node,
}

impl Node {
    pub(super) fn empty(origin: Origin) -> Self {
        Self {
            origin,
            data: Data::Map(Vec::new()),
        }
    }

    /// Takes over a JSON value; every part of it gets the same origin.
    pub(crate) fn from_json(value: Value, origin: &Origin) -> Self {
        let data = match value {
            Value::Null => Data::Null,
            Value::Bool(truth) => Data::Boolean(truth),
            Value::Number(number) => number.as_i128().map_or_else(
                || Data::Float(number.as_f64().unwrap_or(f64::NAN)),
                Data::Integer,
            ),
            Value::String(text) => Data::Text(text),
            Value::Array(items) => Data::List(
                items
                    .into_iter()
                    .map(|item| Self::from_json(item, origin))
                    .collect(),
            ),
            Value::Object(map) => Data::Map(
                map.into_iter()
                    .map(|(name, value)| Entry {
                        name,
                        origin: origin.clone(),
                        value: Self::from_json(value, origin),
                    })
                    .collect(),
            ),
        };
        Self {
            origin: origin.clone(),
            data,
        }
    }

    /// The same without origins.
    pub(super) fn to_json(&self) -> Value {
        match &self.data {
            Data::Null => Value::Null,
            Data::Boolean(truth) => Value::Bool(*truth),
            Data::Integer(number) => u64::try_from(*number)
                .map(Value::from)
                .or_else(|_| i64::try_from(*number).map(Value::from))
                .unwrap_or_default(),
            Data::Float(number) => Value::from(*number),
            Data::Text(text) => Value::String(text.clone()),
            Data::List(items) => Value::Array(items.iter().map(Self::to_json).collect()),
            Data::Map(entries) => Value::Object(
                entries
                    .iter()
                    .map(|entry| (entry.name.clone(), entry.value.to_json()))
                    .collect(),
            ),
        }
    }

    /// Sets the value of a key, making the sections on the way.
    pub(super) fn set(&mut self, key: &str, value: Self) {
        let (name, rest) = match key.split_once('.') {
            Some((name, rest)) => (name, Some(rest)),
            None => (key, None),
        };
        if !matches!(self.data, Data::Map(_)) {
            self.data = Data::Map(Vec::new());
        }
        let Data::Map(entries) = &mut self.data else {
            return;
        };
        let found = entries.iter().position(|entry| entry.name == name);
        let index = found.unwrap_or_else(|| {
            entries.push(Entry {
                name: name.to_owned(),
                origin: value.origin.clone(),
                value: Self::empty(value.origin.clone()),
            });
            entries.len() - 1
        });
        match rest {
            Some(rest) => entries[index].value.set(rest, value),
            None => entries[index].value = value,
        }
    }

    /// Takes a value out of the tree.
    pub(super) fn take(&mut self, path: &[Step]) -> Option<Self> {
        let (step, rest) = path.split_first()?;
        match (&mut self.data, step) {
            (Data::Map(entries), Step::Name(name)) => {
                let index = entries.iter().position(|entry| entry.name == *name)?;
                if rest.is_empty() {
                    return Some(entries.remove(index).value);
                }
                entries[index].value.take(rest)
            }
            (Data::List(items), Step::Index(index)) if *index < items.len() => {
                if rest.is_empty() {
                    return Some(items.remove(*index));
                }
                items[*index].take(rest)
            }
            _ => None,
        }
    }

    /// The origin of every key in the tree.
    pub(super) fn origins(&self) -> BTreeMap<String, Origin> {
        let mut origins = BTreeMap::new();
        self.collect_origins("", &mut origins);
        origins
    }

    fn collect_origins(&self, section: &str, origins: &mut BTreeMap<String, Origin>) {
        let Data::Map(entries) = &self.data else {
            return;
        };
        for entry in entries {
            let key = join(section, &entry.name);
            entry.value.collect_origins(&key, origins);
            origins.insert(key, entry.value.origin.clone());
        }
    }
}

/// One step from a value to a part of it.
pub(super) enum Step {
    Name(String),
    Index(usize),
}
