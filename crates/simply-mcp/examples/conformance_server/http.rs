//! The one place that knows how the fixture is served over HTTP: by the transport, through every door.

use serde_json::json;
use simply_mcp::{HttpConfig, HttpTransport, McpServer};

use crate::Failure;

pub(crate) async fn serve(server: McpServer, port: u16) -> Result<(), Failure> {
    let config = HttpConfig::from_value(json!({ "server": { "port": port } }))?;
    Ok(HttpTransport::new(server, config).serve().await?)
}
