//! The wording of REST answers.

use axum::body::Body;
use http::{HeaderValue, Response, header};
use rmcp::model::{CallToolResponse, CallToolResult, ContentBlock, ErrorCode, ErrorData, Tool};
use serde::Serialize;

use crate::{
    guard,
    refusal::{Code, Refusal},
};

/// Seconds after which a handler that has no room, or no child, is worth asking again.
const RETRY_AFTER: u32 = 1;

#[derive(Serialize)]
struct List<'a> {
    tools: &'a [Tool],
    count: usize,
}

#[derive(Serialize)]
struct Call<'a, R> {
    success: bool,
    tool: &'a str,
    result: R,
}

/// `{"tools": […], "count": n}`
pub(super) fn list(tools: &[Tool]) -> Response<Body> {
    json(&List {
        tools,
        count: tools.len(),
    })
    .unwrap_or_else(Refusal::into_response)
}

/// `{"success": true, "tool": …, "result": …}`: the structured content if there is one, a single text
/// as a string, else the list of content.
pub(super) fn call(tool: &str, response: CallToolResponse) -> Result<Response<Body>, Refusal> {
    let CallToolResponse::Complete(result) = response else {
        return Err(needs_mcp(tool));
    };
    if result.is_error == Some(true) {
        return Err(Refusal::new(Code::ToolError, text_of(&result)));
    }
    if let Some(structured) = &result.structured_content {
        return json(&Call {
            success: true,
            tool,
            result: structured,
        });
    }
    match result.content.as_slice() {
        [ContentBlock::Text(text)] => json(&Call {
            success: true,
            tool,
            result: &text.text,
        }),
        content => json(&Call {
            success: true,
            tool,
            result: content,
        }),
    }
}

/// A protocol error of the handler, as REST says it.
pub(super) fn failure(error: &ErrorData) -> Refusal {
    let said = error.data.as_ref().and_then(|data| data.get("code"));
    if said.is_some_and(|code| code == "overloaded" || code == "child_down") {
        return Refusal::overloaded(error.message.clone(), RETRY_AFTER);
    }
    let code = match error.code {
        _ if said.is_some_and(|code| code == "timeout") => Code::Timeout,
        _ if guard::is_internal(error) => Code::Internal,
        ErrorCode::INVALID_PARAMS => Code::InvalidArguments,
        ErrorCode::METHOD_NOT_FOUND => Code::NotFound,
        ErrorCode::MISSING_REQUIRED_CLIENT_CAPABILITY => return needs_mcp("this tool"),
        _ => Code::ToolError,
    };
    Refusal::new(code, error.message.clone())
}

fn needs_mcp(tool: &str) -> Refusal {
    Refusal::new(
        Code::NeedsMcp,
        format!(
            "{tool} asks back or starts a task, which only MCP can carry; call it with an MCP client"
        ),
    )
}

/// The texts of a failed result, one below the other.
pub(super) fn text_of(result: &CallToolResult) -> String {
    let texts: Vec<&str> = result
        .content
        .iter()
        .filter_map(|content| match content {
            ContentBlock::Text(text) => Some(text.text.as_str()),
            _ => None,
        })
        .collect();
    if texts.is_empty() {
        "the tool failed and gave no reason".to_owned()
    } else {
        texts.join("\n")
    }
}

fn json(body: &impl Serialize) -> Result<Response<Body>, Refusal> {
    let body = serde_json::to_vec(body).map_err(|error| {
        crate::logs::bounded!(error, %error, "a tool's answer could not be written as JSON");
        Refusal::new(
            Code::Internal,
            "the tool's answer could not be written as JSON",
        )
    })?;
    let mut response = Response::new(Body::from(body));
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    Ok(response)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_handler_that_cannot_answer_now_is_a_503_that_says_when() {
        for code in ["overloaded", "child_down"] {
            let error = ErrorData::new(ErrorCode(-32000), "later", Some(json!({"code": code})));
            let response = failure(&error).into_response();
            assert_eq!(response.status(), 503);
            assert_eq!(response.headers()[header::RETRY_AFTER], "1");
        }
        let late = ErrorData::new(ErrorCode(-32000), "late", Some(json!({"code": "timeout"})));
        assert_eq!(failure(&late).into_response().status(), 504);
        let error = ErrorData::new(ErrorCode(-32000), "no", None);
        assert_eq!(failure(&error).code, Code::ToolError);
    }
}
