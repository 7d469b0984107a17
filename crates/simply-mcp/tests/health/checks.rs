//! What a program itself has to say to its readiness.

use std::sync::{Mutex, mpsc};

use serde_json::json;
use simply_mcp::{Error, HttpConfig, HttpTransport, RunningTransport};
use tokio::sync::watch;

use super::{at, body, status, with_monitoring};
use crate::common::server;

type Transport = HttpTransport<simply_mcp::McpServer>;

async fn start(add: impl FnOnce(Transport) -> Transport) -> Result<RunningTransport, Error> {
    let settings = with_monitoring(json!({"server": {"port": 0}}));
    let config = HttpConfig::from_value(settings).unwrap();
    add(HttpTransport::new(server(), config)).start().await
}

// STA-05
#[tokio::test]
async fn a_watched_value_is_followed_and_its_end_is_no() {
    let (sender, watched) = watch::channel(3);
    let running = start(|it| it.ready_while("database", watched, |left| *left > 0))
        .await
        .unwrap();
    let addresses = [running.address(), running.monitoring_address().unwrap()];
    for (left, expected) in [(1, 200), (0, 503), (2, 200)] {
        sender.send_replace(left);
        for address in addresses {
            assert_eq!(status(at(address, "/health/ready")).await, expected);
            let report = at(address, "/health").send().await.unwrap();
            assert_eq!(report.status(), expected);
            let word = if left > 0 { "up" } else { "down" };
            assert_eq!(
                body(report).await["components"]["database"],
                json!({ "status": word })
            );
        }
    }
    drop(sender);
    assert_eq!(status(at(addresses[0], "/health/ready")).await, 503);
    assert_eq!(status(at(addresses[0], "/health/live")).await, 200);
}

#[tokio::test]
async fn a_check_that_hangs_or_panics_makes_unready_and_harms_no_port() {
    let (release, held) = mpsc::channel::<()>();
    let held = Mutex::new(held);
    let running = start(|it| {
        it.ready_when("stuck", move || held.lock().unwrap().recv().is_err())
            .ready_when("broken", || panic!("on purpose"))
    })
    .await
    .unwrap();
    let addresses = [running.address(), running.monitoring_address().unwrap()];
    for address in addresses {
        for _ in 0..5 {
            let (ready, live, metrics, tools) = tokio::join!(
                status(at(address, "/health/ready")),
                status(at(address, "/health/live")),
                status(at(address, "/metrics")),
                status(at(running.address(), "/tools")),
            );
            assert_eq!((ready, live, metrics, tools), (503, 200, 200, 200));
        }
        let report = body(at(address, "/health").send().await.unwrap()).await;
        for name in ["stuck", "broken"] {
            assert_eq!(report["components"][name]["status"], "down");
        }
    }
    drop(release);
    running.shutdown().await;
}

#[tokio::test]
async fn a_check_that_takes_the_name_of_a_part_is_refused() {
    let refused = start(|it| it.ready_when("server", || true)).await;
    let text = refused.unwrap_err().to_string();
    assert!(text.contains("\"server\""), "{text}");
}
