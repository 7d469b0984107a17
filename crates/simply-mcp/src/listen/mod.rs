//! Bytes arrive: the accept loop, and how it ends.

mod apart;
mod connection;
mod drain;
mod prefixed;
mod socket;

use std::{collections::VecDeque, io, sync::Arc, time::Duration};

use prometheus::IntGauge;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    task::AbortHandle,
};
use tokio_util::task::TaskTracker;

use self::connection::Settings;
pub(crate) use self::{
    apart::{Apart, Bound},
    drain::{Drain, Ended},
    socket::bind,
};
use crate::{handle::Stack, metrics::Held};

/// The most connections at a time. A permit is taken before a connection is accepted: those over the
/// limit wait in the kernel's queue and cost this process nothing.
pub(crate) const MOST_CONNECTIONS: usize = 8192;

/// How long the loop rests when the system has no descriptor or memory left (EMFILE, ENFILE, ENOMEM):
/// long enough not to spin, short enough to be back at once.
const REST: Duration = Duration::from_millis(100);

/// The bounds of one server.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// How long an idle connection is kept.
    pub(crate) keepalive: Duration,
    /// How long connections have to finish once the drain begins.
    pub(crate) grace: Duration,
    /// The most connections at a time.
    pub(crate) connections: usize,
    /// What becomes of one more.
    pub(crate) crowded: Crowded,
}

/// What happens where there are as many connections as may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Crowded {
    /// The next one waits until another ends by itself.
    NextWaits,
    /// The oldest is ended: for answers that are short, and must not wait for clients that say or read nothing.
    OldestGoes,
}

/// Accepts connections until the drain begins, then lets them finish.
pub(crate) async fn serve(
    listener: TcpListener,
    stack: Stack,
    limits: Limits,
    drain: Drain,
    open: IntGauge,
) -> Ended {
    let settings = Arc::new(Settings {
        keepalive: limits.keepalive,
        stack,
        drain: drain.clone(),
        open,
    });
    let connections = TaskTracker::new();
    let permits = Arc::new(Semaphore::new(limits.connections));
    let mut eldest = VecDeque::new();
    loop {
        if limits.crowded == Crowded::OldestGoes && permits.available_permits() == 0 {
            end_one(&mut eldest);
        }
        let Some(permit) = drain.unless_draining(permit(&permits)).await else {
            break;
        };
        match drain.unless_draining(listener.accept()).await {
            Some(Ok((stream, _))) => {
                let connection = spawn(&connections, stream, &settings, permit);
                if limits.crowded == Crowded::OldestGoes {
                    if eldest.len() >= 2 * limits.connections {
                        eldest.retain(|connection: &AbortHandle| !connection.is_finished());
                    }
                    eldest.push_back(connection);
                }
            }
            Some(Err(error)) => rest_if_exhausted(&error).await,
            None => break,
        }
    }
    take_the_queue(&listener, &connections, &settings, &permits).await;
    drop(listener);
    drain.finish(connections, limits.grace).await
}

/// Ends the oldest connection that still runs; its permit is free once the runtime has dropped it.
fn end_one(eldest: &mut VecDeque<AbortHandle>) {
    while let Some(connection) = eldest.pop_front() {
        if !connection.is_finished() {
            return connection.abort();
        }
    }
}

async fn permit(permits: &Arc<Semaphore>) -> OwnedSemaphorePermit {
    let permit = Arc::clone(permits).acquire_owned().await;
    permit.expect("the semaphore is never closed")
}

fn spawn(
    connections: &TaskTracker,
    stream: TcpStream,
    settings: &Arc<Settings>,
    permit: OwnedSemaphorePermit,
) -> AbortHandle {
    let settings = Arc::clone(settings);
    let held = (Held::by(&settings.open), permit);
    let connection = connections.spawn(async move {
        connection::serve(stream, &settings).await;
        drop(held);
    });
    connection.abort_handle()
}

/// A connection that failed before it was ours is the client's affair; a lack of resources is not.
async fn rest_if_exhausted(error: &io::Error) {
    let of_the_connection = matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
    );
    if !of_the_connection {
        tracing::warn!(%error, "no further connection can be accepted for the moment");
        tokio::time::sleep(REST).await;
    }
}

/// Connections whose handshake the kernel has completed would be reset by closing the listener.
async fn take_the_queue(
    listener: &TcpListener,
    connections: &TaskTracker,
    settings: &Arc<Settings>,
    permits: &Arc<Semaphore>,
) {
    use futures::FutureExt;
    while let Ok(permit) = Arc::clone(permits).try_acquire_owned() {
        match listener.accept().now_or_never() {
            Some(Ok((stream, _))) => drop(spawn(connections, stream, settings, permit)),
            Some(Err(_)) => {}
            None => break,
        }
    }
}
