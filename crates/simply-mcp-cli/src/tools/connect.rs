//! The connection to the server.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use reqwest::Url;
use rmcp::{
    RoleClient,
    model::ProtocolVersion,
    service::{ClientLifecycleMode, RunningService, serve_client_with_lifecycle},
    transport::{
        StreamableHttpClientTransport, streamable_http_client::StreamableHttpClientTransportConfig,
    },
};

use super::explain;
use crate::health::is_loopback;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A client that has not connected yet.
pub(super) struct Client {
    http: reqwest::Client,
    url: Url,
    key: Option<String>,
}

impl Client {
    /// Makes a client.
    ///
    /// # Errors
    ///
    /// Returns an error for a URL or a key that cannot be right.
    pub(super) fn new(url: Url, key: Option<String>) -> anyhow::Result<Self> {
        ensure!(
            matches!(url.scheme(), "http" | "https"),
            "--url must begin with http:// or https://, and begins with {}://",
            url.scheme()
        );
        if let Some(key) = &key {
            let fits = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_graphic());
            ensure!(fits, "--key is empty or holds characters that no key has");
        }
        // A redirect would turn a call into something else, or carry the key elsewhere.
        let mut http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .pool_max_idle_per_host(0);
        if is_loopback(&url) {
            http = http.no_proxy();
        }
        let http = http.build().context("cannot make an HTTP client")?;
        Ok(Self { http, url, key })
    }

    /// Connects in the newest version that the server knows.
    ///
    /// # Errors
    ///
    /// Returns an error that says what happened and what to do.
    pub(super) async fn connect(self) -> anyhow::Result<RunningService<RoleClient, ()>> {
        let mut config = StreamableHttpClientTransportConfig::with_uri(self.url.as_str());
        config.auth_header = self.key;
        let transport = StreamableHttpClientTransport::with_client(self.http, config);
        let lifecycle = ClientLifecycleMode::Auto {
            preferred_versions: vec![ProtocolVersion::V_2026_07_28],
            legacy_version: None,
        };
        serve_client_with_lifecycle((), transport, lifecycle)
            .await
            .map_err(|error| explain::initialize(&error, &self.url))
    }
}
