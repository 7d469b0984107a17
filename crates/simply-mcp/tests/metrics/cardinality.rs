//! Whatever clients send, the number of series is bounded.

use std::collections::BTreeSet;

use axum::{Router, body::Body};
use http::{Method, Request};
use serde_json::json;
use simply_mcp::{HttpConfig, HttpTransport, PeerAddress};
use tower::ServiceExt;

use crate::{
    common::{modern, raw, server, start},
    exposition::{Exposition, scrape},
};

const KEY: &str = "0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d";
const REQUESTS: u64 = 100_000;

/// Every kind of request that the random ones are can have: ten methods, eight routes, some statuses.
const MOST_SERIES: usize = 6000;

/// Numbers that look random, and are the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }

    /// A word that was never there before.
    fn word(&mut self) -> String {
        format!("canary{:x}", self.below(u64::MAX))
    }

    fn method(&mut self) -> Method {
        const KNOWN: [&str; 9] = [
            "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH",
        ];
        let word = self.word().to_uppercase();
        let known = KNOWN.get(self.below(11) as usize);
        Method::from_bytes(known.map_or(word.as_bytes(), |name| name.as_bytes())).unwrap()
    }

    fn path(&mut self) -> String {
        let word = self.word();
        match self.below(9) {
            0 => format!("/tools/{word}"),
            1 => "/mcp".to_owned(),
            2 => "/tools".to_owned(),
            3 => format!("/tools/echo?{word}"),
            4 => format!("/health/{word}"),
            5 => format!("/metrics/{word}"),
            6 => "/health".to_owned(),
            _ => format!("/{word}/{}", self.below(1000)),
        }
    }

    fn request(&mut self) -> Request<Body> {
        let (method, path) = (self.method(), self.path());
        let host = match self.below(4) {
            0 => self.word(),
            _ => "localhost".to_owned(),
        };
        let key = match self.below(3) {
            0 => self.word(),
            _ => KEY.to_owned(),
        };
        let body = match self.below(3) {
            0 => self.word(),
            1 => json!({ "message": self.word() }).to_string(),
            _ => modern("tools/call", json!({"name": self.word(), "arguments": {}})).to_string(),
        };
        let address = (self.below(u64::from(u32::MAX)) as u32).to_be_bytes();
        Request::builder()
            .method(method)
            .uri(path)
            .header("host", host)
            .header("user-agent", self.word())
            .header("x-correlation-id", self.word())
            .header("mcp-method", "tools/call")
            .header("mcp-protocol-version", "2026-07-28")
            .header("content-type", "application/json")
            .header("authorization", format!("Bearer {key}"))
            .extension(PeerAddress((address, 4711).into()))
            .body(body.into())
            .unwrap()
    }
}

fn router(keys: &std::path::Path) -> Router {
    let config = json!({
        "auth": {"keys_file": keys},
        "rate_limit": {"enabled": true, "default_limit": 1_000_000},
    });
    let config = HttpConfig::from_value(config).unwrap();
    HttpTransport::new(server(), config).router().unwrap()
}

// MET-01
#[tokio::test]
async fn a_hundred_thousand_random_requests_make_few_series() {
    let keys = tempfile::Builder::new().suffix(".json").tempfile().unwrap();
    let entries = json!({"keys": [{"name": "fixture", "key": KEY}]});
    std::fs::write(keys.path(), entries.to_string()).unwrap();
    let router = router(keys.path());
    let mut random = Random(0x5eed);
    for _ in 0..REQUESTS {
        let answered = router.clone().oneshot(random.request()).await;
        drop(answered.unwrap());
    }
    let text = scrape(&router).await;
    assert!(
        !text.contains("canary"),
        "a client's word is in the metrics"
    );
    let seen = Exposition::of(&text);
    let count = seen.samples.len();
    assert!(count <= MOST_SERIES, "{count} series");
    let endpoints = ["/health", "/mcp", "/tools", "/tools/{name}", "unmatched"];
    let endpoints: BTreeSet<_> = endpoints.map(str::to_owned).into();
    assert_eq!(seen.labels("http_requests_total", "endpoint"), endpoints);
    assert_eq!(seen.labels("http_requests_total", "method").len(), 10);
    let keys = seen.labels("http_rate_limit_hit_total", "key");
    assert_eq!(keys, BTreeSet::from(["fixture".to_owned()]));
    let requests = seen.samples.iter();
    let requests = requests.filter(|(series, _)| series.starts_with("http_requests_total{"));
    let requests: f64 = requests.map(|(_, count)| count).sum();
    assert_eq!(requests, REQUESTS as f64);
}

// MET-01
#[tokio::test]
async fn what_comes_over_a_socket_is_counted_under_the_same_names() {
    let server = start().await;
    let mut random = Random(0xfeed);
    for _ in 0..100 {
        let (method, path) = (random.method(), random.path());
        if method == Method::CONNECT {
            continue;
        }
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        );
        raw(server.address, head.as_bytes()).await;
    }
    let text = server.get("/metrics").send().await.unwrap();
    let text = text.text().await.unwrap();
    assert!(
        !text.contains("canary"),
        "a client's word is in the metrics"
    );
    let seen = Exposition::of(&text);
    assert!(seen.samples.len() <= MOST_SERIES);
    assert!(
        seen.value("http_requests_total{endpoint=\"unmatched\",method=\"GET\",status=\"404\"}")
            > 0.0
    );
}
