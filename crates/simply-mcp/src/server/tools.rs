//! Registering tools.

use std::sync::Arc;

use rmcp::model::{CallToolResponse, Tool};

use super::{
    BlockingHandler, Handler, IntoToolResult, McpServer, Text,
    handler::input_schema,
    registry::{Function, Registry, ToolEntry},
    validation::ServerError,
};

impl McpServer {
    /// Registers a tool: an asynchronous closure, with or without arguments and a
    /// [`Context`](super::Context) (see [`Handler`] for the forms, [`IntoToolResult`] for results).
    #[must_use]
    pub fn tool<M: 'static, H>(
        self,
        name: impl Into<Text>,
        description: impl Into<Text>,
        handler: H,
    ) -> Self
    where
        H: Handler<M>,
        H::Output: IntoToolResult,
    {
        self.tool_with(definition(name, description), handler)
    }

    /// Registers a tool that blocks: a plain closure. It runs on threads of its own, at most 256 calls
    /// at once; further ones are told, after two seconds, that the server is busy.
    #[must_use]
    pub fn blocking_tool<M: 'static, H>(
        self,
        name: impl Into<Text>,
        description: impl Into<Text>,
        handler: H,
    ) -> Self
    where
        H: BlockingHandler<M>,
        H::Output: IntoToolResult,
    {
        self.blocking_tool_with(definition(name, description), handler)
    }

    /// Registers a tool with a definition of one's own: title, annotations, icons, `_meta`.
    ///
    /// An input schema without any key is filled in from the closure's arguments, an absent output
    /// schema from its result; a schema that is given stands, and `serde_json::Map` as the argument
    /// type takes what it lets through.
    #[must_use]
    pub fn tool_with<M: 'static, H>(self, definition: Tool, handler: H) -> Self
    where
        H: Handler<M>,
        H::Output: IntoToolResult,
    {
        let handler = Arc::new(handler);
        let function: Function<CallToolResponse> = Arc::new(move |context| {
            let handler = Arc::clone(&handler);
            Box::pin(async move { handler.call(context).await?.into_tool_result() })
        });
        self.add_tool::<H::Arguments, H::Output>(definition, function)
    }

    /// Registers a tool that blocks with a definition of one's own; see [`McpServer::tool_with`].
    #[must_use]
    pub fn blocking_tool_with<M: 'static, H>(self, definition: Tool, handler: H) -> Self
    where
        H: BlockingHandler<M>,
        H::Output: IntoToolResult,
    {
        let handler = Arc::new(handler);
        let function: Function<CallToolResponse> = Arc::new(move |context| {
            let handler = Arc::clone(&handler);
            Box::pin(async move {
                let pool = context.blocking_pool();
                pool.run(handler, context).await?.into_tool_result()
            })
        });
        self.add_tool::<H::Arguments, H::Output>(definition, function)
    }

    fn add_tool<A: schemars::JsonSchema + 'static, R: IntoToolResult>(
        self,
        mut definition: Tool,
        function: Function<CallToolResponse>,
    ) -> Self {
        self.edit(|registry| {
            if definition.input_schema.is_empty() {
                match input_schema::<A>() {
                    Ok(schema) => definition.input_schema = schema,
                    Err(reason) => registry.faults.push(ServerError::new(
                        format!("tool {}", definition.name),
                        format!("its arguments must be a struct or a map: {reason}"),
                    )),
                }
            }
            if definition.output_schema.is_none() {
                definition.output_schema = R::output_schema();
            }
            insert(
                registry,
                ToolEntry {
                    definition,
                    function,
                },
            );
        })
    }
}

fn definition(name: impl Into<Text>, description: impl Into<Text>) -> Tool {
    Tool::new(name, description, serde_json::Map::new())
}

fn insert(registry: &mut Registry, entry: ToolEntry) {
    let name = entry.definition.name.to_string();
    if registry
        .tools
        .insert(name.clone(), Arc::new(entry))
        .is_some()
    {
        registry
            .faults
            .push(ServerError::repeated(format!("tool {name}")));
    }
}
