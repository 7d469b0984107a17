//! Where an issuer's keys come from, and how fresh they are.
//!
//! One task a source looks at it: at the start, every five minutes, when its file changes, and when a token names a key that is not known, but
//! then at most once in [`COOLDOWN`], however many tokens name however many keys, and even while there are no keys at
//! all. Whoever waits for such a look waits a bounded time, and a bounded number wait. Keys that are known are used
//! without waiting for anybody; they stay in force while the source cannot be reached, until `max_stale` after the last
//! good look, and then none is (fail closed).

use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwapOption;
use futures::future::BoxFuture;
use sha2::{Digest, Sha256};
use tokio::{
    sync::{Notify, Semaphore, watch},
    time::{Instant, timeout},
};
use tokio_util::sync::CancellationToken;

use super::key_set::KeySet;
use crate::{metrics::Metrics, watch::Watch};

/// The time between two looks when all is well.
const REFRESH: Duration = Duration::from_secs(300);

/// The shortest time between a look and one that an unknown key asks for; and between two looks that fail.
const COOLDOWN: Duration = Duration::from_secs(30);

/// The pause after the first look that fails before there are any keys. It doubles, up to [`COOLDOWN`].
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// The longest time that a request waits for a look.
const PATIENCE: Duration = Duration::from_secs(2);

/// The most requests that wait for one.
const MOST_WAITING: usize = 64;

/// How a source is read: its document, or why there is none.
pub(super) type Read = Box<dyn Fn() -> BoxFuture<'static, Result<Vec<u8>, String>> + Send + Sync>;

/// The keys that were found by one look and are in force until another finds others.
pub(super) struct Loaded {
    pub(super) keys: KeySet,
    /// Tells one set from the next.
    pub(super) generation: u64,
    digest: [u8; 32],
}

/// The source of one issuer's keys. Dropping it ends the task that looks at it.
pub(super) struct Source {
    shared: Arc<Shared>,
    /// Taken by the task that looks.
    watch: Mutex<Option<Watch>>,
    has_started: AtomicBool,
    over: CancellationToken,
}

struct Shared {
    issuer: Box<str>,
    read: Read,
    max_stale: Duration,
    metrics: Metrics,
    loaded: ArcSwapOption<Loaded>,
    /// What the times below are counted from, in milliseconds.
    beginning: Instant,
    last_good: AtomicU64,
    last_begun: AtomicU64,
    /// How many looks are over; who waits for one watches this.
    looks: watch::Sender<u64>,
    looking: AtomicBool,
    wanted: Notify,
    waiting: Semaphore,
}

impl fmt::Debug for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Source({:?})", self.shared.issuer)
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        self.over.cancel();
    }
}

impl Source {
    /// A source that is read by `read`, and at once when `watch` tells of a change.
    pub(super) fn new(
        issuer: &str,
        read: Read,
        watch: Option<Watch>,
        max_stale: Duration,
        metrics: &Metrics,
    ) -> Self {
        // The series are there before anything happens.
        metrics.keys_stale.with_label_values(&[issuer]).set(0);
        let _ = metrics.keys_load_failures.with_label_values(&[issuer]);
        let shared = Shared {
            issuer: issuer.into(),
            read,
            max_stale,
            metrics: metrics.clone(),
            loaded: ArcSwapOption::empty(),
            beginning: Instant::now(),
            last_good: AtomicU64::new(0),
            last_begun: AtomicU64::new(0),
            looks: watch::Sender::new(0),
            looking: AtomicBool::new(false),
            wanted: Notify::new(),
            waiting: Semaphore::new(MOST_WAITING),
        };
        Self {
            shared: Arc::new(shared),
            watch: Mutex::new(watch),
            has_started: AtomicBool::new(false),
            over: CancellationToken::new(),
        }
    }

    /// Takes the first keys from `document`, so that they are there before the first look.
    ///
    /// # Errors
    ///
    /// When it is no set of keys.
    pub(super) fn begin_with(&self, document: &[u8]) -> Result<(), String> {
        self.shared.take(document)?;
        self.shared.note_success();
        Ok(())
    }

    /// Whether a key is left of those that were found. A set without any is fine: they may come later.
    ///
    /// # Errors
    ///
    /// Why each is left out.
    pub(super) fn has_a_usable_key(&self) -> Result<(), String> {
        let loaded = self.shared.loaded.load();
        let keys = loaded.as_ref().map(|loaded| &loaded.keys);
        match keys.filter(|keys| keys.len() == 0 && !keys.left_out().is_empty()) {
            Some(keys) => Err(format!(
                "no key can be used: {}",
                keys.left_out().join("; ")
            )),
            None => Ok(()),
        }
    }

    /// Begins to look, once; needs a runtime.
    pub(super) fn start(&self) {
        if !self.has_started.swap(true, Ordering::AcqRel) {
            self.shared.looking.store(true, Ordering::Release);
            let watch = self
                .watch
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take();
            let looking = keep_looking(Arc::clone(&self.shared), watch);
            let over = self.over.clone();
            tokio::spawn(async move { over.run_until_cancelled(looking).await });
        }
    }

    /// The keys in force. `None` while there are none yet, and when they are too old to be believed.
    pub(super) fn in_force(&self) -> Option<Arc<Loaded>> {
        let loaded = self.shared.loaded.load_full()?;
        self.shared.is_fresh().then_some(loaded)
    }

    /// The generation of the keys in force.
    pub(super) fn generation(&self) -> Option<u64> {
        let generation = self.shared.loaded.load().as_ref()?.generation;
        self.shared.is_fresh().then_some(generation)
    }

