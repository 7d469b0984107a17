//! From a method's name and its parameters to the one typed request.
//!
//! rmcp reads requests by trying each type in turn; a call with a wrong parameter then ends as an
//! "unknown method". Here the name decides the type, and wrong parameters are named as such.

use rmcp::model::{
    ClientRequest, CustomRequest, Extensions, JsonObject, PingRequest, Request,
    RequestOptionalParam,
};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::refusal::said;

/// The request that `method` with `params` is.
///
/// # Errors
///
/// Says what does not fit, when the parameters are not those of the method.
pub(super) fn request(method: &str, params: Option<JsonObject>) -> Result<ClientRequest, String> {
    macro_rules! read {
        ($Request:ident) => {
            ClientRequest::$Request(required::<_, _>(method, params)?)
        };
        ($Request:ident?) => {
            ClientRequest::$Request(optional::<_, _>(method, params)?)
        };
    }
    Ok(match method {
        "tools/call" => read!(CallToolRequest),
        "tools/list" => read!(ListToolsRequest?),
        "resources/list" => read!(ListResourcesRequest?),
        "resources/templates/list" => read!(ListResourceTemplatesRequest?),
        "resources/read" => read!(ReadResourceRequest),
        "resources/subscribe" => read!(SubscribeRequest),
        "resources/unsubscribe" => read!(UnsubscribeRequest),
        "resources/directory/read" => read!(ReadResourceDirectoryRequest),
        "prompts/list" => read!(ListPromptsRequest?),
        "prompts/get" => read!(GetPromptRequest),
        "completion/complete" => read!(CompleteRequest),
        "logging/setLevel" => read!(SetLevelRequest),
        "server/discover" => read!(DiscoverRequest),
        "ping" => ClientRequest::PingRequest(PingRequest::default()),
        "tasks/get" => read!(GetTaskRequest),
        "tasks/update" => read!(UpdateTaskRequest),
        "tasks/cancel" => read!(CancelTaskRequest),
        "skills/list" => read!(ListSkillsRequest?),
        "skills/get" => read!(GetSkillRequest),
        _ => unknown(method, params),
    })
}

/// A request whose method this protocol does not have: the handler's own affair, or an error.
pub(super) fn unknown(method: &str, params: Option<JsonObject>) -> ClientRequest {
    ClientRequest::CustomRequest(CustomRequest::new(method, params.map(Value::Object)))
}

/// Methods that 2026-07-28 has no more: whatever their parameters, they are unknown there.
pub(super) fn is_removed(method: &str) -> bool {
    matches!(
        method,
        "ping" | "logging/setLevel" | "resources/subscribe" | "resources/unsubscribe"
    )
}

fn required<M: Default, P: DeserializeOwned>(
    method: &str,
    params: Option<JsonObject>,
) -> Result<Request<M, P>, String> {
    typed(method, params.unwrap_or_default()).map(Request::new)
}

fn optional<M: Default, P: DeserializeOwned>(
    method: &str,
    params: Option<JsonObject>,
) -> Result<RequestOptionalParam<M, P>, String> {
    let params = params.map(|params| typed(method, params)).transpose()?;
    Ok(RequestOptionalParam {
        method: M::default(),
        params,
        extensions: Extensions::default(),
    })
}

fn typed<P: DeserializeOwned>(method: &str, params: JsonObject) -> Result<P, String> {
    serde_json::from_value(Value::Object(params))
        .map_err(|error| format!("the params do not fit {method}: {}", said(&error)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(value: Value) -> Option<JsonObject> {
        match value {
            Value::Object(object) => Some(object),
            _ => None,
        }
    }

    #[test]
    fn each_method_is_read_as_itself() {
        for (method, params) in [
            ("tools/call", json!({"name": "echo", "arguments": {}})),
            ("tools/list", json!({})),
            ("tools/list", json!(null)),
            ("resources/read", json!({"uri": "a:b"})),
            ("resources/templates/list", json!({"cursor": "x"})),
            ("prompts/get", json!({"name": "p"})),
            ("logging/setLevel", json!({"level": "debug"})),
            ("server/discover", json!({})),
            ("ping", json!(null)),
            ("tasks/get", json!({"taskId": "1"})),
            ("something/else", json!({"a": 1})),
        ] {
            let request = request(method, object(params)).unwrap();
            assert_eq!(request.method(), method);
        }
    }

    #[test]
    fn parameters_that_do_not_fit_are_named() {
        let problem = request("tools/call", object(json!({"name": 5}))).unwrap_err();
        assert!(
            problem.starts_with("the params do not fit tools/call: "),
            "{problem}"
        );
        assert!(request("tools/call", None).unwrap_err().contains("name"));
        assert!(request("tools/list", object(json!({"cursor": 5}))).is_err());
    }
}
