//! What holds for every handler, whoever wrote it, and for both doors.
//!
//! [`Guarded`] wraps an [`rmcp::ServerHandler`] and is one itself:
//! - arguments reach a tool only if they fit its input schema ([`schemas`], SEP-1303);
//! - a tool that does not exist for its caller ([`admission`](crate::admission)) is neither listed nor called;
//! - a call of a tool is told of from its arrival to its end ([`tool_call`], [`calls`](crate::calls));
//! - a task is its caller's alone ([`tasks`]);
//! - a panic costs the call it happens in ([`catch`]): JSON-RPC -32603, `data.code` `internal`;
//! - a call that its client has given up is dropped, whether or not the handler looks;
//! - subscriptions end with their result when the server drains;
//! - results of MCP 2026-07-28 name the server ([`stamp`]).

mod call;
mod catch;
mod handler;
mod schemas;
mod stamp;
mod tasks;
mod tool_call;

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{ErrorCode, PaginatedRequestParams, ServerConfig, Tool},
    service::RequestContext,
};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

pub(crate) use self::tool_call::NoResult;
use self::{call::Call, schemas::Schemas, tasks::Tasks};
pub(crate) use crate::calls::Door;
use crate::{
    admission::{self, Admission},
    calls::Calls,
    facts::Caller,
};

/// Pages of a handler's tool list that are asked for at most, in search of one tool.
const MAX_PAGES: usize = 100;

/// How long a handler may take to list its tools before a call goes on with what is known.
const LISTING_TIMEOUT: Duration = Duration::from_secs(5);

/// `data.code` of an error that stands for a panic.
const INTERNAL: &str = "internal";

/// A handler behind the guard. Clones share everything.
pub(crate) struct Guarded<H> {
    shared: Arc<Shared<H>>,
    /// Whether rmcp's service, which asks before it is known who calls, hears of tools.
    tells_tools: bool,
}

struct Shared<H> {
    handler: H,
    admission: Arc<Admission>,
    calls: Calls,
    listing_timeout: Duration,
    draining: CancellationToken,
    schemas: Schemas,
    tasks: Tasks,
    /// The last resort for a handler whose `get_info` panics: what it said before.
    info: OnceLock<ServerConfig>,
    /// `serverInfo` as it stands in results.
    server: OnceLock<Value>,
}

impl<H> Clone for Guarded<H> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            tells_tools: self.tells_tools,
        }
    }
}

/// Whether `error` stands for a handler that broke rather than for one that said no.
pub(crate) fn is_internal(error: &ErrorData) -> bool {
    let code = error.data.as_ref().and_then(|data| data.get("code"));
    error.code == ErrorCode::INTERNAL_ERROR && code.is_some_and(|code| code == INTERNAL)
}

/// Who asks; nobody in particular over stdio.
fn caller(context: &RequestContext<RoleServer>) -> &Caller {
    const NOBODY: &Caller = &Caller::nobody();
    let parts = context.extensions.get::<http::request::Parts>();
    parts.map_or(NOBODY, |parts| admission::caller(&parts.extensions))
}

impl<H: ServerHandler> Guarded<H> {
    /// A guard that asks nobody and tells nobody.
    pub(crate) fn new(handler: H) -> Self {
        let (calls, draining) = (Calls::default(), CancellationToken::new());
        Self::until(handler, Arc::default(), calls, draining)
    }

    /// A guard that asks `admission`, tells `calls`, and whose subscriptions end when `draining` is cancelled.
    pub(crate) fn until(
        handler: H,
        admission: Arc<Admission>,
        calls: Calls,
        draining: CancellationToken,
    ) -> Self {
        Self::with_patience(handler, admission, calls, LISTING_TIMEOUT, draining)
    }

    fn with_patience(
        handler: H,
        admission: Arc<Admission>,
        calls: Calls,
        listing_timeout: Duration,
        draining: CancellationToken,
    ) -> Self {
        Self {
            shared: Arc::new(Shared {
                handler,
                admission,
                calls,
                listing_timeout,
                draining,
                schemas: Schemas::default(),
                tasks: Tasks::default(),
                info: OnceLock::new(),
                server: OnceLock::new(),
            }),
            tells_tools: true,
        }
    }

    /// The same for a caller from whom the tool that is called is hidden: nothing that is said before the call is
    /// refused depends on whether there is such a tool.
    pub(crate) fn silent(&self) -> Self {
        Self {
            tells_tools: false,
            ..self.clone()
        }
    }

    /// The handler itself.
    pub(crate) fn inner(&self) -> &H {
        &self.shared.handler
    }

    /// Whether the tool of that name exists for whoever asks. The doors have asked before, in the name that the
    /// message had for them; this is the name that is called.
    fn exists(&self, name: &str, context: &RequestContext<RoleServer>) -> bool {
        self.shared.admission.lists(caller(context), name)
    }

    /// The tool of that name as this caller may see it: from the handler's `get_tool`, else from
    /// its list, which is asked when the tool is not in what earlier lists said.
    pub(crate) async fn tool(
        &self,
        name: &str,
        context: &RequestContext<RoleServer>,
    ) -> Option<Tool> {
        if !self.exists(name, context) {
            return None;
        }
        if let Some(tool) = self.known_tool(name) {
            return Some(tool);
        }
        let before = match self.shared.schemas.listed(name) {
            Some((tool, true)) => return Some(tool),
            Some((tool, false)) => Some(tool),
            None => None,
        };
        let asked =
            tokio::time::timeout(self.shared.listing_timeout, self.ask_for_tools(context)).await;
        if asked.is_ok() {
            return self
                .shared
                .schemas
                .listed(name)
                .map(|(tool, _)| tool)
                .or(before);
        }
        crate::logs::bounded!(
            warn,
            seconds = self.shared.listing_timeout.as_secs(),
            "The handler did not list its tools in time"
        );
        if let Some(tool) = &before {
            self.shared.schemas.remember(std::slice::from_ref(tool));
        }
        before
    }

    /// What the handler says without being asked for a list.
    fn known_tool(&self, name: &str) -> Option<Tool> {
        let found = catch::catch_now(|| self.inner().get_tool(name));
        found.unwrap_or_else(|panicked| {
            call::log(&Call::bare("get_tool").about(name), &panicked);
            None
        })
    }

    /// Keeps what a list says, for a handler that tells its tools in no other way.
    fn remember_listed(&self, tools: &[Tool]) {
        let Some(first) = tools.first() else { return };
        if self.known_tool(&first.name).is_none() {
            self.shared.schemas.remember(tools);
        }
    }

    async fn ask_for_tools(&self, context: &RequestContext<RoleServer>) {
        let mut cursor = None;
        for _ in 0..MAX_PAGES {
            let params =
                cursor.map(|cursor| PaginatedRequestParams::default().with_cursor(Some(cursor)));
            let call = Call::of("tools/list", context);
            let page = self
                .run(&call, || self.inner().list_tools(params, context.clone()))
                .await;
            let Ok(page) = page else { return };
            self.shared.schemas.remember(&page.tools);
            match page.next_cursor {
                Some(next) => cursor = Some(next),
                None => return,
            }
        }
        crate::logs::bounded!(
            warn,
            pages = MAX_PAGES,
            "The handler's list of tools has too many pages; the rest is unknown"
        );
    }
}

#[cfg(test)]
mod tests;
