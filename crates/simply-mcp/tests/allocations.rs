//! What the doors take from the heap for a request that passes: what its headers need, and nothing else.

use allocation_counter::AllocationInfo;
use axum::{Router, body::Body};
use http::Request;
use serde_json::{Value, json};
use simply_mcp::{HttpConfig, HttpTransport, McpServer, PeerAddress};
use tempfile::NamedTempFile;
use tower::ServiceExt;

const KEY: &str = "0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d";

/// One for the text of each of `x-ratelimit-limit`, `-remaining` and `-reset`. The map of headers has room for them.
const HEADERS: u64 = 3;

/// Those of one request, of a caller who is known already.
fn allocations(settings: Value) -> AllocationInfo {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let config = HttpConfig::from_value(settings).expect("good settings");
    let transport = HttpTransport::new(McpServer::new("fixture", "1"), config);
    // The keys' file is watched by a task.
    let router = runtime.block_on(async { transport.router().expect("a router") });
    let send = |router: Router, request| {
        let answered = runtime.block_on(ServiceExt::<Request<Body>>::oneshot(router, request));
        assert_eq!(answered.expect("an answer").status(), 404);
    };
    for _ in 0..100 {
        send(router.clone(), request());
    }
    let (router, request) = (router.clone(), request());
    allocation_counter::measure(move || send(router, request))
}

fn request() -> Request<Body> {
    let peer = PeerAddress(([192, 0, 2, 1], 4711).into());
    Request::get("/nothing")
        .header("host", "localhost")
        .header("authorization", format!("Bearer {KEY}"))
        .extension(peer)
        .body(Body::empty())
        .expect("a request")
}

/// A file with the key that every request shows.
fn keys_file() -> NamedTempFile {
    let file = tempfile::Builder::new().suffix(".json").tempfile();
    let file = file.expect("a temporary file");
    let keys = json!({"keys": [{"name": "fixture", "key": KEY}]});
    std::fs::write(file.path(), keys.to_string()).expect("the file is ours");
    file
}

#[test]
fn the_two_doors_allocate_nothing_beyond_the_headers() {
    let keys = keys_file();
    let auth = json!({ "keys_file": keys.path() });
    let neither = allocations(json!({})).count_total;
    assert_eq!(allocations(json!({ "auth": auth })).count_total, neither);
    for strategy in ["token_bucket", "sliding_window"] {
        let limits = json!({"enabled": true, "default_limit": 1_000_000, "strategy": strategy});
        let by_address = allocations(json!({ "rate_limit": limits })).count_total;
        assert_eq!(by_address - neither, HEADERS, "{strategy}");
        let both = allocations(json!({"auth": auth, "rate_limit": limits})).count_total;
        assert_eq!(both - neither, HEADERS, "{strategy}");
    }
}
