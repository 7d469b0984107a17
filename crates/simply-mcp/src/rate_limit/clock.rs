//! The time that limits are counted in: monotonic, whatever is done to the wall clock.

use std::time::Instant;

/// Nanoseconds since the clock was made. Tests hold one that stands until it is moved.
#[derive(Clone, Debug)]
pub(crate) enum Clock {
    /// The system's monotonic clock.
    Monotonic(Instant),
    /// Moves when a test says so.
    #[cfg(test)]
    Manual(std::sync::Arc<std::sync::atomic::AtomicU64>),
}

impl Clock {
    /// The system's clock, from now on.
    pub(crate) fn monotonic() -> Self {
        Self::Monotonic(Instant::now())
    }

    /// Nanoseconds since then. They last for centuries.
    pub(crate) fn now(&self) -> u64 {
        match self {
            Self::Monotonic(start) => {
                u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX / 2)
            }
            #[cfg(test)]
            Self::Manual(nanos) => nanos.load(std::sync::atomic::Ordering::SeqCst),
        }
    }
}
