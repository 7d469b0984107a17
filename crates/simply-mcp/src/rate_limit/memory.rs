//! Counts in this process: a bounded map of identities, in shards.
//!
//! A shard is locked for the time of a look-up and some arithmetic. Who has not called for long enough is as good as
//! absent and is dropped, a shard at a time and only when somebody new comes. Keys and tokens always have a count of
//! their own: there are as many as were given out. Addresses cost nothing to have, so they are bounded: a shard that
//! is full of addresses which are still counted drops none of them, as that would give an attacker its allowance
//! back; what is new shares one count then.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    sync::{Mutex, PoisonError},
};

use super::{Decision, Identity, sliding_window::Window, token_bucket::Bucket};
use crate::{config::Strategy, facts::Allowance};

/// A power of two, so that threads rarely meet.
const SHARDS: usize = 256;
/// The most addresses of a shard where one takes 56 bytes: 917,504 over all shards, about 60 MB. A little more, and
/// each map would double.
const MOST_BUCKETS: usize = 3584;
/// The same where one takes up to about 1.1 kB: 229,376 over all shards, 260 MB if each were full of cells.
const MOST_WINDOWS: usize = 896;
/// Below this many there is nothing worth dropping.
const FEW: usize = 64;
/// The least time between two clearings of a shard, in nanoseconds.
const PAUSE: u64 = 1_000_000_000;

/// The counts of one process, by one strategy.
#[derive(Debug)]
pub(crate) struct Memory(Kept);

#[derive(Debug)]
enum Kept {
    Buckets(Shards<Bucket>),
    Windows(Shards<Window>),
}

impl Memory {
    /// Counts by `strategy`, none yet.
    pub(crate) fn new(strategy: Strategy) -> Self {
        Self(match strategy {
            Strategy::TokenBucket => Kept::Buckets(Shards::new(SHARDS, MOST_BUCKETS)),
            Strategy::SlidingWindow => Kept::Windows(Shards::new(SHARDS, MOST_WINDOWS)),
        })
    }

    /// Counts `cost` requests of `identity`, all of them or none. `now` is in nanoseconds of a monotonic clock; a
    /// cost of 0 only asks.
    pub(crate) fn take(
        &self,
        identity: Identity,
        allowance: Allowance,
        cost: u32,
        now: u64,
    ) -> Decision {
        let rule = Rule::from(allowance);
        match &self.0 {
            Kept::Buckets(shards) => shards.take(identity, rule, cost, now),
            Kept::Windows(shards) => shards.take(identity, rule, cost, now),
        }
    }

    #[cfg(test)]
    pub(super) fn small(strategy: Strategy, most: usize) -> Self {
        Self(match strategy {
            Strategy::TokenBucket => Kept::Buckets(Shards::new(1, most)),
            Strategy::SlidingWindow => Kept::Windows(Shards::new(1, most)),
        })
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        match &self.0 {
            Kept::Buckets(shards) => shards.len(),
            Kept::Windows(shards) => shards.len(),
        }
    }
}

/// An allowance as the counts use it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rule {
    /// Not 0.
    pub(super) limit: u32,
    /// Nanoseconds, not 0 and at most [`LONGEST`].
    pub(super) window: u64,
}

/// The longest window that is counted in, in nanoseconds: a century, so that no sum of times overflows.
const LONGEST: u64 = 100 * 366 * 86_400 * 1_000_000_000;

impl From<Allowance> for Rule {
    fn from(allowance: Allowance) -> Self {
        let window = u64::try_from(allowance.window.as_nanos()).unwrap_or(LONGEST);
        Self {
            limit: allowance.limit.get(),
            window: window.clamp(1, LONGEST),
        }
    }
}

/// A way to count.
trait Count: Clone {
    /// Of somebody who has not called.
    fn fresh(rule: Rule) -> Self;
    fn take(&mut self, rule: Rule, cost: u32, now: u64) -> Decision;
    /// Whether it says the same as a fresh one.
    fn is_idle(&self, now: u64) -> bool;
}

impl Count for Bucket {
    fn fresh(rule: Rule) -> Self {
        Self::full(rule)
    }

    fn take(&mut self, rule: Rule, cost: u32, now: u64) -> Decision {
        self.take(rule, cost, now)
    }

    fn is_idle(&self, now: u64) -> bool {
        self.is_idle(now)
    }
}

