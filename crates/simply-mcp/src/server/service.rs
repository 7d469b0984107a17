//! The [`rmcp::ServerHandler`]: from a request to the registered handler, and back.

#![expect(
    deprecated,
    reason = "SEP-2577 deprecates logging, sampling and roots; clients still use them"
)]

use std::sync::Arc;

use rmcp::{
    RoleServer, ServerHandler,
    model::{
        CallToolRequestParams, CallToolResponse, CancelTaskParams, CompleteRequestParams,
        CompleteResult, DiscoverResult, ErrorData, GetPromptRequestParams, GetPromptResponse,
        GetTaskParams, GetTaskResult, ListPromptsResult, ListResourceTemplatesResult,
        ListResourcesResult, ListToolsResult, PaginatedRequestParams, ReadResourceRequestParams,
        ReadResourceResponse, ServerConfig, SetLevelRequestMethod, SetLevelRequestParams,
        SubscribeRequestParams, SubscriptionFilter, Tool, UnsubscribeRequestParams,
        UpdateTaskParams,
    },
    service::{NotificationContext, SubscriptionContext},
};
use serde_json::json;

use super::{
    Context, McpServer, arguments, changes, completions,
    context::is_modern,
    error::Reason,
    page::page,
    prompts,
    resources::{self, RequestedUri},
    round::{Request, Round, hints},
    sessions::{MAX_WATCHED, MAX_WATCHED_BYTES},
    state::{Rounds, Subject},
};
use crate::refusal::shown;

impl ServerHandler for McpServer {
    fn get_info(&self) -> ServerConfig {
        self.shared.registry.load().server_config()
    }

    async fn call_tool(
        &self,
        params: CallToolRequestParams,
        request: Request,
    ) -> Result<CallToolResponse, ErrorData> {
        let function = self
            .shared
            .registry
            .load()
            .tools
            .get(&*params.name)
            .map(|tool| Arc::clone(&tool.function));
        let function = function.ok_or_else(|| {
            ErrorData::invalid_params(format!("there is no tool {}", shown(&params.name)), None)
        })?;
        let subject = Subject {
            method: "tools/call",
            name: &params.name,
        };
        let round = Round {
            subject,
            responses: params.input_responses,
            state: params.request_state,
        };
        let arguments = params.arguments.unwrap_or_default();
        match self.run(function, arguments, round, request).await? {
            Ok(response) => Ok(response),
            Err(reason) => reason.into_tool_response(),
        }
    }

    async fn list_tools(
        &self,
        params: Option<PaginatedRequestParams>,
        request: Request,
    ) -> Result<ListToolsResult, ErrorData> {
        let registry = self.shared.registry.load();
        let (items, next) = page(&registry.tools, params, |tool| tool.definition.clone())?;
        let mut result = ListToolsResult::with_all_items(items);
        result.next_cursor = next;
        (result.ttl_ms, result.cache_scope) = hints(registry.cache, &request);
        Ok(result)
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        Some(
            self.shared
                .registry
                .load()
                .tools
                .get(name)?
                .definition
                .clone(),
        )
    }

    async fn list_resources(
        &self,
        params: Option<PaginatedRequestParams>,
        request: Request,
    ) -> Result<ListResourcesResult, ErrorData> {
        let registry = self.shared.registry.load();
        let (items, next) = page(&registry.resources, params, |entry| {
            entry.definition.clone()
        })?;
        let mut result = ListResourcesResult::with_all_items(items);
        result.next_cursor = next;
        (result.ttl_ms, result.cache_scope) = hints(registry.cache, &request);
        Ok(result)
    }

    async fn list_resource_templates(
        &self,
        params: Option<PaginatedRequestParams>,
        request: Request,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        let registry = self.shared.registry.load();
        let (items, next) = page(&registry.templates, params, |entry| {
            entry.definition.clone()
        })?;
        let mut result = ListResourceTemplatesResult::with_all_items(items);
        result.next_cursor = next;
        (result.ttl_ms, result.cache_scope) = hints(registry.cache, &request);
        Ok(result)
    }

    async fn read_resource(
        &self,
        params: ReadResourceRequestParams,
        mut request: Request,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let registry = self.shared.registry.load_full();
        let (function, variables) = resources::find(&registry, &params.uri).ok_or_else(|| {
            let message = format!("there is no resource {}", shown(&params.uri));
            ErrorData::resource_not_found(message, Some(json!({ "uri": params.uri })))
        })?;
        let hints = hints(registry.cache, &request);
        request
            .extensions
            .insert(RequestedUri(params.uri.as_str().into()));
        let subject = Subject {
            method: "resources/read",
            name: &params.uri,
        };
        let round = Round {
            subject,
            responses: params.input_responses,
            state: params.request_state,
        };
        let mut response = match self.run(function, variables, round, request).await? {
            Ok(response) => response,
            Err(Reason::Ask(question)) => question.into_result().into(),
            Err(reason) => return Err(reason.into_error_data()),
        };
        if let ReadResourceResponse::Complete(result) = &mut response {
            result.ttl_ms = result.ttl_ms.or(hints.0);
            result.cache_scope = result.cache_scope.or(hints.1);
        }
        Ok(response)
    }

