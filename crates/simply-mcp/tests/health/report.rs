//! The report: the guide's fields, the parts that are on and only those, and nothing secret.

use std::fs;

use serde_json::{Value, json};

use super::{at, body, monitoring, status, with_monitoring};
use crate::{
    common::{Server, server, start_with},
    redis::Redis,
};

const KEY: &str = "your-secret-key-here";

async fn report(server: &Server) -> Value {
    body(server.get("/health").send().await.unwrap()).await
}

fn names(report: &Value) -> Vec<&str> {
    let components = report["components"].as_object().unwrap();
    components.keys().map(String::as_str).collect()
}

#[tokio::test]
async fn the_components_are_those_that_are_on() {
    let folder = tempfile::tempdir().unwrap();
    let keys = folder.path().join("keys.json");
    let two = json!({"keys": [
        {"name": "a", "key": KEY},
        {"name": "b", "key": format!("{KEY}-2")},
        {"name": "over", "key": format!("{KEY}-3"), "expires_at": "2020-01-01T00:00:00Z"},
        {"name": "off", "key": format!("{KEY}-4"), "enabled": false},
    ]});
    fs::write(&keys, two.to_string()).unwrap();
    let auth = json!({"enabled": true, "keys_file": keys});
    let sliding = json!({"enabled": true, "strategy": "sliding_window"});
    let off = json!({"prometheus_enabled": false});
    for (settings, expected) in [
        (
            json!({}),
            json!({"metrics": {"status": "enabled", "endpoint": "/metrics"}}),
        ),
        (
            json!({"monitoring": {"prometheus_path": "/m"}}),
            json!({"metrics": {"status": "enabled", "endpoint": "/m"}}),
        ),
        (json!({"monitoring": off}), json!({})),
        (
            json!({"monitoring": off, "auth": auth}),
            json!({"authentication": {"status": "enabled", "keys_count": 2}}),
        ),
        (
            json!({"monitoring": off, "rate_limit": sliding}),
            json!({"rate_limiting": {"status": "enabled", "strategy": "sliding_window"}}),
        ),
    ] {
        let server = start_with(server(), settings).await;
        let mut report = report(&server).await;
        let components = report["components"].as_object_mut().unwrap();
        let own = components.remove("server").unwrap();
        let port = server.address.port();
        assert_eq!(
            own,
            json!({"status": "up", "host": "127.0.0.1", "port": port, "environment": "development"})
        );
        assert_eq!(report["components"], expected);
        assert!(report["timestamp"].is_f64(), "{report}");
        let mut members: Vec<_> = report.as_object().unwrap().keys().collect();
        members.sort();
        assert_eq!(
            members,
            ["components", "server", "status", "timestamp", "version"]
        );
        assert!(!report.to_string().contains(KEY));
    }
}

#[tokio::test]
async fn the_number_of_keys_is_true_after_a_change() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keys.json");
    let write = |count: usize| {
        let keys: Vec<_> = (0..count)
            .map(|n| json!({"name": format!("k{n}"), "key": format!("{KEY}-{n}")}))
            .collect();
        let new = folder.path().join("new.json");
        fs::write(&new, json!({ "keys": keys }).to_string()).unwrap();
        fs::rename(&new, &file).unwrap();
    };
    write(2);
    let settings = with_monitoring(json!({"auth": {"enabled": true, "keys_file": file}}));
    let server = start_with(server(), settings).await;
    for count in [2, 5, 1] {
        write(count);
        for address in [server.address, monitoring(&server)] {
            let patience = std::time::Duration::from_secs(30);
            let seen = tokio::time::timeout(patience, async {
                loop {
                    let report = body(at(address, "/health").send().await.unwrap()).await;
                    if report["components"]["authentication"]["keys_count"] == count {
                        break;
                    }
                    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
                }
            });
            assert!(seen.await.is_ok(), "{count} keys are not seen");
        }
    }
}

#[tokio::test]
async fn no_probe_needs_a_key_or_a_name_or_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keys.json");
    fs::write(
        &file,
        json!({"keys": [{"name": "a", "key": KEY}]}).to_string(),
    )
    .unwrap();
    let settings = json!({
        "auth": {"enabled": true, "keys_file": file},
        "rate_limit": {"enabled": true, "default_limit": 1},
    });
    let server = start_with(server(), settings).await;
    for path in ["/health", "/health/live", "/health/ready"] {
        for _ in 0..10 {
            let probe = server.get(path).header("host", "what.ever");
            let response = probe.bearer_auth("wrong").send().await.unwrap();
            assert_eq!(response.status(), 200);
            assert!(!response.headers().contains_key("x-ratelimit-limit"));
            assert_eq!(response.headers()["cache-control"], "no-store");
        }
        let head = crate::common::client().head(server.url(path));
        let head = head.send().await.unwrap();
        assert_eq!(head.status(), 200);
        assert_eq!(head.text().await.unwrap(), "");
        for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
            let method = method.parse().unwrap();
            let response = crate::common::client().request(method, server.url(path));
            let response = response.send().await.unwrap();
            assert_eq!(response.status(), 405);
            assert_eq!(response.headers()["allow"], "GET, HEAD");
        }
    }
}

// STA-05
#[tokio::test]
async fn a_store_that_is_down_is_seen_and_makes_unready_where_all_would_be_refused() {
    for (policy, expected) in [("closed", 503), ("open", 200), ("local", 200)] {
        let mut redis = Redis::not_yet_started();
        let settings = with_monitoring(json!({"rate_limit": {
            "enabled": true, "store": redis.url(), "on_store_failure": policy,
        }}));
        let server = start_with(server(), settings).await;
        let apart = monitoring(&server);
        for address in [server.address, apart] {
            assert_eq!(
                status(at(address, "/health/ready")).await,
                expected,
                "{policy}"
            );
            let report = at(address, "/health").send().await.unwrap();
            assert_eq!(report.status(), expected);
            let report = body(report).await;
            assert_eq!(report["components"]["store"], json!({"status": "down"}));
            assert_eq!(names(&report).len(), 5, "{report}");
        }
        redis.start_again();
        let up = async {
            while body(at(apart, "/health").send().await.unwrap()).await["components"]["store"]["status"]
                != "up"
            {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        };
        let patience = std::time::Duration::from_secs(30);
        tokio::time::timeout(patience, up).await.unwrap();
        assert_eq!(status(at(apart, "/health/ready")).await, 200);
    }
}
