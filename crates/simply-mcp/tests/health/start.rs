//! Before a server is up.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use serde_json::json;
use simply_mcp::{HttpConfig, HttpTransport};

use super::{at, status};
use crate::common::{answer, client, server};

// STA-05: whoever sees a 200 can call, at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_probe_says_ready_before_a_call_is_answered() {
    for _ in 0..10 {
        let free = || {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            listener.local_addr().unwrap()
        };
        let (main, apart) = (free(), free());
        let started = Arc::new(AtomicBool::new(false));
        let probes: Vec<_> = [main, apart]
            .into_iter()
            .map(|address| {
                let started = Arc::clone(&started);
                tokio::spawn(async move {
                    loop {
                        let probed = at(address, "/health/ready").send().await;
                        if probed.is_ok_and(|response| response.status() == 200) {
                            break;
                        }
                        tokio::time::sleep(Duration::from_millis(1)).await;
                    }
                    let call = client().post(format!("http://{main}/tools/echo"));
                    let answered = answer(call.body(r#"{"message":"at once"}"#)).await;
                    (started.load(Ordering::SeqCst), answered)
                })
            })
            .collect();
        tokio::time::sleep(Duration::from_millis(5)).await;
        let settings = json!({
            "server": {"port": main.port()}, "monitoring": {"listen": apart.to_string()},
        });
        let config = HttpConfig::from_value(settings).unwrap();
        started.store(true, Ordering::SeqCst);
        let running = HttpTransport::new(server(), config).start().await.unwrap();
        for probe in probes {
            let (was_started, (code, said)) = probe.await.unwrap();
            assert!(was_started);
            assert_eq!((code, &said["result"]), (200, &json!("at once")));
        }
        assert_eq!(status(at(apart, "/health/ready")).await, 200);
        running.shutdown().await;
    }
}
