//! `simply-mcp check`: everything a start would find, without a start.

use std::{io::ErrorKind, net::SocketAddr, process::ExitCode};

use simply_mcp::{
    auth,
    config::{ConfigErrors, HttpConfig, Loaded, Warning},
    logs,
};

use crate::{output, settings::Settings};

/// Load and validate everything that a start would, and listen on nothing.
///
/// Every error is reported at once, each with the file and line or the variable's name; then the exit code is 78.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  simply-mcp check --config config.yaml")]
pub(crate) struct Check {
    #[command(flatten)]
    settings: Settings,
}

impl Check {
    /// Checks the configuration.
    ///
    /// # Errors
    ///
    /// Every problem of the configuration.
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let loaded = self.settings.load()?;
        let of_keys = look(&loaded)?;
        for warning in warnings(&loaded, &of_keys) {
            output::note(&format!("warning: {warning}"));
        }
        output::result("configuration is fine")?;
        Ok(ExitCode::SUCCESS)
    }
}

/// What a start finds beyond the settings themselves: keys, files, the variables that traces go by.
///
/// # Errors
///
/// Every problem of all of them.
pub(crate) fn look(loaded: &Loaded) -> Result<Vec<Warning>, ConfigErrors> {
    let (of_keys, keys) = match auth::check(&loaded.config) {
        Ok(warnings) => (warnings, Ok(())),
        Err(errors) => (Vec::new(), Err(errors)),
    };
    ConfigErrors::all([keys, logs::check(loaded), loaded.check_telemetry()])?;
    Ok(of_keys)
}

fn warnings(loaded: &Loaded, of_keys: &[Warning]) -> Vec<String> {
    let sources = loaded.warnings.iter().map(ToString::to_string);
    let settings = loaded
        .config
        .warnings()
        .into_iter()
        .map(|warning| warning.to_string());
    sources
        .chain(settings)
        .chain(of_keys.iter().map(ToString::to_string))
        .chain(unavailable(&loaded.config))
        .collect()
}

/// Why an address cannot be had right now. The server that holds it may be the one this file is for, so it is a
/// warning.
fn unavailable(config: &HttpConfig) -> Vec<String> {
    let server = Address {
        address: SocketAddr::new(config.server.host, config.server.port),
        host: "server.host",
        port: "server.port",
    };
    let monitoring = config.monitoring.listen.as_ref().map(|listen| Address {
        address: listen.address(),
        host: "monitoring.listen",
        port: "monitoring.listen",
    });
    let addresses = [Some(server), monitoring].into_iter().flatten();
    addresses.filter_map(|address| address.problem()).collect()
}

/// An address to listen on, and the settings that say so.
struct Address {
    address: SocketAddr,
    host: &'static str,
    port: &'static str,
}

impl Address {
    fn problem(&self) -> Option<String> {
        let Self {
            address,
            host,
            port,
        } = self;
        let error = bind(*address).err()?;
        let advice = match error.kind() {
            ErrorKind::AddrInUse => {
                format!("something listens there already; stop it, or choose another {port}")
            }
            ErrorKind::PermissionDenied => {
                format!("this user may not use the port; choose a {port} from 1024 up")
            }
            ErrorKind::AddrNotAvailable => {
                format!("this machine does not have the address; choose another {host}")
            }
            _ => return Some(format!("{host}: {address} cannot be used now: {error}")),
        };
        Some(format!("{port}: {address} cannot be used now: {advice}"))
    }
}

// Binding without listening finds out as much, and accepts nobody.
fn bind(address: SocketAddr) -> std::io::Result<()> {
    let socket = match address {
        SocketAddr::V4(_) => tokio::net::TcpSocket::new_v4()?,
        SocketAddr::V6(_) => tokio::net::TcpSocket::new_v6()?,
    };
    // As the server does: connections of an earlier run that are still closing are no obstacle.
    socket.set_reuseaddr(true)?;
    socket.bind(address)
}
