//! Real MCP programs, written by others, against our server: the official conformance suite, the official TypeScript
//! and Python clients, FastMCP's client, and the reference "everything" server behind the gateway. And what Prometheus is
//! served, read by its own parser.
//!
//! Each test starts the server that it asks and ends it. The programs are installed by `tests/peers/install`; without
//! them these tests fail, they are never skipped.

mod driver;
mod metrics;
mod server;

use std::time::Duration;

use driver::{Driver, everything_server, tools};
use metrics::Scrapes;
use server::{Server, fixture};

#[tokio::test]
async fn the_official_conformance_suite_finds_nothing_wrong() {
    let server = Server::fixture().await;
    Driver::script("conformance")
        .arg(server.mcp_url())
        .patience(Duration::from_secs(240))
        .run(server)
        .await;
}

#[tokio::test]
async fn the_official_typescript_client_is_served_over_http_in_every_version() {
    let server = Server::fixture().await;
    Driver::node("client.mjs")
        .arg("http")
        .arg(server.mcp_url())
        .run(server)
        .await;
}

#[tokio::test]
async fn the_official_typescript_client_is_served_over_stdio_in_every_version() {
    Driver::node("client.mjs")
        .arg("stdio")
        .arg(fixture())
        .arg("--stdio")
        .run(())
        .await;
}

#[tokio::test]
async fn the_official_python_client_is_served_over_http_in_every_version() {
    let server = Server::fixture().await;
    Driver::python("sdk_client.py")
        .arg("http")
        .arg(server.mcp_url())
        .run(server)
        .await;
}

#[tokio::test]
async fn the_official_python_client_is_served_over_stdio_in_every_version() {
    Driver::python("sdk_client.py")
        .arg("stdio")
        .arg(fixture())
        .arg("--stdio")
        .run(())
        .await;
}

#[tokio::test]
async fn fastmcps_client_is_served_over_http_in_every_version() {
    let server = Server::fixture().await;
    Driver::python("fastmcp_client.py")
        .arg("http")
        .arg(server.mcp_url())
        .run(server)
        .await;
}

#[tokio::test]
async fn fastmcps_client_is_served_over_stdio_in_every_version() {
    Driver::python("fastmcp_client.py")
        .arg("stdio")
        .arg(fixture())
        .arg("--stdio")
        .run(())
        .await;
}

#[tokio::test]
async fn the_everything_server_gives_the_same_answers_behind_the_gateway() {
    let child = [tools().node, everything_server(), "stdio".into()];
    let server = Server::gateway(&child).await;
    Driver::node("everything.mjs")
        .arg(server.mcp_url())
        .run(server)
        .await;
}

// MET-03
#[tokio::test]
async fn prometheus_reads_what_it_is_served() {
    let scrapes = Scrapes::of_a_server_under_load().await;
    let mut driver = Driver::python("exposition.py");
    for file in scrapes.files() {
        driver = driver.arg(file);
    }
    driver.run(()).await;
}
