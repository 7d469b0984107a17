//! `logging`: how much is written to the log, and in which form.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How much is written to the log, and in which form.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Logging {
    /// The least important lines that are still written.
    pub level: LogLevel,

    /// `json` is one object a line, for machines; `text` is for people.
    pub format: LogFormat,
}

/// How important a line of the log is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum LogLevel {
    /// Everything, including what only a developer of the transport can use.
    Trace,
    /// What helps to find a fault.
    Debug,
    /// What an operator wants to see: the default.
    #[default]
    Info,
    /// What may need attention.
    Warn,
    /// What failed.
    Error,
}

impl LogLevel {
    /// The level as it is written in the configuration and in log lines.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Trace => "TRACE",
            Self::Debug => "DEBUG",
            Self::Info => "INFO",
            Self::Warn => "WARN",
            Self::Error => "ERROR",
        }
    }
}

/// The form of a line of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One JSON object a line: the default.
    #[default]
    Json,
    /// For people.
    Text,
}
