//! How many lines a second a client can cause.

use std::{
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

/// Lines a second of one kind that reach the log, where clients cause them: enough to see what is going on, and few
/// enough for the disk of an attacked server.
pub(crate) const LINES_PER_SECOND: u32 = 20;

/// All lines that every allowance of the process has suppressed.
static SUPPRESSED: AtomicU64 = AtomicU64::new(0);

/// So many events a second; what is over is counted and told with the next one that passes.
///
/// Takes no lock and no memory of its own, so it may be a `static` beside the line that it bounds.
///
/// ```
/// use simply_mcp::logs::Allowance;
///
/// static COMPLAINTS: Allowance = Allowance::new(5);
///
/// if let Some(suppressed) = COMPLAINTS.take() {
///     eprintln!("the disk is full ({suppressed} further lines like this were not written)");
/// }
/// ```
#[derive(Debug)]
pub struct Allowance {
    per_second: u32,
    /// The second in the upper half, the events of it that passed in the lower.
    window: AtomicU64,
    suppressed: AtomicU64,
}

impl Allowance {
    /// Lets `per_second` events a second pass.
    #[must_use]
    pub const fn new(per_second: u32) -> Self {
        Self {
            per_second,
            window: AtomicU64::new(0),
            suppressed: AtomicU64::new(0),
        }
    }

    /// `None`: suppress this one. `Some(n)`: let it pass; `n` were suppressed before it and not told yet.
    pub fn take(&self) -> Option<u64> {
        self.take_in(second())
    }

    /// Those that were suppressed and not told yet. They count as told now.
    pub fn take_untold(&self) -> u64 {
        self.suppressed.swap(0, Ordering::Relaxed)
    }

    /// Whether something was suppressed and is not told yet.
    pub(crate) fn has_untold(&self) -> bool {
        self.suppressed.load(Ordering::Relaxed) > 0
    }

    fn take_in(&self, second: u32) -> Option<u64> {
        let passes = |window: u64| {
            let (of, used) = ((window >> 32) as u32, window as u32);
            let used = if of < second { 0 } else { used };
            (used < self.per_second)
                .then(|| (u64::from(of.max(second)) << 32) | u64::from(used + 1))
        };
        let passed = self
            .window
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, passes);
        if passed.is_ok() {
            return Some(self.take_untold());
        }
        self.suppressed.fetch_add(1, Ordering::Relaxed);
        SUPPRESSED.fetch_add(1, Ordering::Relaxed);
        None
    }
}

/// The lines that all allowances of this process have suppressed since it started.
pub(crate) fn suppressed() -> u64 {
    SUPPRESSED.load(Ordering::Relaxed)
}

/// Whole seconds since the first question, counted from one.
fn second() -> u32 {
    static START: OnceLock<Instant> = OnceLock::new();
    let since = START.get_or_init(Instant::now).elapsed().as_secs();
    u32::try_from(since.saturating_add(1)).unwrap_or(u32::MAX)
}

/// Writes an event at most [`LINES_PER_SECOND`] times a second from this place of the code; `suppressed` says how many
/// were left out before it. `bounded!(warn, field = value, "text")`.
macro_rules! bounded {
    ($level:ident, $($event:tt)+) => {{
        static LINES: $crate::logs::Allowance =
            $crate::logs::Allowance::new($crate::logs::LINES_PER_SECOND);
        if let Some(suppressed) = LINES.take() {
            let suppressed = (suppressed > 0).then_some(suppressed);
            ::tracing::$level!(suppressed, $($event)+);
        }
    }};
}
pub(crate) use bounded;

#[cfg(test)]
mod tests {
    use super::*;

    // GW-06
    #[test]
    fn what_is_over_is_counted_and_told_once() {
        let allowance = Allowance::new(2);
        let taken = [1, 1, 1, 1, 3, 3].map(|second| allowance.take_in(second));
        assert_eq!(taken, [Some(0), Some(0), None, None, Some(2), Some(0)]);
        assert!(!allowance.has_untold());
    }

    #[test]
    fn a_clock_that_another_thread_has_read_later_gives_no_new_second() {
        let allowance = Allowance::new(1);
        assert_eq!(allowance.take_in(5), Some(0));
        assert_eq!(allowance.take_in(4), None);
        assert_eq!(allowance.take_in(5), None);
        assert_eq!(allowance.take_untold(), 2);
        assert_eq!(allowance.take_in(6), Some(0));
    }

    #[test]
    fn threads_share_one_allowance_and_lose_no_count() {
        let allowance = Allowance::new(50);
        let told = || -> u64 {
            let taken = (0..10_000).filter_map(|_| allowance.take_in(1));
            taken.map(|suppressed| suppressed + 1).sum()
        };
        let told: u64 = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(told)).collect();
            let told = threads.into_iter().map(|it| it.join().unwrap());
            told.sum()
        });
        assert_eq!(told + allowance.take_untold(), 40_000);
        assert!(told <= 40_000 && allowance.take_in(1).is_none());
    }
}
