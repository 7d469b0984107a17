//! The keys in force, kept up to date with their file while the server runs.

use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

use arc_swap::ArcSwap;
use serde_json::{Value, json};

use super::{Failure, entry::KeyEntry, file::Placed, keys::KeySet, sources::Sources};
use crate::{
    config::{ConfigErrors, HttpConfig},
    facts::{Allowance, Caller},
    metrics::Metrics,
    watch::Watch,
};

/// What the file is called in metrics.
const SOURCE: &str = "keys_file";

/// How often a file that could not be read is tried again although it has not changed: the disk may have failed and
/// not the file.
const AGAIN: Duration = Duration::from_secs(5);

/// The keys of one transport.
#[derive(Debug)]
pub(super) struct Keys {
    set: ArcSwap<KeySet>,
    file: Option<PathBuf>,
    environment: Vec<Placed>,
    default: Allowance,
    metrics: Metrics,
    /// Taken by whoever follows the file.
    watch: Mutex<Option<Watch>>,
    is_followed: AtomicBool,
    trouble: Mutex<Option<Trouble>>,
}

/// A file that cannot be used, so that the keys of before are in force.
#[derive(Debug)]
struct Trouble {
    since: Instant,
    said: String,
}

impl Keys {
    /// Reads all keys.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with them.
    pub(super) fn load(config: &HttpConfig, metrics: &Metrics) -> Result<Self, ConfigErrors> {
        let file = config.auth.keys_file.clone();
        // Before the file is read, so that no change is missed.
        let watch = file.clone().map(|file| Watch::new([file]));
        let sources = Sources::read(&config.auth)?;
        for warning in &sources.warnings {
            tracing::warn!("{warning}");
        }
        let keys = Self {
            set: ArcSwap::default(),
            is_followed: AtomicBool::new(watch.is_none()),
            watch: Mutex::new(watch),
            file,
            environment: sources.environment,
            default: Allowance {
                limit: config.rate_limit.default_limit,
                window: config.rate_limit.window_seconds,
            },
            metrics: metrics.clone(),
            trouble: Mutex::new(None),
        };
        keys.put_in_force(&sources.entries);
        if keys.file.is_some() {
            // From the start, so that the first failure is seen as a step up.
            metrics.keys_stale.with_label_values(&[SOURCE]).set(0);
            let _ = metrics.keys_load_failures.with_label_values(&[SOURCE]);
        }
        Ok(keys)
    }

    /// Whose key `text` is, and counts it as good.
    ///
    /// # Errors
    ///
    /// Why it is not taken now.
    pub(super) fn find(&self, text: &str) -> Result<Caller, Failure> {
        self.set.load().find(text, SystemTime::now())
    }

    /// Follows the file from now on, if nobody does yet and there is a runtime to do it on.
    pub(super) fn follow(self: &Arc<Self>) {
        if self.is_followed.load(Ordering::Relaxed) {
            return;
        }
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        self.is_followed.store(true, Ordering::Relaxed);
        if let Some(watch) = lock(&self.watch).take() {
            runtime.spawn(follow(watch, Arc::downgrade(self)));
        }
    }

    /// What `/health` says of them: how many are in force, and for how long their file has been of no use.
    pub(super) fn report(&self) -> Value {
        let mut report = json!({ "status": "enabled", "keys_count": self.count() });
        if let Some(trouble) = &*lock(&self.trouble) {
            let seconds = trouble.since.elapsed().as_secs();
            report[SOURCE] = json!({ "status": "broken", "seconds": seconds });
        }
        report
    }

    fn count(&self) -> usize {
        self.set.load().in_force(SystemTime::now())
    }

    fn put_in_force(&self, entries: &[KeyEntry]) {
        let before = self.set.load_full();
        let (set, ended) = KeySet::after(&before, entries, self.default, &self.metrics);
        self.metrics
            .keys
            .set(i64::try_from(set.in_force(SystemTime::now())).unwrap_or(i64::MAX));
        let names = set.names();
        self.set.store(Arc::new(set));
        // Only now, so that nobody gets in again with a key that has just been taken away.
        for revoked in ended {
            revoked.cancel();
        }
        for gone in before.names().difference(&names) {
            // It is not there where no request ever came with the key.
            let _ = self.metrics.auth_success.remove_label_values(&[gone]);
        }
    }

    /// Reads the file again. It blocks.
    fn reload(&self) {
        let Some(file) = &self.file else { return };
        match Sources::read_again(file, &self.environment) {
            Ok(entries) => {
                self.put_in_force(&entries);
                *lock(&self.trouble) = None;
                self.metrics.keys_stale.with_label_values(&[SOURCE]).set(0);
                tracing::info!(
                    keys = self.count(),
                    "the keys file has changed; what is in it now is in force"
                );
            }
            Err(errors) => self.keep(&errors),
        }
    }

    /// The keys stay as they are.
    fn keep(&self, errors: &ConfigErrors) {
        let failures = &self.metrics.keys_load_failures;
        failures.with_label_values(&[SOURCE]).inc();
        self.metrics.keys_stale.with_label_values(&[SOURCE]).set(1);
        let said = errors.to_string();
        if !self.is_new_trouble(&said) {
            return;
        }
        // With no lock held: the health report takes it, and a log can be slow.
        tracing::error!(
            problems = said,
            "the keys file has changed and cannot be used; the keys of before stay in force, those that were to be \
             revoked as well, until it is mended"
        );
    }

    fn is_new_trouble(&self, said: &str) -> bool {
        let mut trouble = lock(&self.trouble);
        if trouble.as_ref().is_some_and(|trouble| trouble.said == said) {
            return false;
        }
        let since = trouble
            .as_ref()
            .map_or_else(Instant::now, |trouble| trouble.since);
        *trouble = Some(Trouble {
            since,
            said: said.to_owned(),
        });
        true
    }
}

/// Reads the file whenever it has changed, for as long as anybody has the keys.
async fn follow(mut watch: Watch, keys: Weak<Keys>) {
    loop {
        let changed = tokio::time::timeout(AGAIN, watch.changed()).await.is_ok();
        let Some(keys) = keys.upgrade() else { return };
        if changed || lock(&keys.trouble).is_some() {
            // A reader that panicked has said so itself; the next change is read again.
            let _ = tokio::task::spawn_blocking(move || keys.reload()).await;
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
