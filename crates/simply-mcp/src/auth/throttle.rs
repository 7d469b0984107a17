//! How often an address may fail to say who it is.
//!
//! Only failures are counted and only failures are refused for it, so nobody can lock a good key out, whatever else
//! comes from the same address.

use std::{net::IpAddr, num::NonZeroU32, time::Duration};

use crate::{
    config::Strategy,
    facts::{Allowance, Caller},
    rate_limit::{Clock, Identity, Memory},
    refusal::{Refusal, Scope, Wait},
};

/// Failures of one address in a minute, or of one IPv6 /64: more than a client that is set up wrong makes, and far
/// too few to guess by.
const FAILURES: Allowance = Allowance {
    limit: const { NonZeroU32::new(100).unwrap() },
    window: Duration::from_secs(60),
};

/// Counts failures by address.
#[derive(Debug)]
pub(super) struct Throttle {
    memory: Memory,
    clock: Clock,
}

impl Throttle {
    pub(super) fn new(clock: Clock) -> Self {
        Self {
            memory: Memory::new(Strategy::TokenBucket),
            clock,
        }
    }

    /// Counts a failure, and says what to answer where there were too many.
    pub(super) fn failed(&self, address: Option<IpAddr>) -> Option<Refusal> {
        let identity = Identity::of(&Caller::anonymous(), address);
        let decision = self.memory.take(identity, FAILURES, 1, self.clock.now());
        let retry_after = decision.retry_after.filter(|_| !decision.admitted)?;
        let wait = Wait {
            retry_after,
            limit: FAILURES.limit.get(),
            scope: Scope::Address,
        };
        let seconds = retry_after.as_millis().div_ceil(1000).max(1);
        Some(Refusal::rate_limited(
            format!(
                "too many requests without a good key or token came from this address; wait {seconds} seconds, and \
                 send `Authorization: Bearer KEY` with a key that is good"
            ),
            wait,
        ))
    }
}
