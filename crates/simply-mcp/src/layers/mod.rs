//! The doors a request passes, in their order.
//!
//! A door answers, it never errs. Order and reasons stand in `stack`, which `transport.rs` builds:
//!
//! | # | door | may answer | stands here because |
//! | --- | --- | --- | --- |
//! | 1 | correlation id | | everything after can be named |
//! | 2 | access log | | sees the final status, and why |
//! | 3 | refusals | | writes the body of every "no", and a panic's too |
//! | 4 | catch panic | 500 | inside the log, so that a panic is seen |
//! | 5 | host and origin | 400 403 | cheap, before any work, on every route |
//!
//! What is open to everybody branches off behind door 5 (`routes::Open`). The inner doors stand before all the rest:
//!
//! | # | door | may answer | stands here because |
//! | --- | --- | --- | --- |

mod access_log;
mod catch_panic;
mod correlation_id;
mod host;
mod refusals;

pub(crate) use self::host::{HostPolicy, Site};
use self::{
    access_log::AccessLog, catch_panic::CatchPanic, correlation_id::CorrelationIds,
    refusals::Refusals,
};
use crate::handle::Handle;

/// Puts the inner doors in front of `rooms`, innermost first.
pub(crate) fn inner(rooms: impl Handle) -> impl Handle {
    rooms
}

/// Puts the outer doors in front of what is open and of the inner doors, innermost first.
pub(crate) fn outer(rooms: impl Handle, hosts: HostPolicy) -> impl Handle {
    let stack = host::Host::new(rooms, hosts);
    let stack = CatchPanic::new(stack);
    let stack = Refusals::new(stack);
    let stack = AccessLog::new(stack);
    CorrelationIds::new(stack)
}
