//! Series of the program's own: read from a function at each scrape.

use std::{
    collections::HashMap,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use prometheus::{
    core::{Collector, Desc},
    proto::{Counter, Gauge, Metric, MetricFamily, MetricType},
};

/// The most characters of a name or a help text: both are written at every scrape.
const LONGEST: usize = 1024;

/// A series that the program adds to ours: a name, what it says, and how its value is had.
#[derive(Clone)]
pub(crate) struct OwnSeries {
    pub(super) name: String,
    help: String,
    value: Value,
    /// Set once its reader has panicked, so that the log hears of it once.
    has_broken: Arc<AtomicBool>,
}

#[derive(Clone)]
enum Value {
    Gauge(Arc<dyn Fn() -> f64 + Send + Sync>),
    Counter(Arc<dyn Fn() -> u64 + Send + Sync>),
}

impl OwnSeries {
    /// A value that goes up and down.
    pub(crate) fn gauge(
        name: impl Into<String>,
        help: impl Into<String>,
        read: impl Fn() -> f64 + Send + Sync + 'static,
    ) -> Self {
        Self::new(name.into(), help.into(), Value::Gauge(Arc::new(read)))
    }

    /// A value that only grows.
    pub(crate) fn counter(
        name: impl Into<String>,
        help: impl Into<String>,
        read: impl Fn() -> u64 + Send + Sync + 'static,
    ) -> Self {
        Self::new(name.into(), help.into(), Value::Counter(Arc::new(read)))
    }

    fn new(name: String, help: String, value: Value) -> Self {
        Self {
            name,
            help,
            value,
            has_broken: Arc::default(),
        }
    }

    /// What the registry takes, or why it cannot.
    pub(super) fn collector(self) -> Result<impl Collector, String> {
        if self.name.len() > LONGEST || self.help.len() > LONGEST {
            return Err(format!(
                "its name and its help may have {LONGEST} bytes each"
            ));
        }
        let (name, help) = (self.name.clone(), self.help.clone());
        let declared = Desc::new(name, help, Vec::new(), HashMap::new());
        let desc = declared.map_err(|error| error.to_string())?;
        Ok(Pulled { series: self, desc })
    }

    /// `None` where the reader panics: that costs its own series and no other.
    fn read(&self) -> Option<MetricFamily> {
        let mut metric = Metric::default();
        let kind = catch_unwind(AssertUnwindSafe(|| match &self.value {
            Value::Gauge(read) => {
                let mut gauge = Gauge::default();
                gauge.set_value(read());
                metric.set_gauge(gauge);
                MetricType::GAUGE
            }
            Value::Counter(read) => {
                let mut counter = Counter::default();
                counter.set_value(read() as f64);
                metric.set_counter(counter);
                MetricType::COUNTER
            }
        }));
        let Ok(kind) = kind else {
            self.complain();
            return None;
        };
        let mut family = MetricFamily::default();
        family.set_name(self.name.clone());
        family.set_help(self.help.clone());
        family.set_field_type(kind);
        family.set_metric(vec![metric]);
        Some(family)
    }

    fn complain(&self) {
        if !self.has_broken.swap(true, Ordering::Relaxed) {
            tracing::error!(
                series = self.name,
                "what reads a series of the program's own panicked; the series is left out while it does"
            );
        }
    }
}

impl fmt::Debug for OwnSeries {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("OwnSeries")
            .field("name", &self.name)
            .field("help", &self.help)
            .finish_non_exhaustive()
    }
}

struct Pulled {
    series: OwnSeries,
    desc: Desc,
}

impl Collector for Pulled {
    fn desc(&self) -> Vec<&Desc> {
        vec![&self.desc]
    }

    fn collect(&self) -> Vec<MetricFamily> {
        self.series.read().into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::{Metrics, tests::text};

    #[tokio::test]
    async fn a_program_sees_its_own_series_beside_ours() {
        let metrics = Metrics::new();
        let depth = OwnSeries::gauge("queue_depth", "Jobs\nthat wait.", || 2.5);
        let jobs = OwnSeries::counter("jobs_total", "Jobs.", || 7);
        metrics.add(depth).unwrap();
        metrics.add(jobs).unwrap();
        let text = text(&metrics).await;
        for line in [
            "# HELP queue_depth Jobs\\nthat wait.\n# TYPE queue_depth gauge\nqueue_depth 2.5\n",
            "# TYPE jobs_total counter\njobs_total 7\n",
        ] {
            assert!(text.contains(line), "{text}");
        }
    }

    #[test]
    fn a_name_that_is_bad_or_taken_is_refused() {
        let metrics = Metrics::new();
        let free = || OwnSeries::gauge("mine", "Mine.", || 0.0);
        metrics.add(free()).unwrap();
        for (name, help) in [
            ("mine", "Mine."),
            ("mine", "Another text."),
            ("simply_mcp_keys", "Keys."),
            ("http_requests_total", "Requests."),
            ("http_request_duration_seconds_count", "A histogram's own."),
            ("http_request_duration_seconds_bucket", "A histogram's own."),
            ("http_request_duration_seconds_sum", "A histogram's own."),
            ("process_open_fds", "The process's own."),
            ("", "Nothing."),
            ("9lives", "A digit."),
            ("with space", "A space."),
            ("no_help", ""),
            (&"n".repeat(2000), "Long."),
            ("long_help", &"n".repeat(2000)),
        ] {
            let refused = metrics.add(OwnSeries::gauge(name, help, || 0.0));
            let text = refused.unwrap_err();
            assert!(text.contains("cannot be added"), "{name}: {text}");
        }
    }

    #[tokio::test]
    async fn a_reader_that_panics_costs_its_own_series_only() {
        let metrics = Metrics::new();
        let broken = OwnSeries::gauge("broken", "Broken.", || panic!("on purpose"));
        metrics.add(broken).unwrap();
        metrics
            .add(OwnSeries::gauge("whole", "Whole.", || 1.0))
            .unwrap();
        for _ in 0..2 {
            let text = text(&metrics).await;
            assert!(text.contains("\nwhole 1\n") && !text.contains("broken"));
        }
    }
}
