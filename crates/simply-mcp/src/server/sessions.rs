//! The sessions of MCP versions up to 2025-11-25: what each asked for, and who is told what.
//!
//! rmcp gives sessions no name, but each keeps the client's `initialize` parameters in one place for
//! its whole life: the address of those is the name used here. The table holds them, so that an
//! address is not given to another session as long as its entry stands.

#![expect(
    deprecated,
    reason = "SEP-2577 deprecates logging, sampling and roots; clients still use them"
)]

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::StreamExt;
use rmcp::{
    RoleServer,
    model::{Extensions, InitializeRequestParams, LoggingLevel, ResourceUpdatedNotificationParam},
    service::{Peer, RequestContext, ServiceError},
};

use super::changes::{Change, Changes, Subscriber};

/// The most resources that one session, or one stream, watches.
pub(super) const MAX_WATCHED: usize = 1000;

/// The most bytes that their URIs have together.
pub(super) const MAX_WATCHED_BYTES: usize = 128 * 1024;

/// How long one session may take to be told of a change before the next is told without waiting.
const NOTIFICATION_TIMEOUT: Duration = Duration::from_secs(5);

/// How many sessions are told at the same time.
const CONCURRENT_NOTIFICATIONS: usize = 64;

/// The header that names a session over HTTP.
const SESSION_HEADER: &str = "mcp-session-id";

pub(super) struct Sessions {
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    sessions: HashMap<usize, Session>,
    /// Whether a task tells the sessions of changes.
    is_served: bool,
    /// The number of sessions at which the ended ones are looked for. How many live is for the transport to bound.
    prune_at: usize,
}

struct Session {
    peer: Peer<RoleServer>,
    /// Keeps the address from being given to another session.
    _identity: Arc<InitializeRequestParams>,
    level: Option<LoggingLevel>,
    watched: HashSet<String>,
}

impl Sessions {
    pub(super) fn new() -> Self {
        Self {
            table: Mutex::new(Table::default()),
        }
    }

    /// Remembers a session, so that it hears of changes. A request outside of any is ignored.
    pub(super) fn register(
        self: &Arc<Self>,
        peer: &Peer<RoleServer>,
        extensions: &Extensions,
        changes: &Changes,
    ) {
        self.with_session(peer, extensions, changes, |_| ());
    }

    /// The level that a session set, if it did.
    pub(super) fn level(&self, request: &RequestContext<RoleServer>) -> Option<LoggingLevel> {
        let (address, _) = identity(&request.peer, &request.extensions)?;
        self.lock().sessions.get(&address)?.level
    }

    pub(super) fn set_level(
        self: &Arc<Self>,
        request: &RequestContext<RoleServer>,
        changes: &Changes,
        level: LoggingLevel,
    ) {
        self.with_session(&request.peer, &request.extensions, changes, |session| {
            session.level = Some(level);
        });
    }

    /// Notes that a session watches a resource; false if it watches too many.
    pub(super) fn watch(
        self: &Arc<Self>,
        request: &RequestContext<RoleServer>,
        changes: &Changes,
        uri: String,
    ) -> bool {
        let watched = self.with_session(&request.peer, &request.extensions, changes, |session| {
            let bytes: usize = session.watched.iter().map(String::len).sum();
            let has_room =
                session.watched.len() < MAX_WATCHED && bytes + uri.len() <= MAX_WATCHED_BYTES;
            let watches = has_room || session.watched.contains(&uri);
            if has_room {
                session.watched.insert(uri);
            }
            watches
        });
        watched.unwrap_or(true)
    }

    pub(super) fn unwatch(&self, request: &RequestContext<RoleServer>, uri: &str) {
        if let Some((address, _)) = identity(&request.peer, &request.extensions)
            && let Some(session) = self.lock().sessions.get_mut(&address)
        {
            session.watched.remove(uri);
        }
    }

    fn with_session<T>(
        self: &Arc<Self>,
        peer: &Peer<RoleServer>,
        extensions: &Extensions,
        changes: &Changes,
        change: impl FnOnce(&mut Session) -> T,
    ) -> Option<T> {
        let (address, identity) = identity(peer, extensions)?;
        let mut table = self.lock();
        if !table.sessions.contains_key(&address) {
            table.make_room();
        }
        let session = table.sessions.entry(address).or_insert_with(|| Session {
            peer: peer.clone(),
            _identity: identity,
            level: None,
            watched: HashSet::new(),
        });
        let result = change(session);
        if !table.is_served {
            table.is_served = true;
            tokio::spawn(Arc::clone(self).serve(changes.subscribe()));
        }
        Some(result)
    }

