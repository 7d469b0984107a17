//! The handler: what a client asks becomes a request to the child, and the child's answer the client's.
#![expect(
    deprecated,
    reason = "logging and resources/subscribe still serve clients of the older versions"
)]

use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CompleteRequestParams, CompleteResult,
    GetPromptRequestParams, GetPromptResponse, ListPromptsResult, ListResourceTemplatesResult,
    ListResourcesResult, ListToolsResult, LoggingLevel, PaginatedRequestParams,
    ReadResourceRequestParams, ReadResourceResponse, ServerConfig, SetLevelRequestParams,
    SubscribeRequestParams, SubscriptionFilter, Tool, UnsubscribeRequestParams,
};
use rmcp::service::{NotificationContext, RequestContext, RoleServer, SubscriptionContext};
use rmcp::{ErrorData, ServerHandler};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::RawValue;

use super::Gateway;
use super::audience::{Broadcast, severity};
use super::error::CallError;
use super::handshake::request_meta;
use super::link::{Call, CallEvent, CallStep, Origin};
use super::live::Live;

impl ServerHandler for Gateway {
    fn get_info(&self) -> ServerConfig {
        self.shared.config()
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        self.shared.tools().get(name).map(|tool| Tool::clone(tool))
    }

    async fn list_tools(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        self.forward("tools/list", request.unwrap_or_default(), context)
            .await
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let result = self.ask("tools/call", request, context).await?;
        let result = match result_type(&result) {
            Some("input_required") => parse(&result).map(CallToolResponse::InputRequired),
            Some("task") => parse(&result).map(CallToolResponse::Task),
            _ => parse(&with_content(result)?).map(CallToolResponse::Complete),
        };
        Ok(result?)
    }

    async fn list_resources(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        self.forward("resources/list", request.unwrap_or_default(), context)
            .await
    }

    async fn list_resource_templates(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        self.forward(
            "resources/templates/list",
            request.unwrap_or_default(),
            context,
        )
        .await
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let result = self.ask("resources/read", request, context).await?;
        let result = match result_type(&result) {
            Some("input_required") => parse(&result).map(ReadResourceResponse::InputRequired),
            _ => parse(&result).map(ReadResourceResponse::Complete),
        };
        Ok(result?)
    }

    async fn list_prompts(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        self.forward("prompts/list", request.unwrap_or_default(), context)
            .await
    }

    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        let result = self.ask("prompts/get", request, context).await?;
        let result = match result_type(&result) {
            Some("input_required") => parse(&result).map(GetPromptResponse::InputRequired),
            _ => parse(&result).map(GetPromptResponse::Complete),
        };
        Ok(result?)
    }

    async fn complete(
        &self,
        request: CompleteRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CompleteResult, ErrorData> {
        self.forward("completion/complete", request, context).await
    }

    async fn set_level(
        &self,
        request: SetLevelRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        let live = self.shared.live()?;
        self.shared.audience.set_level(&context.peer, request.level);
        if let Some(call) = live.lower_level(request.level)? {
            self.answer(call, &context, None).await?;
        }
        Ok(())
    }

    async fn subscribe(
        &self,
        request: SubscribeRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        let live = self.shared.live()?;
        let audience = &self.shared.audience;
        let watch = || audience.watch(&context.peer, &request.uri);
        if let Some(call) = live.subscribe(&request.uri, watch)?
            && let Err(error) = self.answer(call, &context, None).await
        {
            live.forget(&request.uri);
            audience.unwatch(&context.peer, &request.uri);
            return Err(error.into());
        }
        Ok(())
    }

    async fn unsubscribe(
        &self,
        request: UnsubscribeRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        // The child hears of it only when no other client watches the resource.
        self.shared.audience.unwatch(&context.peer, &request.uri);
        Ok(())
    }

    async fn on_initialized(&self, context: NotificationContext<RoleServer>) {
        self.shared.audience.join(&context.peer);
    }

    fn accepted_subscription_filter(
        &self,
        requested: &SubscriptionFilter,
    ) -> Option<SubscriptionFilter> {
        Some(requested.clone())
    }

    async fn listen(&self, context: SubscriptionContext) -> Result<(), ErrorData> {
        let audience = &self.shared.audience;
        let Some((stream, mut broadcasts)) = audience.open_stream(context.accepted().clone())
        else {
            return Err(CallError::Overloaded.into());
        };
        let _open = scopeguard(|| audience.close_stream(stream));
        loop {
            let broadcast = tokio::select! {
                () = context.cancelled() => return Ok(()),
                () = self.shared.stop.cancelled() => return Ok(()),
                Some(broadcast) = broadcasts.recv() => broadcast,
            };
            let sink = context.sink();
            let sent = match broadcast {
                Broadcast::ToolsChanged => sink.notify_tool_list_changed().await,
                Broadcast::PromptsChanged => sink.notify_prompt_list_changed().await,
                Broadcast::ResourcesChanged => sink.notify_resource_list_changed().await,
                Broadcast::ResourceUpdated(update) => {
                    sink.notify_resource_updated(update.uri).await
                }
                Broadcast::Log(_) => Ok(()),
            };
            if let Err(error) = sent {
                tracing::debug!(%error, "a subscription ended");
                return Ok(());
            }
        }
    }
}

