//! The connection that everybody uses, and whether there is one: the circuit breaker.

use std::{
    fmt,
    sync::Mutex,
    time::{Duration, Instant},
};

use prometheus::{IntCounter, IntGauge};
use redis::aio::MultiplexedConnection;
use tokio::sync::watch;

use super::failure::Failure;
use crate::metrics::Metrics;

/// How often a failure that concerns one key or question is logged, at most.
const SINGLE_FAILURES_EVERY: Duration = Duration::from_secs(60);

/// Where the connection is found while the store is up.
pub(super) struct Link {
    state: watch::Sender<State>,
    /// The store's URL as it may be shown.
    shown: String,
    up: IntGauge,
    failures: IntCounter,
    single_failure_logged: Mutex<Option<Instant>>,
}

/// How it stands with the store.
enum State {
    /// Nobody knows yet.
    Starting,
    Up(Live),
    Down,
}

/// A connection that works, as far as anybody knows.
#[derive(Clone)]
pub(super) struct Live {
    pub(super) connection: MultiplexedConnection,
    /// Tells the connection from its predecessors, whose late failures say nothing about it.
    pub(super) epoch: u64,
}

impl Link {
    pub(super) fn new(shown: String, metrics: &Metrics) -> Self {
        Self {
            state: watch::Sender::new(State::Starting),
            shown,
            up: metrics.store_up.with_label_values::<&str>(&[]),
            failures: metrics.store_failures.clone(),
            single_failure_logged: Mutex::new(None),
        }
    }

    pub(super) fn is_up(&self) -> bool {
        matches!(*self.state.borrow(), State::Up(_))
    }

    /// The connection; none while the store is down. Waits for the outcome of the very first attempt to connect.
    pub(super) async fn connection(&self) -> Option<Live> {
        match &*self.state.borrow() {
            State::Up(live) => return Some(live.clone()),
            State::Down => return None,
            State::Starting => {}
        }
        let mut states = self.state.subscribe();
        let known = states
            .wait_for(|state| !matches!(state, State::Starting))
            .await;
        match &*known.ok()? {
            State::Up(live) => Some(live.clone()),
            State::Starting | State::Down => None,
        }
    }

    /// Counts a question that was not answered.
    pub(super) fn count_failure(&self) {
        self.failures.inc();
    }

    /// A connection that works: from now on questions are sent on it.
    pub(super) fn open(&self, live: Live) {
        let mut was_down = false;
        self.state.send_modify(|state| {
            was_down = matches!(state, State::Down);
            *state = State::Up(live);
        });
        self.up.set(1);
        if was_down {
            tracing::warn!(store = %self.shown, "the shared store answers again");
        } else {
            tracing::info!(store = %self.shown, "the shared store answers");
        }
    }

    /// A question on the connection of `epoch` failed: where that lies in the store, from now on all do.
    pub(super) fn failed(&self, epoch: u64, failure: &Failure) {
        if !failure.of_the_store {
            return self.log_single(failure);
        }
        self.close(
            |state| matches!(state, State::Up(live) if live.epoch == epoch),
            failure,
        );
    }

    /// An attempt to connect failed.
    pub(super) fn not_opened(&self, failure: &Failure) {
        self.close(|state| matches!(state, State::Starting), failure);
    }

    /// Waits until there is no connection.
    pub(super) async fn closed(&self) {
        let mut states = self.state.subscribe();
        // The sender is this struct's own and outlives the wait.
        let _ = states
            .wait_for(|state| !matches!(state, State::Up(_)))
            .await;
    }

    /// Waits until there is a connection.
    #[cfg(test)]
    pub(super) async fn opened(&self) {
        let mut states = self.state.subscribe();
        let _ = states.wait_for(|state| matches!(state, State::Up(_))).await;
    }

    fn close(&self, concerned: impl FnOnce(&State) -> bool, failure: &Failure) {
        let closed = self.state.send_if_modified(|state| {
            let concerned = concerned(state);
            if concerned {
                *state = State::Down;
            }
            concerned
        });
        if closed {
            self.up.set(0);
            tracing::warn!(
                store = %self.shown,
                reason = %failure.reason,
                "the shared store does not answer: rate_limit.on_store_failure decides until it does"
            );
        }
    }

    /// Others may well be answered, so this could be logged for every request: once a minute is enough.
    fn log_single(&self, failure: &Failure) {
        let due = self.single_failure_logged.lock().is_ok_and(|mut logged| {
            let due = logged.is_none_or(|at| at.elapsed() >= SINGLE_FAILURES_EVERY);
            if due {
                *logged = Some(Instant::now());
            }
            due
        });
        if due {
            tracing::warn!(
                store = %self.shown,
                reason = %failure.reason,
                "the shared store answered a question with an error; more of these within a minute are only counted"
            );
        }
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Link")
            .field("store", &self.shown)
            .field("up", &self.is_up())
            .finish_non_exhaustive()
    }
}
