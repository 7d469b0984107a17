//! The floor plan: the one room that knows every other, and joins them.

mod doors;
mod running;

use std::{
    any::Any,
    net::SocketAddr,
    sync::{Arc, OnceLock},
};

use axum::body::Body;
use http::Request;
use rmcp::ServerHandler;

use self::doors::Doors;
pub use self::running::RunningTransport;

use crate::{
    Error, HttpConfig,
    audit::Audit,
    calls::Calls,
    facts::StateKey,
    guard::Guarded,
    handle::Stack,
    layers,
    listen::{self, Drain},
    mcp::{Mcp, McpOptions, Peers},
    metrics::{Metrics, OwnSeries},
    rest::Rest,
    routes::{Health, Open, Paths, ReadyCheck, Rooms, Signpost, Table},
    server::McpServer,
    traces::{Service, Traces},
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
    series: Vec<OwnSeries>,
}

impl<H: ServerHandler> HttpTransport<H> {
    /// A transport for `handler`: a [`McpServer`], or any other [`ServerHandler`].
    #[must_use]
    pub fn new(handler: H, config: HttpConfig) -> Self {
        Self {
            handler,
            config,
            checks: Vec::new(),
            series: Vec::new(),
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

    /// Adds a series of your own to the metrics: a value that goes up and down, read at each scrape.
    ///
    /// `read` must answer at once, as the scrape waits for it. Should it panic, this series is left out of that
    /// scrape, and no other. A name of the transport's own, or one that is none, is refused when it starts.
    ///
    /// ```
    /// use std::sync::{Arc, atomic::{AtomicU32, Ordering}};
    /// use simply_mcp::{HttpConfig, HttpTransport, McpServer};
    ///
    /// let waiting = Arc::new(AtomicU32::new(0));
    /// let seen = Arc::clone(&waiting);
    /// let transport = HttpTransport::new(McpServer::new("my-server", "1.0.0"), HttpConfig::default())
    ///     .with_gauge("my_jobs_waiting", "Jobs that wait.", move || {
    ///         f64::from(seen.load(Ordering::Relaxed))
    ///     });
    /// ```
    #[must_use]
    pub fn with_gauge(
        mut self,
        name: impl Into<String>,
        help: impl Into<String>,
        read: impl Fn() -> f64 + Send + Sync + 'static,
    ) -> Self {
        self.series.push(OwnSeries::gauge(name, help, read));
        self
    }

    /// Adds a series of your own to the metrics: a count that only grows, read at each scrape. By custom its name
    /// ends in `_total`. Everything else is as with [`with_gauge`](Self::with_gauge).
    #[must_use]
    pub fn with_counter(
        mut self,
        name: impl Into<String>,
        help: impl Into<String>,
        read: impl Fn() -> u64 + Send + Sync + 'static,
    ) -> Self {
        self.series.push(OwnSeries::counter(name, help, read));
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
    /// [`Error::Config`] and [`Error::Server`] for what cannot be served, [`Error::Traces`] for traces that cannot be
    /// told, [`Error::Listen`] for an address that cannot be had.
    pub async fn start(self) -> Result<RunningTransport, Error> {
        let server = self.config.server.clone();
        let drain = Drain::default();
        let address = Arc::new(OnceLock::new());
        let traces = self.traces()?;
        let stack = self.build(&drain, Some(&address), traces.clone())?;
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
            traces,
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
        let traces = self.traces()?;
        let stack = self.build(&Drain::default(), None, traces)?;
        let service = tower::service_fn(move |request: Request<Body>| {
            let stack = stack.clone();
            async move { Ok::<_, std::convert::Infallible>(stack.handle(request).await) }
        });
        Ok(axum::Router::new().fallback_service(service))
    }

    /// Where requests are told as traces, if they are to be.
    fn traces(&self) -> Result<Option<Traces>, Error> {
        if !self.config.monitoring.tracing_enabled {
            return Ok(None);
        }
        let info = self.handler.get_info().server_info;
        Traces::of_process(&Service {
            name: info.name,
            version: info.version,
            environment: self.config.environment.clone(),
        })
    }

    /// Joins the rooms. `address` is set once it is bound; `None` where another program listens.
    fn build(
        self,
        drain: &Drain,
        address: Option<&Arc<OnceLock<SocketAddr>>>,
        traces: Option<Traces>,
    ) -> Result<Stack, Error> {
        let config = self.config;
        config.check()?;
        // What a builder could not say while it was chained is said before anything listens.
        if let Some(server) = (&self.handler as &dyn Any).downcast_ref::<McpServer>() {
            server
                .check()
                .map_err(|problems| Error::Server(problems.to_string()))?;
        }
        let metrics = Metrics::new();
        for series in self.series {
            metrics.add(series).map_err(Error::Server)?;
        }
        let doors = Doors::of(&config, &metrics, address)?;
        let mut checks = self.checks;
        checks.extend(doors.ready_check(&config.rate_limit));
        let info = self.handler.get_info().server_info;
        let health = Health {
            server: info.name,
            version: info.version,
            environment: config.environment.clone(),
            address: address.cloned().unwrap_or_default(),
            configured: (config.server.host, config.server.port).into(),
            draining: drain.draining.clone(),
            checks,
            components: doors.components(),
        };
        let handler = Guarded::until(
            self.handler,
            Arc::clone(&doors.admission),
            Calls::new(&metrics, Audit::open(&config.audit)?),
            drain.draining.clone(),
        );
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
            admission: Arc::clone(&doors.admission),
            draining: drain.draining.clone(),
            over: drain.over.clone(),
            metrics: metrics.clone(),
            store: doors.store.clone(),
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
            rest: Rest::new(handler.clone(), rest_contexts, Arc::clone(&doors.admission)),
            mcp: Mcp::new(handler, peers, options),
            mcp_path,
            health_path: monitoring.health_path.as_str().to_owned(),
        };
        let open = Open {
            resource_metadata: doors.resource_metadata(),
            next: layers::inner(Stack::new(rooms), doors.authentication, doors.limiter),
            health: Arc::new(health),
            metrics,
            metrics_for: config.monitoring.allow_from.clone(),
        };
        let stack = layers::outer(
            open,
            doors::host_policy(&config),
            config.server.trusted_proxies,
            traces,
            config.mcp.path.as_str().to_owned(),
        );
        Ok(Stack::new(Signpost::new(stack, table)))
    }
}
