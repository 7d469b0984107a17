//! What labels say: the operator's names, and nothing that is secret.

use axum::body::Body;
use http::Request;
use serde_json::json;
use simply_mcp::{HttpConfig, HttpTransport, McpServer, PeerAddress};
use tower::ServiceExt;

use crate::exposition::{Exposition, scrape};

/// Names that a format could stumble over, and how they must be written.
const NAMES: [(&str, &str); 4] = [
    ("with \"quotes\"", r#"with \"quotes\""#),
    (r"with \n backslashes\", r"with \\n backslashes\\"),
    ("mit Ümläuten 🔑", "mit Ümläuten 🔑"),
    ("a=b,c={d}", "a=b,c={d}"),
];

fn key(index: usize) -> String {
    format!("{index}a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d")
}

// MET-02
#[tokio::test]
async fn a_key_is_known_by_its_name_and_an_address_not_at_all() {
    let file = tempfile::Builder::new().suffix(".json").tempfile().unwrap();
    let keys = NAMES.iter().enumerate();
    let keys: Vec<_> = keys
        .map(|(index, (name, _))| json!({"name": name, "key": key(index)}))
        .collect();
    std::fs::write(file.path(), json!({ "keys": keys }).to_string()).unwrap();
    let config = HttpConfig::from_value(json!({
        "auth": {"keys_file": file.path(), "require_auth": false},
        "rate_limit": {"enabled": true},
    }));
    let transport = HttpTransport::new(McpServer::new("fixture", "1"), config.unwrap());
    let router = transport.router().unwrap();
    let keys = (0..NAMES.len()).map(|index| Some(key(index)));
    for key in keys.chain([None, Some("wrong-key-of-somebody".to_owned())]) {
        for path in ["/tools", "/nothing"] {
            let mut request = Request::get(path).header("host", "localhost");
            if let Some(key) = &key {
                request = request.header("authorization", format!("Bearer {key}"));
            }
            let peer = PeerAddress(([203, 0, 113, 77], 4711).into());
            let request = request.extension(peer).body(Body::empty()).unwrap();
            drop(router.clone().oneshot(request).await.unwrap());
        }
    }
    let text = scrape(&router).await;
    let seen = Exposition::of(&text);
    for (name, written) in NAMES {
        let series = format!("http_auth_success_total{{key_name=\"{written}\"}}");
        assert_eq!(seen.value(&series), 2.0, "{name}\n{text}");
        let series = format!("http_rate_limit_hit_total{{key=\"{written}\"}}");
        assert_eq!(seen.value(&series), 2.0, "{name}\n{text}");
        let refused = "simply_mcp_refused_requests_total";
        let series = format!("{refused}{{code=\"not_found\",key=\"{written}\"}}");
        assert_eq!(seen.value(&series), 1.0, "{name}\n{text}");
    }
    for (series, value) in [
        ("http_rate_limit_hit_total{key=\"anonymous\"}", 2.0),
        (
            "simply_mcp_refused_requests_total{code=\"not_found\",key=\"anonymous\"}",
            1.0,
        ),
        (
            "simply_mcp_refused_requests_total{code=\"unauthorized\",key=\"anonymous\"}",
            2.0,
        ),
    ] {
        assert_eq!(seen.value(series), value, "{series}\n{text}");
    }
    for secret in ["a1b2c3d4e5", "wrong-key", "203.0.113"] {
        assert!(!text.contains(secret), "{secret}\n{text}");
    }
}

#[tokio::test]
async fn a_server_may_be_called_anything() {
    let name = format!("\"quoted\"\n\\ {}", "é".repeat(200));
    let config = json!({"environment": "a\"b\\c\nd"});
    let config = HttpConfig::from_value(config).unwrap();
    let transport = HttpTransport::new(McpServer::new(name, "1\n2"), config);
    let text = scrape(&transport.router().unwrap()).await;
    let line = text
        .lines()
        .find(|line| line.starts_with("http_server_info"));
    let line = line.unwrap();
    let start = r#"http_server_info{environment="a\"b\\c\nd",name="\"quoted\"\n\\ éé"#;
    assert!(
        line.starts_with(start) && line.ends_with("é\",version=\"1\\n2\"} 1"),
        "{line}"
    );
    assert!(line.len() < 250, "{line}");
}

#[tokio::test]
async fn a_path_that_is_a_setting_is_named_as_it_is_set() {
    let config = json!({
        "mcp": {"path": "/api/mcp"},
        "monitoring": {"health_path": "/well", "prometheus_path": "/metrics"},
    });
    let config = HttpConfig::from_value(config).unwrap();
    let transport = HttpTransport::new(McpServer::new("fixture", "1"), config);
    let router = transport.router().unwrap();
    for path in [
        "/api/mcp",
        "/api/mcp/",
        "/well",
        "/well/live",
        "/health",
        "/metrics",
    ] {
        let request = Request::get(path).header("host", "localhost");
        let request = request.body(Body::empty()).unwrap();
        drop(router.clone().oneshot(request).await.unwrap());
    }
    let seen = Exposition::of(&scrape(&router).await);
    let endpoints: Vec<_> = seen
        .labels("http_requests_total", "endpoint")
        .into_iter()
        .collect();
    assert_eq!(
        endpoints,
        ["/api/mcp", "/metrics", "/well", "/well/live", "unmatched"]
    );
}
