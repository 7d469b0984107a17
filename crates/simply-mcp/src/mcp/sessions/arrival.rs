//! What a session is made from, on its way through rmcp, which knows no callers.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use rmcp::transport::streamable_http_server::session::{SessionId, SessionManager};

use super::{
    account::Owner,
    manager::Manager,
    shared::{Record, Shared, Ticket},
    table::Place,
};

tokio::task_local! {
    static ARRIVAL: Arc<Arrival>;
}

/// One session that is about to be made: for whom, and from what.
#[derive(Debug)]
pub(super) struct Arrival {
    pub(super) owner: Owner,
    /// The place it will have; taken once.
    place: Mutex<Option<Place>>,
    /// What another replica remembered of it; `None` for a new one.
    pub(super) record: Option<Record>,
    /// Its entry in the list of its account, where replicas count together.
    pub(super) ticket: Option<Ticket>,
    /// The new session, once it is there.
    made: OnceLock<SessionId>,
}

impl Arrival {
    /// A new session.
    pub(super) fn new(owner: Owner, place: Place, ticket: Option<Ticket>) -> Self {
        Self {
            owner,
            place: Mutex::new(Some(place)),
            record: None,
            ticket,
            made: OnceLock::new(),
        }
    }

    /// A session of another replica.
    pub(super) fn again(owner: Owner, place: Place, record: Record) -> Self {
        Self {
            record: Some(record),
            ..Self::new(owner, place, None)
        }
    }

    /// The arrival whose request runs in this task.
    pub(super) fn current() -> Option<Arc<Self>> {
        ARRIVAL.try_with(Arc::clone).ok()
    }

    /// Runs a request that may make this session.
    pub(super) async fn lead<F: Future>(self: Arc<Self>, request: F) -> F::Output {
        ARRIVAL.scope(self, request).await
    }

    pub(super) fn take_place(&self) -> Option<Place> {
        let mut place = self.place.lock().unwrap_or_else(PoisonError::into_inner);
        place.take()
    }

    pub(super) fn is_made(&self, id: SessionId) {
        // A place is taken once, and so is this set once.
        let _ = self.made.set(id);
    }

    pub(super) fn made(&self) -> Option<&SessionId> {
        self.made.get()
    }
}

/// Ends a new session whose client left before it heard of it, and its entry in the list of its account.
pub(super) struct UnlessHeard {
    arrival: Arc<Arrival>,
    manager: Arc<Manager>,
    shared: Option<Arc<Shared>>,
    heard: bool,
}

impl UnlessHeard {
    pub(super) fn new(
        arrival: Arc<Arrival>,
        manager: Arc<Manager>,
        shared: Option<Arc<Shared>>,
    ) -> Self {
        Self {
            arrival,
            manager,
            shared,
            heard: false,
        }
    }

    /// The answer is on its way.
    pub(super) fn heard(mut self) {
        self.heard = true;
    }
}

impl Drop for UnlessHeard {
    fn drop(&mut self) {
        if self.heard {
            return;
        }
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let (arrival, manager) = (Arc::clone(&self.arrival), Arc::clone(&self.manager));
            let shared = self.shared.take();
            runtime.spawn(async move {
                if let Some(id) = arrival.made() {
                    // It always succeeds.
                    let _ = manager.close_session(id).await;
                    if let Some(shared) = &shared {
                        let _ = shared.end(arrival.owner, id, None).await;
                    }
                }
                if let (Some(shared), Some(ticket)) = (&shared, &arrival.ticket) {
                    shared.strike_out(ticket).await;
                }
            });
        }
    }
}
