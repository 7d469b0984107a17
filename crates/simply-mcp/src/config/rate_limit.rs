//! `rate_limit`: how often each caller may call.

use std::{collections::BTreeMap, num::NonZeroU32, time::Duration};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::types::{StoreUrl, seconds};

/// How often each caller may call: a key by its name, a token by its subject, everybody else by address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RateLimit {
    /// Whether requests are counted and refused.
    pub enabled: bool,

    /// Requests in a window, for every caller whose key does not say otherwise.
    pub default_limit: NonZeroU32,

    /// Seconds of the window.
    #[serde(with = "seconds")]
    #[schemars(with = "u64", range(min = 1, max = seconds::LONGEST))]
    pub window_seconds: Duration,

    /// How requests are counted. `token_bucket` allows a burst of the whole limit and refills evenly, so that a
    /// window can see up to twice the limit; `sliding_window` allows the limit in any window, and no more.
    pub strategy: Strategy,

    /// Counts, logs and measures what would be refused, and refuses nothing.
    pub shadow: bool,

    /// A Redis or Valkey that all replicas count in together, `redis://host:6379` or `rediss://` for TLS; it carries
    /// the sessions of older MCP versions as well. `null` counts in this process only.
    #[schemars(example = "redis://localhost:6379")]
    pub store: Option<StoreUrl>,

    /// What happens while the store cannot be asked: `local` counts in this process, `open` lets everything pass,
    /// `closed` refuses everything.
    pub on_store_failure: OnStoreFailure,

    /// Further limits by tool, counted for each caller: `{search: {limit: 10, window_seconds: 60, cost: 1}}`. What
    /// a call costs more than 1 is taken from the caller's allowance as well.
    pub tools: BTreeMap<String, ToolLimit>,
}

impl Default for RateLimit {
    fn default() -> Self {
        Self {
            enabled: false,
            default_limit: const { NonZeroU32::new(100).unwrap() },
            window_seconds: Duration::from_secs(60),
            strategy: Strategy::TokenBucket,
            shadow: false,
            store: None,
            on_store_failure: OnStoreFailure::Local,
            tools: BTreeMap::new(),
        }
    }
}

/// How requests are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// A burst of the whole limit, refilled evenly.
    TokenBucket,
    /// At most the limit in any window.
    SlidingWindow,
}

/// What happens while the shared store cannot be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnStoreFailure {
    /// Count in this process.
    Local,
    /// Let everything pass.
    Open,
    /// Refuse everything.
    Closed,
}

/// The limit of one tool, for each caller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ToolLimit {
    /// Calls in a window; none for no limit of its own.
    #[serde(default)]
    pub limit: Option<NonZeroU32>,
    /// Seconds of the window; none for that of the caller.
    #[serde(default, with = "seconds::optional")]
    #[schemars(with = "Option<u64>", range(min = 1, max = seconds::LONGEST))]
    pub window_seconds: Option<Duration>,
    /// How many requests of the caller's allowance a call costs.
    #[serde(default = "one")]
    pub cost: NonZeroU32,
}

const fn one() -> NonZeroU32 {
    NonZeroU32::MIN
}
