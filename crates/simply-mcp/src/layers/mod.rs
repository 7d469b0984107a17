//! The doors a request passes, in their order.
//!
//! A door answers, it never errs. The outer doors, in front of everything:
//!
//! | # | door | may answer | stands here because |
//! | --- | --- | --- | --- |
//! | 1 | correlation id | | everything after can be named |
//! | 2 | forwarded | | the log and all limits know the client behind a proxy |
//! | 3 | trace | | all that happens is part of the request's span; the log names the trace |
//! | 4 | observation | | the log and the series see the final status, and why |
//! | 5 | refusals | | writes the body of every "no", and a panic's too |
//! | 6 | catch panic | 500 | inside the observation, so that a panic is seen |
//! | 7 | host and origin | 400 403 | cheap, before any work, on every route |
//!
//! What is open to everybody branches off behind door 7 (`routes::Open`). The inner doors stand before all the rest:
//!
//! | # | door | may answer | stands here because |
//! | --- | --- | --- | --- |
//! | 8 | authentication | 401 403 429 | says who calls, which all behind it go by |
//! | 9 | rate limit | 429 | by caller, so behind authentication; by address where there is none |

mod authentication;
mod catch_panic;
mod correlation_id;
mod forwarded;
mod host;
mod observation;
mod rate_limit;
mod refusals;
mod trace;

use std::sync::Arc;

use self::{
    authentication::Authenticates, catch_panic::CatchPanic, correlation_id::CorrelationIds,
    forwarded::Forwarded, observation::Observation, rate_limit::RateLimits, refusals::Refusals,
    trace::Trace,
};
pub(crate) use self::{
    host::{HostPolicy, Site},
    observation::Observers,
    trace::Tracing,
};
use crate::{auth::Authentication, config::Network, handle::Handle, rate_limit::Limiter};

/// Puts the inner doors in front of `rooms`, innermost first.
pub(crate) fn inner(
    rooms: impl Handle,
    authentication: Option<Arc<Authentication>>,
    limiter: Option<Arc<Limiter>>,
) -> impl Handle {
    let stack = RateLimits::new(rooms, limiter);
    Authenticates::new(stack, authentication)
}

/// Puts the outer doors in front of what is open and of the inner doors, innermost first.
pub(crate) fn outer(
    rooms: impl Handle,
    hosts: HostPolicy,
    trusted_proxies: Vec<Network>,
    observers: Observers,
    tracing: Tracing,
) -> impl Handle {
    let stack = host::Host::new(rooms, hosts);
    let stack = CatchPanic::new(stack);
    let stack = Refusals::new(stack);
    let stack = Observation::new(stack, observers);
    let stack = Trace::new(stack, tracing);
    let stack = Forwarded::new(stack, trusted_proxies);
    CorrelationIds::new(stack)
}
