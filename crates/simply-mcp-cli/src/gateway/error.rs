//! What can go wrong: at start for the operator, during a request for the client.

use std::borrow::Cow;
use std::time::Duration;

use rmcp::ErrorData;
use rmcp::model::ErrorCode;
use serde_json::json;
use thiserror::Error;

/// The code of JSON-RPC for an implementation's own errors; `data.code` says which.
const IMPLEMENTATION_ERROR: ErrorCode = ErrorCode(-32000);

/// Why the server behind the gateway could not be started. Each text names the command, the cause and what to do.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum GatewayError {
    /// The program does not exist.
    #[error(
        "cannot start `{command}`: the program was not found; check its name, or give its full path"
    )]
    NotFound {
        /// The command as typed.
        command: String,
    },
    /// The operating system refused to start it.
    #[error("cannot start `{command}`: {cause}")]
    CannotStart {
        /// The command as typed.
        command: String,
        /// What the system said.
        #[source]
        cause: std::io::Error,
    },
    /// It ended before it answered.
    #[error(
        "`{command}` ended before it answered as an MCP server ({exit}){}",
        tail(stderr)
    )]
    Ended {
        /// The command as typed.
        command: String,
        /// How it ended.
        exit: String,
        /// The last lines of its stderr.
        stderr: Vec<String>,
    },
    /// It runs, but says nothing.
    #[error(
        "`{command}` did not answer as an MCP server within {} seconds; does it speak MCP over stdio?{}",
        timeout.as_secs(), tail(stderr)
    )]
    Silent {
        /// The command as typed.
        command: String,
        /// How long it was given.
        timeout: Duration,
        /// The last lines of its stderr.
        stderr: Vec<String>,
    },
    /// It answered the handshake with something else.
    #[error("`{command}` does not speak MCP as expected: {cause}{}", tail(stderr))]
    Handshake {
        /// The command as typed.
        command: String,
        /// What was wrong.
        cause: String,
        /// The last lines of its stderr.
        stderr: Vec<String>,
    },
    /// Two of its tools have the same name, so a call could mean either.
    #[error("`{command}` lists the tool `{tool}` twice; names must be unique, so fix the server")]
    DuplicateTool {
        /// The command as typed.
        command: String,
        /// The name.
        tool: String,
    },
}

fn tail(stderr: &[String]) -> String {
    if stderr.is_empty() {
        return String::new();
    }
    format!("; the last lines of its stderr:\n  {}", stderr.join("\n  "))
}

/// Why one request got no answer from the child.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum CallError {
    /// The child answered with an error of its own, which is passed on as it is.
    Child(ErrorData),
    /// The child is not running, or stopped while it had this request.
    Down(Cow<'static, str>),
    /// The gateway itself ends.
    ShuttingDown,
    /// Too many requests wait for the child.
    Overloaded,
    /// The child did not answer in time.
    Timeout(Duration),
    /// The client took its request back.
    Cancelled,
    /// The child's answer is not what the protocol says; in words of ours, as the client hears them.
    Malformed(String),
}

impl CallError {
    /// What kind of failure it is, in one word for a trace.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Child(_) => "tool_error",
            Self::Down(_) | Self::ShuttingDown => "child_down",
            Self::Overloaded => "overloaded",
            Self::Timeout(_) => "timeout",
            Self::Cancelled => "cancelled",
            Self::Malformed(_) => "child_malformed",
        }
    }

    /// The code of JSON-RPC that the child answered with, if it answered with one.
    pub(super) fn code(&self) -> Option<i32> {
        match self {
            Self::Child(error) => Some(error.code.0),
            _ => None,
        }
    }
}

impl From<CallError> for ErrorData {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Child(error) => error,
            CallError::Down(cause) => refusal(
                format!("the server behind this gateway {cause} and is being restarted; try again"),
                json!({"code": "child_down", "retryAfter": 1}),
            ),
            CallError::ShuttingDown => refusal(
                "this gateway is shutting down; try another instance, or again later".to_owned(),
                json!({"code": "child_down"}),
            ),
            CallError::Overloaded => refusal(
                "the server behind this gateway has too many requests in hand; try again later"
                    .to_owned(),
                json!({"code": "overloaded", "retryAfter": 1}),
            ),
            CallError::Timeout(limit) => refusal(
                format!(
                    "the server behind this gateway did not answer within {} seconds",
                    limit.as_secs_f32()
                ),
                json!({"code": "timeout"}),
            ),
            CallError::Cancelled => refusal(
                "the request was cancelled".to_owned(),
                json!({"code": "cancelled"}),
            ),
            CallError::Malformed(cause) => refusal(
                format!(
                    "the server behind this gateway gave an answer that is not valid MCP: {cause}"
                ),
                json!({"code": "child_malformed"}),
            ),
        }
    }
}

fn refusal(message: String, data: serde_json::Value) -> ErrorData {
    ErrorData::new(IMPLEMENTATION_ERROR, message, Some(data))
}
