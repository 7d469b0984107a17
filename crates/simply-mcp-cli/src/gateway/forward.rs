//! One request on its way: to the child with our own id and token, back with the client's.
#![expect(
    deprecated,
    reason = "logging is deprecated in 2026-07-28, and still served to the clients that use it"
)]

use rmcp::ErrorData;
use rmcp::model::LoggingLevel;
use rmcp::service::{RequestContext, RoleServer};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use simply_mcp::OutgoingCall;

use super::Gateway;
use super::audience::severity;
use super::error::CallError;
use super::handshake::request_meta;
use super::link::{Call, CallEvent, CallStep, Origin};
use super::live::{Live, watch_quietly};

impl Gateway {
    /// Asks the child, and reads its answer as the type that belongs to the method.
    pub(super) async fn forward<T: DeserializeOwned>(
        &self,
        method: &'static str,
        params: impl Serialize,
        context: RequestContext<RoleServer>,
    ) -> Result<T, ErrorData> {
        let result = self.ask(method, params, context).await?;
        Ok(parse(&result)?)
    }

    /// Asks the child, as a span of the client's trace.
    pub(super) async fn ask(
        &self,
        method: &'static str,
        params: impl Serialize,
        context: RequestContext<RoleServer>,
    ) -> Result<Box<RawValue>, CallError> {
        let params = serde_json::to_value(params).map_err(malformed)?;
        let target = params.get("name").and_then(Value::as_str);
        // A name that a client invented would be the name of a span.
        let target = target.filter(|name| self.shared.tools().contains_key(*name));
        let outgoing = OutgoingCall::start(&context, method, target);
        let answered = self.ask_within(&outgoing, method, params, context).await;
        match &answered {
            Ok(result) => {
                let failed = outgoing.is_recorded() && failed(method, result);
                outgoing.end(failed.then_some("tool_error"), None);
            }
            Err(error) => outgoing.end(Some(error.kind()), error.code()),
        }
        answered
    }

    async fn ask_within(
        &self,
        outgoing: &OutgoingCall,
        method: &'static str,
        params: Value,
        context: RequestContext<RoleServer>,
    ) -> Result<Box<RawValue>, CallError> {
        let live = self.shared.live()?;
        let level = context
            .meta
            .log_level()
            .or_else(|| self.shared.audience.level(&context.peer));
        let params = child_params(&live, params, &context, level, outgoing);
        if let Some(level) = level
            && let Some(call) = live.lower_level(level)?
        {
            watch_quietly("logging/setLevel", call);
        }
        let wants_progress = context.meta.get_progress_token().is_some();
        let call = live
            .link
            .request(method, params, Origin::Client { wants_progress })?;
        self.answer(call, &context, level).await
    }

    /// Waits for the answer, and hands on what comes before it.
    pub(super) async fn answer(
        &self,
        mut call: Call,
        context: &RequestContext<RoleServer>,
        level: Option<LoggingLevel>,
    ) -> Result<Box<RawValue>, CallError> {
        let limit = self.shared.options.request_timeout;
        loop {
            // The time starts anew with each sign of life.
            let step = tokio::select! {
                biased;
                () = context.ct.cancelled() => return Err(CallError::Cancelled),
                step = call.next() => step,
                () = tokio::time::sleep(limit) => return Err(CallError::Timeout(limit)),
            };
            let event = match step {
                CallStep::Answer(reply) => return reply,
                CallStep::Event(event) => event,
            };
            tokio::select! {
                biased;
                () = context.ct.cancelled() => return Err(CallError::Cancelled),
                () = pass_on(event, context, level) => {}
                () = tokio::time::sleep(limit) => return Err(CallError::Timeout(limit)),
            }
        }
    }
}

/// Gives an event of a request to the client that made it, under the client's own token.
async fn pass_on(
    event: CallEvent,
    context: &RequestContext<RoleServer>,
    level: Option<LoggingLevel>,
) {
    let sent = match event {
        CallEvent::Progress(mut progress) => {
            let Some(token) = context.meta.get_progress_token() else {
                return;
            };
            progress.progress_token = token;
            context.peer.notify_progress(progress).await
        }
        CallEvent::Log(message) => {
            if level.is_none_or(|level| severity(message.level) < severity(level)) {
                return;
            }
            context.peer.notify_logging_message(message).await
        }
    };
    if let Err(error) = sent {
        tracing::debug!(%error, "a client no longer hears about its request");
    }
}

/// The client's parameters with the `_meta` that is meant for the child.
fn child_params(
    live: &Live,
    mut params: Value,
    context: &RequestContext<RoleServer>,
    level: Option<LoggingLevel>,
    outgoing: &OutgoingCall,
) -> Value {
    let mut meta = context.meta.clone();
    if let Some(level) = level {
        meta.set_log_level(level);
    }
    outgoing.write_to(&mut meta);
    if let Some(object) = params.as_object_mut() {
        object.remove("_meta");
        if let Some(meta) = request_meta(&live.identity, &meta) {
            object.insert("_meta".to_owned(), meta);
        }
    }
    params
}

/// Whether the child's tool failed in its own terms.
fn failed(method: &str, result: &RawValue) -> bool {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Outcome {
        #[serde(default)]
        is_error: bool,
    }
    method == "tools/call"
        && serde_json::from_str::<Outcome>(result.get()).is_ok_and(|outcome| outcome.is_error)
}

/// What the parser says may repeat what else the child said, and is for the log only.
#[expect(
    clippy::needless_pass_by_value,
    reason = "it is handed to map_err as it is"
)]
fn malformed(error: serde_json::Error) -> CallError {
    tracing::warn!(%error, "the server behind the gateway gave an answer that is not valid MCP");
    CallError::Malformed("the log of this gateway says what is wrong with it".to_owned())
}

pub(super) fn parse<T: DeserializeOwned>(result: &RawValue) -> Result<T, CallError> {
    serde_json::from_str(result.get()).map_err(malformed)
}

/// What kind of result it is (2026-07-28, multi round-trip requests and tasks).
pub(super) fn result_type(result: &RawValue) -> Option<&str> {
    #[derive(Deserialize)]
    struct Kind<'a> {
        #[serde(rename = "resultType", borrow)]
        result_type: Option<&'a str>,
    }
    serde_json::from_str::<Kind<'_>>(result.get())
        .ok()?
        .result_type
}

/// Some servers answer a tool call that has nothing to say without `content`, which the model wants to see.
pub(super) fn with_content(result: Box<RawValue>) -> Result<Box<RawValue>, CallError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Parts<'a> {
        #[serde(borrow)]
        content: Option<&'a RawValue>,
        #[serde(borrow)]
        structured_content: Option<&'a RawValue>,
        is_error: Option<bool>,
    }
    let parts: Parts<'_> = parse_borrowed(&result)?;
    if parts.content.is_some() || parts.structured_content.is_some() || parts.is_error.is_some() {
        return Ok(result);
    }
    let mut object: serde_json::Map<String, Value> = parse(&result)?;
    object.insert("content".to_owned(), Value::Array(Vec::new()));
    serde_json::value::to_raw_value(&object).map_err(malformed)
}

fn parse_borrowed<'a, T: Deserialize<'a>>(result: &'a RawValue) -> Result<T, CallError> {
    serde_json::from_str(result.get()).map_err(malformed)
}