impl Gateway {
    /// Asks the child, and reads its answer as the type that belongs to the method.
    async fn forward<T: DeserializeOwned>(
        &self,
        method: &str,
        params: impl Serialize,
        context: RequestContext<RoleServer>,
    ) -> Result<T, ErrorData> {
        let result = self.ask(method, params, context).await?;
        Ok(parse(&result)?)
    }

    async fn ask(
        &self,
        method: &str,
        params: impl Serialize,
        context: RequestContext<RoleServer>,
    ) -> Result<Box<RawValue>, CallError> {
        let live = self.shared.live()?;
        let level = context
            .meta
            .log_level()
            .or_else(|| self.shared.audience.level(&context.peer));
        let params = child_params(&live, params, &context, level)?;
        if let Some(level) = level
            && let Some(call) = live.lower_level(level)?
        {
            super::live::watch_quietly("logging/setLevel", call);
        }
        let wants_progress = context.meta.get_progress_token().is_some();
        let call = live
            .link
            .request(method, params, Origin::Client { wants_progress })?;
        self.answer(call, &context, level).await
    }

    /// Waits for the answer, and hands on what comes before it.
    async fn answer(
        &self,
        mut call: Call,
        context: &RequestContext<RoleServer>,
        level: Option<LoggingLevel>,
    ) -> Result<Box<RawValue>, CallError> {
        let limit = self.shared.options.request_timeout;
        let timeout = async {
            match limit {
                Some(limit) => {
                    tokio::time::sleep(limit).await;
                    limit
                }
                None => std::future::pending().await,
            }
        };
        tokio::pin!(timeout);
        loop {
            let step = tokio::select! {
                biased;
                () = context.ct.cancelled() => return Err(CallError::Cancelled),
                step = call.next() => step,
                limit = &mut timeout => return Err(CallError::Timeout(limit)),
            };
            match step {
                CallStep::Answer(reply) => return reply,
                CallStep::Event(event) => {
                    tokio::select! {
                        biased;
                        () = context.ct.cancelled() => return Err(CallError::Cancelled),
                        () = pass_on(event, context, level) => {}
                        limit = &mut timeout => return Err(CallError::Timeout(limit)),
                    }
                }
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
    params: impl Serialize,
    context: &RequestContext<RoleServer>,
    level: Option<LoggingLevel>,
) -> Result<Value, CallError> {
    let malformed = |error: serde_json::Error| CallError::Malformed(error.to_string());
    let mut params = serde_json::to_value(params).map_err(malformed)?;
    let mut meta = context.meta.clone();
    if let Some(level) = level {
        meta.set_log_level(level);
    }
    if let Some(object) = params.as_object_mut() {
        object.remove("_meta");
        if let Some(meta) = request_meta(&live.identity, &meta) {
            object.insert("_meta".to_owned(), meta);
        }
    }
    Ok(params)
}

fn parse<T: DeserializeOwned>(result: &RawValue) -> Result<T, CallError> {
    serde_json::from_str(result.get()).map_err(|error| CallError::Malformed(error.to_string()))
}

/// What kind of result it is (2026-07-28, multi round-trip requests and tasks).
fn result_type(result: &RawValue) -> Option<&str> {
    #[derive(serde::Deserialize)]
    struct Kind<'a> {
        #[serde(rename = "resultType", borrow)]
        result_type: Option<&'a str>,
    }
    serde_json::from_str::<Kind<'_>>(result.get())
        .ok()?
        .result_type
}

/// Some servers answer a tool call that has nothing to say without `content`, which the model wants to see.
fn with_content(result: Box<RawValue>) -> Result<Box<RawValue>, CallError> {
    #[derive(serde::Deserialize)]
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
    serde_json::value::to_raw_value(&object)
        .map_err(|error| CallError::Malformed(error.to_string()))
}

fn parse_borrowed<'a, T: serde::Deserialize<'a>>(result: &'a RawValue) -> Result<T, CallError> {
    serde_json::from_str(result.get()).map_err(|error| CallError::Malformed(error.to_string()))
}

/// Runs `end` when it goes out of scope, however that happens.
fn scopeguard<F: FnOnce()>(end: F) -> impl Drop {
    struct Guard<F: FnOnce()>(Option<F>);
    impl<F: FnOnce()> Drop for Guard<F> {
        fn drop(&mut self) {
            if let Some(end) = self.0.take() {
                end();
            }
        }
    }
    Guard(Some(end))
}
