//! `GET /health`, `/health/live`, `/health/ready`: what probes and people ask.

use std::{
    fmt,
    net::SocketAddr,
    sync::{Arc, OnceLock},
    time::{SystemTime, UNIX_EPOCH},
};

use axum::body::Body;
use http::{HeaderValue, Response, StatusCode, header};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

/// A named question that must be answered with yes before requests are sent here.
#[derive(Clone)]
pub(crate) struct ReadyCheck {
    pub(crate) name: String,
    pub(crate) is_ready: Arc<dyn Fn() -> bool + Send + Sync>,
}

impl fmt::Debug for ReadyCheck {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ReadyCheck")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// What a room says of itself in the report.
#[derive(Clone)]
pub(crate) struct Component {
    pub(crate) name: &'static str,
    /// Asked for each report; it answers at once, and with nothing that is secret.
    pub(crate) report: Arc<dyn Fn() -> Value + Send + Sync>,
}

impl fmt::Debug for Component {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Component")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// What health reports on.
#[derive(Clone, Debug)]
pub(crate) struct Health {
    pub(crate) server: String,
    pub(crate) version: String,
    pub(crate) environment: String,
    /// The address listened on; the configured one until then.
    pub(crate) address: Arc<OnceLock<SocketAddr>>,
    pub(crate) configured: SocketAddr,
    pub(crate) draining: CancellationToken,
    pub(crate) checks: Vec<ReadyCheck>,
    pub(crate) components: Vec<Component>,
}

impl Health {
    /// The whole report: 200, or 503 while draining or with a part that is down.
    pub(super) fn report(&self) -> Response<Body> {
        let address = self.address.get().unwrap_or(&self.configured);
        let mut components = serde_json::Map::new();
        components.insert(
            "server".to_owned(),
            json!({
                "status": "up",
                "host": address.ip(),
                "port": address.port(),
                "environment": self.environment,
            }),
        );
        for component in &self.components {
            components.insert(component.name.to_owned(), (component.report)());
        }
        for check in &self.checks {
            let status = if (check.is_ready)() { "up" } else { "down" };
            components.insert(check.name.clone(), json!({ "status": status }));
        }
        let (code, status) = self.standing("healthy");
        answer(
            code,
            &json!({
                "status": status,
                "server": self.server,
                "version": self.version,
                "timestamp": now(),
                "components": components,
            }),
        )
    }

    /// 200 as long as the process can answer at all, draining included.
    #[expect(clippy::unused_self, reason = "one of three answers of the same thing")]
    pub(super) fn live(&self) -> Response<Body> {
        answer(StatusCode::OK, &json!({ "status": "alive" }))
    }

    /// 200 when requests may be sent here, else 503.
    pub(super) fn ready(&self) -> Response<Body> {
        let (code, status) = self.standing("ready");
        answer(code, &json!({ "status": status }))
    }

    fn standing(&self, well: &'static str) -> (StatusCode, &'static str) {
        if self.draining.is_cancelled() {
            (StatusCode::SERVICE_UNAVAILABLE, "draining")
        } else if self.checks.iter().all(|check| (check.is_ready)()) {
            (StatusCode::OK, well)
        } else {
            (StatusCode::SERVICE_UNAVAILABLE, "unavailable")
        }
    }
}

/// Unix seconds with milliseconds.
fn now() -> f64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    (since.as_secs_f64() * 1000.0).round() / 1000.0
}

fn answer(status: StatusCode, body: &Value) -> Response<Body> {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use http_body_util::BodyExt;

    use super::*;

    fn health(checks: Vec<ReadyCheck>) -> Health {
        Health {
            server: "my-server".to_owned(),
            version: "1.0.0".to_owned(),
            environment: "production".to_owned(),
            address: Arc::new(OnceLock::new()),
            configured: ([127, 0, 0, 1], 8000).into(),
            draining: CancellationToken::new(),
            checks,
            components: Vec::new(),
        }
    }

    async fn body(response: Response<Body>) -> Value {
        serde_json::from_slice(&response.into_body().collect().await.unwrap().to_bytes()).unwrap()
    }

    #[tokio::test]
    async fn the_report_has_the_guides_fields() {
        let mut report = body(health(vec![]).report()).await;
        let timestamp = report.as_object_mut().unwrap().remove("timestamp").unwrap();
        assert!(timestamp.as_f64().unwrap() > 1.7e9);
        let server =
            json!({"status": "up", "host": "127.0.0.1", "port": 8000, "environment": "production"});
        assert_eq!(
            report,
            json!({"status": "healthy", "server": "my-server", "version": "1.0.0", "components": {"server": server}})
        );
    }

    #[tokio::test]
    async fn a_part_that_is_down_makes_it_unready_but_alive() {
        let up = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&up);
        let is_ready = Arc::new(move || seen.load(Ordering::Relaxed));
        let health = health(vec![ReadyCheck {
            name: "child".to_owned(),
            is_ready,
        }]);
        assert_eq!(health.ready().status(), 503);
        assert_eq!(health.live().status(), 200);
        let report = health.report();
        assert_eq!(report.status(), 503);
        assert_eq!(body(report).await["components"]["child"]["status"], "down");
        up.store(true, Ordering::Relaxed);
        assert_eq!(health.ready().status(), 200);
    }

    #[tokio::test]
    async fn draining_is_unready_at_once_but_alive() {
        let health = health(vec![]);
        health.draining.cancel();
        assert_eq!(health.report().status(), 503);
        assert_eq!(body(health.ready()).await["status"], "draining");
        assert_eq!(health.live().status(), 200);
    }
}
