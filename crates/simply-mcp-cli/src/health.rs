//! `simply-mcp health`: is a running server ready? Made for containers that have no shell and no
//! curl: it exits with 0 or 1 and needs nothing else.

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    process::ExitCode,
    time::Duration,
};

use anyhow::{Context as _, bail};
use reqwest::{StatusCode, Url};
use simply_mcp::config::{HttpConfig, ListenAddress, Loader};

use crate::output::reachable;

/// What is asked when the URL names no path.
const READY: &str = "/health/ready";

/// Container health checks usually give up after a few seconds themselves.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Exit with 0 when a running server is ready, with 1 otherwise.
///
/// Without --url the configuration says where the server is: --config, and the environment of this process. With
/// monitoring.listen it is asked there, where it answers whatever the tools do.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  simply-mcp health --url http://127.0.0.1:8000")]
pub(crate) struct Health {
    /// Where the server is. Without a path, /health/ready is asked
    #[arg(long, value_name = "URL")]
    url: Option<Url>,

    /// The configuration file of the server that is asked
    #[arg(long, value_name = "FILE", conflicts_with = "url")]
    config: Option<PathBuf>,
}

impl Health {
    /// Asks, and says nothing when all is well.
    ///
    /// # Errors
    ///
    /// Returns an error, whose text says why, when the server is not ready.
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        let url = match self.url {
            Some(url) => ready_url(url),
            None => configured_url(self.config)?,
        };
        let status = ask(&url).await?;
        if status == StatusCode::OK {
            return Ok(ExitCode::SUCCESS);
        }
        let url = shown(&url);
        bail!("not ready: {url} answered {status}{}", remedy(status));
    }
}

async fn ask(url: &Url) -> anyhow::Result<StatusCode> {
    let mut client = reqwest::Client::builder()
        .timeout(TIMEOUT)
        .redirect(reqwest::redirect::Policy::none());
    if is_loopback(url) {
        // A certificate names the public host, which is never the one a check inside of the
        // container asks; nothing secret is sent, and nobody stands in between.
        client = client.no_proxy().danger_accept_invalid_certs(true);
    }
    let client = client.build().context("cannot make an HTTP client")?;
    let sent = client.get(url.clone()).send().await;
    let url = shown(url);
    match sent {
        Ok(response) => Ok(response.status()),
        Err(error) if error.is_timeout() => {
            bail!(
                "not ready: {url} did not answer within {} seconds",
                TIMEOUT.as_secs()
            )
        }
        Err(error) if error.is_connect() => bail!(
            "not ready: nothing answers at {url}; is the server running, and is this its address?"
        ),
        Err(error) => Err(error.without_url()).with_context(|| format!("not ready: {url}")),
    }
}

/// The address and path of the server that the configuration describes, as this machine reaches it.
fn configured_url(file: Option<PathBuf>) -> anyhow::Result<Url> {
    let config = Loader::new()
        .file(file)
        .process_environment()
        .load()?
        .config;
    let address = probed(&config);
    let path = config.monitoring.health_path.as_str();
    Url::parse(&format!("http://{address}{path}/ready"))
        .context("the configuration names no address")
}

/// A port of 0 says nothing about where the server is.
fn probed(config: &HttpConfig) -> SocketAddr {
    let monitoring = config.monitoring.listen.as_ref();
    let monitoring = monitoring
        .map(ListenAddress::address)
        .filter(|address| address.port() != 0);
    let server = SocketAddr::new(config.server.host, config.server.port);
    reachable(monitoring.unwrap_or(server))
}

fn ready_url(mut url: Url) -> Url {
    if matches!(url.path(), "" | "/") {
        url.set_path(READY);
    }
    url
}

/// The URL without the password that may stand in it: what a health check says is kept by the container's runtime.
fn shown(url: &Url) -> Url {
    let mut url = url.clone();
    // What cannot have one has none.
    let _ = url.set_password(None);
    url
}

fn remedy(status: StatusCode) -> &'static str {
    match status {
        StatusCode::SERVICE_UNAVAILABLE => ": it is starting or shutting down",
        StatusCode::NOT_FOUND => {
            ": give the path of its health check in --url if monitoring.health_path is set"
        }
        _ => "",
    }
}

/// Whether the URL leads to this very machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    let Some(host) = url.host_str() else {
        return false;
    };
    let address = host
        .trim_start_matches('[')
        .trim_end_matches(']')
        .parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ready(url: &str) -> String {
        ready_url(url.parse().unwrap()).to_string()
    }

    #[test]
    fn a_url_without_a_path_gets_that_of_the_health_check() {
        assert_eq!(
            ready("http://127.0.0.1:8000"),
            "http://127.0.0.1:8000/health/ready"
        );
        assert_eq!(
            ready("http://127.0.0.1:8000/"),
            "http://127.0.0.1:8000/health/ready"
        );
        assert_eq!(
            ready("http://127.0.0.1:8000/up"),
            "http://127.0.0.1:8000/up"
        );
    }

    // LOG-02
    #[tokio::test]
    async fn a_password_in_the_url_is_not_shown() {
        let url = Some("http://me:canary@127.0.0.1:1".parse().unwrap());
        let error = Health { url, config: None }.run().await.unwrap_err();
        assert!(error.to_string().contains("me@127.0.0.1:1"), "{error}");
        assert!(!format!("{error:?}").contains("canary"));
    }

    #[test]
    fn only_this_machine_is_loopback() {
        for url in [
            "http://127.0.0.1:1",
            "https://[::1]:1",
            "https://localhost",
            "http://127.8.8.8",
        ] {
            assert!(is_loopback(&url.parse().unwrap()), "{url}");
        }
        for url in [
            "http://10.0.0.1",
            "http://localhost.example.com",
            "http://[2001:db8::1]",
        ] {
            assert!(!is_loopback(&url.parse().unwrap()), "{url}");
        }
    }

    #[test]
    fn a_server_with_an_address_for_monitoring_is_asked_there() {
        let mut config = HttpConfig::default();
        for (listen, asked) in [
            ("0.0.0.0:9090", "127.0.0.1:9090"),
            ("[::1]:9090", "[::1]:9090"),
            ("127.0.0.1:0", "127.0.0.1:8000"),
        ] {
            config.monitoring.listen = Some(ListenAddress::parse(listen).unwrap());
            assert_eq!(probed(&config).to_string(), asked);
        }
    }
}
