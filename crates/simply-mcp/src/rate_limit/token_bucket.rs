//! `token_bucket`: a burst of the whole limit, refilled evenly.
//!
//! The generic cell rate algorithm in integers. All that is kept is the time at which the bucket is full again, with
//! its fraction of a nanosecond as a numerator over the limit: a request moves it by `window / limit`, without a
//! rounding error, and passes where it stays within one window from now. So in every span `[t, t + w]` at most
//! `limit + w * limit / window` pass.

use std::time::Duration;

use super::{Decision, memory::Rule};

/// The bucket of one identity: 24 bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bucket {
    /// When it is full again, in nanoseconds…
    full_at: u64,
    /// …and this many parts of `limit` of one more.
    fraction: u32,
    limit: u32,
    window: u64,
}

impl Bucket {
    /// A bucket that is full.
    pub(super) const fn full(rule: Rule) -> Self {
        Self {
            full_at: 0,
            fraction: 0,
            limit: rule.limit,
            window: rule.window,
        }
    }

    /// Takes `cost` out of it, if so much is in it.
    pub(super) fn take(&mut self, rule: Rule, cost: u32, now: u64) -> Decision {
        self.adopt(rule, now);
        let capacity = rule.capacity();
        let price = u128::from(cost) * u128::from(rule.window);
        let owed = self.owed(now);
        let admitted = owed + price <= capacity;
        let owed_after = if admitted { owed + price } else { owed };
        if admitted && cost > 0 {
            self.owe(owed_after, now);
        }
        let excess = (owed + price).saturating_sub(capacity);
        Decision {
            admitted,
            limit: rule.limit,
            remaining: rule.requests_in(capacity.saturating_sub(owed_after)),
            reset_after: rule.time_to_refill(owed_after),
            retry_after: (price <= capacity).then(|| rule.time_to_refill(excess)),
        }
    }

    /// Whether it is full, and as good as none.
    pub(super) const fn is_idle(&self, now: u64) -> bool {
        self.full_at < now || (self.full_at == now && self.fraction == 0)
    }

    /// What it takes to fill it. One nanosecond refills `limit`, one request takes `window`.
    fn owed(&self, now: u64) -> u128 {
        if self.is_idle(now) {
            return 0;
        }
        u128::from(self.full_at - now) * u128::from(self.limit) + u128::from(self.fraction)
    }

    fn owe(&mut self, owed: u128, now: u64) {
        let limit = u128::from(self.limit);
        // At most one window from now, which fits.
        self.full_at = now.saturating_add(u64::try_from(owed / limit).unwrap_or(u64::MAX / 2));
        self.fraction = u32::try_from(owed % limit).unwrap_or(0);
    }

    /// Another allowance: what share of it is used up stays as it is, so that nobody gains by a change of the limit
    /// and nobody waits longer than the new window.
    fn adopt(&mut self, rule: Rule, now: u64) {
        if (self.limit, self.window) == (rule.limit, rule.window) {
            return;
        }
        if self.is_idle(now) {
            *self = Self::full(rule);
            return;
        }
        let left = self.full_at - now + u64::from(self.fraction > 0);
        let scaled = u128::from(left) * u128::from(rule.window);
        let left = scaled.div_ceil(u128::from(self.window));
        *self = Self::full(rule);
        self.full_at = now.saturating_add(u64::try_from(left).unwrap_or(u64::MAX / 2));
    }
}

impl Rule {
    const fn capacity(self) -> u128 {
        self.limit as u128 * self.window as u128
    }

    fn requests_in(self, amount: u128) -> u32 {
        u32::try_from(amount / u128::from(self.window)).unwrap_or(u32::MAX)
    }

    fn time_to_refill(self, amount: u128) -> Duration {
        let nanos = amount.div_ceil(u128::from(self.limit));
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX / 2))
    }
}