impl Count for Window {
    fn fresh(_: Rule) -> Self {
        Self::default()
    }

    fn take(&mut self, rule: Rule, cost: u32, now: u64) -> Decision {
        self.take(rule, cost, now)
    }

    fn is_idle(&self, now: u64) -> bool {
        self.is_idle(now)
    }
}

#[derive(Debug)]
struct Shards<C> {
    shards: Box<[Mutex<Shard<C>>]>,
    /// Keyed at random, so that nobody can aim at a shard.
    hasher: RandomState,
    most_addresses: usize,
}

impl<C: Count> Shards<C> {
    fn new(shards: usize, most_addresses: usize) -> Self {
        Self {
            shards: (0..shards).map(|_| Mutex::new(Shard::new())).collect(),
            hasher: RandomState::new(),
            most_addresses,
        }
    }

    fn take(&self, identity: Identity, rule: Rule, cost: u32, now: u64) -> Decision {
        // There are far fewer shards than a usize can count.
        let index = self.hasher.hash_one(identity) as usize % self.shards.len();
        let shard = self.shards[index].lock();
        let mut shard = shard.unwrap_or_else(PoisonError::into_inner);
        shard.take(identity, rule, cost, now, self.most_addresses)
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        let shards = self.shards.iter();
        shards.map(|shard| shard.lock().unwrap().counts.len()).sum()
    }
}

#[derive(Debug)]
struct Shard<C> {
    counts: HashMap<Identity, C>,
    /// How many of them are not those of keys or tokens.
    addresses: usize,
    /// The size at which the idle are dropped next, and the time before which they are not.
    clear_at: usize,
    not_before: u64,
    /// What addresses share for which there is no room, by rule: the default and those of tools.
    overflow: Vec<(Rule, C)>,
}

impl<C: Count> Shard<C> {
    fn new() -> Self {
        Self {
            counts: HashMap::new(),
            addresses: 0,
            clear_at: FEW,
            not_before: 0,
            overflow: Vec::new(),
        }
    }

    fn take(
        &mut self,
        identity: Identity,
        rule: Rule,
        cost: u32,
        now: u64,
        most_addresses: usize,
    ) -> Decision {
        if let Some(count) = self.counts.get_mut(&identity) {
            return count.take(rule, cost, now);
        }
        let is_known = identity.is_known();
        self.drop_idle(now, most_addresses);
        if !is_known && self.addresses >= most_addresses {
            return self.shared_count(rule).take(rule, cost, now);
        }
        let mut count = self.first_count(is_known, rule, now);
        let decision = count.take(rule, cost, now);
        if decision.admitted && cost > 0 {
            self.counts.insert(identity, count);
            self.addresses += usize::from(!is_known);
        }
        decision
    }

    // Addresses have no allowances of their own, so there are as many rules as the settings name.
    fn shared_count(&mut self, rule: Rule) -> &mut C {
        let found = self.overflow.iter().position(|(of, _)| *of == rule);
        let index = found.unwrap_or_else(|| {
            self.overflow.push((rule, C::fresh(rule)));
            self.overflow.len() - 1
        });
        &mut self.overflow[index].1
    }

    /// An address may have called already, when there was no room for it.
    fn first_count(&mut self, is_known: bool, rule: Rule, now: u64) -> C {
        if is_known || self.overflow.is_empty() {
            return C::fresh(rule);
        }
        self.overflow.retain(|(_, shared)| !shared.is_idle(now));
        let shared = self.overflow.iter().find(|(of, _)| *of == rule);
        shared.map_or_else(|| C::fresh(rule), |(_, shared)| shared.clone())
    }

    fn drop_idle(&mut self, now: u64, most_addresses: usize) {
        let is_full = self.addresses >= most_addresses || self.counts.len() >= self.clear_at;
        if !is_full || now < self.not_before {
            return;
        }
        self.counts.retain(|_, count| !count.is_idle(now));
        let addresses = self.counts.keys().filter(|identity| !identity.is_known());
        self.addresses = addresses.count();
        let left = self.counts.len();
        if self.counts.capacity() > 8 * left.max(FEW) {
            self.counts.shrink_to(2 * left);
        }
        self.clear_at = FEW.max(2 * left);
        self.not_before = now.saturating_add(PAUSE);
    }
}
