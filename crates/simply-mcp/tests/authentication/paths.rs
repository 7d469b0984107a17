//! Who gets past: no spelling, no method, no header.

use std::sync::atomic::Ordering;

use serde_json::json;

use crate::{
    Fixture, KEY,
    common::{answer, client, http2_client},
    guide,
};

// AUT-01
#[tokio::test]
async fn no_spelling_of_a_path_slips_past() {
    let fixture = Fixture::with(guide()).await;
    let address = fixture.server.address;
    let mut targets: Vec<String> = [
        "/tools/hit",
        "/tools/hit/",
        "//tools/hit",
        "/./tools/hit",
        "/health/../tools/hit",
        "/health/%2e%2e/tools/hit",
        "/%2e%2e/tools/hit",
        "/tools%2Fhit",
        "/tools%2fhit",
        "/%74ools/hit",
        "/%2574ools/hit",
        "/TOOLS/hit",
        "/Tools/Hit",
        "/tools/hit;a",
        "/tools/hit;/health",
        "/tools/hit%00",
        "/tools/hit%20",
        "/tools/hit?/health",
        "/tools/hit%3f/health",
        "/tools\\hit",
        "/health\\..\\tools\\hit",
        "/health/",
        "/health/ready/",
        "/health/live/../../tools/hit",
        "/metrics/",
        "/metrics/../tools/hit",
        "/metrics;/tools/hit",
        "/.well-known/oauth-protected-resource",
        "/.well-known/oauth-protected-resource/../../tools/hit",
        "/mcp",
        "/mcp/",
        "/tools",
        "/nowhere",
        "/",
        "*",
    ]
    .map(String::from)
    .into();
    for path in ["/tools/hit", "/health/../tools/hit", "//tools/hit"] {
        targets.push(format!("http://{address}{path}"));
        targets.push(format!("http://localhost{path}"));
    }
    for path in ["//tools/hit", "/health/../tools/hit", "/tools/hit", "/mcp"] {
        let request = http2_client().post(fixture.server.url(path));
        assert_eq!(request.send().await.unwrap().status(), 401, "{path}");
    }
    for target in &targets {
        for method in ["GET", "POST", "HEAD", "OPTIONS", "PUT", "DELETE", "BREW"] {
            is_refused(&fixture, method, target, "").await;
        }
    }
    assert_eq!(fixture.calls.load(Ordering::SeqCst), 0);
    assert_eq!(fixture.call(KEY).await, 200);
    assert_eq!(fixture.calls.load(Ordering::SeqCst), 1);
}

// AUT-01
#[tokio::test]
async fn no_header_changes_which_path_or_method_it_is() {
    let fixture = Fixture::with(guide()).await;
    for headers in [
        "X-Original-URL: /health\r\n",
        "X-Rewrite-URL: /health\r\n",
        "X-Original-URI: /health\r\n",
        "X-Forwarded-Uri: /health\r\n",
        "X-Forwarded-Path: /health\r\n",
        "X-Forwarded-Prefix: /health\r\n",
        "X-HTTP-Method-Override: OPTIONS\r\n",
        "X-Method-Override: HEAD\r\n",
        "X-HTTP-Method: GET\r\n",
        "X-Forwarded-For: 127.0.0.1\r\n",
        "X-Real-IP: 127.0.0.1\r\n",
        "X-API-Key: your-secret-key-here\r\n",
        "Cookie: Authorization=Bearer your-secret-key-here\r\n",
        "Proxy-Authorization: Bearer your-secret-key-here\r\n",
        "X-Forwarded-User: guide\r\n",
        "Remote-User: guide\r\n",
        "X-Forwarded-Authorization: Bearer your-secret-key-here\r\n",
    ] {
        is_refused(&fixture, "POST", "/tools/hit", headers).await;
    }
    is_refused(
        &fixture,
        "POST",
        "/tools/hit?access_token=your-secret-key-here&key=your-secret-key-here",
        "",
    )
    .await;
    for (path, header) in [("/health", "X-Original-URL"), ("/metrics", "X-Rewrite-URL")] {
        let request = fixture.server.get(path).header(header, "/tools/hit");
        assert_eq!(answer(request).await.0, 200);
    }
    assert_eq!(fixture.calls.load(Ordering::SeqCst), 0);
}

