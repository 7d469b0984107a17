//! The fixture server of the official MCP conformance suite, as far as its scenarios need one.
//!
//! `PORT=8000 cargo run --example conformance_server` serves HTTP on the loopback interface;
//! with `-- --stdio` it serves its parent instead.

mod content;
mod http;
mod interaction;
mod library;
mod rounds;
mod tasks;

use simply_mcp::{McpServer, serve_stdio};

type Failure = Box<dyn std::error::Error>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let server = server();
    server.check()?;
    if std::env::args().any(|argument| argument == "--stdio") {
        return Ok(serve_stdio(server).await?);
    }
    http::serve(server, port()?).await
}

fn server() -> McpServer {
    let server = McpServer::new("simply-mcp-conformance", env!("CARGO_PKG_VERSION"))
        .title("Conformance fixture")
        .instructions("Every tool, prompt and resource that the conformance suite asks for.");
    let server = content::add(server);
    let server = interaction::add(server);
    let server = rounds::add(server);
    let server = tasks::add(server);
    library::add(server)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the suite's harness names the port this way"
)]
fn port() -> Result<u16, Failure> {
    match std::env::var("PORT") {
        Ok(port) => Ok(port.parse()?),
        Err(_) => Ok(8000),
    }
}
