//! What the authentication door asks: who is this, and what is said to those who are nobody.

use std::{
    net::{IpAddr, SocketAddr},
    sync::{Arc, OnceLock},
};

use bytes::Bytes;
use http::HeaderMap;
use prometheus::IntCounter;
use serde_json::Value;

use super::{
    Challenges, Failure, credentials::credentials, jwt::Tokens, live::Keys, throttle::Throttle,
};
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

/// What is heard by whoever shows a token of an issuer whose keys are not there.
const NO_ISSUER_KEYS: &str = "the public keys of the token's issuer are not there, so nothing can be said about the \
                              token; try again in some seconds";

/// Seconds after which they may be there.
const RETRY_AFTER: u32 = 5;

/// Section `auth`, at work.
#[derive(Debug)]
pub(crate) struct Authentication {
    keys: Arc<Keys>,
    /// Who verifies access tokens, where they are accepted.
    tokens: Option<Tokens>,
    /// Whether somebody without any credentials is refused.
    is_required: bool,
    /// What is said to do instead.
    challenges: Arc<Challenges>,
    throttle: Throttle,
    /// A counter for each of [`Failure::ALL`], in its order.
    failures: Vec<IntCounter>,
}

impl Authentication {
    /// Reads the keys; `None` where nobody has to authenticate. `address` is where the server turns out to listen;
    /// `None` where another program does.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with the keys.
    pub(crate) fn of(
        config: &HttpConfig,
        metrics: &Metrics,
        address: Option<&Arc<OnceLock<SocketAddr>>>,
    ) -> Result<Option<Self>, ConfigErrors> {
        if !config.auth.is_on() {
            return Ok(None);
        }
        let keys = Arc::new(Keys::load(config, metrics)?);
        keys.follow();
        let tokens = config.auth.jwt.is_on();
        let tokens = tokens.then(|| Tokens::new(config, metrics, address));
        let tokens = tokens.transpose()?;
        let challenges = match &tokens {
            Some(tokens) => Arc::clone(tokens.challenges()),
            None => Arc::new(Challenges::of_keys()),
        };
        let counter = |failure: &Failure| {
            let reason = failure.reason();
            metrics.auth_failure.with_label_values(&[reason])
        };
        Ok(Some(Self {
            keys,
            tokens,
            is_required: config.auth.require_auth,
            challenges,
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
        match failure {
            // Nobody guessed here.
            Failure::LacksScope => return self.challenges.insufficient_scope(None, []),
            Failure::KeysNotThere => return Refusal::overloaded(NO_ISSUER_KEYS, RETRY_AFTER),
            _ => {}
        }
        // Nobody guesses with nothing, and who has to learn where to get a token learns it from the 401.
        if failure != Failure::Missing
            && let Some(throttled) = self.throttle.failed(address)
        {
            return throttled;
        }
        let (code, detail) = match failure {
            Failure::Mistyped => (Code::KeyMalformed, MISTYPED),
            _ => (Code::Unauthorized, NOT_GOOD),
        };
        Refusal::challenge(code, detail, self.challenges.unauthorized().clone())
    }

    /// What is said to those who may not do what they ask for.
    pub(crate) fn challenges(&self) -> &Arc<Challenges> {
        &self.challenges
    }

    /// What `/health` says of it.
    pub(crate) fn report(&self) -> Value {
        let mut report = self.keys.report();
        if let Some(tokens) = &self.tokens {
            report["token_issuers"] = tokens.report();
        }
        report
    }

    /// The document that says where tokens come from (RFC 9728); empty where none are accepted.
    pub(crate) fn resource_metadata(&self) -> Bytes {
        let tokens = self.tokens.as_ref();
        tokens.map(Tokens::resource_metadata).unwrap_or_default()
    }
}

/// A JSON Web Token in its compact form has two dots (RFC 7515 §3.1).
fn is_like_a_token(text: &str) -> bool {
    text.bytes().filter(|byte| *byte == b'.').count() == 2
}
