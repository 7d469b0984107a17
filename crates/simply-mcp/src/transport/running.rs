//! A transport that serves, until it is told to end or a signal does.

use std::net::SocketAddr;

use tokio::task::JoinHandle;

use crate::{
    Error,
    listen::{Drain, Ended},
    metrics::Metrics,
    traces::Traces,
};

/// A transport that serves.
#[derive(Debug)]
pub struct RunningTransport {
    pub(super) address: SocketAddr,
    pub(super) monitoring_address: Option<SocketAddr>,
    pub(super) drain: Drain,
    pub(super) metrics: Metrics,
    pub(super) serving: JoinHandle<Ended>,
    pub(super) traces: Option<Traces>,
}

impl RunningTransport {
    /// The address it listens on, with the port that 0 became.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address of `monitoring.listen`, with the port that 0 became; `None` where the setting is not made.
    #[must_use]
    pub fn monitoring_address(&self) -> Option<SocketAddr> {
        self.monitoring_address
    }

    /// Drains: `/health/ready` says 503 at once, no new connection is accepted, running requests have
    /// `server.graceful_timeout` to finish, event streams are ended, and what still runs then is
    /// cancelled. Health and metrics on `monitoring.listen` are answered until then. Traces that are not delivered
    /// yet have 5 seconds more.
    pub async fn shutdown(self) {
        self.drain.draining.cancel();
        self.metrics.draining.set(1);
        tracing::info!("draining: no new connections; running requests may finish");
        match self.serving.await {
            Ok(Ended { cancelled: 0 }) => tracing::info!("ended; every request was answered"),
            Ok(Ended { cancelled }) => {
                tracing::warn!(
                    cancelled,
                    "ended; the requests that still ran were cancelled"
                );
            }
            Err(error) => tracing::error!(%error, "the accept loop broke"),
        }
        if let Some(traces) = self.traces {
            traces.end().await;
        }
    }

    /// Waits for SIGTERM or SIGINT, then drains.
    ///
    /// # Errors
    ///
    /// [`Error::Signals`] where there are no signals to wait for; [`Error::Interrupted`] when a second one
    /// came before the drain was over.
    pub async fn until_signal(self) -> Result<(), Error> {
        let mut signals = Signals::new().map_err(Error::Signals)?;
        signals.next().await;
        tokio::select! {
            () = self.shutdown() => Ok(()),
            signal = signals.next() => Err(Error::Interrupted { signal }),
        }
    }
}

#[cfg(unix)]
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) -> i32 {
        tokio::select! {
            _ = self.terminate.recv() => 15,
            _ = self.interrupt.recv() => 2,
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) -> i32 {
        // Where it cannot be waited for, the process ends by itself.
        let _ = tokio::signal::ctrl_c().await;
        2
    }
}
