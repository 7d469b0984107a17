//! A hostile handler behind the guard: through rmcp's own client, and by direct calls.

mod every_method;
mod hostile;

use std::{sync::atomic::Ordering, time::Duration};

use rmcp::{
    RoleClient, Service, ServiceError, ServiceExt,
    model::*,
    service::{ClientLifecycleMode, RunningService, RxJsonRpcMessage, TxJsonRpcMessage},
};
use serde_json::json;

use self::hostile::Hostile;
use super::*;

type Client = RunningService<RoleClient, ()>;

/// A client of `server`, over memory.
async fn client(server: Guarded<Hostile>, lifecycle: ClientLifecycleMode) -> Client {
    let (near, far) = tokio::io::duplex(64 * 1024);
    tokio::spawn(async move {
        if let Ok(running) = server.serve(far).await {
            let _ = running.waiting().await;
        }
    });
    rmcp::service::serve_client_with_lifecycle((), near, lifecycle)
        .await
        .unwrap()
}

/// A context as the transport makes one, of a request in `version`.
pub(super) fn context(version: ProtocolVersion) -> RequestContext<RoleServer> {
    struct Nowhere;
    impl rmcp::transport::Transport<RoleServer> for Nowhere {
        type Error = std::io::Error;
        fn send(
            &mut self,
            _: TxJsonRpcMessage<RoleServer>,
        ) -> impl Future<Output = Result<(), Self::Error>> + Send + 'static {
            std::future::ready(Ok(()))
        }
        async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleServer>> {
            std::future::pending().await
        }
        async fn close(&mut self) -> Result<(), Self::Error> {
            Ok(())
        }
    }
    let running = rmcp::service::serve_directly(Hostile::default(), Nowhere, None);
    let mut context = RequestContext::new(RequestId::Number(1), running.peer().clone());
    context.meta.set_protocol_version(version);
    context
}

fn now() -> RequestContext<RoleServer> {
    context(ProtocolVersion::V_2026_07_28)
}

fn params(name: &'static str, arguments: &Value) -> CallToolRequestParams {
    let mut params = CallToolRequestParams::new(name);
    params.arguments = arguments.as_object().cloned();
    params
}

fn completed(response: Result<CallToolResponse, ErrorData>) -> CallToolResult {
    match response.unwrap() {
        CallToolResponse::Complete(result) => result,
        other => panic!("not complete: {other:?}"),
    }
}

fn text(result: &CallToolResult) -> &str {
    &result.content[0].as_text().unwrap().text
}

fn lifecycles() -> [ClientLifecycleMode; 2] {
    [
        ClientLifecycleMode::Initialize,
        ClientLifecycleMode::Discover {
            preferred_versions: vec![ProtocolVersion::V_2026_07_28],
        },
    ]
}

// AUT-10
#[tokio::test]
async fn a_call_is_no_request_of_the_handlers_own() {
    let call = CustomRequest::new(
        "tools/call",
        Some(json!({"name": "known", "arguments": []})),
    );
    let error = Guarded::new(Hostile::default())
        .on_custom_request(call, now())
        .await
        .unwrap_err();
    assert_eq!(error.code, ErrorCode::INVALID_PARAMS);
}

#[tokio::test]
async fn arguments_that_do_not_fit_never_reach_the_tool() {
    for lifecycle in lifecycles() {
        let guarded = Guarded::new(Hostile::default());
        let client = client(guarded.clone(), lifecycle).await;
        let result = client
            .call_tool(params("known", &json!({"count": 3.5})))
            .await
            .unwrap();
        assert_eq!(result.is_error, Some(true));
        assert_eq!(
            text(&result),
            "arguments do not fit the tool's input schema: /count: 3.5 is not an integer"
        );
        assert_eq!(guarded.inner().calls.load(Ordering::SeqCst), 0);
        client
            .call_tool(params("known", &json!({"count": 3})))
            .await
            .unwrap();
        assert_eq!(guarded.inner().calls.load(Ordering::SeqCst), 1);
    }
}

#[tokio::test]
async fn absent_arguments_count_as_an_empty_object() {
    let guarded = Guarded::new(Hostile::default());
    let result = completed(
        guarded
            .call_tool(CallToolRequestParams::new("known"), now())
            .await,
    );
    assert!(text(&result).ends_with("/count: required property is missing"));
    let lenient = completed(
        guarded
            .call_tool(CallToolRequestParams::new("free"), now())
            .await,
    );
    assert_eq!(
        text(&lenient),
        "None",
        "the handler sees what the client sent"
    );
}

