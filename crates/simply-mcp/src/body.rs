//! Bodies: a request's is read whole, bounded in size and time; an answer's may be a stream of events.

use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, header};
use http_body_util::BodyExt;

use crate::refusal::{Code, Refusal};

/// The most bytes a body may have, counted as they arrive: 10 MiB.
pub(crate) const LARGEST: usize = 10 * 1024 * 1024;

/// How long a body may take to arrive. A client that drips bytes holds memory and a connection.
const LONGEST: Duration = Duration::from_secs(30);

/// Reads `body` to its end.
pub(crate) async fn read(headers: &HeaderMap, body: Body) -> Result<Bytes, Refusal> {
    if headers
        .get(header::CONTENT_ENCODING)
        .is_some_and(|coding| coding != "identity")
    {
        return Err(Refusal::new(
            Code::UnsupportedMediaType,
            "this server reads no compressed bodies; send the body as it is, without Content-Encoding",
        ));
    }
    if declared(headers).is_some_and(|length| length > LARGEST as u64) {
        return Err(too_large());
    }
    match tokio::time::timeout(LONGEST, collect(body)).await {
        Ok(outcome) => outcome,
        Err(_) => Err(Refusal::new(
            Code::BodyTimeout,
            format!(
                "the body did not arrive within {} seconds",
                LONGEST.as_secs()
            ),
        )),
    }
}

/// True for an answer that goes on behind its head.
pub(crate) fn is_event_stream(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"))
}

fn declared(headers: &HeaderMap) -> Option<u64> {
    headers
        .get(header::CONTENT_LENGTH)?
        .to_str()
        .ok()?
        .parse()
        .ok()
}

async fn collect(mut body: Body) -> Result<Bytes, Refusal> {
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| {
            Refusal::new(
                Code::BadRequest,
                "the body broke off before its end; send it again",
            )
        })?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        if first.len() + rest.len() + data.len() > LARGEST {
            return Err(too_large());
        }
        // Nearly every body is one frame: keep it without a copy.
        if first.is_empty() && rest.is_empty() {
            first = data;
        } else {
            if rest.is_empty() {
                rest.extend_from_slice(&std::mem::take(&mut first));
            }
            rest.extend_from_slice(&data);
        }
    }
    Ok(if rest.is_empty() {
        first
    } else {
        rest.freeze()
    })
}

fn too_large() -> Refusal {
    Refusal::new(
        Code::BodyTooLarge,
        format!("the body is larger than {LARGEST} bytes"),
    )
}

#[cfg(test)]
mod tests {
    use futures::stream;
    use http::HeaderValue;

    use super::*;

    fn chunks(sizes: &[usize]) -> Body {
        let chunks: Vec<_> = sizes
            .iter()
            .map(|&size| Ok::<_, std::io::Error>(Bytes::from(vec![b'x'; size])))
            .collect();
        Body::from_stream(stream::iter(chunks))
    }

    async fn code(headers: &HeaderMap, body: Body) -> Result<usize, Code> {
        read(headers, body)
            .await
            .map(|bytes| bytes.len())
            .map_err(|refusal| refusal.code)
    }

    #[tokio::test]
    async fn the_limit_is_exact_however_the_body_arrives() {
        let none = HeaderMap::new();
        assert_eq!(code(&none, chunks(&[LARGEST])).await, Ok(LARGEST));
        assert_eq!(code(&none, chunks(&[1, LARGEST - 1])).await, Ok(LARGEST));
        assert_eq!(
            code(&none, chunks(&[LARGEST + 1])).await,
            Err(Code::BodyTooLarge)
        );
        assert_eq!(
            code(&none, chunks(&[LARGEST / 2, LARGEST / 2, 1])).await,
            Err(Code::BodyTooLarge)
        );
    }

    #[tokio::test]
    async fn a_declared_length_over_the_limit_is_refused_before_a_byte_is_read() {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(LARGEST + 1));
        let never = Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>());
        assert_eq!(code(&headers, never).await, Err(Code::BodyTooLarge));
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_never_ends_is_given_up() {
        let never = Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>());
        assert_eq!(code(&HeaderMap::new(), never).await, Err(Code::BodyTimeout));
    }

    #[tokio::test]
    async fn a_compressed_body_is_not_inflated() {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        assert_eq!(
            code(&headers, chunks(&[1])).await,
            Err(Code::UnsupportedMediaType)
        );
    }

    #[tokio::test]
    async fn parts_arrive_in_order() {
        let parts = ["ab", "", "cd", "e"].map(|part| Ok::<_, std::io::Error>(Bytes::from(part)));
        let body = Body::from_stream(stream::iter(parts));
        assert_eq!(read(&HeaderMap::new(), body).await.unwrap(), "abcde");
    }
}
