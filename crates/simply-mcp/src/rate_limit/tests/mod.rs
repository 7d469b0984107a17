//! Limits, against a clock that tests hold and against the plainest way to count.

mod bounded;
mod concurrent;
mod limiter;
mod reference;

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use super::*;
use crate::{
    config::Strategy,
    facts::{Allowance, Caller, Known, Principal},
};

const BOTH: [Strategy; 2] = [Strategy::TokenBucket, Strategy::SlidingWindow];
const SECOND: u64 = 1_000_000_000;

fn allowance(limit: u32, window: Duration) -> Allowance {
    Allowance {
        limit: NonZeroU32::new(limit).unwrap(),
        window,
    }
}

fn per_minute(limit: u32) -> Allowance {
    allowance(limit, Duration::from_secs(60))
}

fn address(number: u64) -> Identity {
    let address = std::net::Ipv6Addr::from(u128::from(number) << 64);
    Identity::of(&Caller::anonymous(), Some(address.into()))
}

fn key(name: &str) -> Caller {
    Caller::known(Arc::new(Known::new(Principal::Key(name.into()))))
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap()
}

/// The same numbers in every run: a xorshift generator.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}
