//! Resources, prompts and completions.

use rmcp::model::{
    ContentBlock, Prompt, PromptArgument, PromptMessage, Resource, ResourceTemplate, Role,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use simply_mcp::{Json, McpServer, rmcp, server::CompletionRequest};

use crate::content::PNG;

#[derive(Deserialize, JsonSchema)]
struct Id {
    id: String,
}

#[derive(Deserialize, JsonSchema)]
struct Two {
    /// The first argument
    arg1: String,
    /// The second argument
    arg2: String,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Link {
    resource_uri: String,
}

pub(crate) fn add(server: McpServer) -> McpServer {
    prompts(resources(server))
}

fn resources(server: McpServer) -> McpServer {
    let binary = Resource::new("test://static-binary", "Static binary").with_mime_type("image/png");
    let text = Resource::new("test://static-text", "Static text").with_mime_type("text/plain");
    let template = ResourceTemplate::new("test://template/{id}/data", "Data by number")
        .with_mime_type("application/json");
    server
        .resource_with(
            text,
            async || "This is the content of the static text resource.",
        )
        .resource_with(binary, async || vec![0x89_u8, b'P', b'N', b'G'])
        .resource(
            "test://watched-resource",
            "Watched resource",
            async || "Watched content",
        )
        .resource_template_with(template, async |Id { id }: Id| {
            let data = format!("Data for ID: {id}");
            Json(json!({"id": id, "templateTest": true, "data": data}))
        })
}

fn prompts(server: McpServer) -> McpServer {
    server
        .prompt(
            "test_simple_prompt",
            "One message",
            async || "This is a simple prompt for testing.",
        )
        .prompt(
            "test_prompt_with_arguments",
            "Two arguments",
            async |Two { arg1, arg2 }: Two| {
                format!("Prompt with arguments: arg1='{arg1}', arg2='{arg2}'")
            },
        )
        .complete_prompt(
            "test_prompt_with_arguments",
            "arg1",
            async |CompletionRequest { value, .. }: CompletionRequest| {
                let known = ["testValue1", "testValue2", "other"];
                known
                    .into_iter()
                    .filter(|known| known.starts_with(&value))
                    .collect::<Vec<_>>()
            },
        )
        .prompt_with(
            Prompt::new(
                "test_prompt_with_embedded_resource",
                Some("A message with a resource"),
                Some(vec![PromptArgument::new("resourceUri").with_required(true)]),
            ),
            async |Link { resource_uri }: Link| {
                let text = "Embedded resource content for testing.";
                let resource = ContentBlock::embedded_text(resource_uri, text);
                vec![
                    PromptMessage::new(Role::User, resource),
                    PromptMessage::new_text(Role::User, "Please process the resource above."),
                ]
            },
        )
        .prompt(
            "test_prompt_with_image",
            "A message with an image",
            async || PromptMessage::new(Role::User, ContentBlock::image(PNG, "image/png")),
        )
}
