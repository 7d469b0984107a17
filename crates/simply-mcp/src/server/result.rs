//! What a tool may return: [`IntoToolResult`].

use std::{borrow::Cow, sync::Arc};

use rmcp::model::{
    CallToolResponse, CallToolResult, ContentBlock, InputRequiredResult, JsonObject,
};
use schemars::JsonSchema;
use serde::Serialize;

use super::{InputRequired, ToolError, error::Reason};
use crate::refusal::said;

/// What a tool may return.
///
/// Text, numbers and booleans become one text; `()` becomes no content; [`Json`] becomes structured
/// content, described to clients by an output schema; rmcp's own types pass as they are. In a
/// `Result`, the error is anything that can be displayed, or a [`ToolError`].
pub trait IntoToolResult: Send + 'static {
    /// The answer to the call.
    ///
    /// # Errors
    ///
    /// When the tool failed, or asks the client something first.
    fn into_tool_result(self) -> Result<CallToolResponse, ToolError>;

    /// The JSON Schema of the structured content, where there is any.
    #[must_use]
    fn output_schema() -> Option<Arc<JsonObject>> {
        None
    }
}

/// Structured content: any type that can be serialised and described.
///
/// Clients get the value as `structuredContent` and as text, and its schema in the tool list. A value
/// that is no object is left out for clients older than MCP 2026-07-28, which see its text (SEP-2106).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Json<T>(pub T);

impl<T: Serialize + JsonSchema + Send + 'static> IntoToolResult for Json<T> {
    fn into_tool_result(self) -> Result<CallToolResponse, ToolError> {
        let value = serde_json::to_value(&self.0).map_err(|error| {
            ToolError::failed(format!(
                "the result cannot be written as JSON: {}",
                said(&error)
            ))
        })?;
        Ok(CallToolResult::structured(value).into())
    }

    fn output_schema() -> Option<Arc<JsonObject>> {
        Some(rmcp::handler::server::tool::schema_for_output::<T>())
    }
}

impl<T: IntoToolResult, E: Into<ToolError> + Send + 'static> IntoToolResult for Result<T, E> {
    fn into_tool_result(self) -> Result<CallToolResponse, ToolError> {
        match self {
            Ok(value) => value.into_tool_result(),
            Err(error) => Err(error.into()),
        }
    }

    fn output_schema() -> Option<Arc<JsonObject>> {
        T::output_schema()
    }
}

impl IntoToolResult for CallToolResponse {
    fn into_tool_result(self) -> Result<CallToolResponse, ToolError> {
        Ok(self)
    }
}

impl IntoToolResult for CallToolResult {
    fn into_tool_result(self) -> Result<CallToolResponse, ToolError> {
        Ok(self.into())
    }
}

impl IntoToolResult for InputRequired {
    fn into_tool_result(self) -> Result<CallToolResponse, ToolError> {
        Err(Reason::Ask(self).into())
    }
}

impl IntoToolResult for InputRequiredResult {
    fn into_tool_result(self) -> Result<CallToolResponse, ToolError> {
        InputRequired::from(self).into_tool_result()
    }
}

impl IntoToolResult for Vec<ContentBlock> {
    fn into_tool_result(self) -> Result<CallToolResponse, ToolError> {
        Ok(CallToolResult::success(self).into())
    }
}

impl IntoToolResult for ContentBlock {
    fn into_tool_result(self) -> Result<CallToolResponse, ToolError> {
        vec![self].into_tool_result()
    }
}

impl IntoToolResult for () {
    fn into_tool_result(self) -> Result<CallToolResponse, ToolError> {
        Vec::new().into_tool_result()
    }
}

macro_rules! text_results {
    ($($type:ty),*) => {$(
        impl IntoToolResult for $type {
            fn into_tool_result(self) -> Result<CallToolResponse, ToolError> {
                ContentBlock::text(self.to_string()).into_tool_result()
            }
        }
    )*};
}

text_results!(&'static str, Cow<'static, str>, bool, char);
text_results!(
    i8, i16, i32, i64, i128, isize, u8, u16, u32, u64, u128, usize, f32, f64
);

impl IntoToolResult for String {
    fn into_tool_result(self) -> Result<CallToolResponse, ToolError> {
        ContentBlock::text(self).into_tool_result()
    }
}
