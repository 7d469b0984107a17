//! How much is written, changed while the program runs.

use std::sync::{
    Arc,
    atomic::{AtomicU8, Ordering::Relaxed},
};

use tracing_subscriber::filter::LevelFilter;

use crate::config::LogLevel;

/// The levels, each at the number that stands for it.
const LEVELS: [LevelFilter; 6] = [
    LevelFilter::OFF,
    LevelFilter::ERROR,
    LevelFilter::WARN,
    LevelFilter::INFO,
    LevelFilter::DEBUG,
    LevelFilter::TRACE,
];

/// The least important lines that a layer still writes. Clones are the same level, and changing it
/// changes what their layers write from then on. A line that is not written costs as little after a
/// change as before.
#[derive(Clone, Debug)]
pub struct Level(Arc<AtomicU8>);

impl Level {
    /// A level to begin with.
    #[must_use]
    pub fn new(level: LevelFilter) -> Self {
        Self(Arc::new(AtomicU8::new(number(level))))
    }

    /// Changes it, for every layer that has it.
    pub fn set(&self, level: LevelFilter) {
        self.0.store(number(level), Relaxed);
        // Every place that logs remembers whether anybody wants to hear it.
        tracing::callsite::rebuild_interest_cache();
    }

    /// What it is now.
    #[must_use]
    pub fn current(&self) -> LevelFilter {
        LEVELS[usize::from(self.0.load(Relaxed)) % LEVELS.len()]
    }
}

impl From<LevelFilter> for Level {
    fn from(level: LevelFilter) -> Self {
        Self::new(level)
    }
}

impl From<LogLevel> for LevelFilter {
    fn from(level: LogLevel) -> Self {
        match level {
            LogLevel::Trace => Self::TRACE,
            LogLevel::Debug => Self::DEBUG,
            LogLevel::Info => Self::INFO,
            LogLevel::Warn => Self::WARN,
            LogLevel::Error => Self::ERROR,
        }
    }
}

fn number(level: LevelFilter) -> u8 {
    let at = LEVELS.iter().position(|other| *other == level);
    // All there are stand in the list.
    at.unwrap_or_default() as u8
}
