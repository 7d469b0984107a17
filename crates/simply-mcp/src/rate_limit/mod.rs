//! How often each caller may call: who is counted, by which rule, and where the counts are kept.
//!
//! [`Identity`] says whose allowance it is, [`Memory`] counts in this process, [`Limiter`] is what doors and rooms
//! ask; [`Shared`](shared::Shared) counts at a store for all replicas together. Counting is exact in integers and under concurrency: whatever happens at the same time, no more is admitted
//! than the strategy allows. Time is monotonic; a clock that is set changes nothing.

mod clock;
mod identity;
mod limiter;
mod memory;
mod series;
mod shared;
mod sliding_window;
mod token_bucket;

#[cfg(test)]
mod tests;

use std::time::Duration;

pub(crate) use self::{
    clock::Clock,
    identity::Identity,
    limiter::{Backend, Limiter},
    memory::Memory,
};

/// What the count says about one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Decision {
    /// Whether the request passes. What does not pass is not counted.
    pub(crate) admitted: bool,
    /// The requests of a window.
    pub(crate) limit: u32,
    /// The requests that would pass now, after this one.
    pub(crate) remaining: u32,
    /// The time until the allowance is whole again, if nobody calls.
    pub(crate) reset_after: Duration,
    /// The time until the same request passes, if nobody else calls; zero where it passed. `None` for one that costs
    /// more than the whole allowance, and therefore never does.
    pub(crate) retry_after: Option<Duration>,
}
