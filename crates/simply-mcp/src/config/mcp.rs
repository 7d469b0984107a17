//! `mcp`: the door for MCP clients.

use std::{num::NonZeroU32, time::Duration};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::types::{RoutePath, Secret, seconds};

/// The door for MCP clients.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Mcp {
    /// The path of the MCP endpoint (Streamable HTTP).
    pub path: RoutePath,

    /// Whether MCP versions up to 2025-11-25 may open sessions. Without them every request stands alone, and
    /// the server cannot send requests of its own to those clients.
    pub sessions: bool,

    /// The most sessions at a time on one replica; further ones are refused with 503. Replicas do not add theirs up.
    pub max_sessions: NonZeroU32,

    /// The most sessions of one caller at a time; further ones are refused with 429. With a shared store they count
    /// on all replicas together. Whoever comes without a key is counted by address (an IPv6 network of /64 is one),
    /// but the sessions of all who do belong to all of them: the id alone keeps them apart.
    pub max_sessions_per_caller: NonZeroU32,

    /// Seconds after which a session ends that nobody uses. A request is use, and so is a stream while it is open.
    #[serde(with = "seconds")]
    #[schemars(with = "u64", range(min = 1, max = seconds::LONGEST))]
    pub session_timeout: Duration,

    /// The most event streams of one caller that are open at a time on one replica; further ones are refused with
    /// 429. Whoever comes without a key is counted by address.
    pub max_streams_per_caller: NonZeroU32,

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
            max_sessions: const { NonZeroU32::new(10_000).unwrap() },
            max_sessions_per_caller: const { NonZeroU32::new(1000).unwrap() },
            session_timeout: Duration::from_secs(300),
            max_streams_per_caller: const { NonZeroU32::new(100).unwrap() },
            state_key: None,
        }
    }
}
