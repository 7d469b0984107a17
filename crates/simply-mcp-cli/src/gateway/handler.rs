//! The handler: what a client asks becomes a request to the child, and the child's answer the client's.
#![expect(
    deprecated,
    reason = "logging and resources/subscribe still serve clients of the older versions"
)]

use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CompleteRequestParams, CompleteResult,
    GetPromptRequestParams, GetPromptResponse, ListPromptsResult, ListResourceTemplatesResult,
    ListResourcesResult, ListToolsResult, PaginatedRequestParams, ReadResourceRequestParams,
    ReadResourceResponse, ServerConfig, SetLevelRequestParams, SubscribeRequestParams,
    SubscriptionFilter, Tool, UnsubscribeRequestParams,
};
use rmcp::service::{NotificationContext, RequestContext, RoleServer, SubscriptionContext};
use rmcp::{ErrorData, ServerHandler};

use super::Gateway;
use super::audience::{Broadcast, MOST_RESOURCES};
use super::error::CallError;
use super::forward::{parse, result_type, with_content};

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
        let mut accepted = requested.clone();
        if let Some(resources) = &mut accepted.resource_subscriptions {
            resources.truncate(MOST_RESOURCES);
        }
        Some(accepted)
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
