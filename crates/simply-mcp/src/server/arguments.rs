//! From JSON to the type that a handler takes.

use rmcp::model::JsonObject;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::ToolError;
use crate::refusal::said;

/// Reads a handler's arguments; the failure names the place, such as `items[3].price`.
pub(super) fn read<A: DeserializeOwned>(arguments: &JsonObject) -> Result<A, ToolError> {
    serde_path_to_error::deserialize(arguments).map_err(|error| {
        let path = said(error.path());
        let reason = said(error.inner());
        if path == "." {
            ToolError::arguments(format!("the arguments do not fit: {reason}"))
        } else {
            ToolError::arguments(format!("the argument `{path}` does not fit: {reason}"))
        }
    })
}

/// Turns text into the numbers and booleans that the schema asks for.
///
/// Prompt arguments and the variables of URI templates are text on the wire.
pub(super) fn coerce(arguments: &mut JsonObject, schema: &JsonObject) {
    let Some(Value::Object(properties)) = schema.get("properties") else {
        return;
    };
    for (name, value) in arguments {
        let Value::String(text) = value else { continue };
        if properties
            .get(name)
            .is_some_and(|property| !accepts_text(property))
            && let Ok(parsed) = serde_json::from_str::<Value>(text)
            && (parsed.is_number() || parsed.is_boolean())
        {
            *value = parsed;
        }
    }
}

fn accepts_text(property: &Value) -> bool {
    match property.get("type") {
        Some(Value::String(name)) => name == "string",
        Some(Value::Array(names)) => names.iter().any(|name| name == "string"),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[derive(Debug, serde::Deserialize)]
    struct Item {
        #[expect(dead_code, reason = "only its type matters")]
        price: f64,
    }

    #[derive(Debug, serde::Deserialize)]
    struct Basket {
        #[expect(dead_code, reason = "only its type matters")]
        items: Vec<Item>,
    }

    fn object(value: Value) -> JsonObject {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn a_bad_argument_is_named_by_its_path() {
        let arguments = object(json!({"items": [{"price": 1}, {"price": "two"}]}));
        let error = read::<Basket>(&arguments).unwrap_err();
        assert!(format!("{error:?}").contains("items[1].price"), "{error:?}");
    }

    #[test]
    fn text_becomes_a_number_only_where_the_schema_asks_for_one() {
        let schema = object(json!({"properties": {
            "id": {"type": "integer"}, "name": {"type": "string"}, "on": {"type": ["boolean", "null"]}
        }}));
        let mut arguments = object(json!({"id": "7", "name": "7", "on": "true", "other": "1"}));
        coerce(&mut arguments, &schema);
        assert_eq!(
            Value::Object(arguments),
            json!({"id": 7, "name": "7", "on": true, "other": "1"})
        );
    }
}
