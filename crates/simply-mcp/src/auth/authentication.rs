//! What the authentication door asks: who is this, and what is said to those who are nobody.

use std::{net::IpAddr, sync::Arc};

use http::{HeaderMap, HeaderValue};
use prometheus::IntCounter;
use serde_json::Value;

use super::{Failure, Tokens, credentials::credentials, live::Keys, throttle::Throttle};
use crate::{
    config::{ConfigErrors, HttpConfig},
    facts::Caller,
    metrics::Metrics,
    rate_limit::Clock,
    refusal::{Code, Refusal},
};

/// What everybody hears who is not let in, whatever the reason (CWE-204).
const NOT_GOOD: &str = "this server needs a key or a token, and the request has none that is good; send \
                        `Authorization: Bearer KEY` with the key that its operator gave you";

/// What is heard by whoever mistyped a key of ours, which is no secret: the spelling alone says so.
const MISTYPED: &str = "this looks like a key of this server, and a character is wrong or missing; copy the whole key \
                        again, from smcp_ to its end";

/// Section `auth`, at work.
#[derive(Debug)]
pub(crate) struct Authentication {
    keys: Arc<Keys>,
    /// Who verifies access tokens, where they are accepted.
    tokens: Option<Tokens>,
    /// Whether somebody without any credentials is refused.
    is_required: bool,
    /// `WWW-Authenticate` of a 401 (RFC 6750 §3).
    challenge: HeaderValue,
    throttle: Throttle,
    /// A counter for each of [`Failure::ALL`], in its order.
    failures: Vec<IntCounter>,
}

impl Authentication {
    /// Reads the keys; `None` where nobody has to authenticate.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with the keys.
    pub(crate) fn of(config: &HttpConfig, metrics: &Metrics) -> Result<Option<Self>, ConfigErrors> {
        if !config.auth.is_on() {
            return Ok(None);
        }
        let keys = Arc::new(Keys::load(config, metrics)?);
        keys.follow();
        let counter = |failure: &Failure| {
            let reason = failure.reason();
            metrics.auth_failure.with_label_values(&[reason])
        };
        Ok(Some(Self {
            keys,
            tokens: None,
            is_required: config.auth.require_auth,
            challenge: HeaderValue::from_static("Bearer"),
            throttle: Throttle::new(Clock::monotonic()),
            failures: Failure::ALL.iter().map(counter).collect(),
        }))
    }

    /// Who sent a request with these headers. Nothing is allocated for a key that is good.
    ///
    /// # Errors
    ///
    /// Why it is nobody who may call.
    pub(crate) async fn identify(&self, headers: &HeaderMap) -> Result<Caller, Failure> {
        self.keys.follow();
        let Some(text) = credentials(headers)? else {
            return if self.is_required {
                Err(Failure::Missing)
            } else {
                Ok(Caller::anonymous())
            };
        };
        match (self.keys.find(text), &self.tokens) {
            (Err(Failure::Unknown), Some(tokens)) if is_like_a_token(text) => {
                tokens.verify(text).await
            }
            (answer, _) => answer,
        }
    }

    /// What is answered to a failure from `address`, which is counted.
    pub(crate) fn refuse(&self, failure: Failure, address: Option<IpAddr>) -> Refusal {
        self.failures[failure as usize].inc();
        if let Some(throttled) = self.throttle.failed(address) {
            return throttled;
        }
        let (code, detail) = match failure {
            Failure::Mistyped => (Code::KeyMalformed, MISTYPED),
            _ => (Code::Unauthorized, NOT_GOOD),
        };
        Refusal::challenge(code, detail, self.challenge.clone())
    }

    /// What `/health` says of it.
    pub(crate) fn report(&self) -> Value {
        self.keys.report()
    }
}

/// A JSON Web Token in its compact form has two dots (RFC 7515 §3.1).
fn is_like_a_token(text: &str) -> bool {
    text.bytes().filter(|byte| *byte == b'.').count() == 2
}
