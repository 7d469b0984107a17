//! `x-mcp-header`: arguments that clients repeat in `Mcp-Param-*` headers (SEP-2243).

use rmcp::model::JsonObject;
use serde_json::Value;

const KEYWORD: &str = "x-mcp-header";

/// Words in a header's name that suggest a secret: headers end up in the logs of intermediaries.
const SECRETS: [&str; 5] = ["password", "secret", "token", "apikey", "api-key"];

/// Everything that is wrong with the annotations of an input schema.
pub(super) fn faults(input_schema: &JsonObject) -> Vec<String> {
    let mut finder = Finder::default();
    finder.schema(input_schema, &mut Vec::new(), false);
    finder.faults
}

#[derive(Default)]
struct Finder {
    headers: Vec<String>,
    faults: Vec<String>,
}

impl Finder {
    /// Walks a schema that is reached through `properties` alone.
    fn schema<'a>(&mut self, schema: &'a JsonObject, path: &mut Vec<&'a str>, is_property: bool) {
        if let Some(header) = schema.get(KEYWORD) {
            if is_property {
                self.annotation(schema, header, &path.join("."));
            } else {
                self.faults.push(format!(
                    "{KEYWORD} must stand on an argument, not on all of them"
                ));
            }
        }
        for (keyword, value) in schema {
            match value {
                Value::Object(properties) if keyword == "properties" => {
                    for (name, property) in properties {
                        let Value::Object(property) = property else {
                            continue;
                        };
                        path.push(name);
                        self.schema(property, path, true);
                        path.pop();
                    }
                }
                _ if is_data(keyword) => {}
                _ => self.out_of_reach(value, keyword),
            }
        }
    }

    fn annotation(&mut self, schema: &JsonObject, header: &Value, path: &str) {
        let Some(header) = header.as_str() else {
            self.faults
                .push(format!("the {KEYWORD} of {path} must be a text"));
            return;
        };
        if header.is_empty() || !header.bytes().all(is_token) {
            let fault = format!(
                "the {KEYWORD} of {path} is `{header}`, which is no header name (RFC 9110, section 5.6.2)"
            );
            self.faults.push(fault);
        }
        let lowercase = header.to_ascii_lowercase();
        if self.headers.contains(&lowercase) {
            self.faults.push(format!(
                "the {KEYWORD} `{header}` stands twice; case does not matter"
            ));
        }
        if SECRETS.iter().any(|secret| lowercase.contains(secret)) {
            tracing::warn!(
                argument = path,
                header,
                "x-mcp-header looks like a secret, and headers get logged"
            );
        }
        self.headers.push(lowercase);
        if !matches!(
            schema.get("type").and_then(Value::as_str),
            Some("string" | "integer" | "boolean")
        ) {
            let fault = format!(
                "the argument {path} has an {KEYWORD}, so its \"type\" must be string, integer or boolean"
            );
            self.faults.push(fault);
        }
    }

    /// Reports annotations in a part of the schema that clients do not look into.
    fn out_of_reach(&mut self, value: &Value, keyword: &str) {
        if holds_annotation(value) {
            self.faults.push(format!(
                "{KEYWORD} below `{keyword}` is never seen: only `properties` may lead to it"
            ));
        }
    }
}

/// Whether a keyword's value is data, in which `x-mcp-header` means nothing.
fn is_data(keyword: &str) -> bool {
    matches!(keyword, "const" | "enum" | "default" | "examples") || keyword == KEYWORD
}

fn holds_annotation(value: &Value) -> bool {
    match value {
        Value::Object(object) => object.iter().any(|(keyword, value)| {
            keyword == KEYWORD || (!is_data(keyword) && holds_annotation(value))
        }),
        Value::Array(values) => values.iter().any(holds_annotation),
        _ => false,
    }
}

/// RFC 9110, section 5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn found(schema: Value) -> Vec<String> {
        faults(&serde_json::from_value(schema).unwrap())
    }

    fn one(property: Value) -> Vec<String> {
        let mut schema = json!({"type": "object", "properties": {}});
        schema["properties"]["a"] = property;
        found(schema)
    }

    #[test]
    fn plain_and_nested_arguments_may_have_a_header() {
        for kind in ["string", "integer", "boolean"] {
            assert_eq!(
                one(json!({"type": kind, "x-mcp-header": "Region"})),
                Vec::<String>::new()
            );
        }
        let nested =
            json!({"type": "object", "properties": {"b": {"type": "string", "x-mcp-header": "B"}}});
        assert_eq!(one(nested), Vec::<String>::new());
    }

    #[test]
    fn a_header_that_cannot_be_sent_is_a_fault() {
        for header in [
            json!(""),
            json!("two words"),
            json!("ä"),
            json!(7),
            json!("a:b"),
        ] {
            assert_eq!(
                one(json!({"type": "string", "x-mcp-header": header})).len(),
                1,
                "{header}"
            );
        }
    }

    #[test]
    fn a_header_on_a_value_without_one_plain_text_is_a_fault() {
        for kind in [
            json!("number"),
            json!("array"),
            json!("object"),
            json!("null"),
            json!(["string", "null"]),
        ] {
            assert_eq!(
                one(json!({"type": kind, "x-mcp-header": "A"})).len(),
                1,
                "{kind}"
            );
        }
        assert_eq!(one(json!({"x-mcp-header": "A"})).len(), 1);
    }

    #[test]
    fn two_headers_that_differ_only_in_case_are_a_fault() {
        let schema = json!({"properties": {
            "a": {"type": "string", "x-mcp-header": "Region"},
            "b": {"type": "string", "x-mcp-header": "REGION"}
        }});
        assert_eq!(found(schema).len(), 1);
    }

    #[test]
    fn a_header_that_clients_never_see_is_a_fault() {
        let annotated = json!({"type": "string", "x-mcp-header": "A"});
        for schema in [
            json!({"$defs": {"a": annotated}}),
            json!({"anyOf": [{"properties": {"a": annotated}}]}),
            json!({"properties": {"list": {"type": "array", "items": annotated}}}),
            json!({"x-mcp-header": "A"}),
        ] {
            assert_eq!(found(schema.clone()).len(), 1, "{schema}");
        }
    }

    #[test]
    fn a_default_that_looks_like_an_annotation_is_none() {
        assert_eq!(
            one(json!({"type": "object", "default": {"x-mcp-header": ""}})),
            Vec::<String>::new()
        );
    }

    #[test]
    fn an_argument_may_be_called_like_the_keyword() {
        let schema = json!({"properties": {"x-mcp-header": {"type": "string"}}});
        assert_eq!(found(schema), Vec::<String>::new());
    }
}
