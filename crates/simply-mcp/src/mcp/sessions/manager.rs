//! rmcp's session manager, with an owner for each session.
//!
//! Sessions are made and struck out here and nowhere else, in the same step in rmcp's table and in ours.

use std::{sync::Arc, time::Duration};

use futures::{Stream, StreamExt, future, stream};
use rmcp::{
    model::{ClientJsonRpcMessage, JsonRpcMessage, ServerJsonRpcMessage},
    transport::streamable_http_server::session::{
        RestoreOutcome, ServerSseMessage, SessionId, SessionManager,
        local::{LocalSessionManager, LocalSessionManagerError, SessionError},
    },
};
use tokio::time::timeout;

use super::{arrival::Arrival, events::Position, table::Table};

/// How long a session may be too busy to take a message. It is when its client does not read what it is sent.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// How long what was not delivered of a stream is kept for a client that takes it up again, once it is over.
const KEPT: Duration = Duration::from_secs(10);

/// A stream that no session has: to close it does nothing, but counts as use of the session.
const NO_STREAM: u64 = u64::MAX;

pub(in crate::mcp) struct Manager {
    local: LocalSessionManager,
    table: Arc<Table>,
}

#[derive(Debug, thiserror::Error)]
pub(in crate::mcp) enum ManagerError {
    #[error("a session was made for nobody")]
    ForNobody,
    #[error("the session is not known here, or has ended")]
    Ended,
    #[error("the session was too busy for {} seconds", LONGEST_WAIT.as_secs())]
    Busy,
    #[error(transparent)]
    Local(#[from] LocalSessionManagerError),
}

impl Manager {
    pub(super) fn new(table: Arc<Table>, idle: Duration) -> Self {
        let mut local = LocalSessionManager::default();
        local.session_config.keep_alive = Some(idle);
        local.session_config.completed_cache_ttl = KEPT;
        Self { local, table }
    }

    /// Tells a session that it is in use, so that it does not end for want of it.
    pub(super) async fn touch(&self, id: &SessionId) {
        let handle = self.local.sessions.read().await.get(id).cloned();
        if let Some(handle) = handle {
            // A session that is too busy to hear it is in use anyway.
            let _ = timeout(LONGEST_WAIT, handle.close_request_wise_channel(NO_STREAM)).await;
        }
    }

    /// The outcome of `request`, in time. What finds the session over strikes it out.
    async fn in_session<T>(
        &self,
        id: &SessionId,
        request: impl Future<Output = Result<T, LocalSessionManagerError>>,
    ) -> Result<T, ManagerError> {
        match timeout(LONGEST_WAIT, request).await {
            Ok(Err(
                LocalSessionManagerError::SessionNotFound(_)
                | LocalSessionManagerError::SessionError(SessionError::SessionServiceTerminated),
            )) => {
                self.table.remove(id);
                Err(ManagerError::Ended)
            }
            Ok(outcome) => Ok(outcome?),
            Err(_) => Err(ManagerError::Busy),
        }
    }
}

impl SessionManager for Manager {
    type Error = ManagerError;
    type Transport = <LocalSessionManager as SessionManager>::Transport;

    async fn create_session(&self) -> Result<(SessionId, Self::Transport), ManagerError> {
        let arrival = Arrival::current().ok_or(ManagerError::ForNobody)?;
        let place = arrival.take_place().ok_or(ManagerError::ForNobody)?;
        let (id, transport) = self.local.create_session().await?;
        arrival.is_made(SessionId::clone(&id));
        self.table
            .enter(SessionId::clone(&id), arrival.owner, place, None);
        Ok((id, transport))
    }

    async fn initialize_session(
        &self,
        id: &SessionId,
        message: ClientJsonRpcMessage,
    ) -> Result<ServerJsonRpcMessage, ManagerError> {
        // How long the handler may take is for the request's own timeout to say.
        let answer = self.local.initialize_session(id, message).await?;
        if matches!(answer, JsonRpcMessage::Error(_)) {
            self.table.remove(id);
        }
        Ok(answer)
    }

    async fn has_session(&self, id: &SessionId) -> Result<bool, ManagerError> {
        Ok(self.local.has_session(id).await?)
    }

    async fn close_session(&self, id: &SessionId) -> Result<(), ManagerError> {
        self.table.remove(id);
        // One that is stuck ends by itself: nothing holds it any more.
        let _ = timeout(LONGEST_WAIT, self.local.close_session(id)).await;
        Ok(())
    }

    async fn create_stream(
        &self,
        id: &SessionId,
        message: ClientJsonRpcMessage,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, ManagerError> {
        let session = self.table.get(id).ok_or(ManagerError::Ended)?;
        let events = self
            .in_session(id, self.local.create_stream(id, message))
            .await?;
        Ok(events.map(move |event| session.mark.mark(event)))
    }

    async fn accept_message(
        &self,
        id: &SessionId,
        message: ClientJsonRpcMessage,
    ) -> Result<(), ManagerError> {
        self.in_session(id, self.local.accept_message(id, message))
            .await
    }

    async fn create_standalone_stream(
        &self,
        id: &SessionId,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, ManagerError> {
        let session = self.table.get(id).ok_or(ManagerError::Ended)?;
        let events = self
            .in_session(id, self.local.create_standalone_stream(id))
            .await?;
        Ok(events.map(move |event| session.mark.mark(event)))
    }

    /// Takes a stream up behind the event that the client has seen last. An id that is none of this session's gets
    /// an empty stream: an error would make a browser's `EventSource` ask for ever.
    async fn resume(
        &self,
        id: &SessionId,
        last_event_id: String,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, ManagerError> {
        let session = self.table.get(id).ok_or(ManagerError::Ended)?;
        let behind = match session.mark.read(&last_event_id) {
            None => return Ok(stream::empty().left_stream()),
            Some(Position::Beginning) => {
                let events = self.create_standalone_stream(id).await?;
                return Ok(events.left_stream().right_stream());
            }
            Some(Position::Behind(event)) => event.to_owned(),
        };
        let events = self
            .in_session(id, self.local.resume(id, behind.clone()))
            .await?;
        // rmcp begins with the event that was named, which the client has.
        let unseen = events
            .filter(move |event| future::ready(event.event_id.as_deref() != Some(behind.as_str())));
        let marked = unseen.map(move |event| session.mark.mark(event));
        Ok(marked.right_stream().right_stream())
    }

    async fn restore_session(
        &self,
        id: SessionId,
    ) -> Result<RestoreOutcome<Self::Transport>, ManagerError> {
        let arrival = Arrival::current().ok_or(ManagerError::ForNobody)?;
        let place = arrival.take_place().ok_or(ManagerError::ForNobody)?;
        let outcome = self.local.restore_session(SessionId::clone(&id)).await?;
        if let RestoreOutcome::Restored(_) = &outcome {
            self.table
                .enter(id, arrival.owner, place, arrival.record.clone());
        }
        Ok(outcome)
    }
}
