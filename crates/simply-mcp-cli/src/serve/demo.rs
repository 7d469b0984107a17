//! What is served where nothing is configured: enough to try every part of a client.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use simply_mcp::{Context, Json, McpServer, ToolError};

#[derive(Deserialize, JsonSchema)]
struct Echo {
    /// What to return
    message: String,
}

#[derive(Deserialize, JsonSchema)]
struct Add {
    /// The first number
    a: f64,
    /// The second number
    b: f64,
}

#[derive(Serialize, JsonSchema)]
struct Sum {
    /// The sum of both numbers
    sum: f64,
}

#[derive(Deserialize, JsonSchema)]
struct Countdown {
    /// Seconds to count, from 1 to 60
    #[schemars(range(min = 1, max = 60))]
    seconds: u32,
}

#[derive(Deserialize, JsonSchema)]
struct Greeting {
    /// Who to greet
    name: String,
}

/// The demo server.
pub(super) fn server() -> McpServer {
    McpServer::new("simply-mcp-demo", env!("CARGO_PKG_VERSION"))
        .title("The demo of simply-mcp")
        .instructions("A few tools to try a client with. Serve your own with `simply-mcp serve -- COMMAND`.")
        .tool("echo", "Returns the message", async |Echo { message }: Echo| message)
        .tool("add", "Adds two numbers; the answer is structured", async |Add { a, b }: Add| {
            Json(Sum { sum: a + b })
        })
        .tool("countdown", "Counts seconds down and reports its progress", countdown)
        .resource("demo://about", "about", async || {
            "This server is the demo that simply-mcp ships. https://modelcontextprotocol.io says what MCP is."
        })
        .prompt("greet", "Asks for a greeting", async |Greeting { name }: Greeting| {
            format!("Greet {name} in one friendly sentence.")
        })
}

async fn countdown(
    Countdown { seconds }: Countdown,
    context: Context,
) -> Result<String, ToolError> {
    for done in 0..seconds {
        let left = seconds - done;
        context
            .progress(f64::from(done), f64::from(seconds), &format!("{left} left"))
            .await;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    Ok(format!("counted {seconds} seconds"))
}
