//! What became of a call, told by signs that are sure: types of the guard, codes of JSON-RPC, and `data.code`.

use rmcp::model::{CallToolResponse, ErrorCode, ErrorData};

use super::Door;

/// What became of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The tool gave a result, asked its client something, or started a task.
    Success,
    /// The tool failed in its own terms.
    ToolError,
    /// The handler panicked.
    Panic,
    /// The handler answered that it cannot do this: not here, not for this client, or not now.
    Refused,
    /// The tool, or the process behind it, did not end in time.
    Timeout,
    /// The client took its request back or has gone, or the server ended first.
    Cancelled,
    /// The arguments do not fit; the tool did not see them.
    InvalidArguments,
    /// No such tool, or none for this caller.
    UnknownTool,
}

/// Where JSON-RPC has no code of its own, `data.code` says which of these it is.
const IMPLEMENTATION_ERROR: ErrorCode = ErrorCode(-32000);

impl Outcome {
    /// Those that are no success.
    pub(super) const FAILURES: usize = 7;

    /// The outcome of a call that the handler answered.
    pub(crate) fn of(door: Door, response: &CallToolResponse) -> Self {
        match response {
            CallToolResponse::Complete(result) if result.is_error == Some(true) => Self::ToolError,
            CallToolResponse::Complete(_) => Self::Success,
            // It asks back or starts a task, which only MCP can carry.
            _ if door == Door::Rest => Self::Refused,
            _ => Self::Success,
        }
    }

    /// The outcome of a call that the handler answered with an error of the protocol.
    pub(crate) fn of_error(error: &ErrorData) -> Self {
        match error.code {
            ErrorCode::INVALID_PARAMS => Self::InvalidArguments,
            ErrorCode::INVALID_REQUEST
            | ErrorCode::METHOD_NOT_FOUND
            | ErrorCode::MISSING_REQUIRED_CLIENT_CAPABILITY => Self::Refused,
            IMPLEMENTATION_ERROR => Self::of_implementation_error(error),
            _ => Self::ToolError,
        }
    }

    fn of_implementation_error(error: &ErrorData) -> Self {
        let data = error.data.as_ref();
        match data.and_then(|data| data.get("code")?.as_str()) {
            Some("overloaded" | "child_down") => Self::Refused,
            Some("timeout") => Self::Timeout,
            Some("cancelled") => Self::Cancelled,
            _ => Self::ToolError,
        }
    }

    /// The same where there is no such tool: whatever a handler says of it, that is why. Only what happened to it on
    /// the way stays.
    pub(super) fn of_no_tool(self) -> Self {
        match self {
            Self::ToolError | Self::Refused | Self::InvalidArguments => Self::UnknownTool,
            other => other,
        }
    }

    /// Whether the tool had its time, if it was called: refusals are quick and would make it look better than it is.
    pub(super) fn is_of_a_tool_that_ran(self) -> bool {
        match self {
            Self::Success | Self::ToolError | Self::Panic | Self::Timeout | Self::Cancelled => true,
            Self::Refused | Self::InvalidArguments | Self::UnknownTool => false,
        }
    }

    /// The word for it: `success`, or an `error_type`.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::ToolError => "tool_error",
            Self::Panic => "panic",
            Self::Refused => "refused",
            Self::Timeout => "timeout",
            Self::Cancelled => "cancelled",
            Self::InvalidArguments => "invalid_arguments",
            Self::UnknownTool => "unknown_tool",
        }
    }

    /// Which of the failures it is, from 0; `None` for a success.
    pub(super) const fn failure(self) -> Option<usize> {
        (self as usize).checked_sub(1)
    }
}

#[cfg(test)]
mod tests {
    use rmcp::model::{CallToolResult, InputRequiredResult};
    use serde_json::json;

    use super::*;

    #[test]
    fn the_code_of_an_error_says_why_and_its_text_does_not() {
        let error = |code, data: Option<&str>| {
            let text = "timeout: overloaded, cancelled, child_down";
            ErrorData::new(
                ErrorCode(code),
                text,
                data.map(|code| json!({"code": code})),
            )
        };
        for (error, expected) in [
            (error(-32000, Some("overloaded")), Outcome::Refused),
            (error(-32000, Some("child_down")), Outcome::Refused),
            (error(-32000, Some("timeout")), Outcome::Timeout),
            (error(-32000, Some("cancelled")), Outcome::Cancelled),
            (error(-32000, Some("child_malformed")), Outcome::ToolError),
            (error(-32000, None), Outcome::ToolError),
            (error(-32123, Some("timeout")), Outcome::ToolError),
            (error(-32603, Some("internal")), Outcome::ToolError),
            (error(-32602, None), Outcome::InvalidArguments),
            (error(-32600, None), Outcome::Refused),
            (error(-32601, None), Outcome::Refused),
            (error(-32021, None), Outcome::Refused),
        ] {
            assert_eq!(Outcome::of_error(&error), expected, "{error:?}");
        }
    }

    #[test]
    fn a_question_is_a_success_where_it_can_be_carried() {
        let asks = CallToolResponse::from(InputRequiredResult::from_request_state("state"));
        assert_eq!(Outcome::of(Door::Mcp, &asks), Outcome::Success);
        assert_eq!(Outcome::of(Door::Rest, &asks), Outcome::Refused);
        for door in [Door::Mcp, Door::Rest] {
            let failed = CallToolResult::error(Vec::new()).into();
            assert_eq!(Outcome::of(door, &failed), Outcome::ToolError);
            let well = CallToolResult::success(Vec::new()).into();
            assert_eq!(Outcome::of(door, &well), Outcome::Success);
        }
    }

    #[test]
    fn every_failure_has_a_place_of_its_own() {
        assert_eq!(Outcome::Success.failure(), None);
        assert_eq!(Outcome::ToolError.failure(), Some(0));
        assert_eq!(
            Outcome::UnknownTool.failure(),
            Some(Outcome::FAILURES - 1),
            "the last"
        );
    }
}
