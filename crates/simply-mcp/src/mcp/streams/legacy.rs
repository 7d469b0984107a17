//! Requests within the sessions of MCP versions up to 2025-11-25.

use std::sync::Arc;

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Response, StatusCode, header, request::Parts};
use rmcp::{ServerHandler, transport::streamable_http_server::StreamableHttpService};
use tokio_util::sync::CancellationToken;

use super::answers::{acceptable, request, said_in_json, without_body};
use crate::{
    body,
    guard::Guarded,
    mcp::{
        accept::Accepts,
        envelope::{Kind, Message},
        headers,
        open_streams::{OpenStreams, holding},
        sessions::{self, Account, Found, Manager, Session, Sessions},
    },
    refusal::{Code, Refusal},
};

/// The most bytes of an `initialize` request. A session keeps what it says for its whole life.
const LONGEST_INITIALIZE: usize = 64 * 1024;

/// The most JSON values in it: as `{"a":0}` over and over, 64 KiB would take six megabytes once they are read.
const MOST_VALUES: usize = 500;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// No event has this id: to ask for what follows it gives nothing, but brings a session back to life.
const NO_EVENT: HeaderValue = HeaderValue::from_static("none");

pub(super) struct Legacy<H> {
    pub(super) service: StreamableHttpService<Guarded<H>, Manager>,
    pub(super) sessions: Arc<Sessions>,
    pub(super) open: Arc<OpenStreams>,
    pub(super) draining: CancellationToken,
}

impl<H: ServerHandler> Legacy<H> {
    /// Opens a session. It is never one of the client's choosing: what the client calls one is not looked at.
    pub(super) async fn initialize(
        &self,
        mut parts: Parts,
        message: &Message<'_>,
        text: &Bytes,
        accepts: Accepts,
    ) -> Result<Response<Body>, Refusal> {
        if text.len() > LONGEST_INITIALIZE {
            return Err(Refusal::new(
                Code::BodyTooLarge,
                format!("an initialize request has at most {LONGEST_INITIALIZE} bytes"),
            ));
        }
        if values(text) > MOST_VALUES {
            return Err(Refusal::new(
                Code::BodyTooLarge,
                format!("an initialize request has at most {MOST_VALUES} JSON values"),
            ));
        }
        parts.headers.remove(headers::SESSION_ID);
        let from = parts.extensions.clone();
        let handled = self.service.handle(request(parts, text.clone()));
        let (response, session) = self.sessions.open(&from, handled).await?;
        let mut response = said_in_json(response).await?;
        if session.is_none() {
            response.headers_mut().remove(headers::SESSION_ID);
        }
        acceptable(response, message, accepts).await
    }

    /// A message within a session.
    pub(super) async fn message(
        &self,
        mut parts: Parts,
        message: &Message<'_>,
        text: &Bytes,
        accepts: Accepts,
    ) -> Result<Response<Body>, Refusal> {
        let session = self.session(&parts).await?;
        let id = message
            .id
            .as_ref()
            .filter(|_| message.kind == Kind::Request);
        let run = id.map(|id| session.start(id)).transpose()?;
        if let Some(run) = &run {
            parts.extensions.insert(run.unanswered());
        }
        let open = (run.is_some() && accepts.event_stream)
            .then(|| self.open.open(Account::of(&parts.extensions)))
            .transpose()?;
        let response = self.service.handle(request(parts, text.clone())).await;
        let response = self.unless_over(&session, response).await?;
        if !body::is_event_stream(response.headers()) {
            return Ok(response);
        }
        let response = response.map(|body| {
            let events = self.sessions.watched(body.into_data_stream(), session);
            holding(events, (run, open))
        });
        acceptable(response, message, accepts).await
    }

    /// GET: the standing stream, or one that broke and is taken up again, until the client leaves or the server
    /// drains.
    pub(super) async fn standing(&self, parts: Parts) -> Result<Response<Body>, Refusal> {
        if !takes_streams(&parts) {
            return Err(Refusal::new(
                Code::NotAcceptable,
                "this answers with a stream; send \"Accept: text/event-stream\"",
            ));
        }
        headers::single(&parts.headers, &LAST_EVENT_ID)?;
        let session = self.session(&parts).await?;
        let open = self.open.open(Account::of(&parts.extensions))?;
        let response = self.service.handle(without_body(parts)).await;
        let response = self.unless_over(&session, response).await?;
        let draining = self.draining.clone().cancelled_owned();
        Ok(response.map(|body| {
            let events = body.into_data_stream();
            let events = futures::StreamExt::take_until(events, draining);
            holding(self.sessions.watched(events, session), open)
        }))
    }

