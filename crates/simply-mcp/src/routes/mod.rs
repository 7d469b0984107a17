//! The table of paths, and the way from a path to its room.
//!
//! Matching is exact, on the path as it was sent: no spelling of one route is taken for another.

mod health;
mod monitoring;
mod scrape;

use std::sync::Arc;

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, header};
use rmcp::ServerHandler;

pub(crate) use self::{
    health::{Accepting, Component, Health, ReadyCheck},
    monitoring::OnlyMonitoring,
    scrape::Scrape,
};
use crate::{
    config::Network,
    facts::{self, Caller, Route},
    handle::Handle,
    mcp::Mcp,
    refusal::{Code, Refusal},
    rest::Rest,
};

/// Where the tools live. Not a setting: every client knows it.
const TOOLS: &str = "/tools";

/// Where clients learn which authorization server to go to (RFC 9728 §3); the path of the resource may follow.
const RESOURCE_METADATA: &str = "/.well-known/oauth-protected-resource";

/// Which path is which route.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    /// `None` where neither tools nor MCP are served.
    mcp: Option<String>,
    health: String,
    metrics: Option<String>,
    resource_metadata: Option<String>,
}

/// The paths that are settings.
pub(crate) struct Paths<'a> {
    pub(crate) mcp: &'a str,
    pub(crate) health: &'a str,
    /// `None` where metrics are not served.
    pub(crate) metrics: Option<&'a str>,
    /// Whether tokens are accepted, and their metadata is served.
    pub(crate) resource_metadata: bool,
}

impl Table {
    pub(crate) fn new(paths: &Paths<'_>) -> Self {
        Self {
            mcp: Some(paths.mcp.to_owned()),
            health: paths.health.to_owned(),
            metrics: paths.metrics.map(str::to_owned),
            resource_metadata: paths
                .resource_metadata
                .then(|| format!("{RESOURCE_METADATA}{}", paths.mcp)),
        }
    }

    /// What the routes are called where they are counted: the pattern of their path, never a path that was sent.
    pub(crate) fn patterns(&self) -> [String; Route::ALL.len()] {
        Route::ALL.map(|route| match route {
            Route::Health => self.health.clone(),
            Route::Live => format!("{}/live", self.health),
            Route::Ready => format!("{}/ready", self.health),
            Route::Metrics => self.metrics.clone().unwrap_or_default(),
            Route::ResourceMetadata => RESOURCE_METADATA.to_owned(),
            Route::Tools => TOOLS.to_owned(),
            Route::Tool => format!("{TOOLS}/{{name}}"),
            Route::Mcp => self.mcp.clone().unwrap_or_default(),
            Route::Unmatched => "unmatched".to_owned(),
        })
    }

    /// The same paths for health and metrics, and nothing else.
    pub(crate) fn of_monitoring(&self) -> Self {
        Self {
            mcp: None,
            resource_metadata: None,
            ..self.clone()
        }
    }

    /// The route that `path` means.
    pub(crate) fn route(&self, path: &str) -> Route {
        if let Some(mcp) = &self.mcp
            && let Some(route) = room(path, mcp)
        {
            return route;
        }
        if self.metrics.as_deref() == Some(path) {
            return Route::Metrics;
        }
        if let Some(with_path) = &self.resource_metadata
            && (path == with_path || path == RESOURCE_METADATA)
        {
            return Route::ResourceMetadata;
        }
        match path.strip_prefix(self.health.as_str()) {
            Some("") => Route::Health,
            Some("/live") => Route::Live,
            Some("/ready") => Route::Ready,
            _ => Route::Unmatched,
        }
    }
}

/// The route of what is behind the inner doors.
fn room(path: &str, mcp: &str) -> Option<Route> {
    if path == mcp || path.strip_suffix('/') == Some(mcp) {
        return Some(Route::Mcp);
    }
    if path == TOOLS {
        return Some(Route::Tools);
    }
    tool_segment(path).map(|_| Route::Tool)
}

/// The `{name}` of `/tools/{name}`, still percent-encoded.
pub(crate) fn tool_segment(path: &str) -> Option<&str> {
    let segment = path.strip_prefix(TOOLS)?.strip_prefix('/')?;
    (!segment.is_empty() && !segment.contains('/')).then_some(segment)
}

/// Decides the route before the first door, so that every door may know it, and lays out the [`Caller`] that the
/// authentication door fills in.
pub(crate) struct Signpost<N> {
    next: N,
    table: Table,
}

impl<N> Signpost<N> {
    pub(crate) fn new(next: N, table: Table) -> Self {
        Self { next, table }
    }
}

impl<N: Handle> Handle for Signpost<N> {
    async fn handle(&self, mut request: Request<Body>) -> Response<Body> {
        let route = self.table.route(request.uri().path());
        request.extensions_mut().insert(route);
        request.extensions_mut().insert(Caller::anonymous());
        self.next.handle(request).await
    }
}

/// What is open to everybody, by exact path; every other request goes on to the inner doors.
pub(crate) struct Open<N> {
    pub(crate) next: N,
    pub(crate) health: Arc<Health>,
    pub(crate) metrics: Scrape,
    /// Who may read the metrics; empty for everybody.
    pub(crate) metrics_for: Vec<Network>,
    /// The document of RFC 9728, where tokens are accepted. It names the address, which is known once it is bound.
    pub(crate) resource_metadata: Arc<dyn Fn() -> Bytes + Send + Sync>,
}

