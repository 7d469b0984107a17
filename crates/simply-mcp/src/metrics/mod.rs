//! What is counted, for Prometheus.
//!
//! One registry for a transport, with its series declared here once: names, labels and help texts are part of the
//! contract with dashboards. Whoever counts holds a handle that was resolved beforehand, so that counting costs an
//! atomic addition and no look-up. Label values are names that the operator chose, or words of this source; never
//! what a client sent.

use axum::body::Body;
use http::{HeaderValue, Response, header};
use prometheus::{
    IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry, TextEncoder,
    core::{Collector, GenericCounter, GenericCounterVec, GenericGauge, GenericGaugeVec},
};

/// The text format of Prometheus, version 0.0.4.
const FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Every series of one transport.
#[derive(Clone, Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    /// Requests whose key or token was good: `http_auth_success_total{key_name}`.
    pub(crate) auth_success: IntCounterVec,
    /// Requests that were refused for want of a good key or token: `http_auth_failure_total{reason}`.
    pub(crate) auth_failure: IntCounterVec,
    /// Requests that were counted against an allowance: `http_rate_limit_hit_total{key}`.
    pub(crate) rate_limit_hit: IntCounterVec,
    /// Requests that were over it: `http_rate_limit_exceeded_total{key}`.
    pub(crate) rate_limit_exceeded: IntCounterVec,
    /// What was left of it at the last request: `http_rate_limit_remaining{key}`.
    pub(crate) rate_limit_remaining: IntGaugeVec,
    /// Keys in force: `simply_mcp_keys`.
    pub(crate) keys: IntGauge,
    /// Whether the last look at a source of keys failed, so that older ones are in force:
    /// `simply_mcp_keys_stale{source}`.
    pub(crate) keys_stale: IntGaugeVec,
    /// Looks at a source of keys that failed: `simply_mcp_keys_load_failures_total{source}`.
    pub(crate) keys_load_failures: IntCounterVec,
    /// Whether the shared store answers: `simply_mcp_store_up`, there where there is a store.
    pub(crate) store_up: IntGaugeVec,
    /// Questions that the shared store did not answer in time: `simply_mcp_store_failures_total`.
    pub(crate) store_failures: IntCounter,
    /// Sessions that are open: `simply_mcp_sessions`.
    pub(crate) sessions: IntGauge,
    /// Event streams that are open: `simply_mcp_streams`.
    pub(crate) streams: IntGauge,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let registry = Registry::new();
        let add = Adder(&registry);
        Self {
            auth_success: add.counters(
                "http_auth_success_total",
                "Requests whose key or token was good, by the name of the key.",
                "key_name",
            ),
            auth_failure: add.counters(
                "http_auth_failure_total",
                "Requests refused for want of a good key or token, by reason.",
                "reason",
            ),
            rate_limit_hit: add.counters(
                "http_rate_limit_hit_total",
                "Requests counted against an allowance, by the name of the key.",
                "key",
            ),
            rate_limit_exceeded: add.counters(
                "http_rate_limit_exceeded_total",
                "Requests over their allowance, by the name of the key.",
                "key",
            ),
            rate_limit_remaining: add.gauges(
                "http_rate_limit_remaining",
                "What was left of the allowance at the last request, by the name of the key.",
                "key",
            ),
            keys: add.gauge("simply_mcp_keys", "API keys in force."),
            keys_stale: add.gauges(
                "simply_mcp_keys_stale",
                "1 while a source of keys cannot be read and older keys are in force.",
                "source",
            ),
            keys_load_failures: add.counters(
                "simply_mcp_keys_load_failures_total",
                "Attempts to read a source of keys that failed.",
                "source",
            ),
            store_up: add.gauge_if_used("simply_mcp_store_up", "1 while the shared store answers."),
            store_failures: add.counter(
                "simply_mcp_store_failures_total",
                "Questions that the shared store did not answer in time.",
            ),
            sessions: add.gauge("simply_mcp_sessions", "MCP sessions that are open here."),
            streams: add.gauge("simply_mcp_streams", "Event streams that are open."),
            registry,
        }
    }

    /// Everything, in the text format of Prometheus.
    pub(crate) fn report(&self) -> Response<Body> {
        let text = TextEncoder::new()
            .encode_to_string(&self.registry.gather())
            .unwrap_or_else(|error| {
                tracing::error!(%error, "the metrics could not be written");
                String::new()
            });
        let mut response = Response::new(Body::from(text));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(FORMAT));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}

/// Declares series. Names and labels are literals of this file, and a test makes them all: none is refused.
struct Adder<'a>(&'a Registry);

impl Adder<'_> {
    fn counter(&self, name: &str, help: &str) -> IntCounter {
        self.register(GenericCounter::new(name, help).expect("the name is valid"))
    }

    fn gauge(&self, name: &str, help: &str) -> IntGauge {
        self.register(GenericGauge::new(name, help).expect("the name is valid"))
    }

    /// A gauge that is reported once somebody has asked for its handle: 0 would be bad news of what is not there.
    fn gauge_if_used(&self, name: &str, help: &str) -> IntGaugeVec {
        let made = GenericGaugeVec::new(Opts::new(name, help), &[]);
        self.register(made.expect("the name is valid"))
    }

    fn counters(&self, name: &str, help: &str, label: &str) -> IntCounterVec {
        let made = GenericCounterVec::new(Opts::new(name, help), &[label]);
        self.register(made.expect("name and label are valid"))
    }

    fn gauges(&self, name: &str, help: &str, label: &str) -> IntGaugeVec {
        let made = GenericGaugeVec::new(Opts::new(name, help), &[label]);
        self.register(made.expect("name and label are valid"))
    }

    fn register<C: Collector + Clone + 'static>(&self, collector: C) -> C {
        self.0
            .register(Box::new(collector.clone()))
            .expect("no name is used twice");
        collector
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    #[tokio::test]
    async fn what_is_counted_is_reported() {
        let metrics = Metrics::new();
        metrics
            .auth_failure
            .with_label_values(&["missing"])
            .inc_by(2);
        metrics.keys.set(3);
        let response = metrics.report();
        assert_eq!(response.headers()[header::CONTENT_TYPE], FORMAT);
        let text = response.into_body().collect().await.unwrap().to_bytes();
        let text = std::str::from_utf8(&text).unwrap();
        assert!(
            text.contains("# TYPE http_auth_failure_total counter")
                && text.contains("\nhttp_auth_failure_total{reason=\"missing\"} 2\n")
                && text.contains("\nsimply_mcp_keys 3\n"),
            "{text}"
        );
        assert!(!text.contains("simply_mcp_store_up"), "there is no store");
    }
}
