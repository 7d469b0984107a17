//! No method of the handler is hidden by the guard.

#![expect(
    deprecated,
    reason = "the versions up to 2025-11-25 have these methods"
)]

use std::{
    borrow::Cow,
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};

use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::*,
    service::{NotificationContext, RequestContext},
};
use serde_json::json;

use super::{super::Guarded, context};

/// Writes down which of its methods were called.
#[derive(Default)]
struct Scribe {
    noted: Mutex<BTreeSet<&'static str>>,
    /// Lets a client in, which is the one request that is not refused.
    welcoming: bool,
}

impl Scribe {
    fn note(&self, method: &'static str) {
        self.noted
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(method);
    }

    fn refuse<T>(&self, method: &'static str) -> Result<T, ErrorData> {
        self.note(method);
        Err(ErrorData::invalid_request(method, None))
    }
}

macro_rules! requests {
    ($($name:ident($($params:ty)?) -> $result:ty;)+) => {
        impl ServerHandler for Scribe {
            $(async fn $name(
                &self,
                $(_: $params,)?
                _: RequestContext<RoleServer>,
            ) -> Result<$result, ErrorData> {
                self.refuse(stringify!($name))
            })+

            async fn initialize(
                &self,
                _: InitializeRequestParams,
                _: RequestContext<RoleServer>,
            ) -> Result<InitializeResult, ErrorData> {
                let refusal = self.refuse("initialize");
                if self.welcoming { Ok(InitializeResult::default()) } else { refusal }
            }
            async fn on_cancelled(
                &self,
                _: CancelledNotificationParam,
                _: NotificationContext<RoleServer>,
            ) {
                self.note("on_cancelled");
            }
            async fn on_progress(
                &self,
                _: ProgressNotificationParam,
                _: NotificationContext<RoleServer>,
            ) {
                self.note("on_progress");
            }
            async fn on_initialized(&self, _: NotificationContext<RoleServer>) {
                self.note("on_initialized");
            }
            async fn on_roots_list_changed(&self, _: NotificationContext<RoleServer>) {
                self.note("on_roots_list_changed");
            }
            async fn on_custom_notification(
                &self,
                _: CustomNotification,
                _: NotificationContext<RoleServer>,
            ) {
                self.note("on_custom_notification");
            }
            fn negotiate_initialize(
                &self,
                _: &InitializeRequestParams,
            ) -> Result<InitializeResult, ErrorData> {
                self.refuse("negotiate_initialize")
            }
            fn supported_protocol_versions(&self) -> Cow<'static, [ProtocolVersion]> {
                self.note("supported_protocol_versions");
                Cow::Borrowed(ProtocolVersion::KNOWN_VERSIONS)
            }
            fn accepted_subscription_filter(
                &self,
                _: &SubscriptionFilter,
            ) -> Option<SubscriptionFilter> {
                self.note("accepted_subscription_filter");
                None
            }
            fn get_tool(&self, _: &str) -> Option<Tool> {
                self.note("get_tool");
                None
            }
            fn get_info(&self) -> ServerConfig {
                self.note("get_info");
                ServerConfig::default()
            }
        }
    };
}

requests! {
    ping() -> ();
    discover() -> DiscoverResult;
    complete(CompleteRequestParams) -> CompleteResult;
    set_level(SetLevelRequestParams) -> ();
    get_prompt(GetPromptRequestParams) -> GetPromptResponse;
    list_prompts(Option<PaginatedRequestParams>) -> ListPromptsResult;
    list_resources(Option<PaginatedRequestParams>) -> ListResourcesResult;
    list_resource_templates(Option<PaginatedRequestParams>) -> ListResourceTemplatesResult;
    read_resource(ReadResourceRequestParams) -> ReadResourceResponse;
    subscribe(SubscribeRequestParams) -> ();
    unsubscribe(UnsubscribeRequestParams) -> ();
    call_tool(CallToolRequestParams) -> CallToolResponse;
    list_tools(Option<PaginatedRequestParams>) -> ListToolsResult;
    on_custom_request(CustomRequest) -> CustomResult;
    get_task(GetTaskParams) -> GetTaskResult;
    update_task(UpdateTaskParams) -> ();
    cancel_task(CancelTaskParams) -> ();
    list_skills(Option<PaginatedRequestParams>) -> ListSkillsResult;
    get_skill(GetSkillRequestParams) -> GetSkillResult;
    read_resource_directory(ReadResourceDirectoryRequestParams) -> ListResourcesResult;
}