impl<N: Handle> Handle for Open<N> {
    async fn handle(&self, request: Request<Body>) -> Response<Body> {
        let route = request.extensions().get::<Route>().copied();
        let route = route.unwrap_or(Route::Unmatched);
        if !route.is_open() {
            return self.next.handle(request).await;
        }
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return Refusal::method_not_allowed("GET, HEAD").into_response();
        }
        match route {
            Route::Live => self.health.live(),
            Route::Ready => self.health.ready().await,
            Route::Metrics if !self.may_read_metrics(&request) => Refusal::new(
                Code::AddressNotAllowed,
                "metrics are for the addresses in monitoring.allow_from, and this is none of them",
            )
            .into_response(),
            Route::Metrics => self.metrics.report().await,
            Route::ResourceMetadata => metadata((self.resource_metadata)()),
            _ => self.health.report().await,
        }
    }
}

impl<N> Open<N> {
    fn may_read_metrics(&self, request: &Request<Body>) -> bool {
        let address = facts::client_address(request.extensions());
        let listed = |address| {
            self.metrics_for
                .iter()
                .any(|network| network.contains(address))
        };
        self.metrics_for.is_empty() || address.is_some_and(listed)
    }
}

fn metadata(document: Bytes) -> Response<Body> {
    let mut response = Response::new(Body::from(document));
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("public, max-age=300"),
    );
    response
}

/// The rooms behind the doors.
pub(crate) struct Rooms<H: ServerHandler> {
    pub(crate) rest: Rest<H>,
    pub(crate) mcp: Mcp<H>,
    pub(crate) mcp_path: String,
    pub(crate) health_path: String,
}

impl<H: ServerHandler> Handle for Rooms<H> {
    async fn handle(&self, request: Request<Body>) -> Response<Body> {
        let route = request
            .extensions()
            .get::<Route>()
            .copied()
            .unwrap_or(Route::Unmatched);
        let method = request.method();
        match route {
            Route::Mcp => self.mcp.handle(request).await,
            Route::Tool if method == Method::POST => match tool_segment(request.uri().path()) {
                Some(segment) => {
                    let segment = segment.to_owned();
                    self.rest.call(&segment, request).await
                }
                None => self.not_found(&request),
            },
            Route::Tool => Refusal::method_not_allowed("POST").into_response(),
            Route::Tools if matches!(*method, Method::GET | Method::HEAD) => {
                self.rest.list(request).await
            }
            Route::Tools => Refusal::method_not_allowed("GET, HEAD").into_response(),
            _ => self.not_found(&request),
        }
    }
}

impl<H: ServerHandler> Rooms<H> {
    fn not_found(&self, request: &Request<Body>) -> Response<Body> {
        Refusal::new(
            Code::NotFound,
            format!(
                "nothing is at {:?}; tools are at /tools and /tools/{{name}}, MCP is at {}, health at {}",
                shortened(request.uri().path()),
                self.mcp_path,
                self.health_path,
            ),
        )
        .into_response()
    }
}

/// A path as it may be shown: a client's megabyte is not echoed.
fn shortened(path: &str) -> &str {
    const LONGEST: usize = 100;
    match path.char_indices().nth(LONGEST) {
        Some((end, _)) => &path[..end],
        None => path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matching_is_exact() {
        let table = Table::new(&Paths {
            mcp: "/mcp",
            health: "/health",
            metrics: Some("/metrics"),
            resource_metadata: true,
        });
        for (path, route) in [
            ("/mcp", Route::Mcp),
            ("/mcp/", Route::Mcp),
            ("/tools", Route::Tools),
            ("/tools/echo", Route::Tool),
            ("/tools/e%2Fcho", Route::Tool),
            ("/health", Route::Health),
            ("/health/live", Route::Live),
            ("/health/ready", Route::Ready),
            ("/metrics", Route::Metrics),
            (
                "/.well-known/oauth-protected-resource",
                Route::ResourceMetadata,
            ),
            (
                "/.well-known/oauth-protected-resource/mcp",
                Route::ResourceMetadata,
            ),
        ] {
            assert_eq!(table.route(path), route, "{path}");
        }
        for path in [
            "/",
            "//mcp",
            "/mcp//",
            "/MCP",
            "/mcp/x",
            "/tools/",
            "/tools//",
            "/tools/a/b",
            "/toolsx",
            "//tools/echo",
            "/./tools/echo",
            "/health/",
            "/health/../tools/echo",
            "/%74ools/echo",
            "/health/ready/",
            "/healthz",
            "/metrics/",
            "/Metrics",
            "/.well-known/oauth-protected-resource/",
            "/.well-known/oauth-protected-resource/tools",
            "/.well-known/oauth-protected-resource/mcp/",
            "/health/live;a",
        ] {
            assert_eq!(table.route(path), Route::Unmatched, "{path}");
        }
    }

    #[test]
    fn where_only_monitoring_is_served_every_other_path_is_nothing() {
        let table = Table::new(&Paths {
            mcp: "/mcp",
            health: "/health",
            metrics: Some("/metrics"),
            resource_metadata: true,
        });
        let table = table.of_monitoring();
        for (path, route) in [
            ("/health", Route::Health),
            ("/health/live", Route::Live),
            ("/health/ready", Route::Ready),
            ("/metrics", Route::Metrics),
            ("/mcp", Route::Unmatched),
            ("/tools", Route::Unmatched),
            ("/tools/echo", Route::Unmatched),
            ("/.well-known/oauth-protected-resource", Route::Unmatched),
        ] {
            assert_eq!(table.route(path), route, "{path}");
        }
    }
}