async fn is_refused(fixture: &Fixture, method: &str, target: &str, headers: &str) {
    let request = format!(
        "{method} {target} HTTP/1.1\r\nHost: {}\r\n{headers}Connection: close\r\nContent-Length: 2\r\n\r\n{{}}",
        fixture.server.address
    );
    let said = fixture.server.raw(request.as_bytes()).await;
    let status = said.get(9..12).unwrap_or_default();
    // 400 is what is no request at all, and 429 comes after a hundred failures.
    assert!(
        ["400", "401", "429"].contains(&status),
        "{method} {target} {headers}: {said}"
    );
}

#[tokio::test]
async fn health_and_metrics_need_no_key() {
    let fixture = Fixture::with(guide()).await;
    for path in ["/health", "/health/live", "/health/ready", "/metrics"] {
        assert_eq!(answer(fixture.server.get(path)).await.0, 200, "{path}");
    }
    assert_eq!(
        fixture.health().await,
        json!({ "status": "enabled", "keys_count": 1 })
    );
}

// AUT-02
#[tokio::test]
async fn no_method_gets_around_the_key_or_tells_which_tools_there_are() {
    let fixture = Fixture::with(guide()).await;
    let ask = |method: &'static str, path: &'static str, key: Option<&'static str>| {
        let method = method.parse().unwrap();
        let request = client().request(method, fixture.server.url(path));
        let request = request.header("x-correlation-id", "c-1");
        match key {
            Some(key) => request.bearer_auth(key).send(),
            None => request.send(),
        }
    };
    for path in ["/tools", "/tools/hit", "/mcp"] {
        for method in ["HEAD", "OPTIONS", "TRACE", "PATCH", "BREW"] {
            let response = ask(method, path, None).await.unwrap();
            assert_eq!(response.status(), 401, "{method} {path}");
        }
    }
    let preflight = |path| async move {
        let response = ask("OPTIONS", path, None).await.unwrap();
        (response.status(), response.text().await.unwrap())
    };
    assert_eq!(
        preflight("/tools/hit").await,
        preflight("/tools/nope").await
    );

    assert_eq!(
        ask("HEAD", "/tools", Some(KEY)).await.unwrap().status(),
        200
    );
    for method in ["HEAD", "OPTIONS", "BREW"] {
        let response = ask(method, "/tools/hit", Some(KEY)).await.unwrap();
        assert_eq!(response.status(), 405, "{method}");
        assert_eq!(response.headers()["allow"], "POST");
    }
    assert_eq!(fixture.calls.load(Ordering::SeqCst), 0);
}

// AUT-11
#[tokio::test]
async fn health_and_metrics_are_open_until_the_operator_closes_the_metrics() {
    let keys = json!([{"key": KEY, "name": "default"}]);
    let open = Fixture::with(keys.clone()).await.server;
    for path in ["/health", "/health/live", "/health/ready", "/metrics"] {
        assert_eq!(open.get(path).send().await.unwrap().status(), 200, "{path}");
    }
    let (_, health) = answer(open.get("/health")).await;
    let components = &health["components"];
    assert_eq!(
        components["authentication"],
        json!({"status": "enabled", "keys_count": 1})
    );
    assert_eq!(components["server"]["status"], "up");
    for (allowed, status) in [("127.0.0.0/8", 200), ("10.0.0.0/8", 403)] {
        let settings = json!({
            "monitoring": {"allow_from": [allowed]},
            "server": {"trusted_proxies": ["192.0.2.1"]},
        });
        let server = Fixture::with_settings(keys.clone(), settings).await.server;
        // Nobody but a trusted proxy can claim another address.
        let claimed = server.get("/metrics").header("X-Forwarded-For", "10.0.0.1");
        for request in [
            server.get("/metrics"),
            claimed,
            server.get("/metrics").bearer_auth(KEY),
        ] {
            assert_eq!(request.send().await.unwrap().status(), status, "{allowed}");
        }
        assert_eq!(server.get("/health").send().await.unwrap().status(), 200);
    }
}
