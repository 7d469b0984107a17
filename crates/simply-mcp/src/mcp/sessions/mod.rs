//! The sessions of MCP versions up to 2025-11-25: whose they are, how many, how long, and on which replica.
//!
//! A session belongs to the caller who opened it, and everybody else hears the same as of a session that never was.
//! A session that was opened without a key belongs to all who come without one.
//!
//! With a shared store a client can land on any replica: the one it lands on reads how the session was initialized
//! and goes on with it ([`shared`]). What stays with a replica are streams: what a server sends of its own accord,
//! its requests to the client, and the events that `Last-Event-ID` replays; those need a proxy that sends a client
//! to the same replica again. A session that one replica ends is over on the others with its next request, and its
//! open streams end within [`LOOKS_EVERY`].

mod account;
mod arrival;
mod events;
mod manager;
mod running;
mod shared;
mod table;

use std::{sync::Arc, time::Duration};

use futures::{Stream, StreamExt};
use http::Extensions;
use prometheus::IntGauge;
use rmcp::{
    model::RequestId,
    transport::streamable_http_server::session::{SessionId, SessionManager, SessionStore},
};
use tokio::time::Instant;
use uuid::Uuid;

pub(super) use self::{
    account::{Account, Owner},
    manager::Manager,
    running::Run,
    table::Session,
};
use self::{
    arrival::{Arrival, UnlessHeard},
    shared::{Record, Remembered, Shared, Told},
    table::{Table, Times},
};
use crate::{
    config,
    refusal::{Code, Refusal},
    store::Store,
};

/// How often an open stream looks whether its session was ended elsewhere, and says that it is in use.
const LOOKS_EVERY: Duration = Duration::from_secs(5);

pub(super) struct Sessions {
    table: Arc<Table>,
    manager: Arc<Manager>,
    shared: Option<Arc<Shared>>,
    idle: Duration,
}

/// Where a session is.
pub(super) enum Found {
    Here(Arc<Session>),
    Elsewhere(Elsewhere),
}

/// A session that another replica has made.
pub(super) struct Elsewhere {
    id: SessionId,
    owner: Owner,
    record: Record,
}

impl Sessions {
    pub(super) fn new(settings: &config::Mcp, store: Option<Store>, gauge: IntGauge) -> Self {
        let table = Arc::new(Table::new(
            settings.max_sessions,
            settings.max_sessions_per_caller,
            gauge,
        ));
        let idle = settings.session_timeout;
        let most_of_one = settings.max_sessions_per_caller.get();
        let shared = store.map(|store| Arc::new(Shared::new(store, idle, most_of_one)));
        Self {
            manager: Arc::new(Manager::new(Arc::clone(&table), idle)),
            table,
            shared,
            idle,
        }
    }

    /// What makes rmcp's sessions.
    pub(super) fn manager(&self) -> Arc<Manager> {
        Arc::clone(&self.manager)
    }

    /// What lets rmcp remember them, where there is a store.
    pub(super) fn memory(&self) -> Option<Arc<dyn SessionStore>> {
        let shared = Arc::clone(self.shared.as_ref()?);
        let table = Arc::clone(&self.table);
        Some(Arc::new(Remembered { table, shared }))
    }

    /// Runs a request that makes a session for whoever sent it, if there is room for one more. If the client leaves
    /// meanwhile, or the handler does not want it, there is none.
    pub(super) async fn open<F: Future>(
        &self,
        from: &Extensions,
        request: F,
    ) -> Result<(F::Output, Option<Arc<Session>>), Refusal> {
        let account = Account::of(from);
        let place = self.table.take_place(account)?;
        let ticket = match &self.shared {
            None => None,
            Some(shared) => match shared.enlist(account).await {
                Ok(Some(ticket)) => Some(ticket),
                Ok(None) => return Err(self.table.too_many()),
                // What is open here is counted in any case.
                Err(_) => None,
            },
        };
        let arrival = Arc::new(Arrival::new(Owner::of(from), place, ticket));
        let unless_heard =
            UnlessHeard::new(Arc::clone(&arrival), self.manager(), self.shared.clone());
        let output = Arc::clone(&arrival).lead(request).await;
        unless_heard.heard();
        let session = arrival.made().and_then(|id| self.table.get(id));
        if session.is_none()
            && let (Some(shared), Some(ticket)) = (&self.shared, &arrival.ticket)
        {
            shared.strike_out(ticket).await;
        }
        Ok((output, session))
    }

