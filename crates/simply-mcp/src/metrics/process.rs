//! What the kernel says of this process, under the names that every Prometheus client has for it. Linux only.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use procfs::process::{LimitValue, Process};
use prometheus::{
    core::{Collector, Desc},
    proto::{Counter, Gauge, Metric, MetricFamily, MetricType},
};

/// How long what was read is good for: counting the descriptors takes time for each of them, whoever asks how often.
const GOOD_FOR: Duration = Duration::from_secs(1);

/// A family: its name, its help text, its kind, and its value.
type Family = (
    &'static str,
    &'static str,
    MetricType,
    fn(&Reading) -> Option<f64>,
);

const FAMILIES: [Family; 7] = [
    (
        "process_cpu_seconds_total",
        "Seconds of processor time that the process has used, in user and in system mode.",
        MetricType::COUNTER,
        |reading| Some(reading.cpu_seconds),
    ),
    (
        "process_resident_memory_bytes",
        "Bytes of memory that are resident.",
        MetricType::GAUGE,
        |reading| Some(reading.resident_bytes),
    ),
    (
        "process_virtual_memory_bytes",
        "Bytes of virtual memory.",
        MetricType::GAUGE,
        |reading| Some(reading.virtual_bytes),
    ),
    (
        "process_open_fds",
        "File descriptors that are open.",
        MetricType::GAUGE,
        |reading| reading.open_descriptors,
    ),
    (
        "process_max_fds",
        "File descriptors that may be open.",
        MetricType::GAUGE,
        |reading| reading.most_descriptors,
    ),
    (
        "process_start_time_seconds",
        "When the process started, in Unix seconds.",
        MetricType::GAUGE,
        |reading| reading.started,
    ),
    (
        "process_threads",
        "Threads of the process.",
        MetricType::GAUGE,
        |reading| Some(reading.threads),
    ),
];

/// The collector of these series.
pub(super) struct ProcessSeries {
    descs: Vec<Desc>,
    /// Unix seconds at which the machine started, if the kernel tells.
    boot_time: Option<u64>,
    last: Mutex<Option<(Instant, Reading)>>,
}

/// One look at the process. What is `None` was not to be had, and is left out.
#[derive(Clone, Copy, Debug)]
struct Reading {
    cpu_seconds: f64,
    resident_bytes: f64,
    virtual_bytes: f64,
    open_descriptors: Option<f64>,
    most_descriptors: Option<f64>,
    started: Option<f64>,
    threads: f64,
}

impl ProcessSeries {
    pub(super) fn new() -> Self {
        let declared = FAMILIES.map(|(name, help, ..)| {
            Desc::new(name.to_owned(), help.to_owned(), vec![], HashMap::new())
        });
        Self {
            descs: declared.into_iter().flatten().collect(),
            boot_time: procfs::boot_time_secs().ok(),
            last: Mutex::default(),
        }
    }

    fn reading(&self) -> Option<Reading> {
        // Only scrapes come here: those that come together wait for one look and share it.
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, reading)) = *last
            && at.elapsed() < GOOD_FOR
        {
            return Some(reading);
        }
        let reading = self.look()?;
        *last = Some((Instant::now(), reading));
        Some(reading)
    }

    fn look(&self) -> Option<Reading> {
        let process = Process::myself().ok()?;
        let stat = process.stat().ok()?;
        let ticks = procfs::ticks_per_second() as f64;
        let open = process.fd_count().ok();
        let most = process.limits().ok();
        let most = most.map(|limits| limits.max_open_files.soft_limit);
        Some(Reading {
            cpu_seconds: stat.utime.saturating_add(stat.stime) as f64 / ticks,
            resident_bytes: stat.rss.saturating_mul(procfs::page_size()) as f64,
            virtual_bytes: stat.vsize as f64,
            open_descriptors: open.map(|open| open as f64),
            most_descriptors: most.map(|most| match most {
                LimitValue::Value(most) => most as f64,
                LimitValue::Unlimited => f64::INFINITY,
            }),
            started: self
                .boot_time
                .map(|boot| boot as f64 + stat.starttime as f64 / ticks),
            threads: stat.num_threads as f64,
        })
    }
}

impl Collector for ProcessSeries {
    fn desc(&self) -> Vec<&Desc> {
        self.descs.iter().collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let Some(reading) = self.reading() else {
            return Vec::new();
        };
        let families = FAMILIES.iter().filter_map(|(name, help, kind, value)| {
            value(&reading).map(|value| family(name, help, *kind, value))
        });
        families.collect()
    }
}

fn family(name: &str, help: &str, kind: MetricType, value: f64) -> MetricFamily {
    let mut metric = Metric::default();
    if kind == MetricType::COUNTER {
        let mut counter = Counter::default();
        counter.set_value(value);
        metric.set_counter(counter);
    } else {
        let mut gauge = Gauge::default();
        gauge.set_value(value);
        metric.set_gauge(gauge);
    }
    let mut family = MetricFamily::default();
    family.set_name(name.to_owned());
    family.set_help(help.to_owned());
    family.set_field_type(kind);
    family.set_metric(vec![metric]);
    family
}

#[cfg(test)]
mod tests {
    use std::time::{SystemTime, UNIX_EPOCH};

    use super::*;

    #[test]
    fn every_family_is_declared_and_has_a_likely_value() {
        let series = ProcessSeries::new();
        assert_eq!(series.desc().len(), FAMILIES.len());
        assert_eq!(series.collect().len(), FAMILIES.len());
        let reading = series.reading().unwrap();
        assert!(reading.resident_bytes > 100_000.0);
        assert!(reading.virtual_bytes >= reading.resident_bytes);
        assert!(reading.open_descriptors.unwrap() >= 3.0);
        assert!(reading.most_descriptors.unwrap() >= reading.open_descriptors.unwrap());
        assert!(reading.threads >= 1.0 && reading.cpu_seconds >= 0.0);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let age = now.as_secs_f64() - reading.started.unwrap();
        assert!((-2.0..3600.0).contains(&age), "{age}");
    }
}
