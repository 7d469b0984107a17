//! Registering prompts, and what their handlers may return.

use std::sync::Arc;

use rmcp::model::{
    ErrorData, GetPromptResponse, GetPromptResult, JsonObject, Prompt, PromptArgument,
    PromptMessage, Role,
};
use serde_json::Value;

use super::{
    Handler, InputRequired, McpServer, ToolError,
    error::Reason,
    handler::input_schema,
    registry::{Function, PromptEntry},
    validation::ServerError,
};

/// What the handler of a prompt may return.
///
/// A text is one message of the user. In a `Result`, the error is anything that can be displayed, or
/// a [`ToolError`].
pub trait IntoPromptResult: Send + 'static {
    /// The answer to the request.
    ///
    /// # Errors
    ///
    /// When the prompt cannot be made, or asks the client something first.
    fn into_prompt_result(self) -> Result<GetPromptResponse, ToolError>;
}

impl McpServer {
    /// Registers a prompt: an asynchronous closure, with or without arguments and a
    /// [`Context`](super::Context) (see [`IntoPromptResult`] for results).
    ///
    /// The fields of the arguments' type become the prompt's arguments, with their documentation;
    /// they are text on the wire, and read as numbers and booleans where the type asks for them.
    #[must_use]
    pub fn prompt<M: 'static, H>(
        self,
        name: impl Into<String>,
        description: impl Into<String>,
        handler: H,
    ) -> Self
    where
        H: Handler<M>,
        H::Output: IntoPromptResult,
    {
        self.prompt_with(Prompt::new(name, Some(description), None), handler)
    }

    /// Registers a prompt with a definition of one's own: title, icons, `_meta`. Arguments that are not
    /// given are filled in from the closure's.
    #[must_use]
    pub fn prompt_with<M: 'static, H>(self, mut definition: Prompt, handler: H) -> Self
    where
        H: Handler<M>,
        H::Output: IntoPromptResult,
    {
        let handler = Arc::new(handler);
        let function: Function<GetPromptResponse> = Arc::new(move |context| {
            let handler = Arc::clone(&handler);
            Box::pin(async move { handler.call(context).await?.into_prompt_result() })
        });
        self.edit(|registry| {
            let name = definition.name.clone();
            let schema = match input_schema::<H::Arguments>() {
                Ok(schema) => schema,
                Err(reason) => {
                    registry
                        .faults
                        .push(ServerError::new(format!("prompt {name}"), reason));
                    return;
                }
            };
            if definition.arguments.is_none() {
                definition.arguments = arguments_of(&schema);
            }
            let entry = Arc::new(PromptEntry {
                definition,
                schema,
                function,
            });
            if registry.prompts.insert(name.clone(), entry).is_some() {
                registry
                    .faults
                    .push(ServerError::repeated(format!("prompt {name}")));
            }
        })
    }
}

/// Refuses a request that lacks a required argument, by name.
pub(super) fn check_required(prompt: &Prompt, arguments: &JsonObject) -> Result<(), ErrorData> {
    let missing: Vec<&str> = prompt
        .arguments
        .iter()
        .flatten()
        .filter(|argument| {
            argument.required == Some(true) && !arguments.contains_key(&argument.name)
        })
        .map(|argument| argument.name.as_str())
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let message = format!("the prompt {} needs: {}", prompt.name, missing.join(", "));
    Err(ErrorData::invalid_params(message, None))
}

fn arguments_of(schema: &JsonObject) -> Option<Vec<PromptArgument>> {
    let properties = schema.get("properties")?.as_object()?;
    let required = schema.get("required").and_then(Value::as_array);
    let is_required =
        |name: &str| required.is_some_and(|names| names.iter().any(|other| other == name));
    let arguments: Vec<PromptArgument> = properties
        .iter()
        .map(|(name, property)| {
            let mut argument = PromptArgument::new(name).with_required(is_required(name));
            let text = |key: &str| property.get(key).and_then(Value::as_str).map(str::to_owned);
            argument.title = text("title");
            argument.description = text("description");
            argument
        })
        .collect();
    (!arguments.is_empty()).then_some(arguments)
}

impl IntoPromptResult for GetPromptResponse {
    fn into_prompt_result(self) -> Result<GetPromptResponse, ToolError> {
        Ok(self)
    }
}

impl IntoPromptResult for GetPromptResult {
    fn into_prompt_result(self) -> Result<GetPromptResponse, ToolError> {
        Ok(self.into())
    }
}

impl IntoPromptResult for Vec<PromptMessage> {
    fn into_prompt_result(self) -> Result<GetPromptResponse, ToolError> {
        Ok(GetPromptResult::new(self).into())
    }
}

impl IntoPromptResult for PromptMessage {
    fn into_prompt_result(self) -> Result<GetPromptResponse, ToolError> {
        vec![self].into_prompt_result()
    }
}

impl IntoPromptResult for String {
    fn into_prompt_result(self) -> Result<GetPromptResponse, ToolError> {
        PromptMessage::new_text(Role::User, self).into_prompt_result()
    }
}

impl IntoPromptResult for &'static str {
    fn into_prompt_result(self) -> Result<GetPromptResponse, ToolError> {
        self.to_owned().into_prompt_result()
    }
}

impl IntoPromptResult for InputRequired {
    fn into_prompt_result(self) -> Result<GetPromptResponse, ToolError> {
        Err(Reason::Ask(self).into())
    }
}

impl<T: IntoPromptResult, E: Into<ToolError> + Send + 'static> IntoPromptResult for Result<T, E> {
    fn into_prompt_result(self) -> Result<GetPromptResponse, ToolError> {
        self.map_err(Into::into)?.into_prompt_result()
    }
}
