//! Turns a panic behind it into a 500.
//!
//! | | |
//! | --- | --- |
//! | writes | an ERROR event with the panic's text |
//! | answers | 500 `internal`, without the panic's text |
//! | default | always on |
//!
//! A panic in a tool is caught nearer to the tool; this door is for our own mistakes. Needs
//! `panic = "unwind"`.

use std::panic::AssertUnwindSafe;

use axum::body::Body;
use futures::FutureExt;
use http::{Request, Response};

use crate::{
    facts::CorrelationId,
    handle::Handle,
    panics,
    refusal::{Code, Refusal},
};

pub(super) struct CatchPanic<N> {
    next: N,
}

impl<N> CatchPanic<N> {
    pub(super) fn new(next: N) -> Self {
        Self { next }
    }
}

impl<N: Handle> Handle for CatchPanic<N> {
    async fn handle(&self, request: Request<Body>) -> Response<Body> {
        let id = request.extensions().get::<CorrelationId>().cloned();
        // `self` is only read, and whatever the request held is gone with the panic.
        match AssertUnwindSafe(self.next.handle(request))
            .catch_unwind()
            .await
        {
            Ok(response) => response,
            Err(panic) => {
                let correlation_id = id.as_ref().map(CorrelationId::as_str);
                crate::logs::bounded!(
                    error,
                    correlation_id,
                    panic = panics::text(panic.as_ref()),
                    "a request broke the server's own code"
                );
                Refusal::new(
                    Code::Internal,
                    "the server failed to answer; its log has the reason under this correlation id",
                )
                .into_response()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Breaks;
    impl Handle for Breaks {
        async fn handle(&self, _: Request<Body>) -> Response<Body> {
            panic!("a secret text")
        }
    }

    #[tokio::test]
    async fn a_panic_is_answered_with_a_500_that_tells_nothing() {
        let response = CatchPanic::new(Breaks)
            .handle(Request::new(Body::empty()))
            .await;
        assert_eq!(response.status(), 500);
        let refusal = response.extensions().get::<Refusal>().unwrap();
        assert_eq!(refusal.code, Code::Internal);
        assert!(!refusal.detail.contains("secret"));
    }
}
