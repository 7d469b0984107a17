//! What `monitoring.listen` answers to whoever asks for anything but health and metrics.

use axum::body::Body;
use http::{Request, Response};

use super::shortened;
use crate::{
    handle::Handle,
    refusal::{Code, Refusal},
};

/// 404, with what there is.
pub(crate) struct OnlyMonitoring {
    health: String,
    metrics: Option<String>,
}

impl OnlyMonitoring {
    /// `metrics` is `None` where they are not served.
    pub(crate) fn new(health: &str, metrics: Option<&str>) -> Self {
        Self {
            health: health.to_owned(),
            metrics: metrics.map(str::to_owned),
        }
    }
}

impl Handle for OnlyMonitoring {
    async fn handle(&self, request: Request<Body>) -> Response<Body> {
        let Self { health, metrics } = self;
        let path = shortened(request.uri().path());
        let metrics = metrics
            .as_ref()
            .map(|metrics| format!(" and metrics at {metrics}"))
            .unwrap_or_default();
        Refusal::new(
            Code::NotFound,
            format!(
                "nothing is at {path:?}; this address (monitoring.listen) has health at {health}, {health}/live and \
                 {health}/ready{metrics}; tools and MCP are on the server's own port"
            ),
        )
        .into_response()
    }
}
