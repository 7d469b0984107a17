//! The doors a request passes, and the one trait they are made of.
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
//! Health branches off behind door 5 (`routes`); what is added later for the rest goes below it.

mod access_log;
mod catch_panic;
mod correlation_id;
mod host;
mod refusals;

use std::sync::Arc;

use axum::body::Body;
use futures::future::BoxFuture;
use http::{Request, Response};

pub(crate) use self::host::{HostPolicy, Site};
use self::{
    access_log::AccessLog, catch_panic::CatchPanic, correlation_id::CorrelationIds,
    refusals::Refusals,
};

/// What a door leads to: the next door, or the rooms behind the last.
pub(crate) trait Handle: Send + Sync + 'static {
    /// Answers `request`.
    fn handle(&self, request: Request<Body>) -> impl Future<Output = Response<Body>> + Send;
}

/// Puts the doors in front of `rooms`, innermost first.
pub(crate) fn stack(rooms: impl Handle, hosts: HostPolicy) -> impl Handle {
    let stack = host::Host::new(rooms, hosts);
    let stack = CatchPanic::new(stack);
    let stack = Refusals::new(stack);
    let stack = AccessLog::new(stack);
    CorrelationIds::new(stack)
}

/// The whole stack behind one pointer, so that what serves connections knows no handler's type.
#[derive(Clone)]
pub(crate) struct Stack(Arc<dyn ErasedHandle>);

impl Stack {
    pub(crate) fn new(handle: impl Handle) -> Self {
        Self(Arc::new(handle))
    }

    pub(crate) fn handle(&self, request: Request<Body>) -> BoxFuture<'_, Response<Body>> {
        self.0.handle_boxed(request)
    }
}

impl std::fmt::Debug for Stack {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Stack")
    }
}

trait ErasedHandle: Send + Sync {
    fn handle_boxed(&self, request: Request<Body>) -> BoxFuture<'_, Response<Body>>;
}

impl<T: Handle> ErasedHandle for T {
    fn handle_boxed(&self, request: Request<Body>) -> BoxFuture<'_, Response<Body>> {
        Box::pin(self.handle(request))
    }
}
