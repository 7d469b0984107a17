//! Names every request.
//!
//! | | |
//! | --- | --- |
//! | reads | `X-Correlation-ID` |
//! | writes | [`CorrelationId`] into the request's extensions, `X-Correlation-ID` on every answer |
//! | answers | nothing itself |
//! | default | always on |
//!
//! A caller's own name is kept when it is at most 128 characters of `[A-Za-z0-9._-]` and the only one, and replaced
//! otherwise: it ends up in log lines and headers, so nothing else may stand in it.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use axum::body::Body;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};

use crate::{facts::CorrelationId, handle::Handle};

const HEADER: HeaderName = HeaderName::from_static("x-correlation-id");
const LONGEST: usize = 128;

pub(super) struct CorrelationIds<N> {
    next: N,
    /// Two processes do not name alike: the first half of a generated name is drawn at start.
    process: u64,
    count: AtomicU64,
}

impl<N> CorrelationIds<N> {
    pub(super) fn new(next: N) -> Self {
        let (process, _) = uuid::Uuid::new_v4().as_u64_pair();
        Self {
            next,
            process,
            count: AtomicU64::new(0),
        }
    }

    fn generate(&self) -> CorrelationId {
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        CorrelationId(format!("{:016x}-{count:08x}", self.process).into())
    }
}

impl<N: Handle> Handle for CorrelationIds<N> {
    async fn handle(&self, mut request: Request<Body>) -> Response<Body> {
        let id = sent(request.headers()).unwrap_or_else(|| self.generate());
        request.extensions_mut().insert(id.clone());
        let mut response = self.next.handle(request).await;
        if let Ok(value) = HeaderValue::from_str(id.as_str()) {
            response.headers_mut().insert(HEADER, value);
        }
        response
    }
}

/// What the caller calls it. Of two names, a proxy and we might follow one each.
fn sent(headers: &HeaderMap) -> Option<CorrelationId> {
    let mut values = headers.get_all(&HEADER).iter();
    let only = values.next().filter(|_| values.next().is_none());
    only.and_then(accepted)
}

fn accepted(value: &HeaderValue) -> Option<CorrelationId> {
    let value = value.to_str().ok()?;
    let clean = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    (!value.is_empty() && value.len() <= LONGEST && value.bytes().all(clean))
        .then(|| CorrelationId(Arc::from(value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Echo;
    impl Handle for Echo {
        async fn handle(&self, request: Request<Body>) -> Response<Body> {
            let id = request
                .extensions()
                .get::<CorrelationId>()
                .cloned()
                .unwrap();
            Response::new(Body::from(id.as_str().to_owned()))
        }
    }

    async fn name_given(value: &[u8]) -> String {
        let request = Request::get("/")
            .header(HEADER, HeaderValue::from_bytes(value).unwrap())
            .body(Body::empty())
            .unwrap();
        let response = CorrelationIds::new(Echo).handle(request).await;
        response.headers()[HEADER].to_str().unwrap().to_owned()
    }

    // HDR-04
    #[tokio::test]
    async fn a_clean_name_is_kept() {
        let longest = "a".repeat(LONGEST);
        for name in ["abc-123.DEF_9", longest.as_str()] {
            assert_eq!(name_given(name.as_bytes()).await, name);
        }
    }

    // HDR-04
    #[tokio::test]
    async fn a_name_that_could_break_a_log_line_is_replaced() {
        let (long, huge) = ("a".repeat(LONGEST + 1), "a".repeat(65_536));
        for name in [
            &b""[..],
            b"a b",
            b"a\"b",
            b"\xff",
            "ü".as_bytes(),
            long.as_bytes(),
            huge.as_bytes(),
        ] {
            let answered = name_given(name).await;
            assert_ne!(answered.as_bytes(), name);
            assert_eq!(answered.len(), 25);
        }
    }

    // HDR-04
    #[tokio::test]
    async fn of_two_names_none_is_kept_and_one_is_answered() {
        let request = Request::get("/")
            .header(HEADER, "one")
            .header(HEADER, "two")
            .body(Body::empty())
            .unwrap();
        let response = CorrelationIds::new(Echo).handle(request).await;
        let answered: Vec<_> = response.headers().get_all(HEADER).iter().collect();
        assert_eq!(answered.len(), 1);
        assert_eq!(answered[0].len(), 25);
    }

    #[tokio::test]
    async fn generated_names_differ() {
        let layer = CorrelationIds::new(Echo);
        let mut names = std::collections::HashSet::new();
        for _ in 0..1000 {
            let response = layer.handle(Request::new(Body::empty())).await;
            assert!(names.insert(response.headers()[HEADER].clone()));
        }
    }
}