    async fn list_prompts(
        &self,
        params: Option<PaginatedRequestParams>,
        request: Request,
    ) -> Result<ListPromptsResult, ErrorData> {
        let registry = self.shared.registry.load();
        let (items, next) = page(&registry.prompts, params, |entry| entry.definition.clone())?;
        let mut result = ListPromptsResult::with_all_items(items);
        result.next_cursor = next;
        (result.ttl_ms, result.cache_scope) = hints(registry.cache, &request);
        Ok(result)
    }

    async fn get_prompt(
        &self,
        params: GetPromptRequestParams,
        request: Request,
    ) -> Result<GetPromptResponse, ErrorData> {
        let prompt = self
            .shared
            .registry
            .load()
            .prompts
            .get(&params.name)
            .cloned();
        let prompt = prompt.ok_or_else(|| {
            ErrorData::invalid_params(format!("there is no prompt {}", shown(&params.name)), None)
        })?;
        let mut arguments = params.arguments.unwrap_or_default();
        prompts::check_required(&prompt.definition, &arguments)?;
        arguments::coerce(&mut arguments, &prompt.schema);
        let subject = Subject {
            method: "prompts/get",
            name: &params.name,
        };
        let round = Round {
            subject,
            responses: params.input_responses,
            state: params.request_state,
        };
        match self
            .run(Arc::clone(&prompt.function), arguments, round, request)
            .await?
        {
            Ok(response) => Ok(response),
            Err(Reason::Ask(question)) => Ok(question.into_result().into()),
            Err(reason) => Err(reason.into_error_data()),
        }
    }

    async fn complete(
        &self,
        params: CompleteRequestParams,
        request: Request,
    ) -> Result<CompleteResult, ErrorData> {
        let registry = self.shared.registry.load_full();
        if !registry.has_completions() {
            return Err(ErrorData::method_not_found::<
                rmcp::model::CompleteRequestMethod,
            >());
        }
        let function = completions::find(&registry, &params)
            .map_err(|message| ErrorData::invalid_params(message, None))?;
        let Some(function) = function else {
            return Ok(CompleteResult::default());
        };
        let arguments = completions::arguments_of(params);
        let context = Context::new(
            request,
            arguments,
            Rounds::default(),
            Arc::clone(&self.shared),
        );
        match function(context).await {
            Ok(completion) => Ok(CompleteResult::new(completion.into_info())),
            Err(error) => Err(error.into_reason().into_error_data()),
        }
    }

    async fn set_level(
        &self,
        params: SetLevelRequestParams,
        request: Request,
    ) -> Result<(), ErrorData> {
        if is_modern(&request) {
            return Err(ErrorData::method_not_found::<SetLevelRequestMethod>());
        }
        self.shared
            .sessions
            .set_level(&request, &self.shared.changes, params.level);
        Ok(())
    }

    async fn subscribe(
        &self,
        params: SubscribeRequestParams,
        request: Request,
    ) -> Result<(), ErrorData> {
        if self
            .shared
            .sessions
            .watch(&request, &self.shared.changes, params.uri)
        {
            return Ok(());
        }
        let message = format!(
            "a session can watch at most {MAX_WATCHED} resources, whose URIs have at most {MAX_WATCHED_BYTES} bytes together"
        );
        Err(ErrorData::invalid_params(message, None))
    }

    async fn unsubscribe(
        &self,
        params: UnsubscribeRequestParams,
        request: Request,
    ) -> Result<(), ErrorData> {
        self.shared.sessions.unwatch(&request, &params.uri);
        Ok(())
    }

    async fn on_initialized(&self, context: NotificationContext<RoleServer>) {
        let Self { shared } = self;
        shared
            .sessions
            .register(&context.peer, &context.extensions, &shared.changes);
    }

    fn accepted_subscription_filter(
        &self,
        requested: &SubscriptionFilter,
    ) -> Option<SubscriptionFilter> {
        let mut accepted = requested.clone();
        // Too many are taken for none: the acknowledgement says so, and nobody compares long lists.
        accepted.resource_subscriptions = accepted.resource_subscriptions.filter(|uris| {
            uris.len() <= MAX_WATCHED
                && uris.iter().map(String::len).sum::<usize>() <= MAX_WATCHED_BYTES
        });
        Some(accepted)
    }

    async fn listen(&self, stream: SubscriptionContext) -> Result<(), ErrorData> {
        changes::serve_stream(self.shared.changes.subscribe(), &stream).await;
        Ok(())
    }

    async fn get_task(
        &self,
        params: GetTaskParams,
        _request: Request,
    ) -> Result<GetTaskResult, ErrorData> {
        self.task_manager()?
            .get_task(&params.task_id)
            .map(GetTaskResult::new)
    }

    async fn update_task(
        &self,
        params: UpdateTaskParams,
        _request: Request,
    ) -> Result<(), ErrorData> {
        self.task_manager()?
            .update_task(&params.task_id, params.input_responses)
    }

    async fn cancel_task(
        &self,
        params: CancelTaskParams,
        _request: Request,
    ) -> Result<(), ErrorData> {
        self.task_manager()?.cancel_task(&params.task_id)
    }

    async fn discover(&self, _request: Request) -> Result<DiscoverResult, ErrorData> {
        let registry = self.shared.registry.load();
        let versions = self.supported_protocol_versions().into_owned();
        let mut result = DiscoverResult::from_server_info(versions, registry.server_config());
        if let Some((milliseconds, scope)) = registry.cache {
            result = result.with_ttl_ms(milliseconds).with_cache_scope(scope);
        }
        Ok(result)
    }
}
