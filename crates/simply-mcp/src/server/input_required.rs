//! Questions to the client, returned as the result of a round (SEP-2322).

use rmcp::model::{InputRequest, InputRequests, InputRequiredResult};
use serde::Serialize;
use serde_json::Value;

use super::ToolError;
use crate::refusal::said;

/// Questions returned by hand, where [`Context::elicit`](super::Context::elicit) and [`Context::ask`](super::Context::ask) do not reach.
#[derive(Clone, Debug, Default)]
pub struct InputRequired {
    pub(super) requests: InputRequests,
    pub(super) state: Option<Value>,
    pub(super) sealed: Option<String>,
}

impl InputRequired {
    /// No question yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a question.
    #[must_use]
    pub fn request(mut self, key: impl Into<String>, request: InputRequest) -> Self {
        self.requests.insert(key.into(), request);
        self
    }

    /// Keeps something for the next round; as [`Context::set_state`](super::Context::set_state), which it overrides.
    ///
    /// # Errors
    ///
    /// When it cannot be written as JSON.
    pub fn with_state<S: Serialize>(mut self, state: &S) -> Result<Self, ToolError> {
        let state = serde_json::to_value(state).map_err(|error| {
            ToolError::failed(format!(
                "the state cannot be written as JSON: {}",
                said(&error)
            ))
        })?;
        self.state = Some(state);
        Ok(self)
    }

    pub(super) fn sealed(mut self, sealed: Option<String>) -> Self {
        self.sealed = sealed;
        self
    }

    pub(super) fn into_result(self) -> InputRequiredResult {
        let requests = (!self.requests.is_empty()).then_some(self.requests);
        InputRequiredResult::new(requests, self.sealed)
    }
}

impl From<InputRequiredResult> for InputRequired {
    /// The result's `requestState` becomes the state, and is sealed like any other.
    fn from(result: InputRequiredResult) -> Self {
        Self {
            requests: result.input_requests.unwrap_or_default(),
            state: result.request_state.map(Value::String),
            sealed: None,
        }
    }
}
