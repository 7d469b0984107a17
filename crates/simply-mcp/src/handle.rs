//! What answers a request: the one trait that doors and rooms are made of.

use std::{fmt, sync::Arc};

use axum::body::Body;
use futures::future::BoxFuture;
use http::{Request, Response};

/// What a door leads to: the next door, or the rooms behind the last.
pub(crate) trait Handle: Send + Sync + 'static {
    /// Answers `request`.
    fn handle(&self, request: Request<Body>) -> impl Future<Output = Response<Body>> + Send;
}

/// A stack behind one pointer, so that what stands before it knows no handler's type: neither what serves connections,
/// nor the doors, whose futures would otherwise be nested so deep with a user's that the compiler gives up.
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

impl Handle for Stack {
    fn handle(&self, request: Request<Body>) -> impl Future<Output = Response<Body>> + Send {
        self.0.handle_boxed(request)
    }
}

impl fmt::Debug for Stack {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
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
