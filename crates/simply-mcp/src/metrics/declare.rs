//! How series are declared.

use std::{cell::RefCell, sync::Arc};

use prometheus::{
    HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
    core::{Collector, GenericCounter, GenericCounterVec, GenericGauge, GenericGaugeVec},
};

/// Declares series. Names and labels are literals of this room, and a test makes them all: none is refused.
pub(super) struct Adder<'a> {
    registry: &'a Registry,
    histograms: RefCell<Vec<String>>,
}

impl<'a> Adder<'a> {
    pub(super) fn new(registry: &'a Registry) -> Self {
        Self {
            registry,
            histograms: RefCell::default(),
        }
    }

    pub(super) fn counter(&self, name: &str, help: &str) -> IntCounter {
        self.register(GenericCounter::new(name, help).expect("the name is valid"))
    }

    pub(super) fn gauge(&self, name: &str, help: &str) -> IntGauge {
        self.register(GenericGauge::new(name, help).expect("the name is valid"))
    }

    pub(super) fn counters(&self, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
        let made = GenericCounterVec::new(Opts::new(name, help), labels);
        self.register(made.expect("name and labels are valid"))
    }

    pub(super) fn gauges(&self, name: &str, help: &str, labels: &[&str]) -> IntGaugeVec {
        let made = GenericGaugeVec::new(Opts::new(name, help), labels);
        self.register(made.expect("name and labels are valid"))
    }

    pub(super) fn histograms(
        &self,
        name: &str,
        help: &str,
        labels: &[&str],
        bounds: &[f64],
    ) -> HistogramVec {
        self.histograms.borrow_mut().push(name.to_owned());
        let options = HistogramOpts::new(name, help).buckets(bounds.to_vec());
        self.register(
            HistogramVec::new(options, labels).expect("name, labels and bounds are valid"),
        )
    }

    /// Those that were declared so far.
    pub(super) fn histogram_names(&self) -> Arc<[String]> {
        self.histograms.borrow().as_slice().into()
    }

    pub(super) fn collector(&self, collector: impl Collector + 'static) {
        self.registry
            .register(Box::new(collector))
            .expect("no name is used twice");
    }

    fn register<C: Collector + Clone + 'static>(&self, collector: C) -> C {
        self.collector(collector.clone());
        collector
    }
}
