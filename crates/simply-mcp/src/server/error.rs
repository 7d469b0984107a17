//! [`ToolError`]: why a handler gave no result.

use rmcp::model::{
    CallToolResponse, CallToolResult, ClientCapabilities, ContentBlock, ErrorCode, ErrorData,
};
use serde_json::json;

use super::InputRequired;
use crate::{refusal::shown, schema::UNREAD};

/// Why a handler gave no result.
///
/// Anything that can be displayed becomes a `ToolError` through `?`: the tool then failed in its own
/// terms, and the caller reads the text (`isError: true`). The other forms are made by name, or come
/// from asking the client ([`Context::elicit`](super::Context::elicit)); propagate those with `?`.
///
/// For the same reason as `anyhow::Error`, this type does not itself implement `std::error::Error`.
pub struct ToolError(Box<Reason>);

pub(super) enum Reason {
    Arguments(String),
    Failed(String),
    Result(CallToolResult),
    Ask(InputRequired),
    Protocol(ErrorData),
}

impl ToolError {
    /// The tool failed, and this is what the caller should read.
    #[must_use]
    pub fn failed(text: impl Into<String>) -> Self {
        Reason::Failed(text.into()).into()
    }

    /// The tool failed, and this is its result; `isError` is set.
    #[must_use]
    pub fn result(mut result: CallToolResult) -> Self {
        result.is_error = Some(true);
        Reason::Result(result).into()
    }

    /// The request itself is refused, with a JSON-RPC error.
    #[must_use]
    pub fn protocol(error: ErrorData) -> Self {
        Reason::Protocol(error).into()
    }

    /// What was asked for does not exist: for resources, -32602 with the URI in `data` (-32002 up to
    /// MCP 2025-11-25).
    #[must_use]
    pub fn not_found(uri: impl Into<String>) -> Self {
        let uri = uri.into();
        let message = format!("there is no resource {}", shown(&uri));
        Self::protocol(ErrorData::resource_not_found(
            message,
            Some(json!({ "uri": uri })),
        ))
    }

    /// The client must have a capability that it did not declare (-32021).
    #[must_use]
    pub fn missing_capability(required: ClientCapabilities) -> Self {
        Self::protocol(ErrorData::missing_required_client_capability(required))
    }

    /// The server has no room for this call now; the same call may succeed later.
    #[must_use]
    pub fn overloaded(message: impl Into<String>) -> Self {
        Self::coded("overloaded", message.into())
    }

    /// What the tool waits for has not come in time; the caller reads the text, and REST says 504.
    #[must_use]
    pub fn timed_out(message: impl Into<String>) -> Self {
        Self::coded("timeout", message.into())
    }

    /// An error of this implementation, which its code tells apart.
    fn coded(code: &'static str, message: String) -> Self {
        let data = json!({ "code": code });
        Self::protocol(ErrorData::new(ErrorCode(-32000), message, Some(data)))
    }

    pub(super) fn arguments(text: String) -> Self {
        Reason::Arguments(text).into()
    }

    pub(super) fn into_reason(self) -> Reason {
        *self.0
    }
}

impl Reason {
    /// The answer to `tools/call`, but for questions, which the caller has taken out.
    pub(super) fn into_tool_response(self) -> Result<CallToolResponse, ErrorData> {
        match self {
            Self::Arguments(text) => {
                let mut result = failed(text);
                let meta = result.meta.get_or_insert_default();
                meta.insert(UNREAD.to_owned(), true.into());
                Ok(result.into())
            }
            Self::Failed(text) => Ok(failed(text).into()),
            Self::Result(result) => Ok(result.into()),
            Self::Ask(question) => Ok(question.into_result().into()),
            Self::Protocol(error) => Err(error),
        }
    }

    /// The answer to every other request, where there is no result that says "failed".
    pub(super) fn into_error_data(self) -> ErrorData {
        match self {
            Self::Arguments(text) => ErrorData::invalid_params(text, None),
            Self::Failed(text) => ErrorData::internal_error(text, None),
            Self::Result(result) => ErrorData::internal_error(text_of(&result), None),
            Self::Ask(_) => ErrorData::internal_error("this request cannot ask the client", None),
            Self::Protocol(error) => error,
        }
    }
}

fn failed(text: String) -> CallToolResult {
    CallToolResult::error(vec![ContentBlock::text(text)])
}

fn text_of(result: &CallToolResult) -> String {
    let texts: Vec<&str> = result
        .content
        .iter()
        .filter_map(|block| Some(block.as_text()?.text.as_str()))
        .collect();
    texts.join("\n")
}

impl From<Reason> for ToolError {
    fn from(reason: Reason) -> Self {
        Self(Box::new(reason))
    }
}

impl<E: std::fmt::Display> From<E> for ToolError {
    fn from(error: E) -> Self {
        // The alternate form of `anyhow` and its like is the whole chain of causes on one line.
        Self::failed(format!("{error:#}"))
    }
}

impl std::fmt::Debug for ToolError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &*self.0 {
            Reason::Arguments(text) => formatter.debug_tuple("Arguments").field(text).finish(),
            Reason::Failed(text) => formatter.debug_tuple("Failed").field(text).finish(),
            Reason::Result(result) => formatter.debug_tuple("Result").field(result).finish(),
            Reason::Ask(question) => formatter.debug_tuple("Ask").field(question).finish(),
            Reason::Protocol(error) => formatter.debug_tuple("Protocol").field(error).finish(),
        }
    }
}
