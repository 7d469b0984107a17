//! How often one may call, as a client sees it.

mod common;

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use axum::body::Body;
use common::intervals::{Observed, Rule, check};
use http::Request;
use reqwest::{RequestBuilder, Response};
use serde_json::{Value, json};
use simply_mcp::{HttpConfig, HttpTransport};
use tower::ServiceExt;

const ECHO: &str = r#"{"message": "hello"}"#;

async fn limited(limit: u32, more: &Value) -> common::Server {
    let mut settings =
        json!({"rate_limit": {"enabled": true, "default_limit": limit, "window_seconds": 3600}});
    for (section, values) in more.as_object().into_iter().flatten() {
        for (key, value) in values.as_object().into_iter().flatten() {
            settings[section][key] = value.clone();
        }
    }
    common::start_with(common::server(), settings).await
}

async fn send(request: RequestBuilder) -> Response {
    request.send().await.expect("an answer")
}

fn number(response: &Response, name: &str) -> Option<u64> {
    response.headers().get(name)?.to_str().ok()?.parse().ok()
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.expect("after 1970").as_secs()
}

#[tokio::test]
async fn every_answer_that_is_counted_says_how_the_allowance_stands() {
    let server = limited(5, &json!({})).await;
    for (request, remaining) in [
        (server.post("/tools/echo", ECHO), 4),
        (server.get("/tools"), 3),
        (server.get("/nowhere"), 2),
        (server.post("/tools/echo", "no JSON"), 1),
        (server.modern("tools/list", json!({})), 0),
    ] {
        let response = send(request).await;
        assert_ne!(response.status(), 429);
        assert_eq!(number(&response, "x-ratelimit-limit"), Some(5));
        assert_eq!(number(&response, "x-ratelimit-remaining"), Some(remaining));
        let reset = number(&response, "x-ratelimit-reset").expect("a time");
        assert!((now()..=now() + 3601).contains(&reset));
        assert_eq!(response.headers().get("retry-after"), None);
    }
    for path in ["/health", "/health/ready", "/metrics"] {
        let response = send(server.get(path)).await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers().get("x-ratelimit-limit"), None);
    }
}

// RL-08
#[tokio::test]
async fn what_is_over_is_refused_in_the_language_of_the_door() {
    let server = limited(1, &json!({})).await;
    assert_eq!(send(server.get("/tools")).await.status(), 200);
    let refused = send(server.get("/tools")).await;
    assert_eq!(refused.status(), 429);
    assert_eq!(number(&refused, "x-ratelimit-remaining"), Some(0));
    let wait = number(&refused, "retry-after").expect("seconds");
    assert!((3500..=3600).contains(&wait));
    let body: Value = refused.json().await.expect("JSON");
    assert_eq!(
        (&body["code"], &body["error"]),
        (&json!("rate_limited"), &json!("Too Many Requests"))
    );
    let detail = body["detail"].as_str().expect("words");
    assert!(
        detail.starts_with("this address may make 1 requests in 3600 seconds; wait "),
        "{detail}"
    );
    let (status, body) = common::answer(server.modern("tools/list", json!({}))).await;
    assert_eq!(status, 429);
    assert_eq!(body["error"]["code"], -32000);
    let data = &body["error"]["data"];
    assert_eq!(
        (&data["code"], &data["limit"], &data["scope"]),
        (&json!("rate_limited"), &json!(1), &json!("address"))
    );
    assert!(
        data["retryAfterMs"]
            .as_u64()
            .is_some_and(|wait| (3_500_000..=3_600_000).contains(&wait))
    );
}

#[tokio::test]
async fn without_the_setting_nothing_is_counted() {
    let server = common::start().await;
    let response = send(server.get("/tools")).await;
    assert_eq!(response.headers().get("x-ratelimit-limit"), None);
}

#[tokio::test]
async fn the_shadow_counts_and_refuses_nothing() {
    let server = limited(2, &json!({"rate_limit": {"shadow": true}})).await;
    for remaining in [1, 0, 0, 0] {
        let response = send(server.get("/tools")).await;
        assert_eq!(response.status(), 200);
        assert_eq!(number(&response, "x-ratelimit-remaining"), Some(remaining));
    }
    let metrics = send(server.get("/metrics"))
        .await
        .text()
        .await
        .expect("text");
    for line in [
        "http_rate_limit_hit_total{key=\"anonymous\"} 2",
        "http_rate_limit_exceeded_total{key=\"anonymous\"} 2",
        "http_rate_limit_remaining{key=\"anonymous\"} 0",
    ] {
        assert!(metrics.contains(line), "{line} is not in\n{metrics}");
    }
}

// RL-09: here time has to pass, as it is the client's that counts.
#[tokio::test]
async fn who_waits_as_long_as_it_is_told_passes() {
    for strategy in ["token_bucket", "sliding_window"] {
        let settings = json!({"rate_limit": {"strategy": strategy, "window_seconds": 1}});
        let server = limited(1, &settings).await;
        send(server.get("/tools")).await;
        for _ in 0..2 {
            let mut response = send(server.get("/tools")).await;
            if response.status() == 429 {
                let wait = number(&response, "retry-after").expect("seconds");
                tokio::time::sleep(Duration::from_secs(wait)).await;
                response = send(server.get("/tools")).await;
            }
            assert_eq!(response.status(), 200, "{strategy}");
        }
    }
}

