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
    metrics: Option<String>,
    /// Where health and metrics are served as well.
    monitoring: Option<String>,
    authentication: Authentication,
    limit: Option<String>,
}

/// How a caller gets in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Authentication {
    Off,
    Optional,
    Required,
}

impl Authentication {
    fn of(config: &HttpConfig) -> Self {
        match (config.auth.is_on(), config.auth.require_auth) {
            (false, _) => Self::Off,
            (true, false) => Self::Optional,
            (true, true) => Self::Required,
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Optional => "optional",
            Self::Required => "required",
        }
    }

    const fn sentence(self) -> &'static str {
        match self {
            Self::Off => "Authentication is off: whoever reaches this address may call the tools.",
            Self::Optional => {
                "Authentication is optional: whoever shows no key is let in as anonymous."
            }
            Self::Required => {
                "Authentication is on: every call needs \"Authorization: Bearer KEY\"."
            }
        }
    }
}

/// Where the server turns out to listen.
#[derive(Clone, Copy, Debug)]
pub(super) struct Addresses {
    pub(super) server: SocketAddr,
    /// That of `monitoring.listen`.
    pub(super) monitoring: Option<SocketAddr>,
}

/// Says where `what` is served, and what the operator should know.
pub(super) fn announce(loaded: &Loaded, what: &str, addresses: Addresses) {
    let facts = Facts::of(&loaded.config, what, addresses);
    let warnings: Vec<String> = loaded
        .warnings
        .iter()
        .map(ToString::to_string)
        .chain(loaded.config.warnings().iter().map(ToString::to_string))
        .collect();
    let logging = &loaded.config.logging;
    if logging.enable_console && io::stderr().is_terminal() {
        output::note(&facts.banner(&warnings));
        if logging.file.is_none() {
            return;
        }
    }
    tracing::info!(
        name = env!("CARGO_BIN_NAME"),
        version = env!("CARGO_PKG_VERSION"),
        serves = facts.what,
        mcp = facts.mcp,
        rest = facts.rest,
        health = facts.health,
        metrics = facts.metrics,
        monitoring = facts.monitoring,
        authentication = facts.authentication.word(),
        rate_limit = facts.limit,
        "Serving"
    );
    for warning in warnings {
        tracing::warn!("{warning}");
    }
}

impl Facts {
    fn of(config: &HttpConfig, what: &str, addresses: Addresses) -> Self {
        let (monitoring, limit) = (&config.monitoring, &config.rate_limit);
        let base = format!("http://{}", reachable(addresses.server));
        Self {
            what: what.to_owned(),
            mcp: format!("{base}{}", config.mcp.path.as_str()),
            rest: format!("{base}/tools"),
            health: format!("{base}{}", config.monitoring.health_path.as_str()),
            metrics: monitoring
                .prometheus_enabled
                .then(|| format!("{base}{}", monitoring.prometheus_path.as_str())),
            monitoring: addresses.monitoring.map(|address| {
                let base = format!("http://{}", reachable(address));
                let health = monitoring.health_path.as_str();
                let metrics = monitoring.prometheus_path.as_str();
                if monitoring.prometheus_enabled {
                    format!("{base}{health} {base}{metrics}")
                } else {
                    format!("{base}{health}")
                }
            }),
            authentication: Authentication::of(config),
            limit: limit.enabled.then(|| {
                let seconds = limit.window_seconds.as_secs();
                format!(
                    "{} requests in {seconds} s for each caller",
                    limit.default_limit
                )
            }),
        }
    }

    fn banner(&self, warnings: &[String]) -> String {
        let Self {
            what,
            mcp,
            rest,
            health,
            ..
        } = self;
        let version = env!("CARGO_PKG_VERSION");
        let mut banner = format!(
            "simply-mcp {version} serves {what}\n\n\
             \x20 MCP      {mcp}\n\
             \x20 REST     {rest}\n\
             \x20 Health   {health}\n"
        );
        if let Some(metrics) = &self.metrics {
            banner.push_str(&format!("  Metrics  {metrics}\n"));
        }
        if let Some(monitoring) = &self.monitoring {
            banner.push_str(&format!("  Monitor  {monitoring}\n"));
        }
        banner.push_str(&format!("\n  {}\n", self.authentication.sentence()));
        if let Some(limit) = &self.limit {
            banner.push_str(&format!("  Rate limit: {limit}.\n"));
        }
        for warning in warnings {
            banner.push_str(&format!("  Warning: {warning}\n"));
        }
        let key = match self.authentication {
            Authentication::Required => " --key KEY",
            Authentication::Off | Authentication::Optional => "",
        };
        banner.push_str(&format!(
            "\n  Try      simply-mcp tools list --url {mcp}{key}\n  Stop     Ctrl-C\n"
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
            Addresses {
                server: ([0, 0, 0, 0], 9000).into(),
                monitoring: Some(([0, 0, 0, 0], 9090).into()),
            },
        );
        let banner = facts.banner(&["no authentication; set auth".to_owned()]);
        for line in [
            "http://127.0.0.1:9000/mcp",
            "http://127.0.0.1:9000/tools",
            "http://127.0.0.1:9000/health",
            "http://127.0.0.1:9000/metrics",
            "http://127.0.0.1:9090/health http://127.0.0.1:9090/metrics",
            "Authentication is off",
            "Warning: no authentication; set auth",
        ] {
            assert!(banner.contains(line), "{banner}");
        }
    }

    #[test]
    fn the_banner_says_how_to_get_in_and_how_often() {
        let mut config = HttpConfig::default();
        config.auth.enabled = Some(true);
        config.rate_limit.enabled = true;
        let addresses = Addresses {
            server: ([127, 0, 0, 1], 1).into(),
            monitoring: None,
        };
        let banner = Facts::of(&config, "x", addresses).banner(&[]);
        assert!(!banner.contains("Monitor"), "{banner}");
        for line in [
            "every call needs \"Authorization: Bearer KEY\"",
            "tools list --url http://127.0.0.1:1/mcp --key KEY",
            "100 requests in 60 s for each caller",
        ] {
            assert!(banner.contains(line), "{banner}");
        }
        config.auth.require_auth = false;
        let banner = Facts::of(&config, "x", addresses).banner(&[]);
        assert!(banner.contains("let in as anonymous") && !banner.contains("--key"));
    }
}
