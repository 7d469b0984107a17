//! Writes the body of every refusal, in the language of the door it is refused at.
//!
//! | | |
//! | --- | --- |
//! | reads | [`Route`], [`CorrelationId`] of the request; [`Refusal`] of the answer |
//! | writes | `Content-Type: application/json` and the body |
//! | answers | what was refused, as JSON; on the MCP route as a JSON-RPC 2.0 error |
//! | default | always on |

use axum::body::Body;
use http::{HeaderValue, Request, Response, header};
use serde::Serialize;

use crate::{
    facts::{CorrelationId, Route},
    handle::Handle,
    refusal::Refusal,
};

pub(super) struct Refusals<N> {
    next: N,
}

impl<N> Refusals<N> {
    pub(super) fn new(next: N) -> Self {
        Self { next }
    }
}

impl<N: Handle> Handle for Refusals<N> {
    async fn handle(&self, request: Request<Body>) -> Response<Body> {
        let route = request.extensions().get::<Route>().copied();
        let id = request.extensions().get::<CorrelationId>().cloned();
        let mut response = self.next.handle(request).await;
        if let Some(refusal) = response.extensions().get::<Refusal>() {
            let id = id.as_ref().map_or("", CorrelationId::as_str);
            let body = match route {
                Some(Route::Mcp) => refusal.to_json_rpc(id),
                _ => as_json(refusal, id),
            };
            *response.body_mut() = Body::from(body);
            response.headers_mut().insert(
                header::CONTENT_TYPE,
                HeaderValue::from_static("application/json"),
            );
        }
        response
    }
}

#[derive(Serialize)]
struct Answer<'a> {
    error: &'a str,
    detail: &'a str,
    code: &'a str,
    correlation_id: &'a str,
}

fn as_json(refusal: &Refusal, correlation_id: &str) -> Vec<u8> {
    let answer = Answer {
        error: refusal.title(),
        detail: &refusal.detail,
        code: refusal.code.as_str(),
        correlation_id,
    };
    serde_json::to_vec(&answer).expect("four strings serialise")
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;
    use serde_json::{Value, json};

    use super::*;
    use crate::refusal::Code;

    struct Refuses;
    impl Handle for Refuses {
        async fn handle(&self, _: Request<Body>) -> Response<Body> {
            Refusal::new(Code::UnknownTool, "no tool is called \"x\"").into_response()
        }
    }

    async fn body_at(route: Route) -> Value {
        let mut request = Request::new(Body::empty());
        request.extensions_mut().insert(route);
        request.extensions_mut().insert(CorrelationId("c-1".into()));
        let response = Refusals::new(Refuses).handle(request).await;
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/json");
        let body = response.into_body().collect().await.unwrap().to_bytes();
        serde_json::from_slice(&body).unwrap()
    }

    #[tokio::test]
    async fn the_rest_door_answers_json() {
        assert_eq!(
            body_at(Route::Tool).await,
            json!({"error": "Not Found", "detail": "no tool is called \"x\"", "code": "unknown_tool", "correlation_id": "c-1"})
        );
    }

    #[tokio::test]
    async fn the_mcp_door_answers_a_json_rpc_error() {
        assert_eq!(
            body_at(Route::Mcp).await,
            json!({"jsonrpc": "2.0", "error": {"code": -32000, "message": "no tool is called \"x\"", "data": {"code": "unknown_tool", "correlation_id": "c-1"}}})
        );
    }
}
