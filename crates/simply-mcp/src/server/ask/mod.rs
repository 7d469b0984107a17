//! Asking the client: elicitation, sampling and roots, in both eras of the protocol.
//!
//! One way to ask, two ways to carry the question. In MCP 2026-07-28 the call ends with the question,
//! and is made again with the answer: the handler runs again from its first line, and this time the
//! same `elicit` returns (SEP-2322). In older versions, where there is a session, the question is a
//! request to the client, and the handler waits.

#![expect(
    deprecated,
    reason = "SEP-2577 deprecates logging, sampling and roots; clients still use them"
)]

mod client;
mod form;
mod questions;

use rmcp::model::{
    CreateMessageRequestParams, CreateMessageResult, ElicitationSchema, JsonObject, ListRootsResult,
};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;

pub use questions::{Answers, Ask};

use super::{Context, ToolError};

/// What became of a question to the user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Elicited<T> {
    /// The user answered.
    Accepted(T),
    /// The user said no.
    Declined,
    /// The user closed the question without choosing.
    Cancelled,
}

impl<T> Elicited<T> {
    /// The answer, if there is one.
    #[must_use]
    pub fn accepted(self) -> Option<T> {
        match self {
            Self::Accepted(answer) => Some(answer),
            Self::Declined | Self::Cancelled => None,
        }
    }
}

impl Context {
    /// Asks the user to fill in a form that is made from `T` (a flat struct of texts, numbers,
    /// booleans and enums).
    ///
    /// In MCP 2026-07-28 the `Err` of the first round *is* the question: propagate it with `?`. The
    /// handler then runs again, so whatever stands before the question must bear repetition. An answer
    /// that does not fit `T` asks again. `key` names the question within the call.
    ///
    /// # Errors
    ///
    /// The question, in MCP 2026-07-28; -32021 if the client did not declare that it can elicit; in
    /// older versions, when the client fails, takes more than five minutes, or answers something else.
    pub async fn elicit<T: DeserializeOwned + JsonSchema>(
        &self,
        key: &str,
        message: &str,
    ) -> Result<Elicited<T>, ToolError> {
        self.ask()
            .elicit::<T>(key, message)
            .answers()
            .await?
            .elicited(key)
    }

    /// As [`Context::elicit`], with a form of one's own.
    ///
    /// # Errors
    ///
    /// As [`Context::elicit`].
    pub async fn elicit_form(
        &self,
        key: &str,
        message: &str,
        form: ElicitationSchema,
    ) -> Result<Elicited<JsonObject>, ToolError> {
        self.ask()
            .elicit_form(key, message, form)
            .answers()
            .await?
            .elicited(key)
    }

    /// Asks the client's model for a completion.
    ///
    /// # Errors
    ///
    /// As [`Context::elicit`], for the capability `sampling`.
    pub async fn sample(
        &self,
        key: &str,
        request: CreateMessageRequestParams,
    ) -> Result<CreateMessageResult, ToolError> {
        self.ask()
            .sample(key, request)
            .answers()
            .await?
            .sampled(key)
    }

    /// Asks the client for the directories that it works in.
    ///
    /// # Errors
    ///
    /// As [`Context::elicit`], for the capability `roots`.
    pub async fn list_roots(&self, key: &str) -> Result<ListRootsResult, ToolError> {
        self.ask().list_roots(key).answers().await?.roots(key)
    }
}
