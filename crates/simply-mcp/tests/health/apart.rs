//! `monitoring.listen`: the same answers on an address of their own, and nothing else there.

use std::sync::Arc;

use serde_json::{Value, json};
use simply_mcp::{Error, HttpConfig, HttpTransport, McpServer, server::NoArguments};
use tokio::{net::TcpStream, sync::Notify};

use super::{at, body, monitoring, status, with_monitoring};
use crate::common::{client, server, start_with};

#[tokio::test]
async fn health_and_metrics_are_answered_as_on_the_main_port() {
    let server = start_with(server(), with_monitoring(json!({}))).await;
    let apart = monitoring(&server);
    assert_ne!(apart, server.address);
    for path in ["/health", "/health/live", "/health/ready", "/metrics"] {
        let main = server.get(path).send().await.unwrap();
        let other = at(apart, path).send().await.unwrap();
        assert_eq!(main.status(), 200, "{path}");
        assert_eq!(other.status(), 200, "{path}");
        let names = |response: &reqwest::Response| -> Vec<String> {
            response.headers().keys().map(ToString::to_string).collect()
        };
        assert_eq!(names(&main), names(&other), "{path}");
        assert_eq!(
            main.headers()["content-type"],
            other.headers()["content-type"]
        );
        let url = format!("http://{apart}{path}");
        assert_eq!(status(client().head(&url)).await, 200, "{path}");
        assert_eq!(status(client().post(&url)).await, 405, "{path}");
    }
    let reports = [server.get("/health"), at(apart, "/health")];
    let [mut main, mut other] = [Value::Null, Value::Null];
    for (request, report) in reports.into_iter().zip([&mut main, &mut other]) {
        *report = body(request.send().await.unwrap()).await;
        report["timestamp"].take();
    }
    assert_eq!(main, other);
    let component = json!({"status": "up", "host": "127.0.0.1", "port": apart.port()});
    assert_eq!(main["components"]["monitoring"], component);
}

#[tokio::test]
async fn anything_else_there_is_a_404_that_says_what_there_is() {
    let settings = json!({"monitoring": {"health_path": "/up", "prometheus_path": "/m"}});
    let server = start_with(server(), with_monitoring(settings)).await;
    let apart = monitoring(&server);
    for path in ["/", "/mcp", "/tools", "/tools/echo", "/health", "/metrics"] {
        let url = format!("http://{apart}{path}");
        let requests = [client().get(&url), client().post(&url).body("{}")];
        for request in requests {
            let request = request.header("x-correlation-id", "seen-1");
            let response = request.send().await.unwrap();
            assert_eq!(response.status(), 404, "{path}");
            assert_eq!(response.headers()["x-correlation-id"], "seen-1");
            let refusal = body(response).await;
            assert_eq!(refusal["correlation_id"], "seen-1");
            let detail = refusal["detail"].as_str().unwrap();
            for there in ["/up", "/up/ready", "/m", "monitoring.listen"] {
                assert!(detail.contains(there), "{detail}");
            }
        }
    }
    for path in ["/up", "/up/live", "/up/ready", "/m"] {
        assert_eq!(status(at(apart, path)).await, 200, "{path}");
    }
}

#[tokio::test]
async fn metrics_that_are_off_are_off_there_too() {
    let settings = with_monitoring(json!({"monitoring": {"prometheus_enabled": false}}));
    let server = start_with(server(), settings).await;
    let response = at(monitoring(&server), "/metrics").send().await.unwrap();
    assert_eq!(response.status(), 404);
    let detail = body(response).await["detail"].take();
    assert!(!detail.as_str().unwrap().contains("metrics at"), "{detail}");
}

#[tokio::test]
async fn the_same_rules_say_who_may_read() {
    let settings = json!({"monitoring": {"allow_from": ["10.0.0.0/8"]}});
    let server = start_with(server(), with_monitoring(settings)).await;
    for address in [server.address, monitoring(&server)] {
        let refused = at(address, "/metrics").send().await.unwrap();
        assert_eq!(refused.status(), 403);
        assert_eq!(body(refused).await["code"], "address_not_allowed");
        assert_eq!(status(at(address, "/health")).await, 200);
        let elsewhere = |path| at(address, path).header("host", "evil.example.com");
        assert_eq!(status(elsewhere("/health/ready")).await, 200);
        let refused = elsewhere("/metrics").send().await.unwrap();
        assert_eq!(body(refused).await["code"], "host_not_allowed");
        let foreign = at(address, "/health").header("origin", "https://evil.example.com");
        assert_eq!(status(foreign).await, 403);
    }
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let server = start_with(server(), with_monitoring(json!({}))).await;
    let many: String = (0..200).map(|n| format!("x-{n}: 1\r\n")).collect();
    let request = format!("GET /health HTTP/1.1\r\nHost: localhost\r\n{many}\r\n");
    let answer = crate::common::raw(monitoring(&server), request.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
}

#[tokio::test]
async fn it_answers_through_the_drain_and_ends_with_the_server() {
    let (running, finish) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (started, may_end) = (Arc::clone(&running), Arc::clone(&finish));
    let tools = McpServer::new("slow", "1").tool("wait", "Waits", move |_: NoArguments| {
        let (started, may_end) = (Arc::clone(&started), Arc::clone(&may_end));
        async move {
            started.notify_one();
            may_end.notified().await;
            "waited"
        }
    });
    let server = start_with(tools, with_monitoring(json!({}))).await;
    let (main, apart) = (server.address, monitoring(&server));
    let call = tokio::spawn(server.post("/tools/wait", "").send());
    running.notified().await;
    let shutdown = tokio::spawn(server.running.shutdown());
    while status(at(apart, "/health/ready")).await == 200 {
        tokio::task::yield_now().await;
    }
    while TcpStream::connect(main).await.is_ok() {
        tokio::task::yield_now().await;
    }
    for _ in 0..10 {
        let report = at(apart, "/health").send().await.unwrap();
        assert_eq!(report.status(), 503);
        assert_eq!(body(report).await["status"], "draining");
        assert_eq!(status(at(apart, "/health/live")).await, 200);
        assert_eq!(status(at(apart, "/metrics")).await, 200);
    }
    finish.notify_one();
    assert_eq!(call.await.unwrap().unwrap().status(), 200);
    shutdown.await.unwrap();
    assert!(TcpStream::connect(apart).await.is_err());
}

// STA-01
#[tokio::test]
async fn an_address_that_is_taken_is_named_with_its_setting() {
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let settings = json!({"server": {"port": 0}, "monitoring": {"listen": address}});
    let config = HttpConfig::from_value(settings).unwrap();
    let error = HttpTransport::new(server(), config)
        .start()
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Listen { .. }), "{error:?}");
    let text = error.to_string();
    assert!(
        text.contains(&address) && text.contains("monitoring.listen"),
        "{text}"
    );
}

#[tokio::test]
async fn a_router_has_no_address_of_its_own() {
    let config = HttpConfig::from_value(with_monitoring(json!({}))).unwrap();
    let error = HttpTransport::new(server(), config).router().unwrap_err();
    assert!(error.to_string().contains("monitoring.listen"), "{error}");
}
