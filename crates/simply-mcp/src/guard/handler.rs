//! Every method of [`ServerHandler`], guarded. A method that is missing here would fall back to
//! rmcp's default and silently hide the handler's own.

#![expect(
    deprecated,
    reason = "the versions up to 2025-11-25 have these methods"
)]

use std::borrow::Cow;

use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{
        CacheScope, CallToolRequestParams, CallToolResponse, CancelTaskParams,
        CancelledNotificationParam, CompleteRequestParams, CompleteResult, CustomNotification,
        CustomRequest, CustomResult, DiscoverResult, ErrorCode, GetPromptRequestParams,
        GetPromptResponse, GetSkillRequestParams, GetSkillResult, GetTaskParams, GetTaskResult,
        InitializeRequestParams, InitializeResult, ListPromptsResult, ListResourceTemplatesResult,
        ListResourcesResult, ListSkillsResult, ListToolsResult, PaginatedRequestParams,
        ProgressNotificationParam, ProtocolVersion, ReadResourceDirectoryRequestParams,
        ReadResourceRequestParams, ReadResourceResponse, ServerConfig, SetLevelRequestParams,
        SubscribeRequestParams, SubscriptionFilter, Tool, UnsubscribeRequestParams,
        UpdateTaskParams,
    },
    service::{NotificationContext, RequestContext, SubscriptionContext},
};

use crate::refusal::shown;

use super::{
    Guarded,
    call::{Call, broken, log},
    caller,
    catch::{catch, catch_now},
};

impl<H: ServerHandler> Guarded<H> {
    /// What the handler says of itself, or said before it broke.
    pub(super) fn info(&self) -> ServerConfig {
        match catch_now(|| self.inner().get_info()) {
            Ok(info) => {
                self.shared.info.get_or_init(|| info.clone());
                info
            }
            Err(panicked) => {
                log(&Call::bare("get_info"), &panicked);
                self.shared.info.get().cloned().unwrap_or_default()
            }
        }
    }

    async fn notify<F: Future<Output = ()>>(&self, call: Call, make: impl FnOnce() -> F) {
        if let Err(panicked) = catch(make).await {
            log(&call, &panicked);
        }
    }
}

/// Requests: run guarded, and stamped.
macro_rules! requests {
    ($($name:ident($method:literal $(, $request:ident: $params:ty)?) -> $result:ty;)+) => {$(
        async fn $name(
            &self,
            $($request: $params,)?
            context: RequestContext<RoleServer>,
        ) -> Result<$result, ErrorData> {
            let call = Call::of($method, &context);
            self.answer(call, || self.inner().$name($($request,)? context)).await
        }
    )+};
}

/// Requests about a task: run guarded for the caller who started it.
macro_rules! task_requests {
    ($($name:ident($method:literal, $params:ty) -> $result:ty;)+) => {$(
        async fn $name(
            &self,
            request: $params,
            context: RequestContext<RoleServer>,
        ) -> Result<$result, ErrorData> {
            self.shared.tasks.check(&request.task_id, caller(&context))?;
            let call = Call::of($method, &context);
            self.answer(call, || self.inner().$name(request, context)).await
        }
    )+};
}

/// Notifications: run guarded; there is nobody to answer.
macro_rules! notifications {
    ($($name:ident($method:literal $(, $notification:ident: $params:ty)?);)+) => {$(
        async fn $name(
            &self,
            $($notification: $params,)?
            context: NotificationContext<RoleServer>,
        ) {
            let call = Call::with_extensions($method, &context.extensions);
            self.notify(call, || self.inner().$name($($notification,)? context)).await;
        }
    )+};
}

impl<H: ServerHandler> ServerHandler for Guarded<H> {
    requests! {
        ping("ping") -> ();
        initialize("initialize", request: InitializeRequestParams) -> InitializeResult;
        discover("server/discover") -> DiscoverResult;
        complete("completion/complete", request: CompleteRequestParams) -> CompleteResult;
        set_level("logging/setLevel", request: SetLevelRequestParams) -> ();
        get_prompt("prompts/get", request: GetPromptRequestParams) -> GetPromptResponse;
        list_prompts("prompts/list", request: Option<PaginatedRequestParams>) -> ListPromptsResult;
        list_resources("resources/list", request: Option<PaginatedRequestParams>)
            -> ListResourcesResult;
        list_resource_templates("resources/templates/list", request: Option<PaginatedRequestParams>)
            -> ListResourceTemplatesResult;
        read_resource("resources/read", request: ReadResourceRequestParams) -> ReadResourceResponse;
        subscribe("resources/subscribe", request: SubscribeRequestParams) -> ();
        unsubscribe("resources/unsubscribe", request: UnsubscribeRequestParams) -> ();
        list_skills("skills/list", request: Option<PaginatedRequestParams>) -> ListSkillsResult;
        get_skill("skills/get", request: GetSkillRequestParams) -> GetSkillResult;
        read_resource_directory(
            "resources/directory/read",
            request: ReadResourceDirectoryRequestParams
        ) -> ListResourcesResult;
    }