    /// Tells sessions of changes until there are none, or the server is gone.
    async fn serve(self: Arc<Self>, mut changes: Subscriber) {
        while let Some(change) = changes.next().await {
            let Some(interested) = self.interested(&change) else {
                return;
            };
            futures::stream::iter(interested)
                .for_each_concurrent(CONCURRENT_NOTIFICATIONS, |(peer, change)| async move {
                    // A session that is gone or does not read is no fault of the others.
                    let _ = tokio::time::timeout(NOTIFICATION_TIMEOUT, tell(&peer, change)).await;
                })
                .await;
        }
    }

    /// Who is to be told what; `None` when nobody is left, and the task that asks must end.
    fn interested(&self, change: &Change) -> Option<Vec<(Peer<RoleServer>, Change)>> {
        let mut table = self.lock();
        table.prune();
        if table.sessions.is_empty() {
            table.is_served = false;
            return None;
        }
        let told = table.sessions.values().flat_map(|session| {
            session
                .told_of(change)
                .into_iter()
                .map(|change| (session.peer.clone(), change))
        });
        Some(told.collect())
    }

    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.lock().sessions.len()
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn make_room(&mut self) {
        if self.sessions.len() >= self.prune_at {
            self.prune();
            self.prune_at = (self.sessions.len() * 2).max(64);
        }
    }

    fn prune(&mut self) {
        self.sessions
            .retain(|_, session| !session.peer.is_transport_closed());
    }
}

impl Session {
    fn told_of(&self, change: &Change) -> Vec<Change> {
        match change {
            Change::Tools | Change::Prompts | Change::Resources => vec![change.clone()],
            Change::Updated(uri) if self.watched.contains(&**uri) => vec![change.clone()],
            Change::Updated(_) => Vec::new(),
            Change::Everything => {
                let updated = self
                    .watched
                    .iter()
                    .map(|uri| Change::Updated(uri.as_str().into()));
                [Change::Tools, Change::Prompts, Change::Resources]
                    .into_iter()
                    .chain(updated)
                    .collect()
            }
        }
    }
}

/// The address that names a session, and what stands there. Over HTTP without a session there is
/// none, though rmcp's peer may be shared by many such requests.
fn identity(
    peer: &Peer<RoleServer>,
    extensions: &Extensions,
) -> Option<(usize, Arc<InitializeRequestParams>)> {
    let parts = extensions.get::<http::request::Parts>();
    if parts.is_some_and(|parts| !parts.headers.contains_key(SESSION_HEADER)) {
        return None;
    }
    let info = peer.peer_info()?;
    Some((Arc::as_ptr(&info).addr(), info))
}

async fn tell(peer: &Peer<RoleServer>, change: Change) -> Result<(), ServiceError> {
    match change {
        Change::Tools => peer.notify_tool_list_changed().await,
        Change::Prompts => peer.notify_prompt_list_changed().await,
        Change::Resources => peer.notify_resource_list_changed().await,
        Change::Updated(uri) => {
            let updated = ResourceUpdatedNotificationParam::new(&*uri);
            peer.notify_resource_updated(updated).await
        }
        Change::Everything => Ok(()),
    }
}

/// The order of levels (RFC 5424, section 6.2.1), least severe first.
pub(super) fn severity(level: LoggingLevel) -> u8 {
    match level {
        LoggingLevel::Debug => 0,
        LoggingLevel::Info => 1,
        LoggingLevel::Notice => 2,
        LoggingLevel::Warning => 3,
        LoggingLevel::Error => 4,
        LoggingLevel::Critical => 5,
        LoggingLevel::Alert => 6,
        LoggingLevel::Emergency => 7,
    }
}

#[cfg(test)]
mod tests {
    use rmcp::service::serve_directly;

    use super::*;
    use crate::McpServer;

    #[tokio::test]
    async fn the_table_has_room_for_all_that_live_and_forgets_those_that_ended() {
        let peers = || {
            let (near, far) = tokio::io::duplex(64);
            let info = Some(InitializeRequestParams::default());
            (far, serve_directly(McpServer::new("s", "1"), near, info))
        };
        let (far, living) = peers();
        let entry = |peer: &Peer<RoleServer>| Session {
            peer: peer.clone(),
            _identity: Arc::default(),
            level: None,
            watched: HashSet::new(),
        };
        let mut table = Table::default();
        for address in 0..30_000 {
            table.make_room();
            table.sessions.insert(address, entry(living.peer()));
        }
        assert_eq!(table.sessions.len(), 30_000);
        let peer = living.peer().clone();
        drop(far);
        living.waiting().await.unwrap();
        assert!(peer.is_transport_closed());
        for address in 30_000..70_000 {
            table.make_room();
            table.sessions.insert(address, entry(&peer));
            assert!(table.sessions.len() < 70_000);
        }
        assert!(table.sessions.len() < 40_000);
    }
}
