//! Completing arguments while a person types them.

use std::sync::Arc;

use rmcp::model::{CompleteRequestParams, CompletionInfo, JsonObject, Reference};
use serde_json::{Value, json};

use super::{
    Handler, McpServer,
    registry::{CompletionKey, Function, Registry},
};
use crate::refusal::shown;

/// Values that complete an argument. A list of texts becomes one by itself.
///
/// Clients get the first hundred, and hear how many there are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Completion {
    values: Vec<String>,
    total: Option<usize>,
}

impl Completion {
    /// Some of the values, of a number that is known.
    #[must_use]
    pub fn some_of(values: Vec<String>, total: usize) -> Self {
        Self {
            values,
            total: Some(total),
        }
    }

    pub(super) fn into_info(mut self) -> CompletionInfo {
        let total = self
            .total
            .unwrap_or(self.values.len())
            .max(self.values.len());
        self.values.truncate(CompletionInfo::MAX_VALUES);
        let has_more = total > self.values.len();
        CompletionInfo::with_pagination(self.values, u32::try_from(total).ok(), has_more)
            .unwrap_or_default()
    }
}

impl<T: Into<String>> FromIterator<T> for Completion {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        Self {
            values: values.into_iter().map(Into::into).collect(),
            total: None,
        }
    }
}

impl<T: Into<String>> From<Vec<T>> for Completion {
    fn from(values: Vec<T>) -> Self {
        values.into_iter().collect()
    }
}

/// What a completion handler takes: what was typed, and what other arguments already hold.
#[derive(Clone, Debug, Default, serde::Deserialize, schemars::JsonSchema)]
pub struct CompletionRequest {
    /// What was typed so far.
    pub value: String,
    /// The arguments that are already filled in, by name.
    #[serde(default)]
    pub arguments: std::collections::BTreeMap<String, String>,
}

impl McpServer {
    /// Completes an argument of a prompt: an asynchronous closure from [`CompletionRequest`] to a list
    /// of texts or a [`Completion`].
    #[must_use]
    pub fn complete_prompt<M: 'static, H>(
        self,
        prompt: impl Into<String>,
        argument: impl Into<String>,
        handler: H,
    ) -> Self
    where
        H: Handler<M>,
        H::Output: Into<Completion>,
    {
        let (key, function) = ((prompt.into(), argument.into()), completer(handler));
        self.edit(|registry| drop(registry.prompt_completions.insert(key, function)))
    }

    /// Completes a variable of a resource template; as [`McpServer::complete_prompt`].
    #[must_use]
    pub fn complete_resource<M: 'static, H>(
        self,
        uri_template: impl Into<String>,
        variable: impl Into<String>,
        handler: H,
    ) -> Self
    where
        H: Handler<M>,
        H::Output: Into<Completion>,
    {
        let (key, function) = ((uri_template.into(), variable.into()), completer(handler));
        self.edit(|registry| drop(registry.template_completions.insert(key, function)))
    }
}

fn completer<M: 'static, H>(handler: H) -> Function<Completion>
where
    H: Handler<M>,
    H::Output: Into<Completion>,
{
    let handler = Arc::new(handler);
    Arc::new(move |context| {
        let handler = Arc::clone(&handler);
        Box::pin(async move { Ok(handler.call(context).await?.into()) })
    })
}

/// Whether what a request refers to exists, and its completion if there is one.
pub(super) fn find(
    registry: &Registry,
    request: &CompleteRequestParams,
) -> Result<Option<Function<Completion>>, String> {
    let argument = request.argument.name.clone();
    let (exists, completions, key): (_, _, CompletionKey) = match &request.r#ref {
        Reference::Prompt(prompt) => (
            registry.prompts.contains_key(&prompt.name),
            &registry.prompt_completions,
            (prompt.name.clone(), argument),
        ),
        Reference::Resource(resource) => (
            registry.templates.contains_key(&resource.uri)
                || registry.resources.contains_key(&resource.uri),
            &registry.template_completions,
            (resource.uri.clone(), argument),
        ),
        _ => return Err("this kind of reference has no completions".to_owned()),
    };
    if !exists {
        return Err(format!(
            "there is no prompt or resource template {}",
            shown(&key.0)
        ));
    }
    Ok(completions.get(&key).cloned())
}

/// The arguments of a completion handler.
pub(super) fn arguments_of(request: CompleteRequestParams) -> JsonObject {
    let arguments = request.context.and_then(|context| context.arguments);
    let mut object = JsonObject::new();
    object.insert("value".to_owned(), Value::String(request.argument.value));
    object.insert("arguments".to_owned(), json!(arguments.unwrap_or_default()));
    object
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_most_a_hundred_values_are_sent_and_the_rest_is_counted() {
        let info = (0..150)
            .map(|n| n.to_string())
            .collect::<Completion>()
            .into_info();
        assert_eq!(
            (info.values.len(), info.total, info.has_more),
            (100, Some(150), Some(true))
        );
    }

    #[test]
    fn a_short_list_is_complete() {
        let info = Completion::from(vec!["a", "b"]).into_info();
        assert_eq!(
            (info.values.len(), info.total, info.has_more),
            (2, Some(2), Some(false))
        );
    }
}
