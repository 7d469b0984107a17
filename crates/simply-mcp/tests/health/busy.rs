//! Answers come whatever the tools do.

use std::{
    io::{ErrorKind, Read, Write},
    net::{SocketAddr, TcpStream},
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    time::Duration,
};

use serde_json::json;
use simply_mcp::{HttpConfig, HttpTransport, McpServer, server::NoArguments};
use tokio::sync::{Barrier, mpsc as events};

use super::{at, status, with_monitoring};
use crate::common::{answer, client, start_with};

const WORKERS: usize = 2;
/// More than there are threads: a call may wait behind one that spins already.
const CALLS: usize = WORKERS * 4;

/// Lets the tools end, also where the test fails: a runtime waits for them.
struct Stop(Arc<AtomicBool>);

impl Drop for Stop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A request is sent, and its answer is not waited for.
fn send(address: SocketAddr, request: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    let patience = Some(Duration::from_secs(30));
    stream.set_read_timeout(patience).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    stream
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
}

fn read(mut stream: TcpStream) -> String {
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn has_answered(stream: &mut TcpStream) -> bool {
    stream.set_nonblocking(true).unwrap();
    let read = stream.read(&mut [0]);
    stream.set_nonblocking(false).unwrap();
    !matches!(read, Err(error) if error.kind() == ErrorKind::WouldBlock)
}

// STA-05: every thread that serves is held by a tool that never yields.
#[test]
fn the_monitoring_port_answers_while_every_worker_spins() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .enable_all()
        .build()
        .unwrap();
    let stop = Stop(Arc::default());
    let (spinning, spins) = mpsc::channel();
    let gathered = Arc::new(Barrier::new(CALLS));
    let stopped = Arc::clone(&stop.0);
    let server = McpServer::new("busy", "1").tool("spin", "Spins", move |_: NoArguments| {
        let (spinning, stopped) = (spinning.clone(), Arc::clone(&stopped));
        let gathered = Arc::clone(&gathered);
        async move {
            // All at once: the first to spin may be the one that looks for events for all.
            gathered.wait().await;
            let _ = spinning.send(());
            while !stopped.load(Ordering::Relaxed) {
                std::hint::spin_loop();
            }
            "spun"
        }
    });
    let settings = with_monitoring(json!({"server": {"port": 0}}));
    let config = HttpConfig::from_value(settings).unwrap();
    let running = runtime
        .block_on(HttpTransport::new(server, config).start())
        .unwrap();
    let (main, apart) = (running.address(), running.monitoring_address().unwrap());
    let call = "POST /tools/spin HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    let calls: Vec<_> = (0..CALLS).map(|_| send(main, call)).collect();
    for _ in 0..WORKERS {
        spins.recv_timeout(Duration::from_secs(30)).unwrap();
    }
    let mut stuck = send(main, &get("/health"));
    for _ in 0..10 {
        for path in ["/health", "/health/live", "/health/ready", "/metrics"] {
            let answer = read(send(apart, &get(path)));
            assert!(answer.starts_with("HTTP/1.1 200"), "{path}: {answer}");
        }
    }
    assert!(!has_answered(&mut stuck), "the workers do not spin");
    drop(stop);
    assert!(read(stuck).starts_with("HTTP/1.1 200"));
    for call in calls {
        assert!(read(call).starts_with("HTTP/1.1 200"));
    }
    runtime.block_on(running.shutdown());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_main_port_answers_while_every_blocking_tool_blocks() {
    const MOST: usize = 256;
    let gate = Arc::new((Mutex::new(false), Condvar::new()));
    let (blocking, mut blocked) = events::unbounded_channel();
    let held = Arc::clone(&gate);
    let tools =
        McpServer::new("busy", "1").blocking_tool("block", "Blocks", move |_: NoArguments| {
            let _ = blocking.send(());
            let (is_open, opened) = &*held;
            let is_open = is_open.lock().unwrap();
            drop(opened.wait_while(is_open, |is_open| !*is_open).unwrap());
            "done"
        });
    let server = start_with(tools, with_monitoring(json!({}))).await;
    let client = client();
    let url = server.url("/tools/block");
    let calls: Vec<_> = (0..MOST)
        .map(|_| tokio::spawn(client.post(&url).send()))
        .collect();
    for _ in 0..MOST {
        blocked.recv().await.unwrap();
    }
    for path in ["/health", "/health/ready", "/metrics", "/tools"] {
        assert_eq!(status(server.get(path)).await, 200, "{path}");
    }
    let apart = super::monitoring(&server);
    assert_eq!(status(at(apart, "/health/ready")).await, 200);
    // One more is told so.
    let (code, refused) = answer(server.post("/tools/block", "")).await;
    assert_eq!((code, &refused["code"]), (503, &json!("overloaded")));
    let (is_open, opened) = &*gate;
    *is_open.lock().unwrap() = true;
    opened.notify_all();
    for call in calls {
        assert_eq!(call.await.unwrap().unwrap().status(), 200);
    }
}
