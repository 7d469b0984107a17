//! Scrapes and requests do not wait for each other.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
    mpsc,
};

use axum::body::Body;
use http::Request;
use serde_json::json;
use simply_mcp::{HttpConfig, HttpTransport};
use tower::ServiceExt;

use crate::{
    common::{Server, client, server, start},
    exposition::{Exposition, scrape},
};

// MET-04
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scrapes_under_load_are_all_valid_and_no_request_is_refused() {
    let server = Arc::new(start().await);
    let calls = Arc::new(AtomicUsize::new(0));
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..4 {
        tasks.spawn(call(Arc::clone(&server), Arc::clone(&calls)));
        tasks.spawn(keep_scraping(Arc::clone(&server)));
    }
    while let Some(ended) = tasks.join_next().await {
        ended.unwrap();
    }
    let text = server.get("/metrics").send().await.unwrap();
    let seen = Exposition::of(&text.text().await.unwrap());
    let counted = "http_requests_total{endpoint=\"/tools/{name}\",method=\"POST\",status=\"200\"}";
    assert_eq!(seen.value(counted), calls.load(Ordering::Relaxed) as f64);
}

async fn call(server: Arc<Server>, calls: Arc<AtomicUsize>) {
    let (client, url) = (client(), server.url("/tools/echo"));
    for _ in 0..50 {
        let answer = client.post(&url).body(r#"{"message": "m"}"#).send();
        assert_eq!(answer.await.unwrap().status(), 200);
        calls.fetch_add(1, Ordering::Relaxed);
    }
}

async fn keep_scraping(server: Arc<Server>) {
    let (client, url) = (client(), server.url("/metrics"));
    let mut last = 0.0;
    for _ in 0..50 {
        let response = client.get(&url).send().await.unwrap();
        assert_eq!(response.status(), 200);
        let seen = Exposition::of(&response.text().await.unwrap());
        let series = "http_requests_total{endpoint=\"/metrics\",method=\"GET\",status=\"200\"}";
        assert!(seen.value(series) >= last, "a counter has shrunk");
        last = seen.value(series);
    }
}

/// A scrape is held up in its middle. Requests pass all the same, the first of their kind among them: no lock that a
/// scrape holds from its beginning to its end is one that a request needs.
// MET-04
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_scrape_that_hangs_holds_up_no_request() {
    let (entered, is_inside) = mpsc::channel();
    let (let_go, may_go) = mpsc::channel::<()>();
    let may_go = Mutex::new(may_go);
    let config = HttpConfig::from_value(json!({"rate_limit": {"enabled": true}})).unwrap();
    let router = HttpTransport::new(server(), config)
        .with_gauge("slow", "Waits to be let go.", move || {
            entered.send(()).unwrap();
            // It ends with the test at the latest.
            let _ = may_go.lock().unwrap().recv();
            1.0
        })
        .router()
        .unwrap();
    let scraped = tokio::spawn({
        let router = router.clone();
        async move { scrape(&router).await }
    });
    tokio::task::spawn_blocking(move || is_inside.recv().unwrap())
        .await
        .unwrap();
    for (method, path, status) in [
        ("POST", "/tools/echo", 200),
        ("POST", "/tools/none", 404),
        ("PATCH", "/nothing", 404),
        ("GET", "/health", 200),
    ] {
        let request = Request::builder().method(method).uri(path);
        let request = request.header("host", "localhost");
        let request = request.body(Body::from(r#"{"message": "m"}"#)).unwrap();
        let answered = router.clone().oneshot(request).await.unwrap();
        assert_eq!(answered.status(), status, "{path}");
    }
    assert!(!scraped.is_finished());
    let_go.send(()).unwrap();
    let seen = Exposition::of(&scraped.await.unwrap());
    assert_eq!(seen.value("slow"), 1.0);
}
