//! What is counted, for Prometheus.
//!
//! One registry for a transport, with its series declared here once: names, labels and help texts are part of the
//! contract with dashboards. Whoever counts holds a handle that was resolved beforehand, so that counting costs an
//! atomic addition and no look-up. Label values are names that the operator chose, or words of this source; never
//! what a client sent.

mod declare;
mod held;
mod http;
mod own;
#[cfg(target_os = "linux")]
mod process;

use std::sync::Arc;

use ::http::{HeaderValue, Response, header};
use axum::body::Body;
use prometheus::{
    HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Registry, TextEncoder,
};

use self::declare::Adder;
pub(crate) use self::{held::Held, http::HttpSeries, http::Place, own::OwnSeries};

/// The text format of Prometheus, version 0.0.4.
const FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The most bytes of a label that somebody chose: a name, a version, an environment.
pub(crate) const LONGEST_LABEL: usize = 128;

/// A text as it may be a label: what is longer is cut between two characters.
pub(crate) fn label(text: &str) -> &str {
    &text[..text.floor_char_boundary(LONGEST_LABEL)]
}

/// Every series of one transport.
#[derive(Clone, Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    /// The names of the histograms, whose series have other names still.
    histograms: Arc<[String]>,
    /// Requests that were answered: `http_requests_total{method,endpoint,status}`.
    pub(crate) requests: IntCounterVec,
    /// Seconds until the head of the answer: `http_request_duration_seconds{method,endpoint}`.
    pub(crate) request_duration: HistogramVec,
    /// Bytes of the request's body: `http_request_size_bytes{method,endpoint}`.
    pub(crate) request_size: HistogramVec,
    /// Bytes of the answer's body: `http_response_size_bytes{method,endpoint}`.
    pub(crate) response_size: HistogramVec,
    /// Requests that were answered with an error: `simply_mcp_refused_requests_total{key,code}`.
    pub(crate) refused: IntCounterVec,
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
    /// Calls of tools: `http_tool_execution_total{tool,status}`, where status is `success` or `error`.
    pub(crate) tool_calls: IntCounterVec,
    /// Seconds that tools ran: `http_tool_execution_duration_seconds{tool}`.
    pub(crate) tool_duration: HistogramVec,
    /// Calls that failed, by why: `http_tool_execution_errors_total{tool,error_type}`.
    pub(crate) tool_errors: IntCounterVec,
    /// Calls that run: `simply_mcp_tool_calls_running{tool}`.
    pub(crate) tools_running: IntGaugeVec,
    /// Connections that are open: `http_active_connections`.
    pub(crate) connections: IntGauge,
    /// Requests that have arrived and whose answer has not begun: `http_request_queue_size`.
    pub(crate) in_flight: IntGauge,
    /// 1 for what the server is: `http_server_info{name,version,environment}`.
    pub(crate) server_info: IntGaugeVec,
    /// 1 while the server drains: `simply_mcp_draining`.
    pub(crate) draining: IntGauge,
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
    /// When a certificate is good no longer, in Unix seconds: `simply_mcp_certificate_expiry_timestamp_seconds{certificate}`.
    /// Without series until there is TLS.
    #[expect(
        dead_code,
        reason = "declared for dashboards; filled once there is TLS"
    )]
    pub(crate) certificate_expiry: IntGaugeVec,
}

/// Upper bounds for seconds, from a quick answer to a tool that takes its time.
const SECONDS: &[f64] = &[
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
];

/// Upper bounds for bytes, from a small call to the largest body.
const BYTES: &[f64] = &[
    256.0,
    1024.0,
    4096.0,
    16_384.0,
    65_536.0,
    262_144.0,
    1_048_576.0,
    4_194_304.0,
    10_485_760.0,
];

