//! Who hears what the child says to everybody: sessions of the older versions, and `subscriptions/listen` streams.
//!
//! Each has a short queue of its own, so a slow client delays nobody; what does not fit is dropped, which these
//! notifications allow (the next one, or the next list, says the same).
#![expect(
    deprecated,
    reason = "logging is deprecated in 2026-07-28, and still served to the clients that use it"
)]

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rmcp::model::{
    InitializeRequestParams, LoggingLevel, LoggingMessageNotificationParam,
    ResourceUpdatedNotificationParam, SubscriptionFilter,
};
use rmcp::service::{Peer, RoleServer};
use tokio::sync::{Notify, mpsc};

/// Notifications that may wait for one client.
const QUEUE: usize = 64;
/// Most sessions and most streams that are told; each costs a queue. More connect, but hear no broadcasts.
const MOST_LISTENERS: usize = 10_000;
/// Most resources that one client may watch.
pub(super) const MOST_RESOURCES: usize = 1000;
/// Most resources that all sessions together may watch, each counted as often as it is watched.
const MOST_WATCHED: usize = 100_000;

/// Something for everybody whom it concerns.
#[derive(Debug, Clone)]
pub(super) enum Broadcast {
    ToolsChanged,
    PromptsChanged,
    ResourcesChanged,
    ResourceUpdated(ResourceUpdatedNotificationParam),
    Log(LoggingMessageNotificationParam),
}

/// All who listen.
#[derive(Debug, Default)]
pub(super) struct Audience {
    listeners: Mutex<Listeners>,
    /// Woken when the set of watched resources changes.
    pub(super) resources_changed: Notify,
}

#[derive(Debug, Default)]
struct Listeners {
    /// By the address of the handshake that began the session, which the session holds, so it stays its own.
    sessions: HashMap<usize, Session>,
    streams: HashMap<u64, Stream>,
    next_stream: u64,
}

#[derive(Debug)]
struct Session {
    _handshake: Arc<InitializeRequestParams>,
    peer: Peer<RoleServer>,
    level: Option<LoggingLevel>,
    resources: HashSet<String>,
    queue: mpsc::Sender<Broadcast>,
}

#[derive(Debug)]
struct Stream {
    filter: SubscriptionFilter,
    queue: mpsc::Sender<Broadcast>,
}

impl Audience {
    /// Makes the peer's session known, if it is not yet.
    pub(super) fn join(&self, peer: &Peer<RoleServer>) {
        self.lock().session(peer);
    }

    /// Opens a stream; what passes its filter arrives in the queue. `None` where there are too many.
    pub(super) fn open_stream(
        &self,
        filter: SubscriptionFilter,
    ) -> Option<(u64, mpsc::Receiver<Broadcast>)> {
        let mut listeners = self.lock();
        if listeners.streams.len() >= MOST_LISTENERS {
            return None;
        }
        let id = listeners.next_stream;
        listeners.next_stream += 1;
        let (queue, broadcasts) = mpsc::channel(QUEUE);
        listeners.streams.insert(id, Stream { filter, queue });
        drop(listeners);
        self.resources_changed.notify_one();
        Some((id, broadcasts))
    }

    /// Closes a stream.
    pub(super) fn close_stream(&self, id: u64) {
        self.lock().streams.remove(&id);
        self.resources_changed.notify_one();
    }

    /// Adds a resource to those that the session watches. False where it watches too many.
    pub(super) fn watch(&self, peer: &Peer<RoleServer>, uri: &str) -> bool {
        let mut listeners = self.lock();
        let watched: usize = listeners
            .sessions
            .values()
            .map(|session| session.resources.len())
            .sum();
        let Some(session) = listeners.session(peer) else {
            return false;
        };
        if watched >= MOST_WATCHED || session.resources.len() >= MOST_RESOURCES {
            return false;
        }
        session.resources.insert(uri.to_owned());
        drop(listeners);
        self.resources_changed.notify_one();
        true
    }

    /// Takes a resource from those that the session watches.
    pub(super) fn unwatch(&self, peer: &Peer<RoleServer>, uri: &str) {
        if let Some(session) = self.lock().session(peer) {
            session.resources.remove(uri);
        }
        self.resources_changed.notify_one();
    }

    /// All resources that anybody watches.
    pub(super) fn watched(&self) -> HashSet<String> {
        let mut listeners = self.lock();
        listeners.forget_closed();
        let of_sessions = listeners
            .sessions
            .values()
            .flat_map(|session| &session.resources);
        let of_streams = listeners
            .streams
            .values()
            .flat_map(|stream| stream.filter.resource_subscriptions.iter().flatten());
        of_sessions.chain(of_streams).cloned().collect()
    }

