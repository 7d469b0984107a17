//! The sessions that live in this process: whose each is, and how many there may be.
//!
//! A place is taken before a session is made and given back when it ends, so that however many clients come at the
//! same moment, there are never more sessions than allowed. A session that is not in this table does not exist.

use std::{
    collections::HashMap,
    num::NonZeroU32,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

use prometheus::IntGauge;
use rmcp::transport::streamable_http_server::session::SessionId;
use tokio::time::Instant;

use super::{
    account::{Account, Owner},
    events::Mark,
    running::Running,
    shared::Record,
};
use crate::refusal::{Code, Refusal};

#[derive(Debug)]
pub(super) struct Table {
    inner: Mutex<Inner>,
    most: usize,
    most_of_one: usize,
    gauge: IntGauge,
}

#[derive(Debug, Default)]
struct Inner {
    sessions: HashMap<SessionId, (Arc<Session>, Place)>,
    /// Places that are taken: by sessions, and by those that are being made.
    taken: usize,
    by_account: HashMap<Account, usize>,
}

/// One session that lives here.
#[derive(Debug)]
pub(in crate::mcp) struct Session {
    pub(super) id: SessionId,
    pub(super) owner: Owner,
    pub(super) mark: Mark,
    pub(super) running: Arc<Running>,
    /// What another replica needs to go on with it, where there is a store for that.
    pub(super) record: OnceLock<Record>,
    times: Mutex<Times>,
}

/// When the store last knew of a session.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    pub(super) confirmed: Instant,
    pub(super) listed: Instant,
}

/// A place for one session. Given back when dropped.
#[derive(Debug)]
pub(super) struct Place {
    table: Arc<Table>,
    account: Account,
}

impl Table {
    pub(super) fn new(most: NonZeroU32, most_of_one: NonZeroU32, gauge: IntGauge) -> Self {
        Self {
            inner: Mutex::default(),
            most: most.get() as usize,
            most_of_one: most_of_one.get() as usize,
            gauge,
        }
    }

    /// Takes a place for a session that is about to be made.
    pub(super) fn take_place(self: &Arc<Self>, account: Account) -> Result<Place, Refusal> {
        let mut inner = self.lock();
        if inner.taken >= self.most {
            return Err(Refusal::overloaded(
                "all sessions of this server are taken; try again later",
                10,
            ));
        }
        let of_one = inner.by_account.get(&account).copied().unwrap_or(0);
        if of_one >= self.most_of_one {
            return Err(self.too_many());
        }
        inner.by_account.insert(account, of_one + 1);
        inner.taken += 1;
        Ok(Place {
            table: Arc::clone(self),
            account,
        })
    }

    /// Enters a session that has just been made.
    pub(super) fn enter(&self, id: SessionId, owner: Owner, place: Place, record: Option<Record>) {
        let now = Instant::now();
        let session = Session {
            id: SessionId::clone(&id),
            owner,
            mark: Mark::new(),
            running: Arc::default(),
            record: record.map(OnceLock::from).unwrap_or_default(),
            times: Mutex::new(Times {
                confirmed: now,
                listed: now,
            }),
        };
        let mut inner = self.lock();
        let before = inner.sessions.insert(id, (Arc::new(session), place));
        self.gauge.set(inner.sessions.len() as i64);
        // A place that is given back asks for the lock.
        drop(inner);
        drop(before);
    }

    /// Strikes a session out.
    pub(super) fn remove(&self, id: &str) {
        let mut inner = self.lock();
        let removed = inner.sessions.remove(id);
        self.gauge.set(inner.sessions.len() as i64);
        drop(inner);
        drop(removed);
    }

    /// The session, whoever asks.
    pub(super) fn get(&self, id: &str) -> Option<Arc<Session>> {
        let inner = self.lock();
        inner
            .sessions
            .get(id)
            .map(|(session, _)| Arc::clone(session))
    }

    /// The session, if it is `owner`'s: everybody else hears the same as if it were not there.
    pub(super) fn get_of(&self, id: &str, owner: Owner) -> Option<Arc<Session>> {
        self.get(id).filter(|session| session.owner == owner)
    }

    /// The caller has all the sessions it may have.
    pub(super) fn too_many(&self) -> Refusal {
        Refusal::new(
            Code::TooManyOpen,
            format!(
                "this caller has {} sessions, which is all it may have; end one with DELETE, or wait until one ends unused",
                self.most_of_one
            ),
        )
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Session {
    pub(super) fn times(&self) -> Times {
        *self.times.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set_times(&self, times: Times) {
        *self.times.lock().unwrap_or_else(PoisonError::into_inner) = times;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut inner = self.table.lock();
        inner.taken = inner.taken.saturating_sub(1);
        if let Some(count) = inner.by_account.get_mut(&self.account) {
            *count -= 1;
            if *count == 0 {
                inner.by_account.remove(&self.account);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(most: u32, most_of_one: u32) -> Arc<Table> {
        let limit = |number| NonZeroU32::new(number).unwrap();
        let gauge = IntGauge::new("sessions", "sessions").unwrap();
        Arc::new(Table::new(limit(most), limit(most_of_one), gauge))
    }

    fn account(number: u8) -> Account {
        Account::Caller([number; 16])
    }

    // SES-03
    #[test]
    fn a_place_that_was_not_used_is_given_back() {
        let table = table(2, 1);
        let one = table.take_place(account(1)).unwrap();
        let refusal = table.take_place(account(1)).unwrap_err();
        assert_eq!(refusal.code, Code::TooManyOpen);
        let two = table.take_place(account(2)).unwrap();
        let refusal = table.take_place(account(3)).unwrap_err();
        assert_eq!(refusal.code, Code::Overloaded);
        drop((one, two));
        assert!(table.take_place(account(1)).is_ok());
        assert!(table.lock().by_account.is_empty());
    }

    #[test]
    fn a_session_keeps_its_place_until_it_is_struck_out() {
        let table = table(9, 1);
        let place = table.take_place(account(1)).unwrap();
        let anonymous = Owner::of(&http::Extensions::new());
        table.enter("a".into(), anonymous, place, None);
        assert_eq!(table.gauge.get(), 1);
        let held = table.get("a");
        assert!(table.take_place(account(1)).is_err());
        table.remove("a");
        table.remove("a");
        assert!(table.get("a").is_none());
        assert!(table.take_place(account(1)).is_ok());
        assert_eq!(table.gauge.get(), 0);
        drop(held);
    }

    #[test]
    fn however_many_come_at_once_no_more_than_allowed_get_a_place() {
        let table = table(50, 20);
        let places: Vec<_> = std::thread::scope(|scope| {
            let all: Vec<_> = (0..8u8)
                .map(|number| {
                    let table = &table;
                    scope.spawn(move || {
                        let takes =
                            (0..100).filter_map(|_| table.take_place(account(number % 2)).ok());
                        takes.collect::<Vec<_>>()
                    })
                })
                .collect();
            all.into_iter()
                .flat_map(|thread| thread.join().unwrap())
                .collect()
        });
        assert_eq!(places.len(), 40);
    }
}
