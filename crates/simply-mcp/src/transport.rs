//! The floor plan: the one file that knows every room, and joins them.

use std::{
    any::Any,
    net::SocketAddr,
    sync::{Arc, OnceLock},
};

use axum::body::Body;
use bytes::Bytes;
use http::Request;
use rmcp::ServerHandler;
use tokio::task::JoinHandle;

use crate::{
    Error, HttpConfig,
    admission::Admission,
    auth::Authentication,
    config::OnStoreFailure,
    facts::StateKey,
    guard::Guarded,
    handle::Stack,
    layers::{self, HostPolicy, Site},
    listen::{self, Drain, Ended},
    mcp::{Mcp, McpOptions, Peers},
    metrics::Metrics,
    rate_limit::{Backend, Limiter},
    rest::Rest,
    routes::{Component, Health, Open, Paths, ReadyCheck, Rooms, Signpost, Table},
    server::McpServer,
    store::Store,
};

/// The HTTP transport: puts an MCP server on the network.
///
/// ```no_run
/// use simply_mcp::{HttpConfig, HttpTransport, McpServer};
///
/// #[derive(serde::Deserialize, schemars::JsonSchema)]
/// struct Echo { message: String }
///
/// # async fn run() -> Result<(), simply_mcp::Error> {
/// let server = McpServer::new("my-server", "1.0.0")
///     .tool("echo", "Returns the message", async |Echo { message }: Echo| message);
/// HttpTransport::new(server, HttpConfig::default()).serve().await
/// # }
/// ```
#[derive(Debug)]
pub struct HttpTransport<H> {
    handler: H,
    config: HttpConfig,
    checks: Vec<ReadyCheck>,
}

type Built = (Stack, Arc<OnceLock<SocketAddr>>);

impl<H: ServerHandler> HttpTransport<H> {
    /// A transport for `handler`: a [`McpServer`], or any other [`ServerHandler`].
    #[must_use]
    pub fn new(handler: H, config: HttpConfig) -> Self {
        Self {
            handler,
            config,
            checks: Vec::new(),
        }
    }

    /// Adds a question that must be answered with yes before `/health/ready` says so; `/health` shows it
    /// among its components as `name`. It is asked on every probe and must answer at once.
    #[must_use]
    pub fn ready_when(
        mut self,
        name: impl Into<String>,
        is_ready: impl Fn() -> bool + Send + Sync + 'static,
    ) -> Self {
        self.checks.push(ReadyCheck {
            name: name.into(),
            is_ready: Arc::new(is_ready),
        });
        self
    }

    /// Serves until SIGTERM or SIGINT, then drains.
    ///
    /// # Errors
    ///
    /// Those of [`start`](Self::start), and [`Error::Interrupted`] when a second signal came while
    /// requests were still running.
    pub async fn serve(self) -> Result<(), Error> {
        self.start().await?.until_signal().await
    }

    /// Starts to serve and returns at once.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] and [`Error::Server`] for what cannot be served, [`Error::Listen`] for an address
    /// that cannot be had.
    pub async fn start(self) -> Result<RunningTransport, Error> {
        let server = self.config.server.clone();
        let drain = Drain::default();
        let (stack, address) = self.build(&drain, true)?;
        let listener = listen::bind((server.host, server.port).into())?;
        let local = listener
            .local_addr()
            .unwrap_or_else(|_| SocketAddr::new(server.host, server.port));
        // Nobody else sets it: the health report gets the port that 0 became.
        let _ = address.set(local);
        let serving = listen::serve(
            listener,
            stack,
            server.keepalive,
            server.graceful_timeout,
            drain.clone(),
        );
        tracing::debug!(address = %local, "listening");
        Ok(RunningTransport {
            address: local,
            drain,
            serving: tokio::spawn(serving),
        })
    }

