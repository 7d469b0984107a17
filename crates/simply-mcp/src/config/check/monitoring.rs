//! `monitoring.listen` beside the address of the server.

use super::is_loopback;
use crate::config::{HttpConfig, Origin, Problem, Warning};

const KEY: &str = "monitoring.listen";

/// Two listeners cannot share one port: neither the same address, nor one address and all of them.
pub(super) fn same_address(
    config: &HttpConfig,
    origin: &dyn Fn(&str) -> Origin,
) -> Option<Problem> {
    let listen = config.monitoring.listen.as_ref()?.address();
    let server = &config.server;
    let (host, other) = (server.host.to_canonical(), listen.ip().to_canonical());
    let same_host = host == other || host.is_unspecified() || other.is_unspecified();
    let clash = same_host && listen.port() == server.port && listen.port() != 0;
    clash.then(|| {
        let message = format!(
            "{listen} is where the server itself listens ({}:{}); choose another port, or leave it out: health and metrics are served on the server's own port in any case",
            server.host, server.port
        );
        Problem::of_setting(origin(KEY), KEY, message)
    })
}

/// Metrics name keys and tools, and no key is asked for.
pub(super) fn open_to_all(config: &HttpConfig) -> Option<Warning> {
    let monitoring = &config.monitoring;
    let listen = monitoring.listen.as_ref()?.address();
    let open = monitoring.prometheus_enabled
        && monitoring.allow_from.is_empty()
        && !is_loopback(listen.ip());
    open.then(|| Warning {
        setting: KEY.to_owned(),
        message: format!(
            "whoever reaches {listen} can read the metrics, which name keys and tools; set monitoring.allow_from to the addresses of those who scrape, or listen on 127.0.0.1"
        ),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn config(host: &str, port: u16, listen: &str, allow_from: &[&str]) -> HttpConfig {
        let mut config = HttpConfig::default();
        config.server.host = host.parse().unwrap();
        config.server.port = port;
        let monitoring = json!({"listen": listen, "allow_from": allow_from});
        config.monitoring = serde_json::from_value(monitoring).unwrap();
        config
    }

    // STA-04
    #[test]
    fn two_listeners_on_one_port_are_refused() {
        for (host, port, listen, is_refused) in [
            ("127.0.0.1", 8000, "127.0.0.1:8000", true),
            ("127.0.0.1", 8000, "localhost:8000", true),
            ("0.0.0.0", 8000, "127.0.0.1:8000", true),
            ("127.0.0.1", 8000, "0.0.0.0:8000", true),
            ("127.0.0.1", 8000, "[::ffff:127.0.0.1]:8000", true),
            ("127.0.0.1", 8000, "127.0.0.1:9090", false),
            ("127.0.0.1", 8000, "127.0.0.2:8000", false),
            ("127.0.0.1", 0, "127.0.0.1:0", false),
        ] {
            let problem = same_address(&config(host, port, listen, &[]), &|_| Origin::Given);
            assert_eq!(problem.is_some(), is_refused, "{host}:{port} {listen}");
        }
    }

    #[test]
    fn metrics_for_everybody_are_warned_of() {
        for (listen, allow_from, is_warned_of) in [
            ("0.0.0.0:9090", &[][..], true),
            ("0.0.0.0:9090", &["10.0.0.0/8"], false),
            ("127.0.0.1:9090", &[], false),
        ] {
            let config = config("127.0.0.1", 8000, listen, allow_from);
            assert_eq!(open_to_all(&config).is_some(), is_warned_of, "{listen}");
        }
    }
}
