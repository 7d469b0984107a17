//! Tools that return every kind of content, report progress, or have a special schema.

use std::time::Duration;

use rmcp::model::{ContentBlock, ResourceContents, Tool};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use simply_mcp::{Context, McpServer, ToolError, rmcp};

/// One red pixel.
pub(crate) const PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==";
/// A sound of no length.
const WAV: &str = "UklGRiQAAABXQVZFZm10IBAAAAABAAEARKwAAIhYAQACABAAZGF0YQAAAAA=";

#[derive(Deserialize, JsonSchema)]
struct Name {
    name: String,
}

pub(crate) fn add(server: McpServer) -> McpServer {
    server
        .tool(
            "test_simple_text",
            "Returns one text",
            async || "This is a simple text response for testing.",
        )
        .tool("test_image_content", "Returns one image", async || {
            ContentBlock::image(PNG, "image/png")
        })
        .tool("test_audio_content", "Returns one sound", async || {
            ContentBlock::audio(WAV, "audio/wav")
        })
        .tool(
            "test_embedded_resource",
            "Returns one embedded resource",
            async || {
                let text = "This is an embedded resource content.";
                ContentBlock::embedded_text("test://embedded-resource", text)
            },
        )
        .tool(
            "test_multiple_content_types",
            "Returns a text, an image and a resource",
            mixed,
        )
        .tool("test_error_handling", "Always fails", async || {
            Err::<(), _>("This tool intentionally returns an error for testing")
        })
        .tool("test_tool_with_progress", "Reports its progress", progress)
        .tool(
            "test_reconnection",
            "Returns one text after a moment",
            async || {
                tokio::time::sleep(Duration::from_millis(100)).await;
                "Reconnection test completed successfully."
            },
        )
        .tool("greet", "Greets somebody", async |Name { name }: Name| {
            format!("Hello, {name}!")
        })
        .tool_with(
            Tool::new(
                "json_schema_2020_12_tool",
                "Has a schema of its own",
                schema_2020_12(),
            ),
            async |arguments: Map<String, Value>| {
                format!("Called with {} arguments", arguments.len())
            },
        )
        .tool_with(
            Tool::new(
                "test_custom_header",
                "Has an argument in a header",
                schema_with_header(),
            ),
            async |arguments: Map<String, Value>| {
                arguments
                    .get("value")
                    .and_then(Value::as_str)
                    .unwrap_or_default()
                    .to_owned()
            },
        )
}

async fn mixed() -> Vec<ContentBlock> {
    let text = json!({"test": "data", "value": 123}).to_string();
    let resource = ResourceContents::text(text, "test://mixed-content-resource");
    vec![
        ContentBlock::text("Multiple content types test:"),
        ContentBlock::image(PNG, "image/png"),
        ContentBlock::resource(resource.with_mime_type("application/json")),
    ]
}

async fn progress(context: Context) -> Result<&'static str, ToolError> {
    for done in [0.0, 50.0, 100.0] {
        context
            .progress(done, 100.0, &format!("Completed step {done} of 100"))
            .await;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok("All steps are done")
}

fn schema_with_header() -> Map<String, Value> {
    object(json!({
        "type": "object",
        "properties": {"value": {"type": "string", "x-mcp-header": "Value"}},
        "required": ["value"]
    }))
}

fn schema_2020_12() -> Map<String, Value> {
    object(json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "$defs": {
            "address": {
                "$anchor": "address",
                "type": "object",
                "properties": {"street": {"type": "string"}, "city": {"type": "string"}}
            }
        },
        "properties": {
            "name": {"type": "string"},
            "address": {"$ref": "#/$defs/address"},
            "contactMethod": {"type": "string", "enum": ["phone", "email"]},
            "phone": {"type": "string"},
            "email": {"type": "string"}
        },
        "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
        "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
        "then": {"required": ["phone"]},
        "else": {"required": ["email"]},
        "additionalProperties": false
    }))
}

pub(crate) fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        _ => Map::new(),
    }
}
