//! `logging`: how much is written to the log, in which form, and where to.

use std::{num::NonZeroU64, path::PathBuf, time::Duration};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::types::seconds;

/// How much is written to the log, in which form, and where to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Logging {
    /// The least important lines that are still written. A change takes effect on SIGHUP.
    pub level: LogLevel,

    /// `json` is one object a line, for machines; `text` is for people.
    pub format: LogFormat,

    /// Whether the facts of a line stand as fields of their own (`context` of `json`); otherwise they stand in the
    /// text of its message.
    pub structured: bool,

    /// Whether lines go to standard error.
    pub enable_console: bool,

    /// A file that lines are appended to as well, created with mode 0640; its directory must exist. It may be renamed
    /// at any time: a new one is opened before the next line, and at once on SIGHUP. Lines that a full disk does not
    /// take are counted, and no request waits for one.
    #[schemars(example = "/var/log/mcp/server.log")]
    pub file: Option<PathBuf>,

    /// Bytes that a file has at most before it is renamed to `FILE.1` and a new one begun. `null`: rotation is left to
    /// others.
    #[schemars(example = 104_857_600)]
    pub rotate_bytes: Option<NonZeroU64>,

    /// Seconds after which the same is done, counted over restarts from when the file was created. `null`: never
    /// because of its age.
    #[serde(with = "seconds::optional")]
    #[schemars(with = "Option<u64>", range(min = 1, max = seconds::LONGEST), example = 86_400)]
    pub rotate_seconds: Option<Duration>,

    /// How many renamed files are kept: `FILE.1` is the youngest, and what is older than the last is removed.
    #[schemars(range(min = 1, max = 1000))]
    pub keep_files: u16,
}

impl Default for Logging {
    fn default() -> Self {
        Self {
            level: LogLevel::Info,
            format: LogFormat::Json,
            structured: true,
            enable_console: true,
            file: None,
            rotate_bytes: None,
            rotate_seconds: None,
            keep_files: 5,
        }
    }
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
