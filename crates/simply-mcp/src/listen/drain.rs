//! The end of a server: no new connections, time for what runs, then none.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// After what still ran was cancelled: time for its connections to notice.
const LAST_MOMENT: Duration = Duration::from_millis(500);

/// How a server ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ended {
    /// Requests that were still running when their time was over.
    pub(crate) cancelled: usize,
}

/// Who may still work, as every part of the server sees it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Drain {
    /// Cancelled when the server begins to end.
    pub(crate) draining: CancellationToken,
    /// Cancelled when every connection has ended, or the time is over.
    pub(crate) over: CancellationToken,
    running: Arc<AtomicUsize>,
}

/// One request that runs.
pub(super) struct Running(Arc<AtomicUsize>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Drain {
    /// Counts a request for as long as the returned value lives.
    pub(super) fn running(&self) -> Running {
        self.running.fetch_add(1, Ordering::Relaxed);
        Running(Arc::clone(&self.running))
    }

    /// The outcome of `future`, or `None` once the server drains.
    pub(super) async fn unless_draining<F: Future>(&self, future: F) -> Option<F::Output> {
        tokio::select! {
            biased;
            () = self.draining.cancelled() => None,
            outcome = future => Some(outcome),
        }
    }

    /// Waits for the connections to end by themselves, at most for `grace`.
    pub(super) async fn finish(&self, connections: TaskTracker, grace: Duration) -> Ended {
        connections.close();
        let in_time = tokio::time::timeout(grace, connections.wait())
            .await
            .is_ok();
        let cancelled = if in_time {
            0
        } else {
            self.running.load(Ordering::Relaxed)
        };
        self.over.cancel();
        let _ = tokio::time::timeout(LAST_MOMENT, connections.wait()).await;
        Ended { cancelled }
    }
}
