//! SIGHUP: it asks to open files again and to read the configuration again, and never ends the program.

use std::io;

/// The hang-ups of a process.
#[derive(Debug)]
pub(super) struct Hangups {
    #[cfg(unix)]
    signal: tokio::signal::unix::Signal,
}

impl Hangups {
    /// From now on no hang-up ends the process; one that comes before anybody waits for it is kept.
    ///
    /// # Errors
    ///
    /// When the system has no handler to spare.
    #[cfg(unix)]
    pub(super) fn catch() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};

        // A log that reaches the limit for the size of a file must not end us either: with a handler, which stays
        // for good, the write fails instead.
        let file_size = rustix::process::Signal::XFSZ.as_raw();
        drop(signal(SignalKind::from_raw(file_size))?);
        Ok(Self {
            signal: signal(SignalKind::hangup())?,
        })
    }

    /// Waits for the next one.
    #[cfg(unix)]
    pub(super) async fn next(&mut self) {
        if self.signal.recv().await.is_none() {
            // No more can come.
            std::future::pending::<()>().await;
        }
    }

    #[cfg(not(unix))]
    pub(super) fn catch() -> io::Result<Self> {
        Ok(Self {})
    }

    #[cfg(not(unix))]
    pub(super) async fn next(&mut self) {
        std::future::pending::<()>().await;
    }
}
