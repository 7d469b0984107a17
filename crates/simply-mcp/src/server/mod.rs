//! [`McpServer`]: tools, resources and prompts made of closures.
//!
//! ```
//! use simply_mcp::McpServer;
//!
//! #[derive(serde::Deserialize, simply_mcp::schemars::JsonSchema)]
//! # #[schemars(crate = "simply_mcp::schemars")]
//! struct Echo { message: String }
//!
//! let server = McpServer::new("my-server", "1.0.0")
//!     .tool("echo", "Returns the message", async |Echo { message }: Echo| message);
//! # server.check().unwrap();
//! ```
//!
//! The result is an [`rmcp::ServerHandler`] like any other: the HTTP transport serves it, and so do
//! rmcp's own transports (`rmcp::transport::stdio`, `StreamableHttpService`).
//!
//! | file | what it holds |
//! | --- | --- |
//! | `tools`, `resources`, `prompts`, `completions` | how each kind is registered and what its handlers may return |
//! | `handler` | which closures are handlers |
//! | `context` | what a handler can ask about its call |
//! | `ask`, `state` | questions to the client, and the state carried between their rounds |
//! | `registry`, `validation` | what is registered, and what is wrong with it |
//! | `sessions`, `changes` | who is told when something changes |
//! | `round` | one run of a handler, with what earlier rounds of the same call left |
//! | `service` | the [`rmcp::ServerHandler`] itself |

mod arguments;
mod ask;
mod blocking;
mod changes;
mod completions;
mod context;
mod error;
mod handler;
mod input_required;
mod page;
mod prompts;
mod registry;
mod resources;
mod result;
mod round;
mod service;
mod sessions;
mod shared;
mod state;
mod tools;
mod uri_template;
mod validation;

use std::{borrow::Cow, sync::Arc, time::Duration};

use rmcp::{
    model::{CacheScope, Icon},
    task_manager::TaskManager,
};

pub use ask::{Answers, Ask, Elicited};
pub use completions::{Completion, CompletionRequest};
pub use context::Context;
pub use error::ToolError;
pub use handler::{BlockingHandler, Handler, NoArguments};
pub use input_required::InputRequired;
pub use prompts::IntoPromptResult;
pub use resources::IntoResourceResult;
pub use result::{IntoToolResult, Json};
pub use validation::{ServerError, ServerErrors};

use registry::Registry;
use shared::Shared;

/// An MCP server made of closures.
///
/// Every builder method takes the server and returns it. Nothing panics on a bad registration: what
/// is wrong is collected, and [`McpServer::check`] reports all of it at once (the transport calls it
/// before it listens).
///
/// Clones are cheap handles on the same server. A builder method called on a handle that has clones
/// makes a server of its own; to change a server that is already serving, use [`McpServer::update`].
#[derive(Clone)]
pub struct McpServer {
    shared: Arc<Shared>,
}

impl McpServer {
    /// A server without tools, with the name and version that clients see.
    #[must_use]
    pub fn new(name: impl Into<String>, version: impl Into<String>) -> Self {
        let registry = Registry::new(name.into(), version.into());
        Self {
            shared: Arc::new(Shared::new(Arc::new(registry))),
        }
    }

    /// The name for people, where it differs from the name for programs.
    #[must_use]
    pub fn title(self, title: impl Into<String>) -> Self {
        self.edit(|registry| registry.info.title = Some(title.into()))
    }

    /// A sentence about the server.
    #[must_use]
    pub fn description(self, description: impl Into<String>) -> Self {
        self.edit(|registry| registry.info.description = Some(description.into()))
    }

    /// The page with more about the server.
    #[must_use]
    pub fn website_url(self, url: impl Into<String>) -> Self {
        self.edit(|registry| registry.info.website_url = Some(url.into()))
    }

    /// Icons that clients may show beside the name.
    #[must_use]
    pub fn icons(self, icons: Vec<Icon>) -> Self {
        self.edit(|registry| registry.info.icons = Some(icons))
    }

    /// What a model should know about using this server as a whole.
    #[must_use]
    pub fn instructions(self, instructions: impl Into<String>) -> Self {
        self.edit(|registry| registry.instructions = Some(instructions.into()))
    }