#[tokio::test]
async fn every_method_of_the_handler_is_reached() {
    let guarded = Guarded::new(Scribe::default());
    let now = || context(ProtocolVersion::V_2026_07_28);
    let completion = json!({
        "ref": {"type": "ref/prompt", "name": "p"},
        "argument": {"name": "a", "value": ""},
    });
    let completion = serde_json::from_value(completion).unwrap();
    macro_rules! refused {
        ($($name:ident($($argument:expr),*);)+) => {$(
            let error = guarded.$name($($argument,)* now()).await.unwrap_err();
            assert_eq!(error.message, stringify!($name));
        )+};
    }
    refused! {
        ping();
        initialize(InitializeRequestParams::default());
        discover();
        complete(completion);
        set_level(SetLevelRequestParams::new(LoggingLevel::Info));
        get_prompt(GetPromptRequestParams::new("p"));
        list_prompts(None);
        list_resources(None);
        list_resource_templates(None);
        read_resource(ReadResourceRequestParams::new("a:b"));
        subscribe(SubscribeRequestParams::new("a:b"));
        unsubscribe(UnsubscribeRequestParams::new("a:b"));
        call_tool(CallToolRequestParams::new("t"));
        list_tools(None);
        on_custom_request(CustomRequest::new("own", None));
        get_task(GetTaskParams::new("t"));
        update_task(UpdateTaskParams::new("t", InputResponses::new()));
        cancel_task(CancelTaskParams::new("t"));
        list_skills(None);
        get_skill(GetSkillRequestParams::new("skill://s/SKILL.md"));
        read_resource_directory(ReadResourceDirectoryRequestParams::new("a:b"));
    }
    guarded
        .negotiate_initialize(&InitializeRequestParams::default())
        .unwrap_err();
    guarded.supported_protocol_versions();
    guarded.accepted_subscription_filter(&SubscriptionFilter::default());
    guarded.get_tool("t");
    guarded.get_info();
    let noted = guarded.inner().noted.lock().unwrap();
    for name in [
        "supported_protocol_versions",
        "accepted_subscription_filter",
        "get_tool",
        "get_info",
    ] {
        assert!(noted.contains(name), "{name}");
    }
}

#[tokio::test]
async fn every_notification_reaches_the_handler() {
    let guarded = Guarded::new(Scribe {
        welcoming: true,
        ..Scribe::default()
    });
    let server = guarded.clone();
    let (near, far) = tokio::io::duplex(64 * 1024);
    tokio::spawn(async move {
        rmcp::ServiceExt::serve(server, far)
            .await
            .unwrap()
            .waiting()
            .await
    });
    let lifecycle = rmcp::service::ClientLifecycleMode::Initialize;
    let client = rmcp::service::serve_client_with_lifecycle((), near, lifecycle)
        .await
        .unwrap();
    for notification in [
        ClientNotification::CancelledNotification(CancelledNotification::new(
            CancelledNotificationParam::new(Some(RequestId::Number(900)), None),
        )),
        ClientNotification::ProgressNotification(ProgressNotification::new(
            ProgressNotificationParam::new(ProgressToken(RequestId::Number(1)), 1.0),
        )),
        ClientNotification::InitializedNotification(InitializedNotification::default()),
        ClientNotification::RootsListChangedNotification(RootsListChangedNotification::default()),
        ClientNotification::CustomNotification(CustomNotification::new("own", None)),
    ] {
        client.send_notification(notification).await.unwrap();
    }
    let all = [
        "on_cancelled",
        "on_progress",
        "on_initialized",
        "on_roots_list_changed",
        "on_custom_notification",
    ];
    let noted = async {
        while !all
            .iter()
            .all(|name| guarded.inner().noted.lock().unwrap().contains(name))
        {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(10), noted)
        .await
        .unwrap();
}
