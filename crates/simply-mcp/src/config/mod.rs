//! The settings: text from a file, the environment and flags, read once and typed for ever after.
//!
//! Each section is one file, and a field of [`HttpConfig`]; its doc comments are the documentation that
//! `simply-mcp config explain` prints, its `Default` is the default. [`Loader`] joins the sources, and nothing in it
//! knows a setting by name. What one setting cannot decide alone stands in `check`.

mod audit;
mod auth;
mod catalog;
mod check;
mod explain;
mod load;
mod logging;
mod mcp;
mod monitoring;
mod problem;
mod rate_limit;
mod server;
mod starter;
mod types;

use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use audit::Audit;
pub(crate) use auth::EnvironmentKeys;
pub use auth::{Auth, Jwt, JwtAlgorithm, JwtIssuer};
pub use explain::{Explanation, UnknownSetting};
pub(crate) use load::{Data, DocumentLanguage, Entry, Node, Telemetry, parse_document};
pub use load::{Loaded, Loader};
pub use logging::{LogFormat, LogLevel, Logging};
pub use mcp::Mcp;
pub use monitoring::Monitoring;
pub use problem::{ConfigErrors, Origin, Problem, Warning};
pub use rate_limit::{OnStoreFailure, RateLimit, Strategy, ToolLimit};
pub use server::Server;
pub use starter::{StarterFormat, starter_file};
pub use types::{
    AllowedHost, HttpUrl, InvalidValue, ListenAddress, Network, PublicUrl, RoutePath, Secret,
    StoreUrl, VariableName,
};

/// Everything an operator can set; what is not set has its default.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct HttpConfig {
    /// A name for this installation, shown by the health report.
    pub environment: String,
    /// Where the server listens, under which names it is reached, and how it ends.
    pub server: Server,
    /// Whether callers have to say who they are, and by what.
    pub auth: Auth,
    /// How often each caller may call.
    pub rate_limit: RateLimit,
    /// How the outside sees that the server is well.
    pub monitoring: Monitoring,
    /// How much is written to the log, in which form, and where to.
    pub logging: Logging,
    /// A record of its own of who called which tool.
    pub audit: Audit,
    /// The door for MCP clients.
    pub mcp: Mcp,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            environment: "development".to_owned(),
            server: Server::default(),
            auth: Auth::default(),
            rate_limit: RateLimit::default(),
            monitoring: Monitoring::default(),
            logging: Logging::default(),
            audit: Audit::default(),
            mcp: Mcp::default(),
        }
    }
}

impl HttpConfig {
    /// Reads a file, YAML (`.yaml`, `.yml`) or TOML (`.toml`), and applies the environment on top.
    ///
    /// # Errors
    ///
    /// Every problem of both sources, each with file and line or the variable's name.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, ConfigErrors> {
        let loader = Loader::new().file(Some(path.as_ref().to_owned()));
        loader
            .process_environment()
            .load()
            .map(|loaded| loaded.config)
    }

    /// Applies the environment (`MCP_HTTP_<SECTION>__<KEY>`) to the defaults.
    ///
    /// # Errors
    ///
    /// Every problem, each with the variable's name.
    pub fn from_env() -> Result<Self, ConfigErrors> {
        let loaded = Loader::new().process_environment().load();
        loaded.map(|loaded| loaded.config)
    }

    /// Reads a JSON object of sections; the environment is not consulted.
    ///
    /// # Errors
    ///
    /// Every problem, each with its key.
    pub fn from_value(value: serde_json::Value) -> Result<Self, ConfigErrors> {
        load::from_value(value)
    }

    /// Writes the settings as YAML. Secrets stand there as `***`.
    #[must_use]
    pub fn to_yaml(&self) -> String {
        serde_saphyr::to_string(self)
            .expect("sections serialise to maps of plain values, which YAML can write")
    }

    /// The JSON Schema (2020-12) of a configuration file.
    #[must_use]
    pub fn json_schema() -> serde_json::Value {
        catalog::schema()
    }

    /// Checks what the types alone cannot: whether the settings fit together and are safe.
    ///
    /// Loading does it too; a configuration that a program put together is checked when the transport starts.
    ///
    /// # Errors
    ///
    /// Every combination that is refused.
    pub fn check(&self) -> Result<(), ConfigErrors> {
        ConfigErrors::from_problems(check::problems(self, &|_| Origin::Given))
    }

    /// What works and should be known, each with the setting that ends it.
    #[must_use]
    pub fn warnings(&self) -> Vec<Warning> {
        check::warnings(self)
    }
}

#[cfg(test)]
mod tests;
