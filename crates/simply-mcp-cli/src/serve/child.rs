//! How the outside sees the server behind the gateway: in the health report, and as series of the metrics.

use std::time::{SystemTime, UNIX_EPOCH};

use simply_mcp::{HttpTransport, rmcp::ServerHandler};
use simply_mcp_cli::gateway::{ChildStatus, Gateway};

/// The same transport, ready only while the child is up, and with the child's series.
pub(super) fn observed<H: ServerHandler>(
    transport: HttpTransport<H>,
    gateway: &Gateway,
) -> HttpTransport<H> {
    let status = |read: fn(&ChildStatus) -> f64| {
        let status = gateway.watch_status();
        move || read(&status.borrow())
    };
    let restarts = gateway.watch_status();
    let in_flight = gateway.clone();
    transport
        .ready_while("child", gateway.watch_status(), |child| child.is_up)
        .with_gauge(
            "simply_mcp_child_up",
            "1 while the server behind the gateway answers, else 0.",
            status(|child| if child.is_up { 1.0 } else { 0.0 }),
        )
        .with_gauge(
            "simply_mcp_child_start_time_seconds",
            "When the server behind the gateway was last ready to serve, in Unix seconds.",
            status(|child| child.started_at.map_or(0.0, unix_seconds)),
        )
        .with_gauge(
            "simply_mcp_child_requests_in_flight",
            "Requests that the server behind the gateway has not answered yet.",
            move || in_flight.requests_in_flight() as f64,
        )
        .with_counter(
            "simply_mcp_child_restarts_total",
            "How often the server behind the gateway was started again, attempts that failed included.",
            move || restarts.borrow().restarts,
        )
}

fn unix_seconds(moment: SystemTime) -> f64 {
    let since = moment.duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_secs_f64()
}
