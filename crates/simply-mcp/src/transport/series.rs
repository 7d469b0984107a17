//! Series beside those that the rooms declare: the program's own, and what is read from elsewhere.

use rmcp::ServerHandler;

use super::HttpTransport;
use crate::{audit::Audit, logs, metrics::OwnSeries};

impl<H: ServerHandler> HttpTransport<H> {
    /// Adds a series of your own to the metrics: a value that goes up and down, read at each scrape.
    ///
    /// `read` must answer at once, as the scrape waits for it, five seconds at most. Should it panic, this series is left out of that
    /// scrape, and no other. A name of the transport's own, or one that is none, is refused when it starts.
    ///
    /// ```
    /// use std::sync::{Arc, atomic::{AtomicU32, Ordering}};
    /// use simply_mcp::{HttpConfig, HttpTransport, McpServer};
    ///
    /// let waiting = Arc::new(AtomicU32::new(0));
    /// let seen = Arc::clone(&waiting);
    /// let transport = HttpTransport::new(McpServer::new("my-server", "1.0.0"), HttpConfig::default())
    ///     .with_gauge("my_jobs_waiting", "Jobs that wait.", move || {
    ///         f64::from(seen.load(Ordering::Relaxed))
    ///     });
    /// ```
    #[must_use]
    pub fn with_gauge(
        mut self,
        name: impl Into<String>,
        help: impl Into<String>,
        read: impl Fn() -> f64 + Send + Sync + 'static,
    ) -> Self {
        self.series.push(OwnSeries::gauge(name, help, read));
        self
    }

    /// Adds a series of your own to the metrics: a count that only grows, read at each scrape. By custom its name
    /// ends in `_total`. Everything else is as with [`with_gauge`](Self::with_gauge).
    #[must_use]
    pub fn with_counter(
        mut self,
        name: impl Into<String>,
        help: impl Into<String>,
        read: impl Fn() -> u64 + Send + Sync + 'static,
    ) -> Self {
        self.series.push(OwnSeries::counter(name, help, read));
        self
    }
}

/// Of the process, as its log is.
pub(super) fn suppressed_lines() -> OwnSeries {
    OwnSeries::counter(
        "simply_mcp_log_lines_suppressed_total",
        "Lines that were not logged because there were too many of their kind.",
        logs::suppressed,
    )
}

/// The lines that the record of calls is short of; no series where no record is kept.
pub(super) fn dropped_by(audit: &Audit) -> OwnSeries {
    let audit = audit.clone();
    let help = "Lines of the audit record that could not be written.";
    OwnSeries::counter("simply_mcp_audit_lines_dropped_total", help, move || {
        audit.dropped()
    })
}
