//! The smallest server: one tool, served as `config.yaml` says.

use simply_mcp::{HttpConfig, HttpTransport, McpServer};

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Echo {
    message: String,
}

#[tokio::main]
async fn main() -> Result<(), simply_mcp::Error> {
    let server = McpServer::new("my-server", "1.0.0").tool(
        "echo",
        "Returns the message",
        async |Echo { message }: Echo| message,
    );
    HttpTransport::new(server, HttpConfig::from_file("config.yaml")?)
        .serve()
        .await
}
