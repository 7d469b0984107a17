//! Which subschemas a subschema leads to.

use std::collections::HashMap;

use rmcp::model::JsonObject;
use serde_json::Value;

/// Keywords with one subschema, or a list of them, for the same value.
const SAME_VALUE: [&str; 7] = ["allOf", "anyOf", "oneOf", "not", "if", "then", "else"];

/// Keywords with named subschemas for the same value.
const SAME_VALUE_BY_NAME: [&str; 2] = ["dependentSchemas", "dependencies"];

/// Keywords with one subschema, or a list of them, for a part of the value.
const PART: [&str; 9] = [
    "additionalItems",
    "additionalProperties",
    "contains",
    "contentSchema",
    "items",
    "prefixItems",
    "propertyNames",
    "unevaluatedItems",
    "unevaluatedProperties",
];

/// Keywords that name another subschema for the same value.
const REFERENCE: [&str; 3] = ["$ref", "$dynamicRef", "$recursiveRef"];

/// From one subschema to another.
pub(super) enum Edge<'a> {
    SameValue(&'a JsonObject),
    Part(&'a JsonObject),
    /// To a part of the value that no other edge of the same keyword leads to.
    OwnPart(&'a JsonObject),
    MetaSchema,
}

/// A schema, and the names by which its parts may refer to one another.
pub(super) struct Graph<'a> {
    root: &'a JsonObject,
    named: HashMap<&'a str, &'a JsonObject>,
}

impl<'a> Graph<'a> {
    pub(super) fn new(root: &'a JsonObject) -> Self {
        Self {
            root,
            named: names(root),
        }
    }

    /// The subschemas that `schema` leads to directly.
    pub(super) fn edges(&self, schema: &'a JsonObject) -> Vec<Edge<'a>> {
        let mut edges = Vec::new();
        for (keyword, value) in schema {
            let keyword = keyword.as_str();
            if SAME_VALUE.contains(&keyword) {
                edges.extend(one_or_list(value).map(Edge::SameValue));
            } else if SAME_VALUE_BY_NAME.contains(&keyword) {
                edges.extend(by_name(value).map(Edge::SameValue));
            } else if PART.contains(&keyword) {
                let edge = if value.is_array() {
                    Edge::OwnPart
                } else {
                    Edge::Part
                };
                edges.extend(one_or_list(value).map(edge));
            } else if keyword == "properties" {
                edges.extend(by_name(value).map(Edge::OwnPart));
            } else if keyword == "patternProperties" {
                edges.extend(by_name(value).map(Edge::Part));
            } else if REFERENCE.contains(&keyword)
                && let Some(target) = value.as_str()
            {
                edges.push(
                    self.resolve(target)
                        .map_or(Edge::MetaSchema, Edge::SameValue),
                );
            }
        }
        edges
    }

    fn resolve(&self, target: &'a str) -> Option<&'a JsonObject> {
        let (address, fragment) = target.split_once('#').unwrap_or((target, ""));
        let base = match address {
            "" => self.root,
            address => self.named.get(address).copied()?,
        };
        if fragment.is_empty() {
            return Some(base);
        }
        let Some(pointer) = fragment.strip_prefix('/') else {
            return self.named.get(fragment).copied();
        };
        let mut at: Option<&Value> = None;
        for segment in pointer.split('/') {
            let segment = segment.replace("~1", "/").replace("~0", "~");
            at = match at {
                None => base.get(&segment),
                Some(Value::Object(map)) => map.get(&segment),
                Some(Value::Array(items)) => items.get(segment.parse::<usize>().ok()?),
                Some(_) => None,
            };
            at?;
        }
        at.and_then(Value::as_object)
    }
}

fn one_or_list(value: &Value) -> impl Iterator<Item = &JsonObject> {
    let list = value
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_object);
    value.as_object().into_iter().chain(list)
}

fn by_name(value: &Value) -> impl Iterator<Item = &JsonObject> {
    value
        .as_object()
        .into_iter()
        .flat_map(JsonObject::values)
        .filter_map(Value::as_object)
}

/// Every subschema that has a name of its own.
fn names(root: &JsonObject) -> HashMap<&str, &JsonObject> {
    let mut named = HashMap::new();
    let mut pending: Vec<&JsonObject> = vec![root];
    while let Some(object) = pending.pop() {
        for keyword in ["$anchor", "$dynamicAnchor", "$id"] {
            if let Some(name) = object.get(keyword).and_then(Value::as_str) {
                named.insert(name.trim_start_matches('#').trim_end_matches('#'), object);
            }
        }
        object
            .values()
            .for_each(|value| pending.extend(one_or_list(value)));
    }
    named
}
