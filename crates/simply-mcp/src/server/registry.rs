//! What is registered: one immutable picture of the server, swapped as a whole.

use std::{collections::HashMap, sync::Arc};

use futures::future::BoxFuture;
use indexmap::IndexMap;
use rmcp::model::{
    CacheScope, CallToolResponse, GetPromptResponse, Implementation, JsonObject, Prompt,
    PromptsCapability, ReadResourceResponse, Resource, ResourceTemplate, ResourcesCapability,
    ServerCapabilities, ServerConfig, TASKS_EXTENSION_ID, Tool, ToolsCapability,
};
use rmcp::task_manager::TaskManager;

use super::{
    Completion, Context, ToolError, changes::Change, uri_template::UriTemplate,
    validation::ServerError,
};

/// A handler whose argument and result types have been forgotten.
pub(super) type Function<R> =
    Arc<dyn Fn(Context) -> BoxFuture<'static, Result<R, ToolError>> + Send + Sync>;

#[derive(Clone)]
pub(super) struct ToolEntry {
    pub(super) definition: Tool,
    pub(super) function: Function<CallToolResponse>,
}

#[derive(Clone)]
pub(super) struct ResourceEntry {
    pub(super) definition: Resource,
    pub(super) function: Function<ReadResourceResponse>,
}

#[derive(Clone)]
pub(super) struct TemplateEntry {
    pub(super) definition: ResourceTemplate,
    pub(super) template: UriTemplate,
    pub(super) schema: Arc<JsonObject>,
    pub(super) function: Function<ReadResourceResponse>,
}

#[derive(Clone)]
pub(super) struct PromptEntry {
    pub(super) definition: Prompt,
    pub(super) schema: Arc<JsonObject>,
    pub(super) function: Function<GetPromptResponse>,
}

/// The prompt or template, and its argument.
pub(super) type CompletionKey = (String, String);

#[derive(Clone, Default)]
pub(super) struct Registry {
    pub(super) info: Implementation,
    pub(super) instructions: Option<String>,
    pub(super) cache: Option<(u64, CacheScope)>,
    pub(super) tools: IndexMap<String, Arc<ToolEntry>>,
    pub(super) resources: IndexMap<String, Arc<ResourceEntry>>,
    pub(super) templates: IndexMap<String, Arc<TemplateEntry>>,
    pub(super) prompts: IndexMap<String, Arc<PromptEntry>>,
    pub(super) prompt_completions: HashMap<CompletionKey, Function<Completion>>,
    pub(super) template_completions: HashMap<CompletionKey, Function<Completion>>,
    pub(super) tasks: Option<TaskManager>,
    pub(super) faults: Vec<ServerError>,
}

impl Registry {
    pub(super) fn new(name: String, version: String) -> Self {
        Self {
            info: Implementation::new(name, version),
            ..Self::default()
        }
    }

    pub(super) fn has_resources(&self) -> bool {
        !self.resources.is_empty() || !self.templates.is_empty()
    }

    pub(super) fn has_completions(&self) -> bool {
        !self.prompt_completions.is_empty() || !self.template_completions.is_empty()
    }

    /// What the server says about itself: only what is registered is advertised.
    pub(super) fn server_config(&self) -> ServerConfig {
        let mut capabilities = ServerCapabilities::default();
        capabilities.logging = Some(JsonObject::new());
        if self.has_completions() {
            capabilities.completions = Some(JsonObject::new());
        }
        if !self.tools.is_empty() {
            let mut tools = ToolsCapability::default();
            tools.list_changed = Some(true);
            capabilities.tools = Some(tools);
        }
        if !self.prompts.is_empty() {
            let mut prompts = PromptsCapability::default();
            prompts.list_changed = Some(true);
            capabilities.prompts = Some(prompts);
        }
        if self.has_resources() {
            let mut resources = ResourcesCapability::default();
            resources.list_changed = Some(true);
            resources.subscribe = Some(true);
            capabilities.resources = Some(resources);
        }
        if self.tasks.is_some() {
            let extensions = capabilities.extensions.get_or_insert_default();
            extensions.insert(TASKS_EXTENSION_ID.to_owned(), JsonObject::new());
        }
        let mut config = ServerConfig::new(capabilities).with_server_info(self.info.clone());
        config.instructions.clone_from(&self.instructions);
        config
    }

    /// Which lists differ between two pictures of the same server.
    pub(super) fn changes_since(&self, before: &Self) -> Vec<Change> {
        let mut changes = Vec::new();
        if differ(&self.tools, &before.tools) {
            changes.push(Change::Tools);
        }
        if differ(&self.resources, &before.resources) || differ(&self.templates, &before.templates)
        {
            changes.push(Change::Resources);
        }
        if differ(&self.prompts, &before.prompts) {
            changes.push(Change::Prompts);
        }
        changes
    }
}

fn differ<T>(one: &IndexMap<String, Arc<T>>, other: &IndexMap<String, Arc<T>>) -> bool {
    one.len() != other.len()
        || one
            .iter()
            .zip(other)
            .any(|((name, entry), (other_name, other_entry))| {
                name != other_name || !Arc::ptr_eq(entry, other_entry)
            })
}
