//! What replicas tell each other of sessions, over the shared store (`rate_limit.store`).
//!
//! Each session has one key there, which holds how it was initialized, so that any replica can go on with it. The
//! owner is part of the key: who asks for the session of somebody else asks for a key that does not exist. The id
//! stands there as a hash. Each account has a list of its sessions, so that it has no more of them on all replicas
//! together than it may have on one. Every key ends by itself `mcp.session_timeout` after its last use.
//!
//! A session that is ended leaves a mark behind for as long as a replica may still hold it. A key that is simply not
//! there was lost (the store was flushed, or failed over), and a replica that holds the session writes it again.

use std::{sync::Arc, time::Duration};

use redis::cmd;
use rmcp::transport::streamable_http_server::session::{
    SessionState, SessionStore, SessionStoreError,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{
    account::{Account, Owner},
    arrival::Arrival,
    table::Table,
};
use crate::store::{Script, Store, Unavailable};

/// What stands in the place of a session that was ended.
const ENDED: &str = "";

/// How long a new session may take to be initialized before its entry in the list is forgotten.
const INITIALIZED_WITHIN: Duration = Duration::from_secs(60);

/// How much longer than a session the mark of its end lasts.
const LONGER: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(super) struct Shared {
    store: Store,
    enlist: Script,
    idle: Duration,
    most_of_one: u32,
}

/// The entry of a session in the list of its account.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Ticket {
    account: String,
    entry: Box<str>,
}

/// What a replica needs to know to go on with a session.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Record {
    ticket: Option<Ticket>,
    state: Arc<SessionState>,
}

/// What the store says of a session.
#[derive(Debug)]
pub(super) enum Told {
    Lives(Box<Record>),
    Ended,
    Unknown,
}

impl Shared {
    pub(super) fn new(store: Store, idle: Duration, most_of_one: u32) -> Self {
        Self {
            store,
            enlist: Script::new(include_str!("enlist.lua")),
            idle,
            most_of_one,
        }
    }

    /// Enters a session that is about to be made into the list of `account`; `None` if the list is full.
    pub(super) async fn enlist(&self, account: Account) -> Result<Option<Ticket>, Unavailable> {
        let ticket = Ticket {
            account: account.to_string(),
            entry: Uuid::new_v4().simple().to_string().into(),
        };
        let within = INITIALIZED_WITHIN.min(self.idle);
        let entered = self.list(&ticket, self.most_of_one, within).await?;
        Ok(entered.then_some(ticket))
    }

    /// Keeps the entry of a session that is used.
    pub(super) async fn stay_listed(&self, record: &Record) -> Result<(), Unavailable> {
        if let Some(ticket) = &record.ticket {
            self.list(ticket, u32::MAX, self.idle).await?;
        }
        Ok(())
    }

    /// Strikes out the entry of a session that is over, or was never made. If it cannot be, it ends by itself.
    pub(super) async fn strike_out(&self, ticket: &Ticket) {
        let mut command = cmd("ZREM");
        command.arg(list_key(ticket)).arg(&*ticket.entry);
        let _ = self.store.command::<i64>(command).await;
    }

    /// Looks a session of `owner` up, and counts that as its use.
    pub(super) async fn look_up(&self, owner: Owner, id: &str) -> Result<Told, Unavailable> {
        let mut command = cmd("GETEX");
        command
            .arg(key(owner, id))
            .arg("PX")
            .arg(milliseconds(self.idle));
        // As bytes: a value that is not text would count as an answer that cannot be read, and end the connection.
        let text: Option<Vec<u8>> = self.store.command(command).await?;
        Ok(match text.as_deref() {
            None => Told::Unknown,
            Some(text) if text == ENDED.as_bytes() => Told::Ended,
            Some(text) => match serde_json::from_slice(text) {
                Ok(record) => Told::Lives(Box::new(record)),
                Err(error) => {
                    crate::logs::bounded!(
                        warn,
                        line = error.line(),
                        column = error.column(),
                        "a session in the shared store cannot be read; its client has to initialize again"
                    );
                    Told::Unknown
                }
            },
        })
    }

