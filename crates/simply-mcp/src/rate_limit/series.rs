//! The counters of each key, looked up once.

use std::{
    collections::HashMap,
    sync::{PoisonError, RwLock},
};

use prometheus::{IntCounter, IntGauge};

use crate::metrics::Metrics;

/// The three series of one label.
#[derive(Clone, Debug)]
pub(super) struct Series {
    pub(super) hit: IntCounter,
    pub(super) exceeded: IntCounter,
    pub(super) remaining: IntGauge,
}

/// Those of all labels. A label is the name of a key or a word for all others, so there are as many as keys were
/// named since the start.
#[derive(Debug)]
pub(super) struct AllSeries {
    metrics: Metrics,
    by_label: RwLock<HashMap<Box<str>, Series>>,
}

impl AllSeries {
    pub(super) fn new(metrics: &Metrics) -> Self {
        Self {
            metrics: metrics.clone(),
            by_label: RwLock::default(),
        }
    }

    /// Calls `count` with the series of `label`.
    pub(super) fn with(&self, label: &str, count: impl FnOnce(&Series)) {
        let known = self.by_label.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(series) = known.get(label) {
            return count(series);
        }
        drop(known);
        let series = self.resolve(label);
        count(&series);
        self.by_label
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(label.into(), series);
    }

    fn resolve(&self, label: &str) -> Series {
        let metrics = &self.metrics;
        Series {
            hit: metrics.rate_limit_hit.with_label_values(&[label]),
            exceeded: metrics.rate_limit_exceeded.with_label_values(&[label]),
            remaining: metrics.rate_limit_remaining.with_label_values(&[label]),
        }
    }
}
