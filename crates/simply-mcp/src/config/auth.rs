//! `auth`: whether callers have to say who they are.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Whether callers have to say who they are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Auth {
    /// Whether a caller needs a key. This version has no authentication, so `true` is refused; `false` says
    /// that everybody who reaches the address may call, which an address other than loopback needs in writing.
    /// `null`, the default, is the same as not mentioning it.
    #[schemars(example = false)]
    pub enabled: Option<bool>,
}
