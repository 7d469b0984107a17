//! What the doors take from the heap for a request that passes: what its headers need, and nothing else.

use allocation_counter::AllocationInfo;
use axum::{Router, body::Body};
use http::Request;
use serde_json::{Value, json};
use simply_mcp::{HttpConfig, HttpTransport, McpServer, PeerAddress};
use tower::ServiceExt;

/// One for the text of each of `x-ratelimit-limit`, `-remaining` and `-reset`. The map of headers has room for them.
const HEADERS: u64 = 3;

/// Those of one request, of a caller who is known already.
fn allocations(settings: Value) -> AllocationInfo {
    let runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.build().expect("a runtime");
    let config = HttpConfig::from_value(settings).expect("good settings");
    let transport = HttpTransport::new(McpServer::new("fixture", "1"), config);
    let router = transport.router().expect("a router");
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
        .extension(peer)
        .body(Body::empty())
        .expect("a request")
}

#[test]
fn the_doors_allocate_nothing_beyond_the_headers() {
    let without = allocations(json!({}));
    for strategy in ["token_bucket", "sliding_window"] {
        let limits = json!({"enabled": true, "default_limit": 1_000_000, "strategy": strategy});
        let with = allocations(json!({ "rate_limit": limits }));
        assert_eq!(
            with.count_total - without.count_total,
            HEADERS,
            "{strategy}"
        );
    }
}
