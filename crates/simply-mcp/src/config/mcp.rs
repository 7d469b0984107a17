//! `mcp`: the door for MCP clients.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::types::{RoutePath, Secret};

/// The door for MCP clients.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Mcp {
    /// The path of the MCP endpoint (Streamable HTTP).
    pub path: RoutePath,

    /// Whether MCP versions up to 2025-11-25 may open sessions. Without them every request stands alone, and
    /// the server cannot send requests of its own to those clients.
    pub sessions: bool,

    /// The secret, at least 32 characters, that seals the state a client carries between the rounds of a call
    /// (`requestState`). Give all replicas the same one; `null` makes a new one at each start.
    #[schemars(example = "at-least-32-characters-of-your-own-secret")]
    pub state_key: Option<Secret>,
}

impl Default for Mcp {
    fn default() -> Self {
        Self {
            path: RoutePath::fixed("/mcp"),
            sessions: true,
            state_key: None,
        }
    }
}
