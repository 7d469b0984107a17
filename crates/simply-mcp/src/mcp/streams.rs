//! rmcp's way: requests that need a stream, and the sessions of the older versions.
//!
//! Two services: one without sessions, for 2026-07-28 and for whoever brings no session; one with
//! them. What rmcp says in plain text is said here in JSON-RPC.

use std::{sync::Arc, time::Duration};

use axum::body::Body;
use bytes::Bytes;
use futures::StreamExt;
use http::{HeaderValue, Request, Response, StatusCode, header, request::Parts};
use http_body_util::{BodyExt, Full, Limited, combinators::BoxBody};
use rmcp::{
    ServerHandler,
    transport::streamable_http_server::{
        StreamableHttpServerConfig, StreamableHttpService,
        session::{SessionManager, local::LocalSessionManager, never::NeverSessionManager},
    },
};
use tokio_util::sync::CancellationToken;

use super::{
    accept::Accepts,
    envelope::{Kind, Message},
    fold,
    headers::{self, Era},
};
use crate::{
    body,
    guard::Guarded,
    refusal::{Code, Refusal},
};

/// The most sessions at a time. One costs a task and a few channels, some tens of KiB.
const MOST_SESSIONS: usize = 10_000;

/// How long a session is kept that nobody uses.
const SESSION_IDLE: Duration = Duration::from_secs(300);

/// How often a stream that has nothing to say says so, for the proxies in between.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// The longest plain-text error of rmcp's that is read.
const LONGEST_ERROR: usize = 4096;

pub(super) struct Streams<H> {
    without_sessions: StreamableHttpService<Guarded<H>, NeverSessionManager>,
    with_sessions: Option<StreamableHttpService<Guarded<H>, LocalSessionManager>>,
    sessions: Arc<LocalSessionManager>,
    draining: CancellationToken,
}

impl<H: ServerHandler> Streams<H> {
    pub(super) fn new(
        handler: &Guarded<H>,
        sessions: bool,
        draining: CancellationToken,
        over: &CancellationToken,
    ) -> Self {
        let mut manager = LocalSessionManager::default();
        manager.session_config.keep_alive = Some(SESSION_IDLE);
        let manager = Arc::new(manager);
        let factory = || {
            let handler = handler.clone();
            move || Ok(handler.clone())
        };
        Self {
            without_sessions: StreamableHttpService::new(
                factory(),
                Arc::default(),
                config(false, over),
            ),
            with_sessions: sessions.then(|| {
                StreamableHttpService::new(factory(), Arc::clone(&manager), config(true, over))
            }),
            sessions: manager,
            draining,
        }
    }

    pub(super) fn allowed_methods(&self) -> &'static str {
        if self.with_sessions.is_some() {
            "GET, POST, DELETE"
        } else {
            "POST"
        }
    }

    /// The request names a session and is of a version that has them.
    pub(super) fn has_session_for(&self, parts: &Parts, era: &Era) -> bool {
        self.with_sessions.is_some()
            && era.is_legacy()
            && parts.headers.contains_key(headers::SESSION_ID)
    }

    /// A request that opens a session, or that is answered alone where there are none.
    pub(super) async fn initialize(
        &self,
        parts: Parts,
        message: &Message<'_>,
        text: &Bytes,
        accepts: Accepts,
    ) -> Result<Response<Body>, Refusal> {
        if self.with_sessions.is_none() {
            return self.stateless(parts, message, text, accepts).await;
        }
        if self.sessions.sessions.read().await.len() >= MOST_SESSIONS {
            return Err(Refusal::overloaded(
                "all sessions are taken; try again later",
                10,
            ));
        }
        let mut parts = parts;
        // A session is never adopted: what the client calls one is not looked at.
        parts.headers.remove(headers::SESSION_ID);
        self.in_session(parts, message, text, accepts).await
    }

    /// A request within a session.
    pub(super) async fn in_session(
        &self,
        parts: Parts,
        message: &Message<'_>,
        text: &Bytes,
        accepts: Accepts,
    ) -> Result<Response<Body>, Refusal> {
        let Some(service) = &self.with_sessions else {
            return Err(unknown_session());
        };
        let response = service.handle(request(parts, text.clone())).await;
        finish(response, message, accepts).await
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
        let response = self
            .without_sessions
            .handle(request(parts, text.clone()))
            .await;
        finish(response, message, accepts).await
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

    /// GET: the standing stream of a session, until the client leaves or the server drains.
    pub(super) async fn standing(&self, parts: Parts) -> Result<Response<Body>, Refusal> {
        let Some(service) = &self.with_sessions else {
            return Err(Refusal::method_not_allowed(self.allowed_methods()));
        };
        let response = service
            .handle(Request::from_parts(parts, Full::<Bytes>::default()))
            .await;
        let (parts, body) = said_in_json(response).await?.into_parts();
        let draining = self.draining.clone();
        let body = body
            .into_data_stream()
            .take_until(draining.cancelled_owned());
        Ok(Response::from_parts(parts, Body::from_stream(body)))
    }

    /// DELETE: 204, or 404 for a session that is not there.
    pub(super) async fn end_session(&self, parts: Parts) -> Result<Response<Body>, Refusal> {
        let Some(service) = &self.with_sessions else {
            return Err(Refusal::method_not_allowed(self.allowed_methods()));
        };
        if let Some(id) = headers::single(&parts.headers, &headers::SESSION_ID)? {
            let known = self.sessions.has_session(&id.to_owned().into()).await;
            if !known.unwrap_or(false) {
                return Err(unknown_session());
            }
        }
        let response = service
            .handle(Request::from_parts(parts, Full::<Bytes>::default()))
            .await;
        let mut response = said_in_json(response).await?;
        if response.status() == StatusCode::ACCEPTED {
            *response.status_mut() = StatusCode::NO_CONTENT;
        }
        Ok(response)
    }
}

