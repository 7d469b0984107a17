//! Bodies that are counted while they pass.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, Waker, ready},
};

use axum::body::Body;
use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, SizeHint};

use super::watch::Watch;

type Polled = Poll<Option<Result<Frame<Bytes>, axum::Error>>>;

/// A request's body of unknown length.
pub(super) struct Received {
    pub(super) body: Body,
    pub(super) bytes: Arc<AtomicU64>,
}

impl HttpBody for Received {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Polled {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        self.bytes.fetch_add(length(&frame), Ordering::Relaxed);
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// An answer's body that goes on behind its head. With it ends the watch over its request.
pub(super) struct Sent {
    pub(super) body: Body,
    pub(super) watch: Watch,
}

impl HttpBody for Sent {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Polled {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        self.watch.sent += length(&frame);
        // Whoever reads need not ask again after the last frame.
        if frame.is_none() || self.body.is_end_stream() {
            self.watch.is_complete = true;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

fn length(frame: &Option<Result<Frame<Bytes>, axum::Error>>) -> u64 {
    let data = match frame {
        Some(Ok(frame)) => frame.data_ref(),
        _ => None,
    };
    data.map_or(0, |data| data.len() as u64)
}

/// The bytes of a body that is there as a whole, and the body again. `None` for one that comes in parts.
pub(super) fn peeked(mut body: Body) -> (Option<Bytes>, Body) {
    let mut context = Context::from_waker(Waker::noop());
    let Poll::Ready(Some(Ok(frame))) = Pin::new(&mut body).poll_frame(&mut context) else {
        return (None, body);
    };
    match frame.into_data() {
        Ok(bytes) if body.is_end_stream() => (Some(bytes.clone()), Body::from(bytes)),
        Ok(bytes) => (
            None,
            Body::new(Begun {
                first: Some(bytes),
                body,
            }),
        ),
        Err(_) => (None, body),
    }
}

/// A body whose first part was read.
struct Begun {
    first: Option<Bytes>,
    body: Body,
}

impl HttpBody for Begun {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Polled {
        match self.first.take() {
            Some(first) => Poll::Ready(Some(Ok(Frame::data(first)))),
            None => Pin::new(&mut self.body).poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.first.is_none() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let first = self.first.as_ref().map_or(0, Bytes::len) as u64;
        let rest = self.body.size_hint();
        let mut hint = SizeHint::new();
        hint.set_lower(rest.lower().saturating_add(first));
        if let Some(upper) = rest.upper() {
            hint.set_upper(upper.saturating_add(first));
        }
        hint
    }
}

#[cfg(test)]
mod tests {
    use futures::stream;
    use http_body_util::BodyExt;

    use super::*;

    #[tokio::test]
    async fn a_body_that_was_looked_at_is_still_whole() {
        let parts =
            || stream::iter(["ab", "cd"].map(|it| Ok::<_, std::io::Error>(Bytes::from(it))));
        for (body, whole) in [
            (Body::from("abcd"), Some(Bytes::from("abcd"))),
            (Body::from_stream(parts()), None),
        ] {
            let hint = body.size_hint().exact();
            let (seen, body) = peeked(body);
            assert_eq!(seen, whole);
            assert_eq!(body.size_hint().exact(), hint);
            assert_eq!(body.collect().await.unwrap().to_bytes(), "abcd");
        }
        let (seen, _) = peeked(Body::from_stream(stream::pending::<
            Result<Bytes, std::io::Error>,
        >()));
        assert_eq!(seen, None);
    }
}