impl Metrics {
    pub(crate) fn new() -> Self {
        let registry = Registry::new();
        let add = Adder::new(&registry);
        #[cfg(target_os = "linux")]
        add.collector(process::ProcessSeries::new());
        Self {
            requests: add.counters(
                "http_requests_total",
                "Requests answered.",
                &["method", "endpoint", "status"],
            ),
            request_duration: add.histograms(
                "http_request_duration_seconds",
                "Seconds from the arrival of a request to the head of its answer.",
                &["method", "endpoint"],
                SECONDS,
            ),
            request_size: add.histograms(
                "http_request_size_bytes",
                "Bytes of the bodies of requests.",
                &["method", "endpoint"],
                BYTES,
            ),
            response_size: add.histograms(
                "http_response_size_bytes",
                "Bytes of the bodies of answers.",
                &["method", "endpoint"],
                BYTES,
            ),
            refused: add.counters(
                "simply_mcp_refused_requests_total",
                "Requests answered with an error, by the name of the key and the error's code.",
                &["key", "code"],
            ),
            auth_success: add.counters(
                "http_auth_success_total",
                "Requests whose key or token was good, by the name of the key.",
                &["key_name"],
            ),
            auth_failure: add.counters(
                "http_auth_failure_total",
                "Requests refused for want of a good key or token, by reason.",
                &["reason"],
            ),
            rate_limit_hit: add.counters(
                "http_rate_limit_hit_total",
                "Requests counted against an allowance, by the name of the key.",
                &["key"],
            ),
            rate_limit_exceeded: add.counters(
                "http_rate_limit_exceeded_total",
                "Requests over their allowance, by the name of the key.",
                &["key"],
            ),
            rate_limit_remaining: add.gauges(
                "http_rate_limit_remaining",
                "What was left of the allowance at the last request, by the name of the key.",
                &["key"],
            ),
            tool_calls: add.counters(
                "http_tool_execution_total",
                "Calls of tools, by outcome.",
                &["tool", "status"],
            ),
            tool_duration: add.histograms(
                "http_tool_execution_duration_seconds",
                "Seconds that calls of tools ran.",
                &["tool"],
                SECONDS,
            ),
            tool_errors: add.counters(
                "http_tool_execution_errors_total",
                "Calls of tools that failed, by why.",
                &["tool", "error_type"],
            ),
            tools_running: add.gauges(
                "simply_mcp_tool_calls_running",
                "Calls of tools that run.",
                &["tool"],
            ),
            connections: add.gauge("http_active_connections", "Connections that are open."),
            in_flight: add.gauge(
                "http_request_queue_size",
                "Requests that have arrived and whose answer has not begun.",
            ),
            server_info: add.gauges(
                "http_server_info",
                "1, for what the server is.",
                &["name", "version", "environment"],
            ),
            draining: add.gauge("simply_mcp_draining", "1 while the server drains."),
            keys: add.gauge(
                "simply_mcp_keys",
                "API keys in force when they were last read.",
            ),
            keys_stale: add.gauges(
                "simply_mcp_keys_stale",
                "1 while a source of keys cannot be read and older keys are in force.",
                &["source"],
            ),
            keys_load_failures: add.counters(
                "simply_mcp_keys_load_failures_total",
                "Attempts to read a source of keys that failed.",
                &["source"],
            ),
            // Without labels, and reported once its handle was asked for: 0 would be bad news of what is not there.
            store_up: add.gauges(
                "simply_mcp_store_up",
                "1 while the shared store answers.",
                &[],
            ),
            store_failures: add.counter(
                "simply_mcp_store_failures_total",
                "Questions that the shared store did not answer in time.",
            ),
            sessions: add.gauge("simply_mcp_sessions", "MCP sessions that are open here."),
            streams: add.gauge("simply_mcp_streams", "Event streams that are open."),
            certificate_expiry: add.gauges(
                "simply_mcp_certificate_expiry_timestamp_seconds",
                "When a certificate is good no longer, in Unix seconds.",
                &["certificate"],
            ),
            histograms: add.histogram_names(),
            registry,
        }
    }

    /// Says what the server is. Each text is cut after 128 bytes.
    pub(crate) fn introduce(&self, name: &str, version: &str, environment: &str) {
        let labels = [name, version, environment].map(label);
        self.server_info.with_label_values(&labels).set(1);
    }

    /// Adds a series of the program's own.
    ///
    /// # Errors
    ///
    /// A name that is not one, is taken, or looks like a part of a histogram; a help text that is empty or too long.
    pub(crate) fn add(&self, series: OwnSeries) -> Result<(), String> {
        let name = series.name.clone();
        let refused = |why: &str| Err(format!("the series {name:?} cannot be added: {why}"));
        let of_a_histogram = ["_bucket", "_sum", "_count"].iter().any(|suffix| {
            name.strip_suffix(suffix)
                .is_some_and(|base| self.histograms.iter().any(|histogram| histogram == base))
        });
        if of_a_histogram {
            return refused("a histogram has a series of that name");
        }
        match series.collector() {
            Ok(collector) => match self.registry.register(Box::new(collector)) {
                Ok(()) => Ok(()),
                Err(_) => refused("there is a series of that name"),
            },
            Err(why) => refused(&why),
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

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    /// What a scrape reads.
    pub(super) async fn text(metrics: &Metrics) -> String {
        let body = metrics.report().into_body();
        let body = body.collect().await.unwrap().to_bytes();
        String::from_utf8(body.into()).unwrap()
    }

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
