//! Counts at the shared store, so that all replicas count together.
//!
//! Each identity has one key, and one script counts there in a single step, by the clock of the store: two replicas
//! never both give away the last request, and their clocks do not matter. The rules are those of the process: see
//! `token_bucket` and `sliding_window`. Every key lives as long as it counts, and a second more.
//!
//! What holds is what one primary can hold. A flush, a restart without persistence, or a failover that loses writes
//! forgets what was counted: each identity can then have at most one further allowance. So does a clock of the store
//! that leaps forward; one that is set back gives nothing and makes nobody wait longer than a window.
//!
//! While the store does not answer, `rate_limit.on_store_failure` decides. `local` counts in this process, in which
//! each replica gives at most one allowance of its own; what was counted there is not carried to the store.

mod denials;
mod question;
#[cfg(test)]
mod tests;

use self::{
    denials::Denials,
    question::{Bucket, Question, Window},
};
use super::{Decision, Identity, Memory};
use crate::{
    config::{OnStoreFailure, RateLimit, Strategy},
    facts::Allowance,
    refusal::Refusal,
    store::{Script, Store, Unavailable},
};

/// The seconds after which to try again where the store is down and nothing may pass. It is usually back by then.
const RETRY_AFTER_SECONDS: u32 = 3;

/// The counts that replicas share.
#[derive(Debug)]
pub(crate) struct Shared {
    store: Store,
    strategy: Strategy,
    script: Script,
    on_failure: OnStoreFailure,
    /// What counts while the store is down.
    local: Memory,
    denials: Denials,
}

impl Shared {
    /// Counts at `store` as `settings` say.
    pub(crate) fn new(settings: &RateLimit, store: Store) -> Self {
        Self::with_script(settings, store, source(settings.strategy))
    }

    fn with_script(settings: &RateLimit, store: Store, source: &'static str) -> Self {
        Self {
            store,
            strategy: settings.strategy,
            script: Script::new(source),
            on_failure: settings.on_store_failure,
            local: Memory::new(settings.strategy),
            denials: Denials::default(),
        }
    }

    /// Counts `cost` requests of `identity`, all of them or none. `now` is in nanoseconds of this process's monotonic
    /// clock; it matters for what is decided here.
    ///
    /// # Errors
    ///
    /// 503 where the store does not answer and nothing may pass uncounted.
    pub(super) async fn take(
        &self,
        identity: Identity,
        allowance: Allowance,
        cost: u32,
        now: u64,
    ) -> Result<Decision, Refusal> {
        if let Some(denied) = self.denials.find(identity, allowance, cost, now) {
            return Ok(denied);
        }
        let question = Question::new(allowance, cost);
        match self.ask(identity, question).await {
            Ok(decision) => {
                self.denials
                    .remember(identity, allowance, cost, decision, now);
                Ok(decision)
            }
            Err(Unavailable) => self.decide_alone(identity, allowance, cost, now),
        }
    }

    async fn ask(&self, identity: Identity, question: Question) -> Result<Decision, Unavailable> {
        let key = key(identity, self.strategy);
        match self.strategy {
            Strategy::TokenBucket => {
                let price = question.price();
                let asked = self.store.evaluate(&self.script, &key, &price);
                let (admitted, owed, fraction) = asked.await?;
                Ok(question.by_bucket(Bucket {
                    admitted,
                    owed,
                    fraction,
                }))
            }
            Strategy::SlidingWindow => {
                let cost = question.cost();
                let asked = self.store.evaluate(&self.script, &key, &cost);
                let (admitted, used, reset, wait) = asked.await?;
                Ok(question.by_window(Window {
                    admitted,
                    used,
                    reset,
                    wait,
                }))
            }
        }
    }

    fn decide_alone(
        &self,
        identity: Identity,
        allowance: Allowance,
        cost: u32,
        now: u64,
    ) -> Result<Decision, Refusal> {
        match self.on_failure {
            OnStoreFailure::Local => Ok(self.local.take(identity, allowance, cost, now)),
            OnStoreFailure::Open => Ok(Decision::uncounted(allowance)),
            OnStoreFailure::Closed => Err(Refusal::overloaded(
                "the requests of all replicas cannot be counted now, and none may pass uncounted; \
                 send this again in some seconds",
                RETRY_AFTER_SECONDS,
            )),
        }
    }
}

impl Decision {
    /// Passes, as if nobody had called.
    fn uncounted(allowance: Allowance) -> Self {
        Self {
            admitted: true,
            limit: allowance.limit.get(),
            remaining: allowance.limit.get(),
            reset_after: std::time::Duration::ZERO,
            retry_after: Some(std::time::Duration::ZERO),
        }
    }
}

/// The braces make a cluster, or a proxy before one, place the key by the identity.
fn key(identity: Identity, strategy: Strategy) -> String {
    let mut key = String::with_capacity(80);
    key.push_str("smcp:{");
    identity.write_to(&mut key);
    key.push_str(match strategy {
        Strategy::TokenBucket => "}:bucket",
        Strategy::SlidingWindow => "}:window",
    });
    key
}

const fn source(strategy: Strategy) -> &'static str {
    match strategy {
        Strategy::TokenBucket => include_str!("token_bucket.lua"),
        Strategy::SlidingWindow => include_str!("sliding_window.lua"),
    }
}
