//! Requests as rmcp wants them, and its answers as they are given here.

use std::convert::Infallible;

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header, request::Parts};
use http_body_util::{BodyExt, Full, Limited, combinators::BoxBody};

use crate::{
    body,
    mcp::{accept::Accepts, envelope::Message, fold, sessions},
    refusal::{self, Code, Refusal},
};

/// The longest plain-text error of rmcp's that is read.
const LONGEST_ERROR: usize = 4096;

/// The request as rmcp wants it: it insists on both forms of answers, the client need not.
pub(super) fn request(mut parts: Parts, text: Bytes) -> Request<Full<Bytes>> {
    let both = HeaderValue::from_static("application/json, text/event-stream");
    parts.headers.insert(header::ACCEPT, both);
    Request::from_parts(parts, Full::new(text))
}

/// A request that has no body.
pub(super) fn without_body(parts: Parts) -> Request<Full<Bytes>> {
    Request::from_parts(parts, Full::default())
}

/// The answer in a form that the client takes.
pub(super) async fn acceptable(
    response: Response<Body>,
    message: &Message<'_>,
    accepts: Accepts,
) -> Result<Response<Body>, Refusal> {
    match &message.id {
        Some(id) if !accepts.event_stream && body::is_event_stream(response.headers()) => {
            fold::fold(response, id).await
        }
        _ => Ok(response),
    }
}

/// Passes what is fine, and turns an error in plain text into a refusal.
pub(super) async fn said_in_json(
    response: Response<BoxBody<Bytes, Infallible>>,
) -> Result<Response<Body>, Refusal> {
    let response = response.map(Body::new);
    let status = response.status();
    let is_json = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
    if is_json || !(status.is_client_error() || status.is_server_error()) {
        return Ok(response);
    }
    let body = Limited::new(response.into_body(), LONGEST_ERROR)
        .collect()
        .await;
    let text = body
        .map(|body| String::from_utf8_lossy(&body.to_bytes()).into_owned())
        .unwrap_or_default();
    let said = text
        .split_once(": ")
        .map_or(text.as_str(), |(_, said)| said);
    let said = refusal::said(&said);
    Err(match status {
        StatusCode::NOT_FOUND => sessions::unknown(),
        StatusCode::METHOD_NOT_ALLOWED => Refusal::method_not_allowed("POST"),
        StatusCode::NOT_ACCEPTABLE => Refusal::new(
            Code::NotAcceptable,
            "this answers with a stream; send \"Accept: text/event-stream\"",
        ),
        StatusCode::PAYLOAD_TOO_LARGE => Refusal::new(Code::BodyTooLarge, said),
        status if status.is_server_error() => {
            crate::logs::bounded!(error, %status, text, "the session could not be served");
            Refusal::new(
                Code::Internal,
                "the session could not be served; initialize again",
            )
        }
        _ => Refusal::new(Code::BadRequest, said),
    })
}
