//! `monitoring`: how the outside sees that the server is well.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::types::{Network, RoutePath};

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

    /// The addresses and networks that may read the metrics. Empty: all of them.
    pub allow_from: Vec<Network>,
}

impl Default for Monitoring {
    fn default() -> Self {
        Self {
            health_path: RoutePath::fixed("/health"),
            prometheus_enabled: true,
            prometheus_path: RoutePath::fixed("/metrics"),
            allow_from: Vec::new(),
        }
    }
}
