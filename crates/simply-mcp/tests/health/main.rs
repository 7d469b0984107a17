//! Health and readiness as probes see them, on the server's own port and on `monitoring.listen`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "../common/mod.rs"]
mod common;
#[path = "../common/redis.rs"]
mod redis;

mod apart;
mod busy;
mod checks;
mod report;
mod start;

use std::net::SocketAddr;

use common::{Server, client};
use reqwest::{RequestBuilder, Response};
use serde_json::{Value, json};

/// The settings with an address for monitoring.
fn with_monitoring(mut settings: Value) -> Value {
    settings["monitoring"]["listen"] = json!("127.0.0.1:0");
    settings
}

fn monitoring(server: &Server) -> SocketAddr {
    server.running.monitoring_address().unwrap()
}

fn at(address: SocketAddr, path: &str) -> RequestBuilder {
    client().get(format!("http://{address}{path}"))
}

async fn status(request: RequestBuilder) -> u16 {
    request.send().await.unwrap().status().as_u16()
}

async fn body(response: Response) -> Value {
    serde_json::from_str(&response.text().await.unwrap()).unwrap()
}
