//! What changed, for everybody who asked to hear of it.

use std::sync::Arc;

use rmcp::service::{SubscriptionContext, SubscriptionSendError, SubscriptionSink};
use tokio::sync::broadcast::{self, Receiver, error::RecvError};

use super::McpServer;

/// How many changes a subscriber may lag behind. One that lags further is told that everything it
/// watches changed, which is true and asks it to look again.
const MAX_BACKLOG: usize = 256;

/// One change of what the server has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Tools,
    Prompts,
    Resources,
    /// The content of one resource.
    Updated(Arc<str>),
    /// Too much to tell apart.
    Everything,
}

pub(super) struct Changes {
    sender: broadcast::Sender<Change>,
}

impl Changes {
    pub(super) fn new() -> Self {
        Self {
            sender: broadcast::Sender::new(MAX_BACKLOG),
        }
    }

    pub(super) fn announce(&self, change: Change) {
        // Nobody listening is no fault.
        let _ = self.sender.send(change);
    }

    pub(super) fn subscribe(&self) -> Subscriber {
        Subscriber(self.sender.subscribe())
    }
}

pub(super) struct Subscriber(Receiver<Change>);

impl Subscriber {
    /// The next change, or `None` when the server is gone.
    pub(super) async fn next(&mut self) -> Option<Change> {
        match self.0.recv().await {
            Ok(change) => Some(change),
            Err(RecvError::Lagged(_)) => Some(Change::Everything),
            Err(RecvError::Closed) => None,
        }
    }
}

impl McpServer {
    /// Tells clients that the list of tools changed. [`McpServer::update`] does so by itself.
    pub fn notify_tools_changed(&self) {
        self.shared.changes.announce(Change::Tools);
    }

    /// Tells clients that the list of prompts changed. [`McpServer::update`] does so by itself.
    pub fn notify_prompts_changed(&self) {
        self.shared.changes.announce(Change::Prompts);
    }

    /// Tells clients that the list of resources changed. [`McpServer::update`] does so by itself.
    pub fn notify_resources_changed(&self) {
        self.shared.changes.announce(Change::Resources);
    }

    /// Tells the clients that subscribed to a resource that its content changed.
    pub fn notify_resource_updated(&self, uri: &str) {
        self.shared.changes.announce(Change::Updated(uri.into()));
    }
}

/// Serves one `subscriptions/listen` stream until its client ends it.
pub(super) async fn serve_stream(mut changes: Subscriber, stream: &SubscriptionContext) {
    loop {
        let change = tokio::select! {
            () = stream.cancelled() => return,
            change = changes.next() => change,
        };
        let Some(change) = change else { return };
        let told = tokio::select! {
            () = stream.cancelled() => return,
            told = tell(stream.sink(), &change) => told,
        };
        if matches!(
            told,
            Err(SubscriptionSendError::SubscriptionClosed | SubscriptionSendError::Service(_))
        ) {
            return;
        }
    }
}

async fn tell(sink: &SubscriptionSink, change: &Change) -> Result<(), SubscriptionSendError> {
    let accepted = sink.accepted();
    let everything = *change == Change::Everything;
    if accepted.tools_list_changed == Some(true) && (everything || *change == Change::Tools) {
        sink.notify_tool_list_changed().await?;
    }
    if accepted.prompts_list_changed == Some(true) && (everything || *change == Change::Prompts) {
        sink.notify_prompt_list_changed().await?;
    }
    if accepted.resources_list_changed == Some(true) && (everything || *change == Change::Resources)
    {
        sink.notify_resource_list_changed().await?;
    }
    for uri in accepted.resource_subscriptions.iter().flatten() {
        if everything || matches!(change, Change::Updated(updated) if **updated == **uri) {
            sink.notify_resource_updated(uri).await?;
        }
    }
    Ok(())
}