    /// DELETE: 204, here and on every other replica.
    pub(super) async fn end(&self, parts: Parts) -> Result<Response<Body>, Refusal> {
        let id = session_id(&parts)?;
        let found = self.sessions.find(id, &parts.extensions).await?;
        let response = self.service.handle(without_body(parts)).await;
        let mut response = said_in_json(response).await?;
        self.sessions.end_everywhere(&found).await?;
        if response.status() == StatusCode::ACCEPTED {
            *response.status_mut() = StatusCode::NO_CONTENT;
        }
        Ok(response)
    }

    /// The session that a request names, brought here if another replica has made it.
    async fn session(&self, parts: &Parts) -> Result<Arc<Session>, Refusal> {
        let elsewhere = match self
            .sessions
            .find(session_id(parts)?, &parts.extensions)
            .await?
        {
            Found::Here(session) => return Ok(session),
            Found::Elsewhere(elsewhere) => elsewhere,
        };
        let mut nothing = parts.clone();
        nothing.method = Method::GET;
        let stream = HeaderValue::from_static("text/event-stream");
        nothing.headers.insert(header::ACCEPT, stream);
        nothing.headers.insert(LAST_EVENT_ID, NO_EVENT);
        let service = self.service.clone();
        let from = parts.extensions.clone();
        let sessions = Arc::clone(&self.sessions);
        // In a task of its own: half a session would be left if the client left now.
        let restored = tokio::spawn(async move {
            let handled = service.handle(without_body(nothing));
            sessions.restore(elsewhere, &from, handled).await
        });
        let Ok(restored) = restored.await else {
            return Err(Refusal::new(
                Code::Internal,
                "the session could not be brought here",
            ));
        };
        match restored? {
            (_, Some(session)) => Ok(session),
            (response, None) => {
                // It may have been ended on its way here, which is no failure of the server.
                if response.status().is_server_error() {
                    self.sessions
                        .find(session_id(parts)?, &parts.extensions)
                        .await?;
                }
                said_in_json(response).await?;
                Err(sessions::unknown())
            }
        }
    }

    /// rmcp's answer; but where the session ended before it could give one, that of an unknown session.
    async fn unless_over(
        &self,
        session: &Session,
        response: Response<http_body_util::combinators::BoxBody<Bytes, std::convert::Infallible>>,
    ) -> Result<Response<Body>, Refusal> {
        if response.status().is_server_error() && !self.sessions.lives(session) {
            return Err(sessions::unknown());
        }
        said_in_json(response).await
    }
}

/// No fewer than the values of a JSON text: each stands behind a bracket or a comma, but the first.
fn values(json: &[u8]) -> usize {
    let (mut count, mut in_string, mut escaped) = (1, false, false);
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' | b',' if !in_string => count += 1,
            _ => {}
        }
    }
    count
}

/// Whether the client names streams among what it takes. The weights are left to rmcp.
fn takes_streams(parts: &Parts) -> bool {
    let accept = parts.headers.get_all(header::ACCEPT).iter();
    accept
        .filter_map(|value| value.to_str().ok())
        .any(|value| value.to_ascii_lowercase().contains("text/event-stream"))
}

fn session_id(parts: &Parts) -> Result<&str, Refusal> {
    headers::single(&parts.headers, &headers::SESSION_ID)?.ok_or_else(|| {
        Refusal::new(
            Code::BadRequest,
            "this is about a session; send its id in the header \"Mcp-Session-Id\"",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_counted_and_what_stands_in_strings_is_not() {
        assert_eq!(values(b"0"), 1);
        assert_eq!(values(br#"{"a": [1, 2], "b": {"c": 0}}"#), 6);
        assert_eq!(values(br#"{"a": "[,{\",{[,", "b\\": [0]}"#), 4);
    }
}
