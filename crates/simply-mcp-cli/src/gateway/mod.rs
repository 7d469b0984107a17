//! The gateway: an MCP server that speaks stdio, put behind a handler that many HTTP clients share.
//!
//! ```text
//! handler, forward   what a client asks becomes a request to the child, and back
//! audience           what the child says to everybody goes to whom it concerns
//! supervisor         the child is kept up: restarted with growing pauses, its lists kept fresh
//!   connection   one life of the child: started, greeted (handshake), ended by the ladder
//!     link, wire   JSON-RPC over its two pipes, bounded in every direction
//!     stderr       its third pipe, into our log
//!     spawn        no shell, a short environment; behind
//!     guard_process  a process of ours that ends it and all its descendants, whatever happens to us
//! ```

mod audience;
mod catalog;
mod connection;
mod error;
mod forward;
mod guard_process;
mod handler;
mod handshake;
mod lines;
mod link;
mod live;
mod options;
mod process_tree;
mod shared;
mod spawn;
mod stderr;
mod supervisor;
mod wire;

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::DropGuard;

pub use error::GatewayError;
pub use guard_process::{GUARD_ARGUMENT, run_child_guard};
pub use options::{ChildCommand, ChildVariable, GatewayOptions, RestartPolicy};
pub use shared::ChildStatus;

use shared::Shared;

/// An `rmcp::ServerHandler` in front of one child process, shared by all its clones.
///
/// Dropping the last clone ends the child in the background; [`Gateway::shutdown`] ends it and waits.
#[derive(Debug, Clone)]
pub struct Gateway {
    shared: Arc<Shared>,
    supervisor: Arc<Mutex<Option<JoinHandle<()>>>>,
    _stop: Arc<DropGuard>,
}

impl Gateway {
    /// Starts the child and waits until it is ready to serve.
    ///
    /// # Errors
    ///
    /// The program is not found, ends, stays silent, does not speak MCP, or lists a tool twice.
    pub async fn start(
        command: ChildCommand,
        options: GatewayOptions,
    ) -> Result<Self, GatewayError> {
        let shared = Arc::new(Shared::new(command, options));
        let stop = shared.stop.clone().drop_guard();
        let started = supervisor::start(&shared).await?;
        let mut status = shared.status.subscribe();
        let supervisor = tokio::spawn(supervisor::supervise(Arc::clone(&shared), started));
        // The sender lives in `shared`, so this ends with the supervisor's first word.
        let _ = status
            .wait_for(|status| status.is_up || status.last_exit.is_some())
            .await;
        Ok(Self {
            shared,
            supervisor: Arc::new(Mutex::new(Some(supervisor))),
            _stop: Arc::new(stop),
        })
    }

    /// How the child is at this moment.
    pub fn status(&self) -> ChildStatus {
        self.shared.status.borrow().clone()
    }

    /// Follows how the child is: what a readiness check reads.
    pub fn watch_status(&self) -> watch::Receiver<ChildStatus> {
        self.shared.status.subscribe()
    }

    /// The requests that the child has in hand; 0 while it is down.
    pub fn requests_in_flight(&self) -> usize {
        self.shared.live().map_or(0, |live| live.link.in_flight())
    }

    /// Ends the child: its stdin is closed; after 3 seconds SIGTERM; after 3 more SIGKILL, for it and all its
    /// descendants. Requests that it still has are answered with an error. Returns when all are gone, after about 10
    /// seconds at the latest.
    pub async fn shutdown(&self) {
        self.shared.stop.cancel();
        let supervisor = {
            let mut supervisor = self
                .supervisor
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            supervisor.take()
        };
        if let Some(supervisor) = supervisor {
            // It fails only if it panicked, and then there is nothing left to wait for.
            let _ = supervisor.await;
        }
    }
}
