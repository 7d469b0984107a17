//! The series of each tool, resolved when it is first called: a call costs atomic additions, no look-up of labels and
//! no allocation.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;
use prometheus::{Histogram, IntCounter, IntCounterVec, IntGauge};

use super::Outcome;
use crate::metrics::{self, Metrics};

/// The most tools with series of their own. Each has some thirty lines of a scrape; a server with more tools than this
/// is one that makes them up, and nobody could read the rest.
const MOST_TOOLS: usize = 1000;

/// The tools beyond those.
const OTHER: &str = "other";

/// What is called and is not there. The names that clients invent never become series.
const UNMATCHED: &str = "unmatched";

/// The series of all tools.
pub(super) struct Table {
    metrics: Metrics,
    by_name: ArcSwap<HashMap<Box<str>, Arc<Series>>>,
    /// Held while a tool is added, so that no more get series than may.
    adding: Mutex<()>,
    other: OnceLock<Arc<Series>>,
    unmatched: OnceLock<Arc<Series>>,
}

/// The series of one tool. It keeps them when it is removed: counters never go back.
pub(super) struct Series {
    name: Box<str>,
    errors: IntCounterVec,
    succeeded: IntCounter,
    failed: IntCounter,
    duration: Histogram,
    running: IntGauge,
    /// By reason, each made when it first happens: most never do.
    failures: [OnceLock<IntCounter>; Outcome::FAILURES],
}

/// A call whose tool runs, until this is dropped.
#[derive(Debug)]
pub(super) struct Running {
    series: Arc<Series>,
    since: Instant,
}

impl Table {
    pub(super) fn new(metrics: &Metrics) -> Self {
        Self {
            metrics: metrics.clone(),
            by_name: ArcSwap::default(),
            adding: Mutex::default(),
            other: OnceLock::new(),
            unmatched: OnceLock::new(),
        }
    }

    /// Those of a tool that is there. Tools whose names differ only behind what a label holds share theirs.
    pub(super) fn of(&self, tool: &str) -> Arc<Series> {
        let name = metrics::label(tool);
        let known = self.by_name.load().get(name).cloned();
        known.unwrap_or_else(|| self.add(name))
    }

    /// Those of all tools that are not there.
    pub(super) fn unmatched(&self) -> &Arc<Series> {
        self.unmatched
            .get_or_init(|| Arc::new(Series::new(&self.metrics, UNMATCHED)))
    }

    fn other(&self) -> &Arc<Series> {
        self.other
            .get_or_init(|| Arc::new(Series::new(&self.metrics, OTHER)))
    }

    fn add(&self, name: &str) -> Arc<Series> {
        // Names are never struck out: where there is no room now, there will be none.
        if self.by_name.load().len() >= MOST_TOOLS {
            return Arc::clone(self.other());
        }
        let _adding = self.adding.lock().unwrap_or_else(PoisonError::into_inner);
        let known = self.by_name.load();
        if let Some(series) = known.get(name) {
            return Arc::clone(series);
        }
        if known.len() >= MOST_TOOLS {
            return Arc::clone(self.other());
        }
        let made = Arc::new(Series::new(&self.metrics, name));
        let mut more = HashMap::clone(&known);
        more.insert(name.into(), Arc::clone(&made));
        self.by_name.store(Arc::new(more));
        made
    }
}

impl Series {
    fn new(metrics: &Metrics, name: &str) -> Self {
        Self {
            succeeded: metrics.tool_calls.with_label_values(&[name, "success"]),
            failed: metrics.tool_calls.with_label_values(&[name, "error"]),
            duration: metrics.tool_duration.with_label_values(&[name]),
            running: metrics.tools_running.with_label_values(&[name]),
            failures: Default::default(),
            name: name.into(),
            errors: metrics.tool_errors.clone(),
        }
    }

    /// Counts a call that is over.
    pub(super) fn count(&self, outcome: Outcome) {
        let Some(failure) = outcome.failure() else {
            self.succeeded.inc();
            return;
        };
        self.failed.inc();
        let by_reason = self.failures[failure].get_or_init(|| {
            let labels = [&*self.name, outcome.as_str()];
            self.errors.with_label_values(&labels)
        });
        by_reason.inc();
    }

    /// Notes how long a tool ran.
    pub(super) fn observe(&self, ran: Duration) {
        self.duration.observe(ran.as_secs_f64());
    }
}

impl Running {
    pub(super) fn new(series: Arc<Series>) -> Self {
        series.running.inc();
        Self {
            series,
            since: Instant::now(),
        }
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.since.elapsed()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.series.running.dec();
    }
}

impl std::fmt::Debug for Table {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let tools = self.by_name.load().len();
        formatter
            .debug_struct("Table")
            .field("tools", &tools)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Series {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_tuple("Series").field(&self.name).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(metrics: &Metrics) -> usize {
        use prometheus::core::Collector;
        let families = metrics.tools_running.collect();
        families
            .iter()
            .map(|family| family.get_metric().len())
            .sum()
    }

    // MET-01
    #[test]
    fn a_handler_that_makes_up_tools_without_end_gets_so_many_series_and_no_more() {
        let metrics = Metrics::new();
        let table = Table::new(&metrics);
        for number in 0..20 * MOST_TOOLS {
            table.of(&number.to_string()).count(Outcome::Success);
        }
        assert_eq!(labels(&metrics), MOST_TOOLS + 1);
        let others = metrics.tool_calls.with_label_values(&[OTHER, "success"]);
        assert_eq!(others.get(), 19 * MOST_TOOLS as u64);
        assert_eq!(
            &*table.of("0").name,
            "0",
            "those that were first keep theirs"
        );
    }

    #[test]
    fn many_threads_that_meet_new_tools_at_once_count_each_call_in_one_series() {
        let metrics = Metrics::new();
        let table = Table::new(&metrics);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for number in 0..MOST_TOOLS + 50 {
                        table.of(&number.to_string()).count(Outcome::Panic);
                    }
                });
            }
        });
        assert_eq!(labels(&metrics), MOST_TOOLS + 1);
        let first = metrics.tool_errors.with_label_values(&["0", "panic"]);
        assert_eq!(first.get(), 8);
    }

    #[test]
    fn a_name_of_any_length_is_cut_between_two_characters() {
        let metrics = Metrics::new();
        let table = Table::new(&metrics);
        let long = table.of(&"\u{e9}".repeat(1_000_000));
        assert_eq!(long.name.len(), metrics::LONGEST_LABEL);
        let odd = table.of(&format!("x{}", "\u{1f980}".repeat(100)));
        assert_eq!(odd.name.len(), 125);
    }
}