    /// Looks for the session `id`, for whoever asks.
    pub(super) async fn find(&self, id: &str, from: &Extensions) -> Result<Found, Refusal> {
        let owner = Owner::of(from);
        if let Some(session) = self.table.get_of(id, owner) {
            if self.is_confirmed(&session).await {
                return Ok(Found::Here(session));
            }
            self.close(&session).await;
            return Err(unknown());
        }
        let Some(shared) = self.shared.as_ref().filter(|_| is_one_of_ours(id)) else {
            return Err(unknown());
        };
        match shared.look_up(owner, id).await {
            Ok(Told::Lives(record)) => Ok(Found::Elsewhere(Elsewhere {
                id: id.into(),
                owner,
                record: *record,
            })),
            Ok(Told::Ended | Told::Unknown) => Err(unknown()),
            Err(_) => Err(Refusal::overloaded(
                "this session may live on another replica, and the shared store that would say so does not answer; try again",
                5,
            )),
        }
    }

    /// Makes a session of another replica one of this one; `request` leads rmcp to do so.
    pub(super) async fn restore<F: Future>(
        &self,
        elsewhere: Elsewhere,
        from: &Extensions,
        request: F,
    ) -> Result<(F::Output, Option<Arc<Session>>), Refusal> {
        let place = self.table.take_place(Account::of(from))?;
        let Elsewhere { id, owner, record } = elsewhere;
        let arrival = Arc::new(Arrival::again(owner, place, record));
        let output = arrival.lead(request).await;
        Ok((output, self.table.get_of(&id, owner)))
    }

    /// Writes down that a session is over, for the other replicas.
    pub(super) async fn end_everywhere(&self, found: &Found) -> Result<(), Refusal> {
        let Some(shared) = &self.shared else {
            return Ok(());
        };
        let (id, owner, record) = match found {
            Found::Here(session) => (&session.id, session.owner, session.record.get()),
            Found::Elsewhere(session) => (&session.id, session.owner, Some(&session.record)),
        };
        shared.end(owner, id, record).await.map_err(|_| {
            Refusal::overloaded(
                "the shared store does not answer, so that other replicas may go on with this session; try again",
                5,
            )
        })
    }

    /// True while a session lives here.
    pub(super) fn lives(&self, session: &Session) -> bool {
        self.table.get(&session.id).is_some()
    }

    /// `stream`, until its session is ended elsewhere. While it is open the session is in use.
    pub(super) fn watched<S: Stream>(
        self: &Arc<Self>,
        stream: S,
        session: Arc<Session>,
    ) -> impl Stream<Item = S::Item> + use<S> {
        let sessions = Arc::clone(self);
        let period = LOOKS_EVERY.min(self.idle / 3);
        stream.take_until(Box::pin(async move {
            loop {
                tokio::time::sleep(period).await;
                if !sessions.is_used(&session).await {
                    return;
                }
            }
        }))
    }

    async fn is_used(&self, session: &Session) -> bool {
        if !self.lives(session) {
            return false;
        }
        if !self.is_confirmed(session).await {
            self.close(session).await;
            return false;
        }
        self.manager.touch(&session.id).await;
        true
    }

    /// False when another replica has ended the session. One that the store has lost is written again; but not if
    /// the store was not heard of for so long that the mark of an end may be gone too.
    async fn is_confirmed(&self, session: &Session) -> bool {
        let Some(shared) = &self.shared else {
            return true;
        };
        let mut times = session.times();
        match shared.look_up(session.owner, &session.id).await {
            Err(_) => return true,
            Ok(Told::Ended) => return false,
            Ok(Told::Unknown) if times.confirmed.elapsed() >= self.idle => return false,
            Ok(Told::Unknown) => {
                if let Some(record) = session.record.get()
                    && shared
                        .write(session.owner, &session.id, record)
                        .await
                        .is_err()
                {
                    return true;
                }
            }
            Ok(Told::Lives(record)) => {
                if times.listed.elapsed() >= self.idle / 4
                    && shared.stay_listed(&record).await.is_ok()
                {
                    times.listed = Instant::now();
                }
            }
        }
        session.set_times(Times {
            confirmed: Instant::now(),
            ..times
        });
        true
    }

    async fn close(&self, session: &Session) {
        // It always succeeds.
        let _ = self.manager.close_session(&session.id).await;
    }
}

impl Session {
    /// Notes a request that runs in this session.
    pub(super) fn start(&self, id: &RequestId) -> Result<Run, Refusal> {
        self.running.start(id)
    }
}

/// Nothing that cannot be the id of a session is looked up anywhere.
fn is_one_of_ours(id: &str) -> bool {
    id.len() == 36 && Uuid::try_parse(id).is_ok()
}

/// The one answer to every session that is not there, or not for whoever asks.
pub(super) fn unknown() -> Refusal {
    Refusal::new(
        Code::UnknownSession,
        "this session is not known here, or has ended; send initialize to open a new one",
    )
}
