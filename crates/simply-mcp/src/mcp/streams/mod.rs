//! rmcp's way: requests that need a stream, and the sessions of the older versions.
//!
//! Two services: one without sessions, for 2026-07-28 and for whoever brings no session; one with
//! them ([`legacy`]). What rmcp says in plain text is said here in JSON-RPC ([`answers`]).

mod answers;
mod legacy;

use std::{sync::Arc, time::Duration};

use axum::body::Body;
use bytes::Bytes;
use http::{Response, request::Parts};
use rmcp::{
    ServerHandler,
    transport::streamable_http_server::{
        StreamableHttpServerConfig, StreamableHttpService, session::never::NeverSessionManager,
    },
};
use tokio_util::sync::CancellationToken;

use self::legacy::Legacy;
use super::{
    McpOptions,
    accept::Accepts,
    direct,
    envelope::{Kind, Message},
    headers::{self, Era},
    open_streams::{OpenStreams, holding},
    sessions::{self, Account, Sessions},
};
use crate::{
    body,
    guard::Guarded,
    refusal::{Code, Refusal},
};

/// How often a stream that has nothing to say says so, for the proxies in between.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

type Stateless<H> = StreamableHttpService<Guarded<H>, NeverSessionManager>;

pub(super) struct Streams<H> {
    without_sessions: Stateless<H>,
    /// The same for calls of tools that are hidden from their callers.
    without_tools: Stateless<H>,
    legacy: Option<Legacy<H>>,
    open: Arc<OpenStreams>,
}

impl<H: ServerHandler> Streams<H> {
    pub(super) fn new(handler: &Guarded<H>, options: McpOptions) -> Self {
        let McpOptions {
            settings,
            draining,
            over,
            metrics,
            store,
            ..
        } = options;
        let factory = || {
            let handler = handler.clone();
            move || Ok(handler.clone())
        };
        let open = Arc::new(OpenStreams::new(
            settings.max_streams_per_caller,
            metrics.streams,
        ));
        let legacy = settings.sessions.then(|| {
            let sessions = Arc::new(Sessions::new(&settings, store, metrics.sessions));
            let mut config = config(&over);
            config.legacy_session_mode = true;
            config.session_store = sessions.memory();
            Legacy {
                service: StreamableHttpService::new(factory(), sessions.manager(), config),
                sessions,
                open: Arc::clone(&open),
                draining,
            }
        });
        let silent = handler.silent();
        let silent = move || Ok(silent.clone());
        Self {
            without_sessions: StreamableHttpService::new(factory(), Arc::default(), config(&over)),
            without_tools: StreamableHttpService::new(silent, Arc::default(), config(&over)),
            legacy,
            open,
        }
    }

    pub(super) fn allowed_methods(&self) -> &'static str {
        if self.legacy.is_some() {
            "GET, POST, DELETE"
        } else {
            "POST"
        }
    }

    /// The request names a session and is of a version that has them.
    pub(super) fn has_session_for(&self, parts: &Parts, era: &Era) -> bool {
        self.legacy.is_some() && era.is_legacy() && parts.headers.contains_key(headers::SESSION_ID)
    }

    /// A request that opens a session, or that is answered alone where there are none.
    pub(super) async fn initialize(
        &self,
        parts: Parts,
        message: &Message<'_>,
        text: &Bytes,
        accepts: Accepts,
    ) -> Result<Response<Body>, Refusal> {
        match &self.legacy {
            // Boxed, as its future is large and most requests have none of it.
            Some(legacy) => Box::pin(legacy.initialize(parts, message, text, accepts)).await,
            None => self.stateless(parts, message, text, accepts).await,
        }
    }

    /// A message within a session.
    pub(super) async fn in_session(
        &self,
        parts: Parts,
        message: &Message<'_>,
        text: &Bytes,
        accepts: Accepts,
    ) -> Result<Response<Body>, Refusal> {
        match &self.legacy {
            Some(legacy) => Box::pin(legacy.message(parts, message, text, accepts)).await,
            None => Err(sessions::unknown()),
        }
    }

    /// A request that stands alone.
    pub(super) async fn stateless(
        &self,
        mut parts: Parts,
        message: &Message<'_>,
        text: &Bytes,
        accepts: Accepts,
    ) -> Result<Response<Body>, Refusal> {
        parts.headers.remove(headers::SESSION_ID);
        let open = (message.kind == Kind::Request && accepts.event_stream)
            .then(|| self.open.open(Account::of(&parts.extensions)))
            .transpose()?;
        let service = match direct::is_hidden(&parts, message) {
            true => &self.without_tools,
            false => &self.without_sessions,
        };
        let handled = service.handle(answers::request(parts, text.clone())).await;
        let mut response = answers::said_in_json(handled).await?;
        if open.is_some() && body::is_event_stream(response.headers()) {
            response = response.map(|body| holding(body.into_data_stream(), open));
        }
        answers::acceptable(response, message, accepts).await
    }

    /// A notification or an answer: 202 and no more.
    pub(super) async fn accept(
        &self,
        parts: Parts,
        message: &Message<'_>,
        text: &Bytes,
    ) -> Result<Response<Body>, Refusal> {
        let era = Era::of(&parts.headers, &Default::default())?;
        if self.has_session_for(&parts, &era) {
            return self.in_session(parts, message, text, Accepts::JSON).await;
        }
        if message.kind == Kind::Response {
            return Err(Refusal::new(
                Code::BadRequest,
                "this answers nothing: without a session the server has asked nothing",
            ));
        }
        self.stateless(parts, message, text, Accepts::JSON).await
    }

    /// GET: the standing stream of a session.
    pub(super) async fn standing(&self, parts: Parts) -> Result<Response<Body>, Refusal> {
        Box::pin(self.legacy_for(&parts)?.standing(parts)).await
    }

    /// DELETE: 204, or 404 for a session that is not there.
    pub(super) async fn end_session(&self, parts: Parts) -> Result<Response<Body>, Refusal> {
        Box::pin(self.legacy_for(&parts)?.end(parts)).await
    }

    /// Where GET and DELETE belong: to a version that has sessions.
    fn legacy_for(&self, parts: &Parts) -> Result<&Legacy<H>, Refusal> {
        let era = Era::of(&parts.headers, &Default::default())?;
        match &self.legacy {
            Some(legacy) if era.is_legacy() => Ok(legacy),
            Some(_) => Err(Refusal::method_not_allowed("POST")),
            None => Err(Refusal::method_not_allowed(self.allowed_methods())),
        }
    }
}

fn config(over: &CancellationToken) -> StreamableHttpServerConfig {
    let mut config = StreamableHttpServerConfig::default()
        .with_json_response(true)
        .with_max_request_body_bytes(body::LARGEST)
        // The door in front decides over hosts and origins; a second opinion could only differ.
        .disable_allowed_hosts()
        .with_cancellation_token(over.clone());
    config.legacy_session_mode = false;
    config.sse_keep_alive = Some(KEEP_ALIVE);
    config
}