    /// How long clients of MCP 2026-07-28 may keep lists and resources, and whether intermediaries may
    /// share them between users (`ttlMs` and `cacheScope`, SEP-2549). Default: not at all, and private.
    #[must_use]
    pub fn cache(self, time_to_live: Duration, scope: CacheScope) -> Self {
        let milliseconds = u64::try_from(time_to_live.as_millis()).unwrap_or(u64::MAX);
        self.edit(|registry| registry.cache = Some((milliseconds, scope)))
    }

    /// Offers the tasks extension (SEP-2663): handlers may start a task on the manager and return it as
    /// [`CallToolResponse::Task`](rmcp::model::CallToolResponse::Task), and clients ask the server how
    /// it stands. Keep a clone of the manager for the handlers.
    #[must_use]
    pub fn tasks(self, manager: TaskManager) -> Self {
        self.edit(|registry| registry.tasks = Some(manager))
    }

    /// Whether everything that was registered can be served.
    ///
    /// # Errors
    ///
    /// Returns every fault at once: bad or repeated names, arguments that are not an object, bad
    /// `x-mcp-header` annotations, URI templates that cannot be matched, completions for things that do
    /// not exist.
    pub fn check(&self) -> Result<(), ServerErrors> {
        validation::check(&self.registry())
    }

    /// Changes a server while it serves: all at once, or not at all.
    ///
    /// The closure gets a copy to add to and remove from; clients that asked to hear of changes are
    /// told which lists changed. Calls that are running keep the handler they started with.
    ///
    /// ```
    /// # use simply_mcp::McpServer;
    /// # let server = McpServer::new("s", "1").tool("old", "Goes", async || "old");
    /// server.update(|server| {
    ///     server.without_tool("old").tool("new", "Comes", async || "new")
    /// })?;
    /// # Ok::<(), simply_mcp::server::ServerErrors>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`McpServer::check`]; the server then stays as it was.
    pub fn update(&self, change: impl FnOnce(Self) -> Self) -> Result<(), ServerErrors> {
        let _one_at_a_time = self.shared.begin_update();
        let before = self.registry();
        let draft = change(Self {
            shared: Arc::new(Shared::new(Arc::clone(&before))),
        });
        draft.check()?;
        let after = draft.registry();
        self.shared.registry.store(Arc::clone(&after));
        for change in after.changes_since(&before) {
            self.shared.changes.announce(change);
        }
        Ok(())
    }

    /// Takes a tool away. A name that does not exist is no fault.
    #[must_use]
    pub fn without_tool(self, name: &str) -> Self {
        self.edit(|registry| drop(registry.tools.shift_remove(name)))
    }

    /// Takes a resource away. A URI that does not exist is no fault.
    #[must_use]
    pub fn without_resource(self, uri: &str) -> Self {
        self.edit(|registry| drop(registry.resources.shift_remove(uri)))
    }

    /// Takes a resource template away. A template that does not exist is no fault.
    #[must_use]
    pub fn without_resource_template(self, uri_template: &str) -> Self {
        self.edit(|registry| drop(registry.templates.shift_remove(uri_template)))
    }

    /// Takes a prompt away. A name that does not exist is no fault.
    #[must_use]
    pub fn without_prompt(self, name: &str) -> Self {
        self.edit(|registry| drop(registry.prompts.shift_remove(name)))
    }

    fn registry(&self) -> Arc<Registry> {
        self.shared.registry.load_full()
    }

    /// Applies one builder step, on a server of its own where this handle has clones.
    fn edit(mut self, change: impl FnOnce(&mut Registry)) -> Self {
        let mut registry = match Arc::get_mut(&mut self.shared) {
            Some(shared) => shared.take_registry(),
            None => {
                let registry = self.registry();
                self.shared = Arc::new(Shared::new(Arc::clone(&registry)));
                registry
            }
        };
        change(Arc::make_mut(&mut registry));
        self.shared.registry.store(registry);
        self
    }
}

impl std::fmt::Debug for McpServer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let registry = self.registry();
        formatter
            .debug_struct("McpServer")
            .field("name", &registry.info.name)
            .field("version", &registry.info.version)
            .field("tools", &registry.tools.keys())
            .field("resources", &registry.resources.keys())
            .field("templates", &registry.templates.keys())
            .field("prompts", &registry.prompts.keys())
            .finish_non_exhaustive()
    }
}

/// A name or text that costs nothing to copy where it is a literal.
type Text = Cow<'static, str>;

#[cfg(test)]
mod tests;
