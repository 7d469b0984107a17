//! `GET /health`, `/health/live`, `/health/ready`: what probes and people ask.
//!
//! What is said here is known already, or asked on a thread of its own (`checks`): nothing waits for a lock that is
//! held while a tool runs, so that the answer comes whatever the tools do.

mod checks;

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

pub(crate) use self::checks::ReadyCheck;

/// The most characters of a name that the report shows.
const LONGEST_NAME: usize = 256;

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
    pub(crate) accepting: Accepting,
    pub(crate) draining: CancellationToken,
    pub(crate) checks: Vec<ReadyCheck>,
    pub(crate) components: Vec<Component>,
}

/// Who accepts the connections.
#[derive(Clone, Debug)]
pub(crate) enum Accepting {
    /// This server does, from when its address is known until this is cancelled.
    Until(CancellationToken),
    /// The application that the router is mounted in.
    Elsewhere,
}

impl Health {
    /// The whole report: 200, or 503 while draining or with a part that is down.
    pub(super) async fn report(&self) -> Response<Body> {
        let answers = self.answers().await;
        let address = self.address.get().unwrap_or(&self.configured);
        let mut components = serde_json::Map::new();
        components.insert(
            "server".to_owned(),
            json!({
                "status": word(self.accepts()),
                "host": address.ip(),
                "port": address.port(),
                "environment": shortened(&self.environment),
            }),
        );
        for component in &self.components {
            components.insert(component.name.to_owned(), (component.report)());
        }
        for (check, is_ready) in self.checks.iter().zip(&answers) {
            components.insert(
                check.name().to_owned(),
                json!({ "status": word(*is_ready) }),
            );
        }
        let (code, status) = self.standing("healthy", &answers);
        answer(
            code,
            &json!({
                "status": status,
                "server": shortened(&self.server),
                "version": shortened(&self.version),
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
    pub(super) async fn ready(&self) -> Response<Body> {
        let (code, status) = self.standing("ready", &self.answers().await);
        answer(code, &json!({ "status": status }))
    }

    async fn answers(&self) -> Vec<bool> {
        futures::future::join_all(self.checks.iter().map(ReadyCheck::is_ready)).await
    }

    fn standing(&self, well: &'static str, answers: &[bool]) -> (StatusCode, &'static str) {
        if self.draining.is_cancelled() {
            (StatusCode::SERVICE_UNAVAILABLE, "draining")
        } else if self.accepts() && answers.iter().all(|is_ready| *is_ready) {
            (StatusCode::OK, well)
        } else {
            (StatusCode::SERVICE_UNAVAILABLE, "unavailable")
        }
    }

    fn accepts(&self) -> bool {
        match &self.accepting {
            Accepting::Until(ended) => self.address.get().is_some() && !ended.is_cancelled(),
            Accepting::Elsewhere => true,
        }
    }
}

const fn word(is_well: bool) -> &'static str {
    if is_well { "up" } else { "down" }
}

/// A name as it is shown: whoever asks is not sent a megabyte.
fn shortened(name: &str) -> &str {
    match name.char_indices().nth(LONGEST_NAME) {
        Some((end, _)) => &name[..end],
        None => name,
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
            accepting: Accepting::Elsewhere,
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
        let mut report = body(health(vec![]).report().await).await;
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
        let health = health(vec![ReadyCheck::asked("child", move || {
            seen.load(Ordering::Relaxed)
        })]);
        assert_eq!(health.ready().await.status(), 503);
        assert_eq!(health.live().status(), 200);
        let report = health.report().await;
        assert_eq!(report.status(), 503);
        assert_eq!(body(report).await["components"]["child"]["status"], "down");
        up.store(true, Ordering::Relaxed);
        assert_eq!(health.ready().await.status(), 200);
    }

    #[tokio::test]
    async fn draining_is_unready_at_once_but_alive() {
        let health = health(vec![]);
        health.draining.cancel();
        assert_eq!(health.report().await.status(), 503);
        assert_eq!(body(health.ready().await).await["status"], "draining");
        assert_eq!(health.live().status(), 200);
    }

    // STA-05
    #[tokio::test]
    async fn it_is_unready_until_it_listens_and_once_it_does_not() {
        let ended = CancellationToken::new();
        let health = Health {
            accepting: Accepting::Until(ended.clone()),
            ..health(vec![])
        };
        assert_eq!(health.ready().await.status(), 503);
        health.address.set(([127, 0, 0, 1], 1).into()).unwrap();
        assert_eq!(health.ready().await.status(), 200);
        ended.cancel();
        assert_eq!(health.ready().await.status(), 503);
        let report = body(health.report().await).await;
        assert_eq!(report["components"]["server"]["status"], "down");
        assert_eq!(report["status"], "unavailable");
    }

    #[tokio::test]
    async fn a_name_of_a_megabyte_is_cut() {
        let long = "ü".repeat(1 << 20);
        let health = Health {
            server: long.clone(),
            version: long.clone(),
            environment: long,
            ..health(vec![])
        };
        let report = body(health.report().await).await;
        assert_eq!(report["server"], "ü".repeat(LONGEST_NAME));
        assert!(report.to_string().len() < 2000);
    }
}
