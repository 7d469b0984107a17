//! Sizes of JSON values, measured without recursion.

use rmcp::model::JsonObject;
use serde_json::Value;

use super::SchemaProblem;

/// Values (objects, arrays, scalars) in one schema. The largest published tool schemas have some
/// three thousand.
const MAX_VALUES: usize = 20_000;

/// Bytes of text in one schema, descriptions included.
const MAX_TEXT: usize = 1024 * 1024;

/// Levels of nesting in one schema as text: what `serde_json` reads at most.
const MAX_DEPTH: usize = 128;

/// Refuses a schema that is too large or too deep to be looked at more closely.
///
/// # Errors
///
/// Returns a [`SchemaProblem`] that names the bound which it exceeds.
pub(super) fn measure_text(schema: &JsonObject) -> Result<(), SchemaProblem> {
    let (mut values, mut text) = (0_usize, 0_usize);
    let mut pending: Vec<(&Value, usize)> = Vec::new();
    let open = |map: &'_ JsonObject| map.keys().map(String::len).sum::<usize>();
    text += open(schema);
    pending.extend(schema.values().map(|value| (value, 1)));
    while let Some((value, depth)) = pending.pop() {
        values += 1;
        match value {
            Value::String(string) => text += string.len(),
            Value::Array(items) => pending.extend(items.iter().map(|item| (item, depth + 1))),
            Value::Object(map) => {
                text += open(map);
                pending.extend(map.values().map(|value| (value, depth + 1)));
            }
            _ => {}
        }
        if depth > MAX_DEPTH {
            return Err(too_much("levels of nesting", MAX_DEPTH));
        }
        if values > MAX_VALUES {
            return Err(too_much("values", MAX_VALUES));
        }
        if text > MAX_TEXT {
            return Err(too_much("bytes of text", MAX_TEXT));
        }
    }
    Ok(())
}

pub(super) fn too_much(what: &str, most: usize) -> SchemaProblem {
    SchemaProblem(format!("the schema has more than {most} {what}"))
}

/// The levels of nesting in `value`; a scalar has one.
pub(super) fn depth(value: &Value) -> usize {
    let mut deepest = 0;
    let mut pending = vec![(value, 1)];
    while let Some((value, depth)) = pending.pop() {
        deepest = deepest.max(depth);
        push_children(value, depth, &mut pending);
    }
    deepest
}

/// Whether `value` has more than `limit` levels of nesting.
pub(super) fn deeper_than(value: &Value, limit: usize) -> bool {
    let mut pending = vec![(value, 1)];
    while let Some((value, depth)) = pending.pop() {
        if depth > limit {
            return true;
        }
        push_children(value, depth, &mut pending);
    }
    false
}

/// Whether `value` consists of more than `limit` values.
pub(super) fn more_values_than(value: &Value, limit: usize) -> bool {
    let mut seen = 0;
    let mut pending = vec![(value, 1)];
    while let Some((value, depth)) = pending.pop() {
        seen += 1;
        if seen > limit {
            return true;
        }
        push_children(value, depth, &mut pending);
    }
    false
}

fn push_children<'a>(value: &'a Value, depth: usize, pending: &mut Vec<(&'a Value, usize)>) {
    match value {
        Value::Array(items) => pending.extend(items.iter().map(|item| (item, depth + 1))),
        Value::Object(map) => pending.extend(map.values().map(|value| (value, depth + 1))),
        _ => {}
    }
}
