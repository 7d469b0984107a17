//! [`Context`]: what a handler can ask about its call.

#![expect(
    deprecated,
    reason = "SEP-2577 deprecates logging, sampling and roots; clients still use them"
)]

use std::{
    future::Future,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use rmcp::{
    RoleServer,
    model::{
        ClientCapabilities, Extensions, JsonObject, LoggingLevel, LoggingMessageNotificationParam,
        ProgressNotificationParam, ProtocolVersion, RequestId, RequestMetaObject,
    },
    service::{Peer, RequestContext},
};
use serde::{Serialize, de::DeserializeOwned};
use tokio_util::sync::CancellationToken;

use super::{
    McpServer, ToolError,
    ask::Ask,
    blocking::BlockingPool,
    error::Reason,
    sessions::severity,
    shared::Shared,
    state::{Rounds, Subject},
};
use crate::{Caller, CorrelationId, PeerAddress};

/// The longest a progress or log notification may wait for a client that reads slowly: after that it
/// is dropped, so that the client cannot hold up the work.
const NOTIFICATION_TIMEOUT: Duration = Duration::from_secs(5);

/// What a handler can ask about its call, and say while it runs. Clones are cheap.
#[derive(Clone)]
pub struct Context {
    call: Arc<Call>,
}

struct Call {
    request: RequestContext<RoleServer>,
    arguments: JsonObject,
    rounds: Rounds,
    progress: Mutex<Option<f64>>,
    cancellation: CancellationToken,
    shared: Arc<Shared>,
}

impl Context {
    pub(super) fn new(
        request: RequestContext<RoleServer>,
        arguments: JsonObject,
        rounds: Rounds,
        shared: Arc<Shared>,
    ) -> Self {
        let cancellation = request.ct.child_token();
        let progress = Mutex::new(None);
        Self {
            call: Arc::new(Call {
                request,
                arguments,
                rounds,
                progress,
                cancellation,
                shared,
            }),
        }
    }

    /// Tells the client how far the work is: `done` of `total` (`None` where the end is not known),
    /// with a message for people (empty for none).
    ///
    /// Sent only if the client asked for it with a progress token, and only while `done` rises, as the
    /// protocol wants it.
    pub async fn progress(&self, done: f64, total: impl Into<Option<f64>>, message: &str) {
        let Some(token) = self.meta().get_progress_token() else {
            return;
        };
        if !self.rises_to(done) {
            return;
        }
        let mut progress = ProgressNotificationParam::new(token, done);
        progress.total = total.into();
        progress.message = (!message.is_empty()).then(|| message.to_owned());
        self.tell(self.peer().notify_progress(progress)).await;
    }

    /// Sends a log message to the client, if it asked for messages of this level.
    ///
    /// In MCP 2026-07-28 the request itself names the level (and none means no messages); in older
    /// versions `logging/setLevel` does for the session, and `info` stands until then.
    #[expect(
        deprecated,
        reason = "SEP-2577 deprecates logging; clients still use it"
    )]
    pub async fn log(&self, level: LoggingLevel, logger: &str, data: impl Serialize) {
        if !self.wants_log(level) {
            return;
        }
        let Ok(data) = serde_json::to_value(data) else {
            return;
        };
        let message = LoggingMessageNotificationParam::new(level, data).with_logger(logger);
        self.tell(self.peer().notify_logging_message(message)).await;
    }

    /// Resolves when the client cancels the call. Where the connection itself goes away, the handler's
    /// future is dropped.
    pub async fn cancelled(&self) {
        self.call.cancellation.cancelled().await;
    }

    /// Whether the call was cancelled, or its caller is gone: for blocking tools between two steps.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.call.cancellation.is_cancelled()
    }

    /// Who asks, as the transport knows it; anonymous over stdio.
    #[must_use]
    pub fn caller(&self) -> Caller {
        self.extension::<Caller>().cloned().unwrap_or_default()
    }

    /// The name of this request in the server's log, or `None` over stdio.
    #[must_use]
    pub fn correlation_id(&self) -> Option<&str> {
        self.extension::<CorrelationId>().map(CorrelationId::as_str)
    }

    /// The address of the connection's other end, or `None` over stdio.
    #[must_use]
    pub fn peer_address(&self) -> Option<PeerAddress> {
        self.extension::<PeerAddress>().copied()
    }

    /// The JSON-RPC id of the request.
    #[must_use]
    pub fn request_id(&self) -> &RequestId {
        &self.call.request.id
    }

    /// The protocol version that this request speaks.
    #[must_use]
    pub fn protocol_version(&self) -> Option<ProtocolVersion> {
        self.call.request.protocol_version()
    }

    /// What the client says that it can do: in this request, or when the session began.
    #[must_use]
    pub fn client_capabilities(&self) -> ClientCapabilities {
        self.call.request.client_capabilities().unwrap_or_default()
    }

    /// The request's `_meta`.
    #[must_use]
    pub fn meta(&self) -> &RequestMetaObject {
        &self.call.request.meta
    }

    /// rmcp's own way to the client.
    #[must_use]
    pub fn peer(&self) -> &Peer<RoleServer> {
        &self.call.request.peer
    }

    /// The server that the handler belongs to: to change it, or to tell clients that it changed.
    #[must_use]
    pub fn server(&self) -> McpServer {
        McpServer {
            shared: Arc::clone(&self.call.shared),
        }
    }

    /// Something that the transport, or a layer in front of it, put beside the request: first in
    /// rmcp's extensions, then in those of the HTTP request.
    #[must_use]
    pub fn extension<T: Send + Sync + 'static>(&self) -> Option<&T> {
        fact(&self.call.request.extensions)
    }

    /// The arguments as they came.
    #[must_use]
    pub fn arguments(&self) -> &JsonObject {
        &self.call.arguments
    }

    /// Asks the client several things at once; see [`Ask`].
    pub fn ask(&self) -> Ask<'_> {
        Ask::new(self)
    }

    /// What an earlier round of this call left with [`Context::set_state`], if there was one.
    ///
    /// # Errors
    ///
    /// When it was of another type.
    pub fn state<S: DeserializeOwned>(&self) -> Result<Option<S>, ToolError> {
        self.call.rounds.state()
    }

    /// Keeps something for the next round of this call, should this one end in a question.
    ///
    /// It travels through the client (`requestState`), signed and bound to the caller, the tool and
    /// its arguments, so that it cannot be changed or used elsewhere; but it can be read, so put no
    /// secrets in it. Up to MCP 2025-11-25 there is one round only.
    ///
    /// # Errors
    ///
    /// When it cannot be written as JSON.
    pub fn set_state<S: Serialize>(&self, state: &S) -> Result<(), ToolError> {
        self.call.rounds.set_state(state)
    }

    /// Runs a future to its end from within a blocking tool, such as [`Context::progress`].
    ///
    /// # Panics
    ///
    /// In an asynchronous handler, which has `.await`.
    pub fn wait<F: Future>(&self, future: F) -> F::Output {
        tokio::runtime::Handle::current().block_on(future)
    }

    /// Whether the request speaks MCP 2026-07-28 or newer, where questions are answers.
    pub(super) fn is_modern(&self) -> bool {
        is_modern(&self.call.request)
    }

    pub(super) fn rounds(&self) -> &Rounds {
        &self.call.rounds
    }

    pub(super) fn blocking_pool(&self) -> Arc<BlockingPool> {
        Arc::clone(&self.call.shared.blocking)
    }

    pub(super) fn cancellation(&self) -> &CancellationToken {
        &self.call.cancellation
    }

    /// Turns a question into the result that carries it, with the state sealed in.
    pub(super) fn seal(&self, reason: Reason, subject: Subject<'_>) -> Result<Reason, ToolError> {
        let Reason::Ask(question) = reason else {
            return Ok(reason);
        };
        let caller = self.caller();
        let subject = subject.of(caller.name(), &self.call.arguments);
        let state = self.call.rounds.next_state(question.state.as_ref())?;
        let sealed = match state {
            Some(state) => Some(
                self.call
                    .shared
                    .seal
                    .seal(self.extension(), &state, &subject)?,
            ),
            None => None,
        };
        Ok(Reason::Ask(question.sealed(sealed)))
    }

    fn rises_to(&self, done: f64) -> bool {
        let mut last = self
            .call
            .progress
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let rises = done.is_finite() && last.is_none_or(|last| done > last);
        if rises {
            *last = Some(done);
        }
        rises
    }

    fn wants_log(&self, level: LoggingLevel) -> bool {
        let least = if self.is_modern() {
            match self.meta().log_level() {
                Some(level) => level,
                None => return false,
            }
        } else {
            self.call
                .shared
                .sessions
                .level(&self.call.request)
                .unwrap_or(LoggingLevel::Info)
        };
        severity(level) >= severity(least)
    }

    async fn tell<E>(&self, notification: impl Future<Output = Result<(), E>>) {
        // A client that is gone or does not read is no fault of the handler.
        let _ = tokio::time::timeout(NOTIFICATION_TIMEOUT, notification).await;
    }
}

/// Something beside a request: in rmcp's extensions, or in those of the HTTP request.
pub(super) fn fact<T: Send + Sync + 'static>(extensions: &Extensions) -> Option<&T> {
    extensions.get::<T>().or_else(|| {
        extensions
            .get::<http::request::Parts>()
            .and_then(|parts| parts.extensions.get::<T>())
    })
}

/// Whether a request speaks MCP 2026-07-28 or newer.
pub(super) fn is_modern(request: &RequestContext<RoleServer>) -> bool {
    request
        .protocol_version()
        .is_some_and(|version| version.as_str() >= ProtocolVersion::V_2026_07_28.as_str())
}

impl std::fmt::Debug for Context {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Context")
            .field("request_id", self.request_id())
            .field("caller", &self.caller())
            .finish_non_exhaustive()
    }
}
