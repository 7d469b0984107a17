//! `monitoring`: how the outside sees that the server is well.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::types::{ListenAddress, Network, RoutePath};

/// How the outside sees that the server is well.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Monitoring {
    /// The path of the health report; below it stand `/live` and `/ready`.
    pub health_path: RoutePath,

    /// Whether metrics are served for Prometheus.
    pub prometheus_enabled: bool,

    /// The path of the metrics.
    pub prometheus_path: RoutePath,

    /// Whether requests, authentication, tool calls and calls of the child are told as traces, over OTLP (HTTP with
    /// protobuf). Where to, as what, and how many is said by the standard variables: `OTEL_EXPORTER_OTLP_ENDPOINT`,
    /// `OTEL_SERVICE_NAME`, `OTEL_TRACES_SAMPLER` and their like.
    pub tracing_enabled: bool,

    /// Whether each finished request is a line of the log.
    pub log_requests: bool,

    /// Whether that line shows the answer's body as well, cut after 2 KiB and without the values of what is named
    /// like a secret. Answers hold what tools say: for the search of a fault, not for good.
    pub log_responses: bool,

    /// The addresses and networks that may read the metrics. Empty: all of them.
    pub allow_from: Vec<Network>,

    /// An address and port where health and metrics are served as well, by a thread of their own: it answers
    /// whatever the tools do, and until the last request is answered at the end. Port 0 picks a free one and prints
    /// it. `null`: on the main port only.
    #[schemars(example = "127.0.0.1:9090")]
    pub listen: Option<ListenAddress>,
}

impl Default for Monitoring {
    fn default() -> Self {
        Self {
            health_path: RoutePath::fixed("/health"),
            prometheus_enabled: true,
            prometheus_path: RoutePath::fixed("/metrics"),
            tracing_enabled: false,
            log_requests: true,
            log_responses: false,
            allow_from: Vec::new(),
            listen: None,
        }
    }
}
