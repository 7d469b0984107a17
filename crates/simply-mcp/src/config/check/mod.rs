//! What one setting cannot know: whether the settings fit together, and what an operator should hear.

mod jwt;
mod monitoring;

use std::{net::IpAddr, time::Duration};

use super::{HttpConfig, Origin, Problem, RoutePath, Warning, types::seconds};

/// Where the plain REST door stands.
const TOOLS_PATH: &str = "/tools";

/// Everything that does not fit together; `origin` answers where a setting was written.
pub(super) fn problems(config: &HttpConfig, origin: &dyn Fn(&str) -> Origin) -> Vec<Problem> {
    [
        authentication(config, origin),
        exposure(config, origin),
        route(&config.mcp.path, "mcp.path", origin),
        route(
            &config.monitoring.health_path,
            "monitoring.health_path",
            origin,
        ),
        route(
            &config.monitoring.prometheus_path,
            "monitoring.prometheus_path",
            origin,
        ),
        overlap(config, origin),
        metrics_overlap(config, origin),
        monitoring::same_address(config, origin),
        time(
            config.server.graceful_timeout,
            "server.graceful_timeout",
            origin,
        ),
        time(config.server.keepalive, "server.keepalive", origin),
        keepalive(config, origin),
    ]
    .into_iter()
    .flatten()
    .chain(jwt::problems(config, origin))
    .collect()
}

/// What works, and should be known.
pub(super) fn warnings(config: &HttpConfig) -> Vec<Warning> {
    [
        open_to_all(config),
        ignored(config),
        homeless(config),
        silent(config),
        unrotated(config),
        monitoring::open_to_all(config),
    ]
    .into_iter()
    .flatten()
    .chain(unaffordable(config))
    .collect()
}

/// Tools that nobody can call whose key has no larger allowance of its own.
fn unaffordable(config: &HttpConfig) -> impl Iterator<Item = Warning> {
    let settings = &config.rate_limit;
    let dear = settings
        .tools
        .iter()
        .filter(|(_, tool)| tool.cost > settings.default_limit);
    dear.filter(|_| settings.enabled).map(|(name, tool)| Warning {
        setting: format!("rate_limit.tools.{name}"),
        message: format!(
            "a call costs {} of the {} requests that a caller has, so only a key with a larger rate_limit can make it",
            tool.cost, settings.default_limit
        ),
    })
}

fn open_to_all(config: &HttpConfig) -> Option<Warning> {
    let exposed = !is_loopback(config.server.host) && config.auth.enabled == Some(false);
    exposed.then(|| Warning {
        setting: "server.host".to_owned(),
        message: format!(
            "{} is reachable from other machines and nobody has to authenticate; set server.host to 127.0.0.1, \
             or make sure that only a proxy which authenticates can reach it",
            config.server.host
        ),
    })
}

/// Keys and issuers beside authentication that is turned off.
fn ignored(config: &HttpConfig) -> Option<Warning> {
    let auth = &config.auth;
    let key = match (auth.keys_file.is_some(), auth.jwt.is_on()) {
        (true, _) => "auth.keys_file",
        (false, true) => "auth.jwt.issuer",
        (false, false) => return None,
    };
    (auth.enabled == Some(false)).then(|| Warning {
        setting: key.to_owned(),
        message: "it is ignored, because auth.enabled is false; remove one of them".to_owned(),
    })
}

/// Tokens for a server that does not know its own address: clients cannot be led to the issuer.
fn homeless(config: &HttpConfig) -> Option<Warning> {
    let lost = config.auth.is_on()
        && config.auth.jwt.is_on()
        && config.server.public_url.is_none()
        && !is_loopback(config.server.host);
    lost.then(|| Warning {
        setting: "server.public_url".to_owned(),
        message: "access tokens are accepted, and clients cannot find out where to get one, because nothing says \
                  under which URL they reach this server; set server.public_url"
            .to_owned(),
    })
}

/// A log that nobody can read.
fn silent(config: &HttpConfig) -> Option<Warning> {
    let logging = &config.logging;
    (!logging.enable_console && logging.file.is_none()).then(|| Warning {
        setting: "logging.enable_console".to_owned(),
        message: "it is false and there is no logging.file, so nothing is logged; set one of them"
            .to_owned(),
    })
}

