//! Turns a stream whose answer is one message into that message, for a client that takes JSON only.

use axum::body::Body;
use futures::StreamExt;
use http::{HeaderValue, Response, header};
use http_body_util::BodyExt;
use rmcp::model::RequestId;
use serde::Deserialize;
use serde_json::value::RawValue;
use sse_stream::SseStream;

use crate::refusal::{Code, Refusal};

/// The answer to one of our requests, as far as it must be told from the rest of a stream.
#[derive(Deserialize)]
struct Answer<'a> {
    id: Option<RequestId>,
    #[serde(borrow)]
    method: Option<&'a RawValue>,
}

/// Waits for the answer to `id`; what else the stream says is for clients that take streams.
pub(super) async fn fold(
    response: Response<Body>,
    id: &RequestId,
) -> Result<Response<Body>, Refusal> {
    let (mut parts, body) = response.into_parts();
    let mut events = SseStream::new(body.map_err(std::io::Error::other));
    while let Some(Ok(event)) = events.next().await {
        let Some(data) = event.data.filter(|data| is_answer(data, id)) else {
            continue;
        };
        parts.headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        );
        parts.headers.remove(header::CACHE_CONTROL);
        parts.headers.remove("x-accel-buffering");
        return Ok(Response::from_parts(parts, Body::from(data)));
    }
    Err(Refusal::new(
        Code::Internal,
        "the session ended before its answer came; initialize again",
    ))
}

fn is_answer(data: &str, id: &RequestId) -> bool {
    serde_json::from_str::<Answer<'_>>(data)
        .is_ok_and(|answer| answer.method.is_none() && answer.id.as_ref() == Some(id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body;

    fn stream(text: &'static str) -> Response<Body> {
        let mut response = Response::new(Body::from(text));
        let kind = HeaderValue::from_static("text/event-stream");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        response
    }

    #[tokio::test]
    async fn the_answer_is_found_among_other_events() {
        let stream = stream(concat!(
            "id: 0\nretry: 3000\ndata:\n\n",
            ": keep-alive\n\n",
            "data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":{}}\n\n",
            "data: {\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"ping\"}\n\n",
            "data: {\"jsonrpc\":\"2.0\",\"id\":7,\"result\":{}}\n\n",
        ));
        assert!(body::is_event_stream(stream.headers()));
        let response = fold(stream, &RequestId::Number(7)).await.unwrap();
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/json");
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body, r#"{"jsonrpc":"2.0","id":7,"result":{}}"#);
    }

    #[tokio::test]
    async fn a_stream_that_ends_without_the_answer_is_an_error() {
        let other = stream("data: {\"jsonrpc\":\"2.0\",\"id\":8,\"result\":{}}\n\n");
        assert!(fold(other, &RequestId::Number(7)).await.is_err());
    }
}