    task_requests! {
        get_task("tasks/get", GetTaskParams) -> GetTaskResult;
        update_task("tasks/update", UpdateTaskParams) -> ();
        cancel_task("tasks/cancel", CancelTaskParams) -> ();
    }

    notifications! {
        on_cancelled("notifications/cancelled", notification: CancelledNotificationParam);
        on_progress("notifications/progress", notification: ProgressNotificationParam);
        on_initialized("notifications/initialized");
        on_roots_list_changed("notifications/roots/list_changed");
        on_custom_notification("a notification of its own", notification: CustomNotification);
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        self.call_by_mcp(request, context).await
    }

    /// rmcp reads a call whose parameters do not fit as a request of the handler's own, which would pass by all that
    /// a call is asked.
    async fn on_custom_request(
        &self,
        request: CustomRequest,
        context: RequestContext<RoleServer>,
    ) -> Result<CustomResult, ErrorData> {
        if request.method == "tools/call" {
            let text = "the params do not fit tools/call";
            return Err(ErrorData::invalid_params(text, None));
        }
        // rmcp's own answer to a method that nobody knows is its whole name.
        let name = shown(&request.method);
        if name != request.method {
            return Err(ErrorData::new(
                ErrorCode::METHOD_NOT_FOUND,
                name.into_owned(),
                None,
            ));
        }
        let call = Call::of("a request of its own", &context);
        self.answer(call, || self.inner().on_custom_request(request, context))
            .await
    }

    async fn list_tools(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let call = Call::of("tools/list", &context);
        let caller = caller(&context).clone();
        let has_scope = call.is_modern();
        let is_first = request.as_ref().is_none_or(|page| page.cursor.is_none());
        let mut result = self
            .answer(call, || self.inner().list_tools(request, context))
            .await?;
        self.remember_listed(&result.tools);
        let admission = &self.shared.admission;
        if is_first && result.next_cursor.is_none() {
            for tool in admission.misspelt(&result.tools) {
                crate::logs::bounded!(
                    warn,
                    tool,
                    "auth.jwt.tool_scopes or rate_limit.tools name a tool that there is not; a rule for a misspelt \
                     name protects nothing"
                );
            }
        }
        result
            .tools
            .retain(|tool| admission.lists(&caller, &tool.name));
        if has_scope && admission.varies(&caller) {
            result.cache_scope = Some(CacheScope::Private);
        }
        Ok(result)
    }

    async fn listen(&self, context: SubscriptionContext) -> Result<(), ErrorData> {
        let call = Call::bare("subscriptions/listen");
        tokio::select! {
            outcome = self.answer(call, || self.inner().listen(context)) => outcome,
            () = self.shared.draining.cancelled() => Ok(()),
        }
    }

    fn negotiate_initialize(
        &self,
        request: &InitializeRequestParams,
    ) -> Result<InitializeResult, ErrorData> {
        catch_now(|| self.inner().negotiate_initialize(request)).unwrap_or_else(|panicked| {
            log(&Call::bare("initialize"), &panicked);
            Err(broken())
        })
    }

    fn supported_protocol_versions(&self) -> Cow<'static, [ProtocolVersion]> {
        catch_now(|| self.inner().supported_protocol_versions()).unwrap_or_else(|panicked| {
            log(&Call::bare("supported_protocol_versions"), &panicked);
            Cow::Borrowed(ProtocolVersion::KNOWN_VERSIONS)
        })
    }

    fn accepted_subscription_filter(
        &self,
        requested: &SubscriptionFilter,
    ) -> Option<SubscriptionFilter> {
        let accepted = catch_now(|| self.inner().accepted_subscription_filter(requested));
        accepted.unwrap_or_else(|panicked| {
            log(&Call::bare("subscriptions/listen"), &panicked);
            None
        })
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        self.tells_tools.then(|| self.known_tool(name)).flatten()
    }

    fn get_info(&self) -> ServerConfig {
        self.info()
    }
}