/// Rotation of no file.
fn unrotated(config: &HttpConfig) -> Option<Warning> {
    let logging = &config.logging;
    let key = match (logging.rotate_bytes, logging.rotate_seconds) {
        (Some(_), _) => "logging.rotate_bytes",
        (None, Some(_)) => "logging.rotate_seconds",
        (None, None) => return None,
    };
    logging.file.is_none().then(|| Warning {
        setting: key.to_owned(),
        message: "there is no logging.file that could be rotated; set one, or remove it".to_owned(),
    })
}

fn authentication(config: &HttpConfig, origin: &dyn Fn(&str) -> Origin) -> Option<Problem> {
    let nothing = config.auth.enabled == Some(true) && !config.auth.has_credentials();
    nothing.then(|| {
        let message = format!(
            "authentication is on, and there is no key that anybody could show; run `simply-mcp keys new --file \
             keys.yaml` and set auth.keys_file to that file, or set the environment variable {}",
            config.auth.key_env_var
        );
        Problem::of_setting(origin("auth.enabled"), "auth.enabled", message)
    })
}

fn exposure(config: &HttpConfig, origin: &dyn Fn(&str) -> Origin) -> Option<Problem> {
    if is_loopback(config.server.host) || config.auth.is_on() || config.auth.enabled.is_some() {
        return None;
    }
    let message = format!(
        "{} is reachable from other machines, and nothing says whether callers must authenticate; to ask \
         for a key, run `simply-mcp keys new --file keys.yaml` and set auth.keys_file; to serve everybody who can reach it, write `auth: {{enabled: false}}` or set MCP_HTTP_AUTH__ENABLED=false; to serve \
         this machine only, use 127.0.0.1",
        config.server.host
    );
    Some(Problem::of_setting(
        origin("server.host"),
        "server.host",
        message,
    ))
}

fn route(path: &RoutePath, key: &str, origin: &dyn Fn(&str) -> Origin) -> Option<Problem> {
    path.is_within(TOOLS_PATH).then(|| {
        let message = format!(
            "{path} belongs to the tools as plain HTTP ({TOOLS_PATH}); choose another path"
        );
        Problem::of_setting(origin(key), key, message)
    })
}

fn overlap(config: &HttpConfig, origin: &dyn Fn(&str) -> Origin) -> Option<Problem> {
    let (mcp, health) = (&config.mcp.path, &config.monitoring.health_path);
    mcp.is_within(health.as_str()).then(|| {
        let message = format!(
            "{mcp} belongs to the health report (monitoring.health_path is {health}); choose different paths"
        );
        Problem::of_setting(origin("mcp.path"), "mcp.path", message)
    })
}

fn metrics_overlap(config: &HttpConfig, origin: &dyn Fn(&str) -> Origin) -> Option<Problem> {
    let metrics = &config.monitoring.prometheus_path;
    let taken = [
        ("monitoring.health_path", &config.monitoring.health_path),
        ("mcp.path", &config.mcp.path),
    ];
    let (key, path) = taken
        .into_iter()
        .find(|(_, path)| metrics.is_within(path.as_str()) || path.is_within(metrics.as_str()))?;
    let message =
        format!("{metrics} and {path} ({key}) are in each other's way; choose different paths");
    Some(Problem::of_setting(
        origin("monitoring.prometheus_path"),
        "monitoring.prometheus_path",
        message,
    ))
}

// A program can put any time there, and adding a very long one to a clock overflows.
fn time(time: Duration, key: &str, origin: &dyn Fn(&str) -> Origin) -> Option<Problem> {
    (time > Duration::from_secs(seconds::LONGEST)).then(|| {
        let message = format!(
            "expected at most {} seconds, and found {time:?}",
            seconds::LONGEST
        );
        Problem::of_setting(origin(key), key, message)
    })
}

fn keepalive(config: &HttpConfig, origin: &dyn Fn(&str) -> Origin) -> Option<Problem> {
    config.server.keepalive.is_zero().then(|| {
        let key = "server.keepalive";
        Problem::of_setting(
            origin(key),
            key,
            "expected more than no time at all; write at least one second",
        )
    })
}

// An IPv4 address in IPv6 clothes is judged by what it is underneath.
fn is_loopback(host: IpAddr) -> bool {
    host.to_canonical().is_loopback()
}
