//! A server and rmcp's own client, in one process.

mod calls;
mod changes;
mod client;
mod rounds;

use rmcp::{
    ClientHandler, RoleClient, ServiceExt,
    model::{CallToolRequestParams, CallToolResult, ErrorData, JsonObject, ProtocolVersion},
    service::{ClientLifecycleMode, ClientServiceExt, RunningService, ServiceError},
};
use serde_json::Value;

use super::McpServer;

/// Connects a client in the way of MCP up to 2025-11-25.
async fn connect<C: ClientHandler>(server: &McpServer, client: C) -> RunningService<RoleClient, C> {
    server.check().unwrap();
    let (near, far) = tokio::io::duplex(1 << 16);
    let server = server.clone();
    tokio::spawn(async move { server.serve(far).await.unwrap().waiting().await });
    client.serve(near).await.unwrap()
}

/// Connects a client in the way of MCP 2026-07-28.
async fn connect_modern<C: ClientHandler>(
    server: &McpServer,
    client: C,
) -> RunningService<RoleClient, C> {
    server.check().unwrap();
    let (near, far) = tokio::io::duplex(1 << 16);
    let server = server.clone();
    tokio::spawn(async move { server.serve(far).await.unwrap().waiting().await });
    let preferred_versions = vec![ProtocolVersion::V_2026_07_28];
    let lifecycle = ClientLifecycleMode::Discover { preferred_versions };
    client.serve_with_lifecycle(near, lifecycle).await.unwrap()
}

fn error_of<T: std::fmt::Debug>(result: Result<T, ServiceError>) -> ErrorData {
    match result.unwrap_err() {
        ServiceError::McpError(error) => error,
        other => panic!("{other}"),
    }
}

fn object(value: Value) -> JsonObject {
    serde_json::from_value(value).unwrap()
}

async fn call<C: ClientHandler>(
    client: &RunningService<RoleClient, C>,
    tool: &'static str,
    arguments: Value,
) -> CallToolResult {
    let params = CallToolRequestParams::new(tool).with_arguments(object(arguments));
    client.call_tool(params).await.unwrap()
}

fn text(result: &CallToolResult) -> &str {
    &result.content[0].as_text().unwrap().text
}
