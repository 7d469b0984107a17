//! What the doors cost a request: time, and allocations with their bytes, through the whole stack as a router.
//!
//! `cargo bench --bench doors`. The difference to `no_doors` is the price of a door.

use axum::{Router, body::Body};
use divan::{AllocProfiler, Bencher};
use http::Request;
use serde_json::{Value, json};
use simply_mcp::{HttpConfig, HttpTransport, McpServer, PeerAddress};
use tempfile::NamedTempFile;
use tower::ServiceExt;

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

fn measure(bencher: Bencher<'_, '_>, settings: Value) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let router = runtime.block_on(async { router(settings) });
    bencher.with_inputs(request).bench_values(|request| {
        let answered = runtime.block_on(router.clone().oneshot(request));
        assert_eq!(answered.expect("an answer").status(), 404);
    });
}

fn router(settings: Value) -> Router {
    let config = HttpConfig::from_value(settings).expect("good settings");
    let transport = HttpTransport::new(McpServer::new("bench", "1"), config);
    transport.router().expect("a router")
}

/// The cheapest request that passes all doors: nothing is there.
fn request() -> Request<Body> {
    let peer = PeerAddress(([192, 0, 2, 1], 4711).into());
    Request::get("/nothing")
        .header("host", "localhost")
        .header("authorization", format!("Bearer {KEY}"))
        .extension(peer)
        .body(Body::empty())
        .expect("a request")
}
