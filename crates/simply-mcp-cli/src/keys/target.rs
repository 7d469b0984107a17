//! The flags that say which keys file is meant, the same for all four subcommands.

use std::{net::SocketAddr, path::PathBuf};

use simply_mcp::config::{HttpConfig, Loader};

use super::file::language;
use crate::{exit::BadUsage, output::reachable};

/// Which keys file is meant.
#[derive(Debug, clap::Args)]
pub(super) struct Target {
    /// The keys file, ending in .yaml, .yml or .json; without it the one that auth.keys_file names
    #[arg(long, value_name = "FILE", conflicts_with = "config")]
    file: Option<PathBuf>,

    /// The configuration file whose auth.keys_file is meant; the environment of this process stands above it
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// The keys file, and how its server is reached.
pub(super) struct Found {
    /// The file, which has the name of a keys file, and need not be there.
    pub(super) file: PathBuf,
    /// Whether the configuration names it, so that the server needs not be told.
    pub(super) configured: bool,
    /// Where the server answers.
    pub(super) url: String,
}

impl Target {
    /// Finds the file.
    ///
    /// # Errors
    ///
    /// [`BadUsage`] when nothing names one, or its name ends in something else; every problem of the configuration.
    pub(super) fn find(&self) -> anyhow::Result<Found> {
        let (file, configured, config) = match &self.file {
            Some(file) => (file.clone(), false, HttpConfig::default()),
            None => {
                let config = Loader::new()
                    .file(self.config.clone())
                    .process_environment()
                    .load()?
                    .config;
                let file = config.auth.keys_file.clone().ok_or_else(no_file)?;
                (file, true, config)
            }
        };
        language(&file)?;
        Ok(Found {
            file,
            configured,
            url: url(&config),
        })
    }
}

fn no_file() -> BadUsage {
    BadUsage(
        "which keys file? Name it with --file keys.yaml, or set auth.keys_file in the file of --config, or in \
         MCP_HTTP_AUTH__KEYS_FILE"
            .to_owned(),
    )
}

fn url(config: &HttpConfig) -> String {
    let address = reachable(SocketAddr::new(config.server.host, config.server.port));
    format!("http://{address}")
}
