//! The pool that runs blocking tools, so that they never hold a thread that serves.

use std::{sync::Arc, time::Duration};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{BlockingHandler, Context, ToolError};

/// How many blocking calls run at once. Each holds a thread; tokio's pool has 512, which the rest of
/// the process (files, name resolution) shares.
const MAX_RUNNING: usize = 256;

/// How long a call waits for a free thread before it is told that the server is busy.
const MAX_WAIT: Duration = Duration::from_secs(2);

/// How many calls may wait. More than run would hardly be served within [`MAX_WAIT`].
const MAX_WAITING: usize = 256;

pub(super) struct BlockingPool {
    running: Arc<Semaphore>,
    waiting: Semaphore,
}

impl BlockingPool {
    pub(super) fn new() -> Self {
        Self::with_capacity(MAX_RUNNING, MAX_WAITING)
    }

    fn with_capacity(running: usize, waiting: usize) -> Self {
        Self {
            running: Arc::new(Semaphore::new(running)),
            waiting: Semaphore::new(waiting),
        }
    }

    /// Runs a blocking handler; it is told to stop when the call is dropped.
    pub(super) async fn run<M: 'static, H: BlockingHandler<M>>(
        &self,
        handler: Arc<H>,
        context: Context,
    ) -> Result<H::Output, ToolError> {
        let permit = self.admit().await?;
        let _stop = context.cancellation().clone().drop_guard();
        let running = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            handler.call(context)
        });
        match running.await {
            Ok(output) => output,
            Err(error) => match error.try_into_panic() {
                // Whoever guards asynchronous handlers guards blocking ones the same way.
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => Err(ToolError::overloaded("the server is shutting down")),
            },
        }
    }

    async fn admit(&self) -> Result<OwnedSemaphorePermit, ToolError> {
        if let Ok(permit) = Arc::clone(&self.running).try_acquire_owned() {
            return Ok(permit);
        }
        let Ok(_place) = self.waiting.try_acquire() else {
            return Err(busy());
        };
        let permit =
            tokio::time::timeout(MAX_WAIT, Arc::clone(&self.running).acquire_owned()).await;
        permit.ok().and_then(Result::ok).ok_or_else(busy)
    }
}

fn busy() -> ToolError {
    ToolError::overloaded("every thread for blocking tools is busy: try again in a moment")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_full_pool_refuses_at_once_when_its_queue_is_full_too() {
        let pool = BlockingPool::with_capacity(1, 0);
        let first = pool.admit().await.unwrap();
        assert!(pool.admit().await.is_err());
        drop(first);
        assert!(pool.admit().await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_waits_a_moment_for_a_free_thread_and_not_for_ever() {
        let pool = BlockingPool::with_capacity(1, 1);
        let _first = pool.admit().await.unwrap();
        let started = tokio::time::Instant::now();
        assert!(pool.admit().await.is_err());
        assert_eq!(started.elapsed(), MAX_WAIT);
    }
}
