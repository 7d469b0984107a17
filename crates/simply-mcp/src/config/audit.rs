//! `audit`: a record of its own of who called which tool.

use std::{collections::BTreeMap, path::PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A record of its own of who called which tool, when, and with which outcome.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Audit {
    /// A file that one line of JSON is appended to for each tool call. It may be renamed at any time. `null`: no
    /// record is kept.
    #[schemars(example = "/var/log/mcp/audit.log")]
    pub file: Option<PathBuf>,

    /// The arguments that stand in the record, by tool: `{search: [query, limit]}`. No other argument does.
    pub arguments: BTreeMap<String, Vec<String>>,
}
