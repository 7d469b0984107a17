//! The keys that are in force at one moment, and the answer whether one is good.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::{Duration, SystemTime},
};

use prometheus::IntCounter;
use tokio_util::sync::CancellationToken;

use super::{Expiry, Failure, KeyHash, Spelling, entry::KeyEntry};
use crate::{
    facts::{Allowance, Caller, Known, Principal},
    metrics::Metrics,
};

/// All keys by their hash. It never changes; another one takes its place.
///
/// What a client shows is hashed before it is looked up, so no time that is taken depends on how much of a key
/// somebody has guessed; and hashes are compared in constant time.
#[derive(Debug, Default)]
pub(super) struct KeySet {
    records: HashMap<KeyHash, Arc<Record>>,
}

/// One key.
#[derive(Debug)]
pub(super) struct Record {
    known: Arc<Known>,
    enabled: bool,
    success: IntCounter,
}

impl KeySet {
    /// The keys of these entries, together with what has to be cancelled once they are in force: whatever is open
    /// for keys of `before` that are gone, switched off, good for something else, or have a successor.
    ///
    /// A key about which nothing changed keeps its record.
    pub(super) fn after(
        before: &Self,
        entries: &[KeyEntry],
        default: Allowance,
        metrics: &Metrics,
    ) -> (Self, Vec<CancellationToken>) {
        let mut records = HashMap::with_capacity(entries.len());
        let mut going_on = HashSet::new();
        for entry in entries {
            let Some(hash) = entry.hash() else { continue };
            let old = before.records.get(&hash).filter(|old| old.goes_on(entry));
            let record = Record::after(old, entry, default, metrics);
            if old.is_some_and(|old| Arc::ptr_eq(old, &record)) {
                going_on.insert(hash);
            }
            records.insert(hash, record);
        }
        let ended = before
            .records
            .iter()
            .filter(|(hash, _)| !going_on.contains(*hash))
            .map(|(_, old)| old.known.revoked.clone())
            .collect();
        (Self { records }, ended)
    }

    /// Whose key `text` is, and counts it as good.
    ///
    /// # Errors
    ///
    /// Why it is not taken at the time `now`.
    pub(super) fn find(&self, text: &str, now: SystemTime) -> Result<Caller, Failure> {
        let Some(record) = self.records.get(&KeyHash::of(text)) else {
            return Err(match Spelling::of(text) {
                Spelling::Mistyped => Failure::Mistyped,
                Spelling::Ours | Spelling::Foreign => Failure::Unknown,
            });
        };
        if !record.enabled {
            return Err(Failure::Disabled);
        }
        if record.known.expires_at.is_some_and(|at| at <= now) {
            return Err(Failure::Expired);
        }
        record.success.inc();
        Ok(record.caller())
    }

    /// How many keys are switched on and have not expired.
    pub(super) fn in_force(&self, now: SystemTime) -> usize {
        let in_force = self.records.values().filter(|record| {
            let has_expired = record.known.expires_at.is_some_and(|at| at <= now);
            record.enabled && !has_expired
        });
        in_force.count()
    }

    /// The names of all keys.
    pub(super) fn names(&self) -> HashSet<String> {
        let callers = self.records.values().map(|record| record.caller());
        callers
            .filter_map(|caller| caller.name().map(str::to_owned))
            .collect()
    }
}

impl Record {
    fn after(
        old: Option<&Arc<Self>>,
        entry: &KeyEntry,
        default: Allowance,
        metrics: &Metrics,
    ) -> Arc<Self> {
        let known = known(entry, default);
        if let Some(old) = old
            && old.known.allowance == known.allowance
            && old.known.expires_at == known.expires_at
        {
            return Arc::clone(old);
        }
        let record = Self {
            known: Arc::new(known),
            enabled: entry.enabled,
            success: metrics.auth_success.with_label_values(&[&entry.name]),
        };
        if let Some(old) = old {
            // It has none yet: a record is replaced once.
            let _ = old.known.successor.set(record.caller());
        }
        Arc::new(record)
    }

    fn caller(&self) -> Caller {
        Caller::known(Arc::clone(&self.known))
    }

    /// Whether what is open for it may stay open when the key becomes what `entry` says.
    fn goes_on(&self, entry: &KeyEntry) -> bool {
        self.enabled
            && entry.enabled
            && self.caller().name() == Some(&*entry.name)
            && self.known.tools == tools(entry)
    }
}

fn known(entry: &KeyEntry, default: Allowance) -> Known {
    let mut known = Known::new(Principal::Key(entry.name.as_str().into()));
    known.allowance = allowance(entry, default);
    known.tools = tools(entry);
    known.expires_at = entry.expires_at.map(Expiry::time);
    known
}

/// What the key says of itself; where it says only half of it, the other half is everybody's.
fn allowance(entry: &KeyEntry, default: Allowance) -> Option<Allowance> {
    if entry.rate_limit.is_none() && entry.window_seconds.is_none() {
        return None;
    }
    let window = entry
        .window_seconds
        .map(|seconds| Duration::from_secs(seconds.get().into()));
    Some(Allowance {
        limit: entry.rate_limit.unwrap_or(default.limit),
        window: window.unwrap_or(default.window),
    })
}

fn tools(entry: &KeyEntry) -> Option<HashSet<Box<str>>> {
    let tools = entry.tools.as_ref()?;
    Some(tools.iter().map(|tool| tool.as_str().into()).collect())
}