/// What is left after a request that says it comes from somewhere, of an allowance that no two clients share.
async fn left_for(server: &common::Server, headers: &[(&str, &str)]) -> Option<u64> {
    let mut request = server.get("/tools");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    number(&send(request).await, "x-ratelimit-remaining")
}

// RL-07
#[tokio::test]
async fn a_client_behind_a_trusted_proxy_has_an_allowance_of_its_own() {
    let trusting = json!({"server": {"trusted_proxies": ["127.0.0.0/8", "10.0.0.0/8"]}});
    let server = limited(100, &trusting).await;
    let x = "x-forwarded-for";
    for (headers, left) in [
        (&[(x, "192.0.2.1")][..], 99),
        (&[(x, "192.0.2.1, 10.0.0.7")], 98),
        (&[(x, "203.0.113.5, 192.0.2.1")], 97),
        (&[(x, "203.0.113.5"), (x, "192.0.2.1")], 96),
        (&[("forwarded", "for=\"192.0.2.1:4711\";proto=https")], 95),
        (&[(x, "192.0.2.1"), ("forwarded", "for=192.0.2.1")], 94),
        (&[(x, "203.0.113.5")], 99),
        (&[(x, "2001:db8:0:1::1")], 99),
        (&[(x, "[2001:db8:0:1:ffff::2]:99")], 98),
        (&[(x, "2001:db8:0:2::1")], 99),
        // Those of whom nothing good is said are counted with the proxy.
        (&[], 99),
        (&[(x, "192.0.2.1, garbage")], 98),
        (&[(x, "192.0.2.1"), ("forwarded", "for=192.0.2.2")], 97),
        (&[(x, "127.0.0.1")], 96),
    ] {
        assert_eq!(left_for(&server, headers).await, Some(left), "{headers:?}");
    }
}

// RL-07
#[tokio::test]
async fn who_is_no_trusted_proxy_cannot_choose_an_address() {
    let server = limited(100, &json!({"server": {"trusted_proxies": ["10.0.0.0/8"]}})).await;
    for (index, address) in ["192.0.2.1", "192.0.2.2", "10.0.0.1"].iter().enumerate() {
        let forwarded = format!("for={address}");
        let headers = [("x-forwarded-for", *address), ("forwarded", &forwarded)];
        assert_eq!(left_for(&server, &headers).await, Some(99 - index as u64));
    }
}

// RL-08
#[tokio::test]
async fn where_no_address_is_known_all_share_one_allowance() {
    let settings = json!({"rate_limit": {"enabled": true, "default_limit": 2}});
    let config = HttpConfig::from_value(settings).expect("good settings");
    let router = HttpTransport::new(common::server(), config).router();
    let router = router.expect("a router");
    for status in [200, 200, 429] {
        let request = Request::get("/tools").header("host", "localhost");
        let request = request.body(Body::empty()).expect("a request");
        let response = router.clone().oneshot(request).await.expect("an answer");
        assert_eq!(response.status(), status);
    }
}

// RL-01, RL-02
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_interval_sees_more_than_the_strategy_allows() {
    const LIMIT: u64 = 50;
    const WINDOW: u64 = 1_000_000_000;
    for (strategy, rule) in [
        (
            "token_bucket",
            Rule::TokenBucket {
                burst: LIMIT,
                limit: LIMIT,
                window: WINDOW,
            },
        ),
        (
            "sliding_window",
            Rule::SlidingWindow {
                limit: LIMIT,
                window: WINDOW,
            },
        ),
    ] {
        let settings = json!({"rate_limit": {"strategy": strategy, "window_seconds": 1}});
        let server = limited(50, &settings).await;
        let history = record(&server, 16, 3 * WINDOW).await;
        assert_eq!(check(&history, rule), Ok(()), "{strategy}");
        let admitted = history.iter().filter(|one| one.admitted).count() as u64;
        assert!(
            admitted > LIMIT,
            "{strategy}: a burst, and some of what came back"
        );
        assert!(
            history.len() as u64 > admitted,
            "{strategy}: some were refused"
        );
    }
}

async fn record(server: &common::Server, clients: usize, span: u64) -> Vec<Observed> {
    let started = Arc::new(Instant::now());
    let client = common::client();
    let tasks: Vec<_> = (0..clients)
        .map(|_| {
            let (started, client, url) =
                (Arc::clone(&started), client.clone(), server.url("/tools"));
            tokio::spawn(async move {
                let elapsed = || started.elapsed().as_nanos() as u64;
                let mut seen = vec![];
                while elapsed() < span {
                    let start = elapsed();
                    let response = send(client.get(&url)).await;
                    let admitted = response.status() == 200;
                    seen.push(Observed {
                        start,
                        end: elapsed(),
                        admitted,
                    });
                    assert!(admitted || response.status() == 429);
                }
                seen
            })
        })
        .collect();
    let mut history = vec![];
    for task in tasks {
        history.extend(task.await.expect("a client that ends"));
    }
    history
}
