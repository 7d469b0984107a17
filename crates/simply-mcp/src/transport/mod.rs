//! The floor plan: the one room that knows every other, and joins them.

mod doors;
mod monitoring;
mod ready;
mod running;
mod series;

use std::{
    any::Any,
    net::SocketAddr,
    sync::{Arc, OnceLock},
};

use axum::body::Body;
use http::Request;
use rmcp::ServerHandler;
use serde_json::json;
use tokio_util::sync::CancellationToken;

pub use self::running::RunningTransport;
use self::{doors::Doors, monitoring::Monitoring};

use crate::{
    Error, HttpConfig,
    audit::Audit,
    calls::Calls,
    facts::StateKey,
    guard::Guarded,
    handle::Stack,
    layers::{self, Tracing},
    listen::{self, Crowded, Drain, Limits, MOST_CONNECTIONS},
    mcp::{Mcp, McpOptions, Peers},
    metrics::{Metrics, OwnSeries},
    rest::Rest,
    routes::{
        Accepting, Component, Health, Open, Paths, ReadyCheck, Rooms, Scrape, Signpost, Table,
    },
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
        let config = self.config.clone();
        let server = &config.server;
        let drain = Drain::default();
        let metrics = Metrics::new();
        let traces = self.traces()?;
        let stopped = CancellationToken::new();
        let listens = Listens {
            address: Arc::default(),
            stopped: stopped.clone(),
        };
        let built = self.build(&metrics, &drain, Some(&listens), traces.clone())?;
        let listener = listen::bind((server.host, server.port).into())?;
        let local = listener
            .local_addr()
            .unwrap_or_else(|_| SocketAddr::new(server.host, server.port));
        let bound = match &built.monitoring {
            Some((monitoring, _)) => Some(monitoring.bind()?),
            None => None,
        };
        // Nobody else sets it: the health report gets the port that 0 became.
        let _ = listens.address.set(local);
        let (monitoring_address, apart) = match (built.monitoring, bound) {
            (Some((monitoring, stack)), Some(bound)) => {
                let open = metrics.connections.clone();
                let (address, apart) = monitoring.serve(bound, stack, &config, open).await?;
                (Some(address), Some(apart))
            }
            _ => (None, None),
        };
        let limits = Limits {
            keepalive: server.keepalive,
            grace: server.graceful_timeout,
            connections: MOST_CONNECTIONS,
            crowded: Crowded::NextWaits,
        };
        let open = metrics.connections.clone();
        let serving = listen::serve(listener, built.stack, limits, drain.clone(), open);
        tracing::debug!(address = %local, "listening");
        let serving = async move {
            let stopped = stopped.drop_guard();
            let ended = serving.await;
            drop(stopped);
            // To the last, so that it is seen how the rest ends.
            if let Some(apart) = apart {
                apart.end().await;
            }
            ended
        };
        Ok(RunningTransport {
            address: local,
            monitoring_address,
            drain,
            metrics,
            serving: tokio::spawn(serving),
            traces,
        })
    }

    /// The whole stack as a router, to be mounted in an application that has a server of its own. The
    /// sections `server` and `logging` are then that application's affair, but for the names in
    /// `server.public_url` and `server.allowed_hosts`. Access tokens need the former, or audiences. Health and
    /// metrics are served by the router, and `monitoring.listen` is refused: a router has no address of its own.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] and [`Error::Server`] for what cannot be served.
    pub fn router(self) -> Result<axum::Router, Error> {
        if self.config.monitoring.listen.is_some() {
            return Err(Error::Server(
                "monitoring.listen: a router listens nowhere, so this address would stay silent; leave the setting \
                 out, or serve with HttpTransport::start"
                    .to_owned(),
            ));
        }
        let traces = self.traces()?;
        let stack = self
            .build(&Metrics::new(), &Drain::default(), None, traces)?
            .stack;
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

    /// Joins the rooms. `listens` is `None` where another program does.
    fn build(
        self,
        metrics: &Metrics,
        drain: &Drain,
        listens: Option<&Listens>,
        traces: Option<Traces>,
    ) -> Result<Built, Error> {
        let config = self.config;
        config.check()?;
        ready::check_names(&self.checks)?;
        // What a builder could not say while it was chained is said before anything listens.
        if let Some(server) = (&self.handler as &dyn Any).downcast_ref::<McpServer>() {
            server
                .check()
                .map_err(|problems| Error::Server(problems.to_string()))?;
        }
        let scraped = Scrape::new(metrics, !self.series.is_empty());
        for series in self.series.into_iter().chain([series::suppressed_lines()]) {
            metrics.add(series).map_err(Error::Server)?;
        }
        let audit = Audit::open(&config.audit)?;
        if let Some(audit) = &audit {
            metrics
                .add(series::dropped_by(audit))
                .map_err(Error::Server)?;
        }
        let address = listens.map(|listens| &listens.address);
        let doors = Doors::of(&config, metrics, address)?;
        let apart = listens.and_then(|_| Monitoring::of(&config));
        let mut components = doors.components();
        components.extend(metrics_component(&config));
        components.extend(apart.as_ref().map(Monitoring::component));
        let mut checks = self.checks;
        checks.extend(doors.ready_check(&config.rate_limit));
        let info = self.handler.get_info().server_info;
        metrics.introduce(&info.name, &info.version, &config.environment);
        let health = Health {
            server: info.name,
            version: info.version,
            environment: config.environment.clone(),
            address: address.cloned().unwrap_or_default(),
            configured: (config.server.host, config.server.port).into(),
            accepting: listens.map_or(Accepting::Elsewhere, |listens| {
                Accepting::Until(listens.stopped.clone())
            }),
            draining: drain.draining.clone(),
            checks,
            components,
        };
        let health = Arc::new(health);
        let handler = Guarded::until(
            self.handler,
            Arc::clone(&doors.admission),
            Calls::new(metrics, audit),
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
        let observers = || doors::observers(&config.monitoring, metrics, &table, drain);
        let monitoring = apart.map(|apart| {
            let (health, metrics) = (Arc::clone(&health), scraped.clone());
            let stack = apart.stack(&config, &table, health, metrics, observers());
            (apart, stack)
        });
        let observers = observers();
        let rooms = Rooms {
            rest: Rest::new(handler.clone(), rest_contexts, Arc::clone(&doors.admission)),
            mcp: Mcp::new(handler, peers, options),
            mcp_path,
            health_path: config.monitoring.health_path.as_str().to_owned(),
        };
        let open = Open {
            resource_metadata: doors.resource_metadata(),
            next: layers::inner(Stack::new(rooms), doors.authentication, doors.limiter),
            health,
            metrics: scraped,
            metrics_for: config.monitoring.allow_from.clone(),
        };
        let stack = layers::outer(
            open,
            doors::host_policy(&config, config.server.host),
            config.server.trusted_proxies,
            observers,
            Tracing {
                traces,
                patterns: table.patterns(),
            },
        );
        Ok(Built {
            stack: Stack::new(Signpost::new(stack, table)),
            monitoring,
        })
    }
}

/// What the rooms learn of the listening as it comes about.
struct Listens {
    /// Set once it is bound.
    address: Arc<OnceLock<SocketAddr>>,
    /// Cancelled when no connection is accepted any more, for whatever reason.
    stopped: CancellationToken,
}

/// The rooms, joined.
struct Built {
    stack: Stack,
    /// What is served on `monitoring.listen`.
    monitoring: Option<(Monitoring, Stack)>,
}

/// What the health report says of the metrics.
fn metrics_component(config: &HttpConfig) -> Option<Component> {
    let endpoint = config.monitoring.prometheus_path.as_str().to_owned();
    config.monitoring.prometheus_enabled.then(|| Component {
        name: "metrics",
        report: Arc::new(move || json!({ "status": "enabled", "endpoint": endpoint })),
    })
}