    /// The whole stack as a router, to be mounted in an application that has a server of its own. The
    /// sections `server` and `logging` are then that application's affair, but for the names in
    /// `server.public_url` and `server.allowed_hosts`. Access tokens need the former, or audiences.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] and [`Error::Server`] for what cannot be served.
    pub fn router(self) -> Result<axum::Router, Error> {
        let (stack, _) = self.build(&Drain::default(), false)?;
        let service = tower::service_fn(move |request: Request<Body>| {
            let stack = stack.clone();
            async move { Ok::<_, std::convert::Infallible>(stack.handle(request).await) }
        });
        Ok(axum::Router::new().fallback_service(service))
    }

    fn build(self, drain: &Drain, listens: bool) -> Result<Built, Error> {
        let config = self.config;
        config.check()?;
        // What a builder could not say while it was chained is said before anything listens.
        if let Some(server) = (&self.handler as &dyn Any).downcast_ref::<McpServer>() {
            server
                .check()
                .map_err(|problems| Error::Server(problems.to_string()))?;
        }
        let metrics = Metrics::new();
        let address = Arc::new(OnceLock::new());
        let bound = listens.then_some(&address);
        let authentication = Authentication::of(&config, &metrics, bound)?.map(Arc::new);
        let store = shared_store(&config, &metrics)?;
        let limiter = limiter(&config, store.as_ref(), &metrics);
        let mut checks = self.checks;
        checks.extend(store_check(&config, store.as_ref()));
        let info = self.handler.get_info().server_info;
        let health = Health {
            server: info.name,
            version: info.version,
            environment: config.environment.clone(),
            address: Arc::clone(&address),
            configured: (config.server.host, config.server.port).into(),
            draining: drain.draining.clone(),
            checks,
            components: components(authentication.as_ref(), limiter.as_ref(), store.as_ref()),
        };
        let admission = Arc::new(admission(
            &config,
            authentication.as_ref(),
            limiter.as_ref(),
        ));
        let handler = Guarded::until(self.handler, Arc::clone(&admission), drain.draining.clone());
        let peers = Arc::new(Peers::new(handler.clone()));
        let contexts = Arc::clone(&peers);
        let rest_contexts = Arc::new(move |parts| contexts.rest_context(parts));
        let mcp_path = config.mcp.path.as_str().to_owned();
        let options = McpOptions {
            settings: config.mcp.clone(),
            state_key: config
                .mcp
                .state_key
                .as_ref()
                .map(|key| StateKey(key.expose().as_bytes().into())),
            admission: Arc::clone(&admission),
            draining: drain.draining.clone(),
            over: drain.over.clone(),
            metrics: metrics.clone(),
            store,
        };
        let monitoring = &config.monitoring;
        let table = Table::new(&Paths {
            mcp: &mcp_path,
            health: monitoring.health_path.as_str(),
            metrics: monitoring
                .prometheus_enabled
                .then(|| monitoring.prometheus_path.as_str()),
            resource_metadata: config.auth.is_on() && config.auth.jwt.is_on(),
        });
        let rooms = Rooms {
            rest: Rest::new(handler.clone(), rest_contexts, admission),
            mcp: Mcp::new(handler, peers, options),
            mcp_path,
            health_path: monitoring.health_path.as_str().to_owned(),
        };
        let open = Open {
            resource_metadata: resource_metadata(authentication.clone()),
            next: layers::inner(rooms, authentication, limiter),
            health: Arc::new(health),
            metrics,
        };
        let stack = layers::outer(open, host_policy(&config), config.server.trusted_proxies);
        Ok((Stack::new(Signpost::new(stack, table)), address))
    }
}

fn shared_store(config: &HttpConfig, metrics: &Metrics) -> Result<Option<Store>, Error> {
    let url = config.rate_limit.store.as_ref();
    url.map(|url| Store::new(url, metrics)).transpose()
}

