//! The direct way: the handler is called in the request's own task, without a channel or a task of
//! rmcp's. Dropping the request's future is the cancellation.
//!
//! Only a request that is clean in every respect comes here; whatever is odd about one, rmcp's service
//! says it in the specification's words (`streams`).

use axum::body::Body;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header, request::Parts};
use rmcp::{
    RoleServer, ServerHandler,
    model::{ErrorCode, ErrorData, JsonObject, ProtocolVersion, RequestId, ServerJsonRpcMessage},
    service::Service,
};
use serde_json::Value;

use super::{
    Mcp,
    accept::Accepts,
    envelope::{Message, Params},
    headers::{self, Era},
    json, methods, to_json,
};
use crate::{
    admission,
    refusal::{Code, Refusal},
};

/// The version to answer in, for a request that can go the direct way.
pub(super) fn version<H: ServerHandler>(
    door: &Mcp<H>,
    parts: &Parts,
    message: &Message<'_>,
    params: &Params,
    era: &Era,
    accepts: Accepts,
) -> Result<Option<ProtocolVersion>, Refusal> {
    let Some(version) = era.version() else {
        return Ok(None);
    };
    let hidden = hides(parts, message, params);
    if needs_stream(message, params) && !hidden {
        if accepts.event_stream {
            return Ok(None);
        }
        if message.method == "subscriptions/listen" {
            return Err(Refusal::new(
                Code::NotAcceptable,
                "subscriptions/listen answers with a stream; send \"Accept: application/json, text/event-stream\"",
            ));
        }
    }
    if era.is_legacy() {
        return Ok((era.meta.is_none()).then_some(version));
    }
    let clean = era.meta.is_some()
        && params.meta.missing_required_keys(&version).is_empty()
        && mirrors(&parts.headers, message, params)?
        && (hidden || !has_mirrored_arguments(door, message, params));
    Ok(clean.then_some(version))
}

/// Calls the handler and writes its answer.
pub(super) async fn answer<H: ServerHandler>(
    door: &Mcp<H>,
    version: ProtocolVersion,
    mut parts: Parts,
    message: &Message<'_>,
    params: Params,
    accepts: Accepts,
) -> Result<Response<Body>, Refusal> {
    // There is no session here: a handler that looks for its name would take all such requests for one.
    parts.headers.remove(headers::SESSION_ID);
    let modern = params.meta.protocol_version().is_some();
    let id = message.id.clone().unwrap_or(RequestId::Number(0));
    let request = if modern && methods::is_removed(&message.method) {
        Ok(methods::unknown(&message.method, params.rest))
    } else {
        methods::request(&message.method, params.rest)
    };
    let outcome = match request {
        Ok(request) => {
            let (context, _cancel) = door.peers.context(&version, id.clone(), params.meta, parts);
            Service::<RoleServer>::handle_request(&door.handler, request, context).await
        }
        Err(problem) => Err(ErrorData::invalid_params(problem, None)),
    };
    let (status, answer) = match outcome {
        Ok(result) => (StatusCode::OK, ServerJsonRpcMessage::response(result, id)),
        Err(error) => {
            let status = if modern {
                status_of(error.code)
            } else {
                StatusCode::OK
            };
            (status, ServerJsonRpcMessage::error(error, Some(id)))
        }
    };
    let body = to_json(&answer)?;
    if accepts.prefers_stream && status == StatusCode::OK {
        return Ok(one_event(&body));
    }
    Ok(json(status, body))
}

/// A stream of one event, for who would rather read a stream. JSON as it is written here has no line breaks.
fn one_event(message: &[u8]) -> Response<Body> {
    let mut response = Response::new(Body::from([b"data: ", message, b"\n\n"].concat()));
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/event-stream"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

/// Something must reach the client before the answer does.
fn needs_stream(message: &Message<'_>, params: &Params) -> bool {
    message.method == "subscriptions/listen"
        || params.meta.get_progress_token().is_some()
        || params.meta.log_level().is_some()
}

/// The status of an error since 2026-07-28; in older versions it is always 200.
fn status_of(code: ErrorCode) -> StatusCode {
    match code {
        ErrorCode::UNSUPPORTED_PROTOCOL_VERSION
        | ErrorCode::MISSING_REQUIRED_CLIENT_CAPABILITY
        | ErrorCode::HEADER_MISMATCH => StatusCode::BAD_REQUEST,
        ErrorCode::METHOD_NOT_FOUND => StatusCode::NOT_FOUND,
        _ => StatusCode::OK,
    }
}

/// `Mcp-Method` and `Mcp-Name` say what the body says (2026-07-28, "Server Validation").
fn mirrors(headers: &HeaderMap, message: &Message<'_>, params: &Params) -> Result<bool, Refusal> {
    if headers::single(headers, &headers::METHOD)? != Some(&message.method) {
        return Ok(false);
    }
    let Some(expected) = named(message, params) else {
        return Ok(true);
    };
    Ok(headers::single(headers, &headers::NAME)? == Some(expected) && !expected.starts_with("=?"))
}

/// What `Mcp-Name` mirrors, for the methods that name something.
fn named<'a>(message: &Message<'_>, params: &'a Params) -> Option<&'a str> {
    let member = match &*message.method {
        "tools/call" | "prompts/get" => "name",
        "resources/read" | "resources/subscribe" | "resources/unsubscribe" => "uri",
        "tasks/get" | "tasks/update" | "tasks/cancel" => "taskId",
        _ => return None,
    };
    params.rest.as_ref()?.get(member)?.as_str()
}

/// The tool does not exist for the caller. rmcp's service would look at its schema before it asks the guard, and
/// what it then says of missing headers would tell that there is such a tool.
pub(super) fn is_hidden(parts: &Parts, message: &Message<'_>) -> bool {
    let Ok(params) = message.params() else {
        return false;
    };
    hides(parts, message, &params)
}

fn hides(parts: &Parts, message: &Message<'_>, params: &Params) -> bool {
    let caller = admission::caller(&parts.extensions);
    message
        .tool(params)
        .is_some_and(|tool| !admission::exists_for(caller, tool))
}

/// The tool has arguments that headers must mirror (`x-mcp-header`).
fn has_mirrored_arguments<H: ServerHandler>(
    door: &Mcp<H>,
    message: &Message<'_>,
    params: &Params,
) -> bool {
    if message.method != "tools/call" {
        return false;
    }
    let name = params
        .rest
        .as_ref()
        .and_then(|rest| rest.get("name"))
        .and_then(Value::as_str);
    name.and_then(|name| door.handler.get_tool(name))
        .is_some_and(|tool| annotates(&tool.input_schema))
}

fn annotates(schema: &JsonObject) -> bool {
    let Some(Value::Object(properties)) = schema.get("properties") else {
        return false;
    };
    properties
        .values()
        .filter_map(Value::as_object)
        .any(|property| property.contains_key("x-mcp-header") || annotates(property))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn annotations_are_found_at_any_depth_of_properties() {
        let schema = |value: Value| value.as_object().cloned().unwrap();
        assert!(!annotates(&schema(json!({}))));
        assert!(!annotates(&schema(
            json!({"properties": {"a": {"type": "string"}}})
        )));
        assert!(annotates(&schema(
            json!({"properties": {"a": {"x-mcp-header": "A"}}})
        )));
        let nested = json!({"properties": {"a": {"properties": {"b": {"x-mcp-header": "B"}}}}});
        assert!(annotates(&schema(nested)));
    }
}
