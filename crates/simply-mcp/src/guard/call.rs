//! One call into the handler: what the log needs to know of it, and what the client hears when the
//! handler breaks.

use std::time::Duration;

use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{Extensions, ProtocolVersion},
    service::RequestContext,
};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{
    Guarded, INTERNAL,
    catch::{Panicked, catch},
    stamp::Stamp,
};
use crate::facts::CorrelationId;

/// What is remembered of a request whose context the handler takes.
pub(super) struct Call {
    method: &'static str,
    subject: Option<String>,
    correlation: Option<CorrelationId>,
    stamped: bool,
    given_up: Option<CancellationToken>,
}

impl Call {
    /// A request.
    pub(super) fn of(method: &'static str, context: &RequestContext<RoleServer>) -> Self {
        // Versions are dates, and compare as text.
        let stamped = context
            .protocol_version()
            .is_some_and(|version| version.as_str() >= ProtocolVersion::V_2026_07_28.as_str());
        Self {
            stamped,
            given_up: Some(context.ct.clone()),
            ..Self::with_extensions(method, &context.extensions)
        }
    }

    /// A notification, or anything else that has no result.
    pub(super) fn with_extensions(method: &'static str, extensions: &Extensions) -> Self {
        let correlation = extensions
            .get::<http::request::Parts>()
            .and_then(|parts| parts.extensions.get::<CorrelationId>())
            .or_else(|| extensions.get::<CorrelationId>());
        Self {
            correlation: correlation.cloned(),
            ..Self::bare(method)
        }
    }

    /// A call that belongs to no request.
    pub(super) fn bare(method: &'static str) -> Self {
        Self {
            method,
            subject: None,
            correlation: None,
            stamped: false,
            given_up: None,
        }
    }

    /// Whether the request is of a version whose results say who may keep them.
    pub(super) fn is_modern(&self) -> bool {
        self.stamped
    }

    /// Whether nobody waits for the answer any more.
    pub(super) fn is_given_up(&self) -> bool {
        let given_up = self.given_up.as_ref();
        given_up.is_some_and(CancellationToken::is_cancelled)
    }

    /// Names the tool, prompt or resource for the log.
    pub(super) fn about(mut self, subject: &str) -> Self {
        self.subject = Some(subject.to_owned());
        self
    }
}

/// Why a call gave no result.
#[derive(Debug)]
pub(super) enum Failure {
    /// The handler said so.
    Said(ErrorData),
    /// The handler panicked.
    Panicked,
    /// The client gave the call up, and the handler went on.
    GivenUp,
}

impl From<Failure> for ErrorData {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Said(error) => error,
            Failure::Panicked => broken(),
            Failure::GivenUp => abandoned(),
        }
    }
}

impl<H: ServerHandler> Guarded<H> {
    /// Runs a call, catches its panic, and names the server in its result.
    pub(super) async fn answer<T, F>(
        &self,
        call: Call,
        make: impl FnOnce() -> F,
    ) -> Result<T, ErrorData>
    where
        T: Stamp,
        F: Future<Output = Result<T, ErrorData>>,
    {
        let mut result = self.run(&call, make).await?;
        self.stamp(&call, &mut result);
        Ok(result)
    }

    /// Names the server in a result, where the version has a place for it.
    pub(super) fn stamp(&self, call: &Call, result: &mut impl Stamp) {
        if call.stamped
            && let Some(server) = self.server()
        {
            result.stamp(server);
        }
    }

    /// Runs a call, catches its panic, and drops it soon after its client gave it up.
    pub(super) async fn run<T, F>(
        &self,
        call: &Call,
        make: impl FnOnce() -> F,
    ) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, ErrorData>>,
    {
        let ran = catch(make);
        let outcome = match &call.given_up {
            None => ran.await,
            Some(given_up) => tokio::select! {
                biased;
                outcome = ran => outcome,
                () = after(given_up) => return Err(Failure::GivenUp),
            },
        };
        match outcome {
            Ok(result) => result.map_err(Failure::Said),
            Err(panicked) => {
                log(call, &panicked);
                Err(Failure::Panicked)
            }
        }
    }

    fn server(&self) -> Option<&Value> {
        if let Some(server) = self.shared.server.get() {
            return Some(server);
        }
        let server = serde_json::to_value(self.info().server_info).ok()?;
        Some(self.shared.server.get_or_init(|| server))
    }
}

/// A handler that watches for the end has a moment to tidy up before it is dropped.
const LAST_MOMENT: Duration = Duration::from_secs(1);

async fn after(given_up: &CancellationToken) {
    given_up.cancelled().await;
    tokio::time::sleep(LAST_MOMENT).await;
}

/// What nobody hears: the client has gone, or has said that it does not want the answer.
fn abandoned() -> ErrorData {
    ErrorData::internal_error("the call was cancelled", Some(json!({"code": "cancelled"})))
}

/// Tells the operator; nobody else may see what a panic says.
pub(super) fn log(call: &Call, panicked: &Panicked) {
    crate::logs::bounded!(
        error,
        correlation_id = call.correlation.as_ref().map(CorrelationId::as_str),
        method = call.method,
        subject = call.subject.as_deref(),
        panic = panicked.message,
        "The handler panicked"
    );
}

/// What the client hears.
pub(super) fn broken() -> ErrorData {
    ErrorData::internal_error(
        "the server broke while it handled this request; its log tells why, under the request's correlation id",
        Some(json!({"code": INTERNAL})),
    )
}