fn config(sessions: bool, over: &CancellationToken) -> StreamableHttpServerConfig {
    let mut config = StreamableHttpServerConfig::default()
        .with_json_response(true)
        .with_max_request_body_bytes(body::LARGEST)
        // The door in front decides over hosts and origins; a second opinion could only differ.
        .disable_allowed_hosts()
        .with_cancellation_token(over.clone());
    config.legacy_session_mode = sessions;
    config.sse_keep_alive = Some(KEEP_ALIVE);
    config
}

/// The request as rmcp wants it: it insists on both forms of answers, the client need not.
fn request(mut parts: Parts, text: Bytes) -> Request<Full<Bytes>> {
    let both = HeaderValue::from_static("application/json, text/event-stream");
    parts.headers.insert(header::ACCEPT, both);
    Request::from_parts(parts, Full::new(text))
}

async fn finish(
    response: Response<BoxBody<Bytes, std::convert::Infallible>>,
    message: &Message<'_>,
    accepts: Accepts,
) -> Result<Response<Body>, Refusal> {
    let response = said_in_json(response).await?;
    match &message.id {
        Some(id) if !accepts.event_stream && body::is_event_stream(response.headers()) => {
            fold::fold(response, id).await
        }
        _ => Ok(response),
    }
}

/// Passes what is fine, and turns an error in plain text into a refusal.
async fn said_in_json(
    response: Response<BoxBody<Bytes, std::convert::Infallible>>,
) -> Result<Response<Body>, Refusal> {
    let response = response.map(Body::new);
    let status = response.status();
    let is_json = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
    if is_json || !(status.is_client_error() || status.is_server_error()) {
        return Ok(response);
    }
    let body = Limited::new(response.into_body(), LONGEST_ERROR)
        .collect()
        .await;
    let text = body
        .map(|body| String::from_utf8_lossy(&body.to_bytes()).into_owned())
        .unwrap_or_default();
    let said = text
        .split_once(": ")
        .map_or(text.as_str(), |(_, said)| said)
        .to_owned();
    Err(match status {
        StatusCode::NOT_FOUND => unknown_session(),
        StatusCode::METHOD_NOT_ALLOWED => Refusal::method_not_allowed("POST"),
        StatusCode::NOT_ACCEPTABLE => Refusal::new(
            Code::NotAcceptable,
            "this answers with a stream; send \"Accept: text/event-stream\"",
        ),
        StatusCode::PAYLOAD_TOO_LARGE => Refusal::new(Code::BodyTooLarge, said),
        status if status.is_server_error() => {
            tracing::error!(%status, text, "the session could not be served");
            Refusal::new(
                Code::Internal,
                "the session could not be served; initialize again",
            )
        }
        _ => Refusal::new(Code::BadRequest, said),
    })
}

fn unknown_session() -> Refusal {
    Refusal::new(
        Code::UnknownSession,
        "this session is not known here, or has ended; send initialize to open a new one",
    )
}