    /// Writes a session down, unless something is written of it already.
    pub(super) async fn write(
        &self,
        owner: Owner,
        id: &str,
        record: &Record,
    ) -> Result<(), Unavailable> {
        let Ok(text) = serde_json::to_string(record) else {
            return Ok(());
        };
        let mut command = cmd("SET");
        command
            .arg(key(owner, id))
            .arg(text)
            .arg("NX")
            .arg("PX")
            .arg(milliseconds(self.idle));
        self.store.command::<Option<String>>(command).await?;
        self.stay_listed(record).await
    }

    /// Writes down that a session is over.
    pub(super) async fn end(
        &self,
        owner: Owner,
        id: &str,
        record: Option<&Record>,
    ) -> Result<(), Unavailable> {
        let mut command = cmd("SET");
        command
            .arg(key(owner, id))
            .arg(ENDED)
            .arg("PX")
            .arg(milliseconds(self.idle + LONGER));
        self.store.command::<String>(command).await?;
        if let Some(ticket) = record.and_then(|record| record.ticket.as_ref()) {
            self.strike_out(ticket).await;
        }
        Ok(())
    }

    async fn list(&self, ticket: &Ticket, most: u32, lasts: Duration) -> Result<bool, Unavailable> {
        let arguments = (&*ticket.entry, most, milliseconds(lasts));
        let entered: i64 = self
            .store
            .evaluate(&self.enlist, &list_key(ticket), arguments)
            .await?;
        Ok(entered == 1)
    }
}

fn key(owner: Owner, id: &str) -> String {
    let hash: [u8; 32] = Sha256::digest(id.as_bytes()).into();
    let hash = Uuid::from_slice(&hash[..16]).unwrap_or_default();
    format!("smcp:{{{owner}}}:session:{}", hash.simple())
}

fn list_key(ticket: &Ticket) -> String {
    format!("smcp:{{{}}}:sessions", ticket.account)
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// rmcp's way to remember and to restore: what it hears was read, and what it says is written, for the caller whose
/// request runs.
pub(super) struct Remembered {
    pub(super) table: Arc<Table>,
    pub(super) shared: Arc<Shared>,
}

type Answer<'a, T> =
    std::pin::Pin<Box<dyn Future<Output = Result<T, SessionStoreError>> + Send + 'a>>;

// The trait is declared by async-trait, which these signatures spell out.
impl SessionStore for Remembered {
    fn load<'this, 'id, 'a>(&'this self, _: &'id str) -> Answer<'a, Option<SessionState>>
    where
        Self: 'a,
        'this: 'a,
        'id: 'a,
    {
        let arrival = Arrival::current();
        let record = arrival.and_then(|arrival| arrival.record.clone());
        let state = record.map(|record| SessionState::clone(&record.state));
        Box::pin(std::future::ready(Ok(state)))
    }

    fn store<'this, 'id, 'state, 'a>(
        &'this self,
        id: &'id str,
        state: &'state SessionState,
    ) -> Answer<'a, ()>
    where
        Self: 'a,
        'this: 'a,
        'id: 'a,
        'state: 'a,
    {
        Box::pin(async move {
            // One whose handler said no is gone already.
            if let Some(session) = self.table.get(id) {
                let ticket = Arrival::current().and_then(|arrival| arrival.ticket.clone());
                let state = Arc::new(state.clone());
                let record = session.record.get_or_init(|| Record { ticket, state });
                // Without an answer it lives here alone, until it is used while the store answers.
                let _ = self.shared.write(session.owner, id, record).await;
            }
            Ok(())
        })
    }

    fn delete<'this, 'id, 'a>(&'this self, _: &'id str) -> Answer<'a, ()>
    where
        Self: 'a,
        'this: 'a,
        'id: 'a,
    {
        Box::pin(std::future::ready(Ok(())))
    }
}
