//! The table of paths, and the way from a path to its room.
//!
//! Matching is exact, on the path as it was sent: no spelling of one route is taken for another.

mod health;

use axum::body::Body;
use http::{Method, Request, Response};
use rmcp::ServerHandler;

pub(crate) use self::health::{Health, ReadyCheck};
use crate::{
    facts::Route,
    handle::Handle,
    mcp::Mcp,
    refusal::{Code, Refusal},
    rest::Rest,
};

/// Where the tools live. Not a setting: every client knows it.
const TOOLS: &str = "/tools";

/// Which path is which route.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    mcp: String,
    health: String,
}

impl Table {
    /// The table for the two paths that are settings.
    pub(crate) fn new(mcp: &str, health: &str) -> Self {
        Self {
            mcp: mcp.to_owned(),
            health: health.to_owned(),
        }
    }

    /// The route that `path` means.
    pub(crate) fn route(&self, path: &str) -> Route {
        if path == self.mcp || path.strip_suffix('/') == Some(&self.mcp) {
            return Route::Mcp;
        }
        if path == TOOLS {
            return Route::Tools;
        }
        if tool_segment(path).is_some() {
            return Route::Tool;
        }
        match path.strip_prefix(self.health.as_str()) {
            Some("") => Route::Health,
            Some("/live") => Route::Live,
            Some("/ready") => Route::Ready,
            _ => Route::Unmatched,
        }
    }
}

/// The `{name}` of `/tools/{name}`, still percent-encoded.
pub(crate) fn tool_segment(path: &str) -> Option<&str> {
    let segment = path.strip_prefix(TOOLS)?.strip_prefix('/')?;
    (!segment.is_empty() && !segment.contains('/')).then_some(segment)
}

/// Decides the route before the first door, so that every door may know it.
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
        self.next.handle(request).await
    }
}

/// The rooms behind the doors.
pub(crate) struct Rooms<H: ServerHandler> {
    pub(crate) rest: Rest<H>,
    pub(crate) mcp: Mcp<H>,
    pub(crate) health: Health,
    pub(crate) mcp_path: String,
}

impl<H: ServerHandler> Handle for Rooms<H> {
    async fn handle(&self, request: Request<Body>) -> Response<Body> {
        let route = request
            .extensions()
            .get::<Route>()
            .copied()
            .unwrap_or(Route::Unmatched);
        let method = request.method();
        let read = method == Method::GET || method == Method::HEAD;
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
            Route::Tools if read => self.rest.list(request).await,
            Route::Health if read => self.health.report(),
            Route::Live if read => self.health.live(),
            Route::Ready if read => self.health.ready(),
            Route::Tools | Route::Health | Route::Live | Route::Ready => {
                Refusal::method_not_allowed("GET, HEAD").into_response()
            }
            Route::Unmatched => self.not_found(&request),
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
                self.health.path(),
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
        let table = Table::new("/mcp", "/health");
        for (path, route) in [
            ("/mcp", Route::Mcp),
            ("/mcp/", Route::Mcp),
            ("/tools", Route::Tools),
            ("/tools/echo", Route::Tool),
            ("/tools/e%2Fcho", Route::Tool),
            ("/health", Route::Health),
            ("/health/live", Route::Live),
            ("/health/ready", Route::Ready),
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
            "/health/live;a",
        ] {
            assert_eq!(table.route(path), Route::Unmatched, "{path}");
        }
    }
}
