//! What a start says: a banner for the person at a terminal, one log line for everybody else.

use std::{
    io::{self, IsTerminal as _},
    net::SocketAddr,
};

use simply_mcp::config::{HttpConfig, Loaded};

use crate::output::{self, reachable};

/// The facts of a start.
struct Facts {
    what: String,
    mcp: String,
    rest: String,
    health: String,
}

/// Says where `what` is served, and what the operator should know.
pub(super) fn announce(loaded: &Loaded, what: &str, address: SocketAddr) {
    let facts = Facts::of(&loaded.config, what, address);
    let warnings: Vec<String> = loaded
        .warnings
        .iter()
        .map(ToString::to_string)
        .chain(loaded.config.warnings().iter().map(ToString::to_string))
        .collect();
    if io::stderr().is_terminal() {
        output::note(&facts.banner(&warnings));
        return;
    }
    tracing::info!(
        name = env!("CARGO_BIN_NAME"),
        version = env!("CARGO_PKG_VERSION"),
        serves = facts.what,
        mcp = facts.mcp,
        rest = facts.rest,
        health = facts.health,
        authentication = "off",
        "Serving"
    );
    for warning in warnings {
        tracing::warn!("{warning}");
    }
}

impl Facts {
    fn of(config: &HttpConfig, what: &str, address: SocketAddr) -> Self {
        let base = format!("http://{}", reachable(address));
        Self {
            what: what.to_owned(),
            mcp: format!("{base}{}", config.mcp.path.as_str()),
            rest: format!("{base}/tools"),
            health: format!("{base}{}", config.monitoring.health_path.as_str()),
        }
    }

    fn banner(&self, warnings: &[String]) -> String {
        let Self {
            what,
            mcp,
            rest,
            health,
        } = self;
        let version = env!("CARGO_PKG_VERSION");
        let mut banner = format!(
            "simply-mcp {version} serves {what}\n\n\
             \x20 MCP      {mcp}\n\
             \x20 REST     {rest}\n\
             \x20 Health   {health}\n\n\
             \x20 Authentication is off: whoever reaches this address may call the tools.\n"
        );
        for warning in warnings {
            banner.push_str(&format!("  Warning: {warning}\n"));
        }
        banner.push_str(&format!(
            "\n  Try      simply-mcp tools list --url {mcp}\n  Stop     Ctrl-C\n"
        ));
        banner
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_banner_has_urls_that_work_and_every_warning() {
        let facts = Facts::of(
            &HttpConfig::default(),
            "the demo tools",
            ([0, 0, 0, 0], 9000).into(),
        );
        let banner = facts.banner(&["no authentication; set auth".to_owned()]);
        for line in [
            "http://127.0.0.1:9000/mcp",
            "http://127.0.0.1:9000/tools",
            "http://127.0.0.1:9000/health",
            "Warning: no authentication; set auth",
        ] {
            assert!(banner.contains(line), "{banner}");
        }
    }
}