#[tokio::test]
async fn a_tool_that_only_stands_in_a_list_is_checked_too() {
    let guarded = Guarded::new(Hostile::default());
    let result = completed(guarded.call_tool(params("listed", &json!({})), now()).await);
    assert_eq!(result.is_error, Some(true));
    assert_eq!(
        guarded.inner().listings.load(Ordering::SeqCst),
        2,
        "both pages"
    );
    completed(
        guarded
            .call_tool(params("listed", &json!({"count": 1})), now())
            .await,
    );
    assert_eq!(
        guarded.inner().listings.load(Ordering::SeqCst),
        2,
        "remembered"
    );
}

#[tokio::test]
async fn a_list_that_passes_by_is_remembered() {
    let guarded = Guarded::new(Hostile::default());
    let second = PaginatedRequestParams::default().with_cursor(Some("2".to_owned()));
    guarded.list_tools(Some(second), now()).await.unwrap();
    assert_eq!(guarded.inner().listings.load(Ordering::SeqCst), 1);
    assert!(guarded.tool("listed", &now()).await.is_some());
    assert_eq!(guarded.inner().listings.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_schema_that_changes_between_calls_is_followed() {
    let guarded = Guarded::new(Hostile::default());
    let call = || guarded.call_tool(params("known", &json!({"count": "three"})), now());
    assert_eq!(completed(call().await).is_error, Some(true));
    guarded.inner().relaxed.store(true, Ordering::SeqCst);
    assert_ne!(completed(call().await).is_error, Some(true));
    guarded.inner().relaxed.store(false, Ordering::SeqCst);
    assert_eq!(completed(call().await).is_error, Some(true));
}

#[tokio::test]
async fn a_tool_that_nobody_knows_is_the_handlers_to_refuse() {
    let guarded = Guarded::new(Hostile::default());
    let error = guarded
        .call_tool(params("nowhere", &json!({})), now())
        .await
        .unwrap_err();
    assert_eq!(error.message, "no tool of that name");
    assert!(!is_internal(&error));
    assert!(guarded.tool("nowhere", &now()).await.is_none());
}

#[tokio::test]
async fn a_schema_that_does_not_compile_is_not_enforced() {
    let guarded = Guarded::new(Hostile::default());
    let result = completed(
        guarded
            .call_tool(params("uncompilable", &json!({"a": 1})), now())
            .await,
    );
    assert_ne!(result.is_error, Some(true));
}

#[tokio::test]
async fn a_list_without_end_is_left_after_a_while() {
    let guarded = Guarded::new(Hostile::default());
    guarded.inner().endless.store(true, Ordering::SeqCst);
    assert!(guarded.tool("nowhere", &now()).await.is_none());
    assert_eq!(guarded.inner().listings.load(Ordering::SeqCst), MAX_PAGES);
}

#[tokio::test]
async fn a_list_that_never_comes_does_not_hold_the_call() {
    let guarded = Guarded::with_patience(
        Hostile::default(),
        Arc::default(),
        Calls::default(),
        Duration::from_millis(10),
        CancellationToken::new(),
    );
    guarded.inner().silent.store(true, Ordering::SeqCst);
    let tool = tokio::time::timeout(Duration::from_secs(3), guarded.tool("listed", &now())).await;
    assert!(tool.unwrap().is_none());
}

#[tokio::test]
async fn a_panic_costs_its_own_call_only() {
    for lifecycle in lifecycles() {
        let client = client(Guarded::new(Hostile::default()), lifecycle).await;
        for name in ["panics at once", "panics later", "panics in get_tool"] {
            let error = client
                .call_tool(params(name, &json!({})))
                .await
                .unwrap_err();
            let ServiceError::McpError(error) = error else {
                panic!("{error}")
            };
            assert!(is_internal(&error), "{name}: {error:?}");
            assert_eq!(error.code, ErrorCode::INTERNAL_ERROR);
            assert!(!serde_json::to_string(&error).unwrap().contains("canary"));
            assert!(!error.message.contains(name));
        }
        client
            .call_tool(params("panics on drop", &json!({})))
            .await
            .unwrap();
        client
            .call_tool(params("known", &json!({"count": 3})))
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn a_panic_in_a_notification_leaves_the_connection_standing() {
    let client = client(
        Guarded::new(Hostile::default()),
        ClientLifecycleMode::Initialize,
    )
    .await;
    client.notify_roots_list_changed().await.unwrap();
    client
        .call_tool(params("known", &json!({"count": 3})))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_handler_that_cannot_even_say_its_name_still_answers() {
    let guarded = Guarded::new(Hostile::default());
    assert_eq!(
        ServerHandler::get_info(&guarded).server_info.name,
        "hostile"
    );
    guarded.inner().nameless.store(true, Ordering::SeqCst);
    assert_eq!(
        ServerHandler::get_info(&guarded).server_info.name,
        "hostile",
        "what it said before"
    );
    assert!(!ServerHandler::supported_protocol_versions(&guarded).is_empty());
    assert!(is_internal(
        &guarded
            .negotiate_initialize(&InitializeRequestParams::default())
            .unwrap_err()
    ));
}

#[tokio::test]
async fn results_of_2026_name_the_server_and_older_ones_do_not() {
    let guarded = Guarded::new(Hostile::default());
    let server = |value: Value| value["_meta"]["io.modelcontextprotocol/serverInfo"].clone();
    for (version, name) in [
        (ProtocolVersion::V_2026_07_28, json!("hostile")),
        (ProtocolVersion::V_2025_11_25, Value::Null),
    ] {
        let context = || context(version.clone());
        let call = guarded
            .call_tool(params("known", &json!({"count": 1})), context())
            .await;
        assert_eq!(server(json!(completed(call)))["name"], name);
        let refused = guarded
            .call_tool(params("known", &json!({})), context())
            .await;
        assert_eq!(server(json!(completed(refused)))["name"], name);
        let found = guarded.find("known", &mut context()).await.unwrap();
        let called = guarded
            .call(found, params("known", &json!({"count": 1})), context())
            .await;
        let called = called.map_err(|_| ErrorData::internal_error("no result", None));
        assert_eq!(server(json!(completed(called)))["name"], name);
        let tools = guarded.list_tools(None, context()).await.unwrap();
        assert_eq!(server(json!(tools))["name"], name);
        let prompts = guarded.list_prompts(None, context()).await.unwrap();
        assert_eq!(server(json!(prompts))["name"], name);
        let custom = guarded
            .on_custom_request(CustomRequest::new("own", None), context())
            .await;
        assert_eq!(server(json!(custom.unwrap()))["name"], name);
        let asked = guarded
            .call_tool(params("asks back", &json!({})), context())
            .await
            .unwrap();
        let CallToolResponse::InputRequired(asked) = asked else {
            panic!("{asked:?}")
        };
        assert_eq!(server(json!(asked))["name"], name);
    }
}

#[tokio::test]
async fn a_server_that_names_itself_is_believed() {
    let guarded = Guarded::new(Hostile::default());
    let result = completed(
        guarded
            .call_tool(params("names itself", &json!({})), now())
            .await,
    );
    assert_eq!(
        result.meta.unwrap()["io.modelcontextprotocol/serverInfo"]["name"],
        "another"
    );
}

#[tokio::test]
async fn a_version_that_the_handler_does_not_support_is_refused_as_rmcp_does() {
    let request = || ClientRequest::ListToolsRequest(ListToolsRequest::default());
    let context = || context(ProtocolVersion::V_2025_03_26);
    let plain = Hostile::default()
        .handle_request(request(), context())
        .await
        .unwrap_err();
    let guarded = Guarded::new(Hostile::default());
    let error = guarded
        .handle_request(request(), context())
        .await
        .unwrap_err();
    assert_eq!(error, plain);
    assert_eq!(error.code, ErrorCode::UNSUPPORTED_PROTOCOL_VERSION);
}
#[tokio::test]
async fn what_a_panic_says_goes_to_the_log_with_the_correlation_id() {
    let lines = crate::logs::tests::captured(|| async {
        let mut context = now();
        let mut request = http::Request::new(());
        request
            .extensions_mut()
            .insert(crate::facts::CorrelationId("abc-123".into()));
        context.extensions.insert(request.into_parts().0);
        let guarded = Guarded::new(Hostile::default());
        guarded
            .call_tool(params("panics later", &json!({})), context)
            .await
            .unwrap_err();
    })
    .await;
    let line = lines.iter().find(|line| line["level"] == "ERROR").unwrap();
    assert_eq!(line["correlation_id"], "abc-123");
    assert_eq!(line["context"]["subject"], "panics later");
    assert_eq!(line["context"]["panic"], "canary");
}
