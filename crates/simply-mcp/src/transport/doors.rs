//! What decides who may call, what, and how often: made of the settings once, and shared by doors and rooms.

use std::{
    net::{IpAddr, SocketAddr},
    sync::{Arc, OnceLock},
};

use bytes::Bytes;

use crate::{
    Error, HttpConfig,
    admission::Admission,
    auth::Authentication,
    config::{Monitoring, OnStoreFailure, RateLimit},
    layers::{HostPolicy, Observers, Site},
    listen::Drain,
    metrics::{HttpSeries, Metrics},
    rate_limit::{Backend, Limiter},
    routes::{Component, ReadyCheck, Table},
    store::Store,
};

/// Each is there where the settings ask for it.
pub(super) struct Doors {
    pub(super) authentication: Option<Arc<Authentication>>,
    pub(super) store: Option<Store>,
    pub(super) limiter: Option<Arc<Limiter>>,
    pub(super) admission: Arc<Admission>,
}

impl Doors {
    /// Reads the keys and prepares the rest; `address` is where the server turns out to listen.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with keys and issuers; a store that could never be reached.
    pub(super) fn of(
        config: &HttpConfig,
        metrics: &Metrics,
        address: Option<&Arc<OnceLock<SocketAddr>>>,
    ) -> Result<Self, Error> {
        let authentication = Authentication::of(config, metrics, address)?.map(Arc::new);
        let settings = &config.rate_limit;
        let store = settings.store.as_ref();
        let store = store.map(|url| Store::new(url, metrics)).transpose()?;
        let limiter = settings.enabled.then(|| {
            let backend = Backend::new(settings, store.clone());
            Arc::new(Limiter::new(settings, backend, metrics))
        });
        let mut admission = Admission::default();
        if let Some(authentication) = &authentication {
            let challenges = Arc::clone(authentication.challenges());
            admission = admission.with_scopes(&config.auth.jwt.tool_scopes, challenges);
        }
        if let Some(limiter) = &limiter {
            admission = admission.with_limits(settings, Arc::clone(limiter));
        }
        Ok(Self {
            authentication,
            store,
            limiter,
            admission: Arc::new(admission),
        })
    }

    /// What they say of themselves in the health report.
    pub(super) fn components(&self) -> Vec<Component> {
        let authentication = self.authentication.clone().map(|it| Component {
            name: "authentication",
            report: Arc::new(move || it.report()),
        });
        let limiter = self.limiter.clone().map(|it| Component {
            name: "rate_limiting",
            report: Arc::new(move || it.component()),
        });
        let store = self.store.clone().map(|it| Component {
            name: "store",
            report: Arc::new(move || it.component()),
        });
        let doors = authentication.into_iter().chain(limiter);
        doors.chain(store).collect()
    }

    /// The store must be up before requests are sent here, if all of them would be refused without it.
    pub(super) fn ready_check(&self, settings: &RateLimit) -> Option<ReadyCheck> {
        let is_needed = settings.enabled && settings.on_store_failure == OnStoreFailure::Closed;
        let store = self.store.clone().filter(|_| is_needed)?;
        Some(ReadyCheck::quick("store", move || store.is_up()))
    }

    /// How the document of RFC 9728 is had.
    pub(super) fn resource_metadata(&self) -> Arc<dyn Fn() -> Bytes + Send + Sync> {
        let authentication = self.authentication.clone();
        Arc::new(move || {
            let authentication = authentication.as_deref();
            authentication
                .map(Authentication::resource_metadata)
                .unwrap_or_default()
        })
    }
}

/// Which names the server goes by at the address that it listens on.
pub(super) fn host_policy(config: &HttpConfig, listens_on: IpAddr) -> HostPolicy {
    let server = &config.server;
    let mut names: Vec<Site> = server
        .allowed_hosts
        .iter()
        .map(|name| Site {
            host: name.host().to_owned(),
            port: name.port(),
        })
        .collect();
    if let Some(url) = &server.public_url {
        names.push(Site {
            host: url.host().to_owned(),
            port: None,
        });
    }
    HostPolicy {
        any_name: names.is_empty() && !listens_on.is_loopback(),
        names,
        public_origin: server.public_url.as_ref().map(ToString::to_string),
    }
}

/// Who watches the requests of one port.
pub(super) fn observers(
    settings: &Monitoring,
    metrics: &Metrics,
    table: &Table,
    drain: &Drain,
) -> Observers {
    Observers {
        series: settings
            .prometheus_enabled
            .then(|| HttpSeries::new(metrics, table.patterns())),
        log: settings.log_requests,
        log_responses: settings.log_responses,
        over: drain.over.clone(),
    }
}
