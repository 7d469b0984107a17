//! Counts every request against the allowance of whoever sent it, and refuses what is over.
//!
//! | | |
//! | --- | --- |
//! | reads | section `rate_limit`; [`Caller`], [`facts::client_address`] |
//! | writes | `X-RateLimit-Limit`, `-Remaining`, `-Reset` (Unix seconds when the allowance is whole again) on every answer that was counted or refused; `Retry-After` on a refusal |
//! | answers | 429 `rate_limited` |
//! | default | off; on, 100 requests in 60 seconds for each key, each subject of tokens, and each address without either |
//!
//! A request costs one, whatever becomes of it behind this door. An IPv6 address is counted with its whole /64. Behind
//! a proxy all clients have the proxy's address, until it stands in `server.trusted_proxies`.

use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use axum::body::Body;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};

use crate::{
    facts::{self, Caller, CountedFurther},
    handle::Handle,
    rate_limit::{Decision, Limiter},
    refusal::{Code, Refusal},
};

const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");

pub(super) struct RateLimits<N> {
    next: N,
    /// `None` where nothing is counted.
    limiter: Option<Arc<Limiter>>,
}

impl<N> RateLimits<N> {
    pub(super) fn new(next: N, limiter: Option<Arc<Limiter>>) -> Self {
        Self { next, limiter }
    }
}

impl<N: Handle> Handle for RateLimits<N> {
    async fn handle(&self, request: Request<Body>) -> Response<Body> {
        let Some(limiter) = &self.limiter else {
            return self.next.handle(request).await;
        };
        let extensions = request.extensions();
        let caller = extensions.get::<Caller>().cloned().unwrap_or_default();
        let address = facts::client_address(extensions);
        let verdict = limiter.ask(&caller, address, 1).await;
        if let Some(refusal) = verdict.refusal {
            return stamped(refusal.into_response(), verdict.decision);
        }
        let response = self.next.handle(request).await;
        let standing = if was_counted_further(&response) {
            limiter.standing(&caller, address).await
        } else {
            verdict.decision
        };
        stamped(response, standing)
    }
}

fn was_counted_further(response: &Response<Body>) -> bool {
    let extensions = response.extensions();
    extensions.get::<CountedFurther>().is_some()
        || extensions
            .get::<Refusal>()
            .is_some_and(|refusal| refusal.code == Code::RateLimited)
}

/// Writes how the allowance stands, unless an inner room has said so already.
fn stamped(mut response: Response<Body>, standing: Option<Decision>) -> Response<Body> {
    if let Some(standing) = standing
        && !response.headers().contains_key(LIMIT)
    {
        write(response.headers_mut(), &standing);
    }
    response
}

fn write(headers: &mut HeaderMap, standing: &Decision) {
    for (name, value) in [
        (LIMIT, standing.limit.into()),
        (REMAINING, standing.remaining.into()),
        (RESET, unix_seconds(standing)),
    ] {
        if let Some(value) = number(value) {
            headers.insert(name, value);
        }
    }
}

/// A number as a header. `HeaderValue::from` would allocate twice, once for room that it does not need.
fn number(mut value: u64) -> Option<HeaderValue> {
    let mut digits = [b'0'; 20];
    let mut first = digits.len();
    loop {
        first -= 1;
        digits[first] += (value % 10) as u8;
        value /= 10;
        if value == 0 {
            return HeaderValue::from_bytes(&digits[first..]).ok();
        }
    }
}

/// The wall clock is good enough to be shown; nothing is counted by it.
fn unix_seconds(standing: &Decision) -> u64 {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let at = now.saturating_add(standing.reset_after);
    at.as_secs()
        .saturating_add(u64::from(at.subsec_nanos() > 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_anybody_would() {
        for value in [0, 7, 10, 1_785_000_000, u64::MAX] {
            assert_eq!(number(value).unwrap(), value.to_string());
        }
    }
}