/// A replica that would refuse everything for want of the store is not ready.
fn store_check(config: &HttpConfig, store: Option<&Store>) -> Option<ReadyCheck> {
    let settings = &config.rate_limit;
    let needs_it = settings.enabled && settings.on_store_failure == OnStoreFailure::Closed;
    let store = store.filter(|_| needs_it)?.clone();
    Some(ReadyCheck {
        name: "store".to_owned(),
        is_ready: Arc::new(move || store.is_up()),
    })
}
/// What the doors say of themselves in the health report.
fn components(
    authentication: Option<&Arc<Authentication>>,
    limiter: Option<&Arc<Limiter>>,
    store: Option<&Store>,
) -> Vec<Component> {
    let authentication = authentication.cloned().map(|it| Component {
        name: "authentication",
        report: Arc::new(move || it.report()),
    });
    let limiter = limiter.cloned().map(|it| Component {
        name: "rate_limiting",
        report: Arc::new(move || it.component()),
    });
    let store = store.cloned().map(|it| Component {
        name: "store",
        report: Arc::new(move || it.component()),
    });
    let doors = authentication.into_iter().chain(limiter);
    doors.chain(store).collect()
}

/// How the document of RFC 9728 is had.
fn resource_metadata(
    authentication: Option<Arc<Authentication>>,
) -> Arc<dyn Fn() -> Bytes + Send + Sync> {
    Arc::new(move || {
        let authentication = authentication.as_deref();
        authentication
            .map(Authentication::resource_metadata)
            .unwrap_or_default()
    })
}

fn limiter(config: &HttpConfig, store: Option<&Store>, metrics: &Metrics) -> Option<Arc<Limiter>> {
    let settings = &config.rate_limit;
    settings.enabled.then(|| {
        let backend = Backend::new(settings, store.cloned());
        Arc::new(Limiter::new(settings, backend, metrics))
    })
}

fn admission(
    config: &HttpConfig,
    authentication: Option<&Arc<Authentication>>,
    limiter: Option<&Arc<Limiter>>,
) -> Admission {
    let mut rules = Admission::default();
    if let Some(authentication) = authentication {
        let challenges = Arc::clone(authentication.challenges());
        rules = rules.with_scopes(&config.auth.jwt.tool_scopes, challenges);
    }
    match limiter {
        Some(limiter) => rules.with_limits(&config.rate_limit, Arc::clone(limiter)),
        None => rules,
    }
}

fn host_policy(config: &HttpConfig) -> HostPolicy {
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
        any_name: names.is_empty() && !server.host.is_loopback(),
        names,
        public_origin: server.public_url.as_ref().map(ToString::to_string),
    }
}

/// A transport that serves.
#[derive(Debug)]
pub struct RunningTransport {
    address: SocketAddr,
    drain: Drain,
    serving: JoinHandle<Ended>,
}

impl RunningTransport {
    /// The address it listens on, with the port that 0 became.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Drains: `/health/ready` says 503 at once, no new connection is accepted, running requests have
    /// `server.graceful_timeout` to finish, event streams are ended, and what still runs then is
    /// cancelled.
    pub async fn shutdown(self) {
        self.drain.draining.cancel();
        tracing::info!("draining: no new connections; running requests may finish");
        match self.serving.await {
            Ok(Ended { cancelled: 0 }) => tracing::info!("ended; every request was answered"),
            Ok(Ended { cancelled }) => {
                tracing::warn!(
                    cancelled,
                    "ended; the requests that still ran were cancelled"
                );
            }
            Err(error) => tracing::error!(%error, "the accept loop broke"),
        }
    }

    /// Waits for SIGTERM or SIGINT, then drains.
    ///
    /// # Errors
    ///
    /// [`Error::Signals`] where there are no signals to wait for; [`Error::Interrupted`] when a second one
    /// came before the drain was over.
    pub async fn until_signal(self) -> Result<(), Error> {
        let mut signals = Signals::new().map_err(Error::Signals)?;
        signals.next().await;
        tokio::select! {
            () = self.shutdown() => Ok(()),
            signal = signals.next() => Err(Error::Interrupted { signal }),
        }
    }
}

#[cfg(unix)]
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) -> i32 {
        tokio::select! {
            _ = self.terminate.recv() => 15,
            _ = self.interrupt.recv() => 2,
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) -> i32 {
        // Where it cannot be waited for, the process ends by itself.
        let _ = tokio::signal::ctrl_c().await;
        2
    }
}
