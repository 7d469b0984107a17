//! What the series of requests say, and that the settings switch them.

use axum::{Router, body::Body};
use http::Request;
use serde_json::{Value, json};
use simply_mcp::{HttpConfig, HttpTransport};
use tower::ServiceExt;

use crate::{
    common::server,
    exposition::{Exposition, scrape},
};

fn router(settings: Value) -> Router {
    let config = HttpConfig::from_value(settings).unwrap();
    HttpTransport::new(server(), config).router().unwrap()
}

async fn send(router: &Router, method: &str, path: &str, body: &str) -> u16 {
    let request = Request::builder().method(method).uri(path);
    let request = request.header("host", "localhost");
    let request = request.body(Body::from(body.to_owned())).unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    response.status().as_u16()
}

#[tokio::test]
async fn requests_are_counted_by_method_route_and_status() {
    let router = router(json!({}));
    let body = r#"{"message": "four"}"#;
    for _ in 0..3 {
        assert_eq!(send(&router, "POST", "/tools/echo", body).await, 200);
    }
    assert_eq!(send(&router, "POST", "/tools/none", "").await, 404);
    assert_eq!(send(&router, "PROPFIND", "/tools/echo", "").await, 405);
    let seen = Exposition::of(&scrape(&router).await);
    let of = |name: &str, labels: &str| {
        seen.value(&format!(
            "{name}{{endpoint=\"/tools/{{name}}\",method={labels}}}"
        ))
    };
    assert_eq!(of("http_requests_total", "\"POST\",status=\"200\""), 3.0);
    assert_eq!(of("http_requests_total", "\"POST\",status=\"404\""), 1.0);
    assert_eq!(of("http_requests_total", "\"other\",status=\"405\""), 1.0);
    assert_eq!(of("http_request_duration_seconds_count", "\"POST\""), 4.0);
    assert_eq!(of("http_request_size_bytes_count", "\"POST\""), 4.0);
    let sent = (3 * body.len()) as f64;
    assert_eq!(of("http_request_size_bytes_sum", "\"POST\""), sent);
    assert!(of("http_response_size_bytes_sum", "\"POST\"") > sent);
}

#[tokio::test]
async fn metrics_that_are_off_are_not_there() {
    let router = router(json!({"monitoring": {"prometheus_enabled": false}}));
    assert_eq!(send(&router, "GET", "/metrics", "").await, 404);
}

#[tokio::test]
async fn a_series_of_a_programs_own_is_served_and_a_bad_one_refused_at_the_start() {
    let config = || HttpConfig::from_value(json!({})).unwrap();
    let transport = HttpTransport::new(server(), config())
        .with_gauge("jobs_waiting", "Jobs that wait.", || 3.0)
        .with_counter("jobs_total", "Jobs.", || 7);
    let seen = Exposition::of(&scrape(&transport.router().unwrap()).await);
    assert_eq!(
        (seen.value("jobs_waiting"), seen.value("jobs_total")),
        (3.0, 7.0)
    );
    for name in [
        "http_requests_total",
        "no name",
        "simply_mcp_log_lines_suppressed_total",
    ] {
        let transport = HttpTransport::new(server(), config()).with_gauge(name, "Mine.", || 0.0);
        let refused = transport.router().unwrap_err().to_string();
        assert!(refused.contains(name), "{refused}");
    }
}