    /// Sets the level from which on the session wants log messages.
    pub(super) fn set_level(&self, peer: &Peer<RoleServer>, level: LoggingLevel) {
        if let Some(session) = self.lock().session(peer) {
            session.level = Some(level);
        }
    }

    /// The level that the session set.
    pub(super) fn level(&self, peer: &Peer<RoleServer>) -> Option<LoggingLevel> {
        let handshake = peer.peer_info()?;
        self.lock().sessions.get(&address(&handshake))?.level
    }

    /// The most verbose level that any session set.
    pub(super) fn most_verbose(&self) -> Option<LoggingLevel> {
        let listeners = self.lock();
        let levels = listeners
            .sessions
            .values()
            .filter_map(|session| session.level);
        levels.min_by_key(|level| severity(*level))
    }

    /// Tells everybody whom it concerns.
    pub(super) fn tell(&self, broadcast: &Broadcast) {
        let listeners = self.lock();
        for session in listeners
            .sessions
            .values()
            .filter(|session| session.wants(broadcast))
        {
            let _ = session.queue.try_send(broadcast.clone());
        }
        for stream in listeners
            .streams
            .values()
            .filter(|stream| stream.wants(broadcast))
        {
            let _ = stream.queue.try_send(broadcast.clone());
        }
    }

    fn lock(&self) -> MutexGuard<'_, Listeners> {
        self.listeners
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Listeners {
    /// The peer's session, made known where it is not yet. `None` for peers without a handshake, or if there are too
    /// many.
    fn session(&mut self, peer: &Peer<RoleServer>) -> Option<&mut Session> {
        let handshake = peer.peer_info()?;
        let key = address(&handshake);
        if !self.sessions.contains_key(&key) {
            self.forget_closed();
            if self.sessions.len() >= MOST_LISTENERS {
                return None;
            }
            let (queue, broadcasts) = mpsc::channel(QUEUE);
            tokio::spawn(relay(peer.clone(), broadcasts));
            let session = Session {
                _handshake: handshake,
                peer: peer.clone(),
                level: None,
                resources: HashSet::new(),
                queue,
            };
            self.sessions.insert(key, session);
        }
        self.sessions.get_mut(&key)
    }

    fn forget_closed(&mut self) {
        self.sessions
            .retain(|_, session| !session.peer.is_transport_closed());
    }
}

fn address(handshake: &Arc<InitializeRequestParams>) -> usize {
    Arc::as_ptr(handshake).addr()
}

impl Session {
    fn wants(&self, broadcast: &Broadcast) -> bool {
        match broadcast {
            Broadcast::ToolsChanged | Broadcast::PromptsChanged | Broadcast::ResourcesChanged => {
                true
            }
            Broadcast::ResourceUpdated(update) => self.resources.contains(&update.uri),
            Broadcast::Log(message) => self
                .level
                .is_some_and(|level| severity(message.level) >= severity(level)),
        }
    }
}

impl Stream {
    fn wants(&self, broadcast: &Broadcast) -> bool {
        let filter = &self.filter;
        match broadcast {
            Broadcast::ToolsChanged => filter.tools_list_changed == Some(true),
            Broadcast::PromptsChanged => filter.prompts_list_changed == Some(true),
            Broadcast::ResourcesChanged => filter.resources_list_changed == Some(true),
            Broadcast::ResourceUpdated(update) => filter
                .resource_subscriptions
                .as_ref()
                .is_some_and(|uris| uris.contains(&update.uri)),
            Broadcast::Log(_) => false,
        }
    }
}

/// RFC 5424's order, turned round: higher is graver.
pub(super) fn severity(level: LoggingLevel) -> u8 {
    level as u8
}

/// Sends one session what is for it, one after the other, until the session is gone.
async fn relay(peer: Peer<RoleServer>, mut broadcasts: mpsc::Receiver<Broadcast>) {
    while let Some(broadcast) = broadcasts.recv().await {
        let sent = match broadcast {
            Broadcast::ToolsChanged => peer.notify_tool_list_changed().await,
            Broadcast::PromptsChanged => peer.notify_prompt_list_changed().await,
            Broadcast::ResourcesChanged => peer.notify_resource_list_changed().await,
            Broadcast::ResourceUpdated(update) => peer.notify_resource_updated(update).await,
            Broadcast::Log(message) => peer.notify_logging_message(message).await,
        };
        if sent.is_err() && peer.is_transport_closed() {
            return;
        }
    }
}
