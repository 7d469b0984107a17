//! What the doors cost a request: time, and allocations with their bytes, through the whole stack as a router.
//!
//! `cargo bench --bench doors`. The difference to `no_doors` is the price of a door.
//! Lines of the log are made and thrown away: what a disk or a terminal costs comes on top.

use std::io;

use axum::{Router, body::Body};
use divan::{AllocProfiler, Bencher};
use http::Request;
use serde_json::{Value, json};
use simply_mcp::{HttpConfig, HttpTransport, McpServer, PeerAddress, logs};
use tempfile::NamedTempFile;
use tower::ServiceExt;
use tracing_subscriber::{filter::LevelFilter, layer::SubscriberExt, registry};

const KEY: &str = "0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d";

#[global_allocator]
static ALLOCATIONS: AllocProfiler = AllocProfiler::system();

fn main() {
    divan::main();
}

#[divan::bench]
fn no_doors(bencher: Bencher<'_, '_>) {
    measure(bencher, json!({}));
}

#[divan::bench]
fn metrics(bencher: Bencher<'_, '_>) {
    measure(bencher, with_metrics());
}

#[divan::bench]
fn access_log(bencher: Bencher<'_, '_>) {
    logged(|| measure(bencher, json!({})));
}

#[divan::bench]
fn metrics_and_access_log(bencher: Bencher<'_, '_>) {
    logged(|| measure(bencher, with_metrics()));
}

/// What a scrape costs, where a thousand keys have their series.
#[divan::bench(args = [0, 1000])]
fn scrape(bencher: Bencher<'_, '_>, keys: usize) {
    let file = keys_file();
    let keys: Vec<_> = (0..keys)
        .map(|index| json!({"name": format!("key-{index}"), "key": format!("{index:040x}")}))
        .collect();
    std::fs::write(file.path(), json!({ "keys": keys }).to_string()).expect("the file is ours");
    let runtime = runtime();
    let auth = json!({"keys_file": file.path(), "enabled": !keys.is_empty()});
    let settings = json!({"auth": auth, "rate_limit": limits("token_bucket")});
    let router = runtime.block_on(async { router(settings) });
    bencher.bench(|| {
        let request = Request::get("/metrics").header("host", "localhost");
        let request = request.body(Body::empty()).expect("a request");
        let answered = runtime.block_on(router.clone().oneshot(request));
        assert_eq!(answered.expect("an answer").status(), 200);
    });
}

#[divan::bench(args = ["token_bucket", "sliding_window"])]
fn rate_limit(bencher: Bencher<'_, '_>, strategy: &str) {
    measure(bencher, json!({ "rate_limit": limits(strategy) }));
}

#[divan::bench]
fn authentication(bencher: Bencher<'_, '_>) {
    let keys = keys_file();
    measure(bencher, json!({"auth": {"keys_file": keys.path()}}));
}

#[divan::bench(args = ["token_bucket", "sliding_window"])]
fn authentication_and_rate_limit(bencher: Bencher<'_, '_>, strategy: &str) {
    let keys = keys_file();
    let auth = json!({ "keys_file": keys.path() });
    measure(
        bencher,
        json!({"auth": auth, "rate_limit": limits(strategy)}),
    );
}

/// A file with the key that every request shows.
fn keys_file() -> NamedTempFile {
    let file = tempfile::Builder::new().suffix(".json").tempfile();
    let file = file.expect("a temporary file");
    let keys = json!({"keys": [{"name": "bench", "key": KEY}]});
    std::fs::write(file.path(), keys.to_string()).expect("the file is ours");
    file
}

/// No client reaches it.
fn limits(strategy: &str) -> Value {
    json!({"enabled": true, "default_limit": u32::MAX, "window_seconds": 60, "strategy": strategy})
}

fn with_metrics() -> Value {
    json!({"monitoring": {"prometheus_enabled": true}})
}

/// Runs `run` where lines are written, to nowhere.
fn logged(run: impl FnOnce()) {
    let lines = logs::layer(LevelFilter::INFO, logs::Format::Json, io::sink);
    tracing::subscriber::with_default(registry().with(lines), run);
}

fn runtime() -> tokio::runtime::Runtime {
    // The watch over the keys' file has a thread of its own, and is not measured.
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime")
}

fn measure(bencher: Bencher<'_, '_>, mut settings: Value) {
    let monitoring = settings["monitoring"].take();
    settings["monitoring"] = match monitoring {
        Value::Null => json!({"prometheus_enabled": false}),
        monitoring => monitoring,
    };
    let runtime = runtime();
    let router = runtime.block_on(async { router(settings) });
    bencher.with_inputs(request).bench_values(|request| {
        let answered = runtime.block_on(router.clone().oneshot(request));
        assert_eq!(answered.expect("an answer").status(), 200);
    });
}

fn router(settings: Value) -> Router {
    let config = HttpConfig::from_value(settings).expect("good settings");
    let transport = HttpTransport::new(McpServer::new("bench", "1"), config);
    transport.router().expect("a router")
}

/// The cheapest request that passes all doors and is answered: there are no tools. One that is refused would not do,
/// as the lines of refusals are bounded.
fn request() -> Request<Body> {
    let peer = PeerAddress(([192, 0, 2, 1], 4711).into());
    Request::get("/tools")
        .header("host", "localhost")
        .header("authorization", format!("Bearer {KEY}"))
        .extension(peer)
        .body(Body::empty())
        .expect("a request")
}
