//! What the doors take from the heap for a request that passes: what its headers need, and nothing else.

use std::io;

use allocation_counter::AllocationInfo;
use axum::{Router, body::Body};
use http::Request;
use serde_json::{Value, json};
use simply_mcp::{HttpConfig, HttpTransport, McpServer, PeerAddress, logs};
use tempfile::NamedTempFile;
use tower::ServiceExt;
use tracing_subscriber::{filter::LevelFilter, layer::SubscriberExt, registry};

const KEY: &str = "0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d";

/// One for the text of each of `x-ratelimit-limit`, `-remaining` and `-reset`. The map of headers has room for them.
const HEADERS: u64 = 3;

/// Those of one request, of a caller who is known already.
fn allocations(settings: Value) -> AllocationInfo {
    allocations_of(request, 200, settings)
}

/// The same for a request that nothing is there for: `GET /tools` copies the headers, which a door may have fewer of.
fn allocations_of_nothing(settings: Value) -> AllocationInfo {
    let request = || {
        let mut request = request();
        *request.uri_mut() = "/nothing".parse().expect("a path");
        request
    };
    allocations_of(request, 404, settings)
}

fn allocations_of(request: fn() -> Request<Body>, status: u16, settings: Value) -> AllocationInfo {
    // The watch over the keys' file has a thread of its own, and what it allocates is not counted here.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime");
    let config = HttpConfig::from_value(settings).expect("good settings");
    let transport = HttpTransport::new(McpServer::new("fixture", "1"), config);
    let router = runtime.block_on(async { transport.router().expect("a router") });
    let send = |router: Router, request| {
        let answered = runtime.block_on(ServiceExt::<Request<Body>>::oneshot(router, request));
        assert_eq!(answered.expect("an answer").status(), status);
    };
    for _ in 0..100 {
        send(router.clone(), request());
    }
    let (router, request) = (router.clone(), request());
    allocation_counter::measure(move || send(router, request))
}

fn request() -> Request<Body> {
    let peer = PeerAddress(([192, 0, 2, 1], 4711).into());
    Request::get("/tools")
        .header("host", "localhost")
        // One that is drawn takes one allocation more when it happens to begin with a zero.
        .header("x-correlation-id", "fixture")
        .header("authorization", format!("Bearer {KEY}"))
        .extension(peer)
        .body(Body::empty())
        .expect("a request")
}

/// What a line of the log takes: its parts while the request runs, and itself.
const LINE: u64 = 20;

/// The same, where lines are written, to nowhere.
fn logged(settings: Value) -> AllocationInfo {
    let lines = logs::layer(LevelFilter::INFO, logs::Format::Json, io::sink);
    tracing::subscriber::with_default(registry().with(lines), || allocations(settings))
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
    let neither = allocations_of_nothing(json!({})).count_total;
    assert_eq!(
        allocations_of_nothing(json!({ "auth": auth })).count_total,
        neither
    );
    for strategy in ["token_bucket", "sliding_window"] {
        let limits = json!({"enabled": true, "default_limit": 1_000_000, "strategy": strategy});
        let by_address = allocations_of_nothing(json!({ "rate_limit": limits })).count_total;
        assert_eq!(by_address - neither, HEADERS, "{strategy}");
        let both = allocations_of_nothing(json!({"auth": auth, "rate_limit": limits})).count_total;
        assert_eq!(both - neither, HEADERS, "{strategy}");
    }
}

#[test]
fn counting_a_request_allocates_nothing() {
    let without = allocations(json!({"monitoring": {"prometheus_enabled": false}}));
    let with = allocations(json!({}));
    assert_eq!(with.count_total, without.count_total);
}

#[test]
fn a_line_of_the_log_takes_what_its_parts_need_and_with_metrics_no_more() {
    let neither = allocations(json!({"monitoring": {"prometheus_enabled": false}}));
    let line = logged(json!({"monitoring": {"prometheus_enabled": false}}));
    let taken = line.count_total - neither.count_total;
    assert!(taken <= LINE, "{taken}");
    assert_eq!(logged(json!({})).count_total, line.count_total);
    let switched_off = logged(json!({"monitoring": {"log_requests": false}}));
    assert_eq!(switched_off.count_total, neither.count_total);
}

/// How much a scrape takes for each byte that it answers with: every label is copied on the way.
const PER_BYTE: u64 = 16;

// MET-04
#[test]
fn a_scrape_of_many_series_takes_memory_by_the_length_of_its_answer() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let file = keys_file();
    let keys: Vec<_> = (0..1000)
        .map(|index| json!({"name": format!("key-{index}"), "key": format!("{index:040x}")}))
        .collect();
    std::fs::write(file.path(), json!({ "keys": keys }).to_string()).expect("the file is ours");
    let config = HttpConfig::from_value(json!({"auth": {"keys_file": file.path()}}));
    let transport = HttpTransport::new(
        McpServer::new("fixture", "1"),
        config.expect("good settings"),
    );
    let router = runtime.block_on(async { transport.router().expect("a router") });
    let scrape = || {
        let request = Request::get("/metrics").header("host", "localhost");
        let request = request.body(Body::empty()).expect("a request");
        let answered = runtime.block_on(ServiceExt::<Request<Body>>::oneshot(
            router.clone(),
            request,
        ));
        let body = answered.expect("an answer").into_body();
        hyper::body::Body::size_hint(&body)
            .exact()
            .expect("a length")
    };
    scrape();
    let mut length = 0;
    let taken = allocation_counter::measure(|| length = scrape());
    assert!(length > 50_000, "{length} bytes for a thousand keys");
    assert!(
        taken.bytes_total < PER_BYTE * length,
        "{} for {length}",
        taken.bytes_total
    );
    assert!(
        taken.bytes_current.unsigned_abs() < 4096,
        "{} are kept",
        taken.bytes_current
    );
}

// HDR-04
#[test]
fn a_trace_that_is_not_told_costs_no_more_than_its_place() {
    let traced = || {
        let mut request = request();
        let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let parent = parent.parse().expect("a header");
        request.headers_mut().insert("traceparent", parent);
        request
    };
    let without = allocations(json!({})).count_total;
    let with = allocations_of(traced, 200, json!({})).count_total;
    // Its place in the extensions, which may have to grow for it; and header and place once more in the copy of the
    // request that `GET /tools` makes for its pages.
    assert!((1..=4).contains(&(with - without)), "{}", with - without);
}