    /// Waits for the look that is under way, or for one that is due, where there is one.
    pub(super) async fn wait_for_look(&self) {
        self.start();
        let shared = &self.shared;
        let mut looks = shared.looks.subscribe();
        if !shared.looking.load(Ordering::Acquire) && !shared.ask_for_look() {
            return;
        }
        if let Ok(_place) = shared.waiting.try_acquire() {
            let _ = timeout(PATIENCE, looks.changed()).await;
        }
    }
}

impl Shared {
    fn is_fresh(&self) -> bool {
        let last_good = self.last_good.load(Ordering::Acquire);
        Duration::from_millis(self.now().saturating_sub(last_good)) < self.max_stale
    }

    /// The first to come after the cooldown asks; all others are too early again.
    fn ask_for_look(&self) -> bool {
        let now = self.now();
        let cooldown = u64::try_from(COOLDOWN.as_millis()).unwrap_or(u64::MAX);
        let is_due = |last: u64| (now >= last.saturating_add(cooldown)).then_some(now);
        let asked = self
            .last_begun
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, is_due);
        if asked.is_ok() {
            self.looking.store(true, Ordering::Release);
            self.wanted.notify_one();
        }
        asked.is_ok()
    }

    fn now(&self) -> u64 {
        u64::try_from(self.beginning.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Looks once; true when it went well.
    async fn look(&self) -> bool {
        self.looking.store(true, Ordering::Release);
        self.last_begun.store(self.now(), Ordering::Release);
        let result = match (self.read)().await {
            Ok(document) => self.take(&document),
            Err(reason) => Err(reason),
        };
        let went_well = result.is_ok();
        match result {
            Ok(()) => self.note_success(),
            Err(reason) => self.note_failure(&reason),
        }
        self.looking.store(false, Ordering::Release);
        self.looks.send_modify(|looks| *looks += 1);
        went_well
    }

    fn take(&self, document: &[u8]) -> Result<(), String> {
        let digest = Sha256::digest(document).into();
        let known = self.loaded.load();
        if known.as_ref().is_some_and(|known| known.digest == digest) {
            return Ok(());
        }
        let keys = KeySet::parse(document).map_err(|error| error.to_string())?;
        let generation = known.as_ref().map_or(0, |known| known.generation + 1);
        for reason in keys.left_out() {
            tracing::warn!(
                issuer = &*self.issuer,
                "a public key of the issuer is left out: {reason}"
            );
        }
        tracing::info!(
            issuer = &*self.issuer,
            keys = keys.len(),
            "the issuer's public keys are in force"
        );
        let loaded = Loaded {
            keys,
            generation,
            digest,
        };
        self.loaded.store(Some(Arc::new(loaded)));
        Ok(())
    }

    fn note_success(&self) {
        self.last_good.store(self.now(), Ordering::Release);
        let stale = self.metrics.keys_stale.with_label_values(&[&*self.issuer]);
        if stale.get() != 0 {
            stale.set(0);
            tracing::info!(
                issuer = &*self.issuer,
                "the issuer's public keys can be read again"
            );
        }
    }

    fn note_failure(&self, reason: &str) {
        let issuer = &[&*self.issuer];
        self.metrics
            .keys_load_failures
            .with_label_values(issuer)
            .inc();
        let stale = self.metrics.keys_stale.with_label_values(issuer);
        let is_first = stale.get() == 0;
        stale.set(1);
        let until = self.max_stale.as_secs();
        match (is_first, self.loaded.load().is_some()) {
            (true, true) => tracing::warn!(
                issuer = &*self.issuer,
                "the issuer's public keys cannot be read: {reason}; those that are known stay in force until \
                 {until} seconds after the last good look (auth.jwt.max_stale)"
            ),
            (true, false) => tracing::warn!(
                issuer = &*self.issuer,
                "the issuer's public keys cannot be read: {reason}; its tokens are answered with 503 until they can"
            ),
            (false, _) => tracing::debug!(issuer = &*self.issuer, "still unreadable: {reason}"),
        }
    }

    /// The pause after a look, `failures` of which have failed in a row.
    fn pause(&self, failures: u32) -> Duration {
        match (failures, self.loaded.load().is_some()) {
            // Keys must not grow too old between two looks that go well.
            (0, _) => REFRESH.min(self.max_stale / 2),
            (_, true) => COOLDOWN,
            (failures, false) => FIRST_PAUSE
                .saturating_mul(1 << (failures - 1).min(8))
                .min(COOLDOWN),
        }
    }
}

/// Looks for ever.
async fn keep_looking(source: Arc<Shared>, mut watch: Option<Watch>) {
    let mut failures = 0_u32;
    let mut said_so = false;
    loop {
        let begun = Instant::now();
        failures = if source.look().await {
            0
        } else {
            failures.saturating_add(1)
        };
        let too_old = source.loaded.load().is_some() && !source.is_fresh();
        if too_old && !said_so {
            tracing::error!(
                issuer = &*source.issuer,
                "the issuer's public keys are older than auth.jwt.max_stale; its tokens are answered with 503 until \
                 they can be read again"
            );
        }
        said_so = too_old;
        until_due(&source, begun, failures, &mut watch).await;
    }
}

/// Waits until the next look is due: the time is over, the file has changed, or somebody wants it.
async fn until_due(source: &Shared, begun: Instant, failures: u32, watch: &mut Option<Watch>) {
    let end = Instant::now() + source.pause(failures);
    loop {
        tokio::select! {
            () = tokio::time::sleep_until(end) => return,
            () = change(watch) => return,
            () = source.wanted.notified() => {
                // Who asked while the last look began has been answered by it.
                if begun.elapsed() >= COOLDOWN / 2 {
                    return;
                }
                source.looking.store(false, Ordering::Release);
            }
        }
    }
}

async fn change(watch: &mut Option<Watch>) {
    match watch {
        Some(watch) => watch.changed().await,
        None => std::future::pending().await,
    }
}
