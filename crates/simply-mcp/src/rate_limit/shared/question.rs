//! What is asked of the store's scripts, and what their answers mean. All times are in microseconds there.

use std::time::Duration;

use super::super::Decision;
use crate::facts::Allowance;

/// The longest window, a century: with the time of day it stays below 2^53, which Lua's numbers hold exactly.
const LONGEST: u64 = 100 * 366 * 86_400 * 1_000_000;

/// May so many requests pass.
#[derive(Clone, Copy, Debug)]
pub(super) struct Question {
    limit: u32,
    /// Microseconds, not 0.
    window: u64,
    cost: u32,
}

/// The answer of `token_bucket.lua`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bucket {
    pub(super) admitted: bool,
    /// The time until the bucket is full…
    pub(super) owed: u64,
    /// …and this many parts of `limit` of one more microsecond.
    pub(super) fraction: u64,
}

/// The answer of `sliding_window.lua`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    pub(super) admitted: bool,
    /// Requests that count, with this one where it passed.
    pub(super) used: u64,
    /// The time until none counts.
    pub(super) reset: u64,
    /// The time until this one would pass.
    pub(super) wait: u64,
}

impl Question {
    pub(super) fn new(allowance: Allowance, cost: u32) -> Self {
        let window = u64::try_from(allowance.window.as_micros()).unwrap_or(LONGEST);
        Self {
            limit: allowance.limit.get(),
            window: window.clamp(1, LONGEST),
            cost,
        }
    }

    /// The arguments of `token_bucket.lua`.
    pub(super) fn price(self) -> [u64; 4] {
        let limit = u64::from(self.limit);
        // At most one window, as what costs more than all is not asked for.
        let price = u128::from(self.asked_cost()) * u128::from(self.window);
        let whole = u64::try_from(price / u128::from(limit)).unwrap_or(LONGEST);
        let fraction = u64::try_from(price % u128::from(limit)).unwrap_or(0);
        [limit, self.window, whole, fraction]
    }

    /// The arguments of `sliding_window.lua`.
    pub(super) fn cost(self) -> [u64; 3] {
        [self.limit.into(), self.window, self.asked_cost().into()]
    }

    pub(super) fn by_bucket(self, bucket: Bucket) -> Decision {
        let (limit, window) = (u128::from(self.limit), u128::from(self.window));
        let capacity = limit * window;
        let owed = u128::from(bucket.owed) * limit + u128::from(bucket.fraction);
        let excess = (owed + u128::from(self.cost) * window).saturating_sub(capacity);
        let remaining = capacity.saturating_sub(owed) / window;
        let time_to_refill = |amount: u128| micros(saturated(amount.div_ceil(limit)));
        self.decision(
            bucket.admitted,
            u32::try_from(remaining).unwrap_or(self.limit),
            time_to_refill(owed),
            time_to_refill(excess),
        )
    }

    pub(super) fn by_window(self, window: Window) -> Decision {
        let remaining = u64::from(self.limit).saturating_sub(window.used);
        self.decision(
            window.admitted,
            u32::try_from(remaining).unwrap_or(self.limit),
            micros(window.reset),
            micros(window.wait),
        )
    }

    fn decision(
        self,
        admitted: bool,
        remaining: u32,
        reset_after: Duration,
        wait: Duration,
    ) -> Decision {
        let is_possible = self.is_possible();
        let admitted = admitted && is_possible;
        let retry_after = if admitted { Duration::ZERO } else { wait };
        Decision {
            admitted,
            limit: self.limit,
            remaining,
            reset_after,
            retry_after: is_possible.then_some(retry_after),
        }
    }

    /// What costs more than the whole allowance only asks how it stands.
    const fn asked_cost(self) -> u32 {
        if self.is_possible() { self.cost } else { 0 }
    }

    const fn is_possible(self) -> bool {
        self.cost <= self.limit
    }
}

fn micros(count: u64) -> Duration {
    Duration::from_micros(count)
}

fn saturated(count: u128) -> u64 {
    u64::try_from(count).unwrap_or(LONGEST)
}
