//! What SIGHUP does: files are opened again, the configuration is read again, and `logging.level` is applied.
//!
//! Every other difference is named in one line and takes effect at the next start. A configuration that is not valid
//! changes nothing. Keys need no signal: their file is watched.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use simply_mcp::{
    HttpConfig, HttpTransport,
    config::{ConfigErrors, Loaded},
    rmcp::ServerHandler,
};

use super::{differences::differences, hangup::Hangups, logging::Handles};
use crate::{check::look, settings::Settings};

/// The longest that reading the configuration may take: it may lie on a network file system that is gone.
const PATIENCE: Duration = Duration::from_secs(30);

/// Reloads whenever it is asked to.
#[derive(Debug)]
pub(super) struct Reload {
    settings: Settings,
    running: HttpConfig,
    logs: Handles,
    outcomes: Outcomes,
}

/// How the reloads went: what the metrics say of them. The start was the first success.
#[derive(Clone, Debug)]
pub(super) struct Outcomes(Arc<Counts>);

#[derive(Debug)]
struct Counts {
    reloads: AtomicU64,
    failures: AtomicU64,
    last_was_good: AtomicBool,
    /// Milliseconds of Unix time.
    last_good: AtomicU64,
}

impl Reload {
    /// Reloads what `settings` names; `running` is what the program was started with.
    pub(super) fn new(settings: Settings, running: HttpConfig, logs: Handles) -> Self {
        let counts = Counts {
            reloads: AtomicU64::default(),
            failures: AtomicU64::default(),
            last_was_good: AtomicBool::new(true),
            last_good: AtomicU64::new(now()),
        };
        Self {
            settings,
            running,
            logs,
            outcomes: Outcomes(Arc::new(counts)),
        }
    }

    pub(super) fn outcomes(&self) -> Outcomes {
        self.outcomes.clone()
    }

    /// Waits for hang-ups for ever. Several that come while one is handled count as one.
    pub(super) async fn on(mut self, mut hangups: Hangups) {
        loop {
            hangups.next().await;
            self.logs.reopen();
            let settings = self.settings.clone();
            let read = tokio::task::spawn_blocking(move || read(&settings));
            match tokio::time::timeout(PATIENCE, read).await {
                Ok(Ok(Ok(loaded))) => self.apply(&loaded.config),
                Ok(Ok(Err(errors))) => self.refuse(&errors),
                Ok(Err(_)) | Err(_) => self.give_up(),
            }
        }
    }

    fn apply(&mut self, new: &HttpConfig) {
        self.logs.set_level(new.logging.level);
        self.running.logging.level = new.logging.level;
        self.outcomes.good();
        let level = new.logging.level.as_str();
        tracing::info!(level, "The configuration was read again");
        let waiting = differences(&self.running, new);
        if !waiting.is_empty() {
            let settings = waiting.join(", ");
            tracing::warn!(
                settings,
                "These settings were changed as well; each takes effect at the next start"
            );
        }
    }

    fn refuse(&self, errors: &ConfigErrors) {
        self.outcomes.bad();
        for problem in errors.problems() {
            tracing::error!("{problem}");
        }
        tracing::error!(
            problems = errors.problems().len(),
            "The configuration was read again and is not valid; the old one stays in force until it is mended and SIGHUP is sent again"
        );
    }

    fn give_up(&self) {
        self.outcomes.bad();
        tracing::error!(
            seconds = PATIENCE.as_secs(),
            "The configuration could not be read again in time; the old one stays in force until SIGHUP is sent again"
        );
    }
}

/// Everything that a start would look at.
fn read(settings: &Settings) -> Result<Loaded, ConfigErrors> {
    let loaded = settings.load()?;
    look(&loaded)?;
    Ok(loaded)
}

impl Outcomes {
    fn good(&self) {
        self.0.reloads.fetch_add(1, Relaxed);
        self.0.last_was_good.store(true, Relaxed);
        self.0.last_good.store(now(), Relaxed);
    }

    fn bad(&self) {
        self.0.reloads.fetch_add(1, Relaxed);
        self.0.failures.fetch_add(1, Relaxed);
        self.0.last_was_good.store(false, Relaxed);
    }

    /// The metrics of the reloads.
    pub(super) fn count<H: ServerHandler>(&self, server: HttpTransport<H>) -> HttpTransport<H> {
        let [reloads, failures, good, time] = [(); 4].map(|()| Arc::clone(&self.0));
        server
            .with_counter(
                "simply_mcp_config_reloads_total",
                "Times that SIGHUP had the configuration read again, in vain or not.",
                move || reloads.reloads.load(Relaxed),
            )
            .with_counter(
                "simply_mcp_config_reload_failures_total",
                "Times that it was not valid, so that the old one stayed in force.",
                move || failures.failures.load(Relaxed),
            )
            .with_gauge(
                "simply_mcp_config_last_reload_successful",
                "1 when the configuration was valid at the last look, the start included.",
                move || f64::from(u8::from(good.last_was_good.load(Relaxed))),
            )
            .with_gauge(
                "simply_mcp_config_last_reload_success_timestamp_seconds",
                "Unix time at which a valid configuration was read last.",
                move || time.last_good.load(Relaxed) as f64 / 1e3,
            )
    }
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis().try_into().unwrap_or(u64::MAX))
}
