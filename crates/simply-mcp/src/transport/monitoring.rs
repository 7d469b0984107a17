//! `monitoring.listen`: health and metrics on an address and a thread of their own.

use std::{
    net::SocketAddr,
    sync::{Arc, OnceLock},
};

use bytes::Bytes;
use prometheus::IntGauge;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::doors;
use crate::{
    Error, HttpConfig,
    handle::Stack,
    layers::{self, Observers, Tracing},
    listen::{Apart, Bound},
    routes::{Component, Health, OnlyMonitoring, Open, Scrape, Signpost, Table},
};

/// What is served there, before it is.
pub(super) struct Monitoring {
    listen: SocketAddr,
    address: Arc<OnceLock<SocketAddr>>,
    gone: CancellationToken,
}

impl Monitoring {
    /// `None` where the settings do not ask for it.
    pub(super) fn of(config: &HttpConfig) -> Option<Self> {
        config.monitoring.listen.as_ref().map(|listen| Self {
            listen: listen.address(),
            address: Arc::default(),
            gone: CancellationToken::new(),
        })
    }

    /// What the health report says of it: up for as long as its thread runs.
    pub(super) fn component(&self) -> Component {
        let (listen, address, gone) = (self.listen, Arc::clone(&self.address), self.gone.clone());
        Component {
            name: "monitoring",
            report: Arc::new(move || {
                let is_up = address.get().is_some() && !gone.is_cancelled();
                let address = address.get().unwrap_or(&listen);
                json!({
                    "status": if is_up { "up" } else { "down" },
                    "host": address.ip(),
                    "port": address.port(),
                })
            }),
        }
    }

    /// The outer doors of the main port, and behind them nothing but health and metrics.
    pub(super) fn stack(
        &self,
        config: &HttpConfig,
        table: &Table,
        health: Arc<Health>,
        metrics: Scrape,
        observers: Observers,
    ) -> Stack {
        let monitoring = &config.monitoring;
        let metrics_path = monitoring
            .prometheus_enabled
            .then(|| monitoring.prometheus_path.as_str());
        let open = Open {
            next: OnlyMonitoring::new(monitoring.health_path.as_str(), metrics_path),
            health,
            metrics,
            metrics_for: monitoring.allow_from.clone(),
            resource_metadata: Arc::new(Bytes::new),
        };
        let stack = layers::outer(
            open,
            doors::host_policy(config, self.listen.ip()),
            config.server.trusted_proxies.clone(),
            observers,
            // A probe makes no span.
            Tracing {
                traces: None,
                patterns: table.patterns(),
            },
        );
        Stack::new(Signpost::new(stack, table.of_monitoring()))
    }

    /// Takes the address; nobody is answered yet.
    ///
    /// # Errors
    ///
    /// [`Error::Listen`] where it cannot be had.
    pub(super) fn bind(&self) -> Result<Bound, Error> {
        Bound::new(self.listen)
    }

    /// Serves from now on.
    ///
    /// # Errors
    ///
    /// [`Error::Monitoring`] where the system has no thread left.
    pub(super) async fn serve(
        self,
        bound: Bound,
        stack: Stack,
        config: &HttpConfig,
        open: IntGauge,
    ) -> Result<(SocketAddr, Apart), Error> {
        let address = bound.address().map_err(Error::Monitoring)?;
        let keepalive = config.server.keepalive;
        let apart = bound.serve(stack, keepalive, self.gone, open).await;
        let apart = apart.map_err(Error::Monitoring)?;
        // Nobody else sets it.
        let _ = self.address.set(address);
        tracing::debug!(%address, "health and metrics are served on a thread of their own");
        Ok((address, apart))
    }
}
