//! The flags that choose and change the configuration, the same for every subcommand that loads it.

use std::path::PathBuf;

use simply_mcp::config::{ConfigErrors, Loaded, Loader};

/// Flags that stand above the environment, which stands above the file.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Settings {
    /// The configuration file, YAML or TOML; without it none is read
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// The address to listen on, instead of server.host
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) host: Option<String>,

    /// The port to listen on, instead of server.port; 0 picks a free one
    #[arg(long, value_name = "PORT")]
    pub(crate) port: Option<String>,
}

impl Settings {
    /// A loader with the file, the environment of the process and the flags.
    pub(crate) fn loader(&self) -> Loader {
        let flags = [("server.host", &self.host), ("server.port", &self.port)];
        let given = flags
            .into_iter()
            .filter_map(|(key, value)| Some((key, value.as_deref()?)));
        given.fold(
            Loader::new()
                .file(self.config.clone())
                .process_environment(),
            |loader, (key, value)| loader.flag(key, value),
        )
    }

    /// The configuration in force.
    ///
    /// # Errors
    ///
    /// Every problem of every source.
    pub(crate) fn load(&self) -> Result<Loaded, ConfigErrors> {
        self.loader().load()
    }
}
