//! The gateway with a child that behaves: everything passes through, and nothing is mixed up.
#![expect(
    deprecated,
    reason = "logging and resources/subscribe are deprecated, and still passed through"
)]

mod support;

use std::time::Duration;

use rmcp::model::{
    ClientCapabilities, ClientConfig, ElicitationCapability, GetPromptRequestParams,
    Implementation, LoggingLevel, ReadResourceRequestParams, Reference, SetLevelRequestParams,
    SubscribeRequestParams, SubscriptionFilter, UnsubscribeRequestParams,
};
use rmcp::service::PeerRequestOptions;
use rmcp::{ServerHandler as _, model::ClientRequest};
use serde_json::{Value, json};
use support::{
    call, client, eventually, json_of, modern_client, python, refusal, start, text, text_of, tool,
    well_behaved,
};

const SOON: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread")]
async fn the_childs_identity_and_lists_are_mirrored() {
    let gateway = well_behaved().await;
    let client = client(&gateway).await;
    let info = client.peer_info().unwrap();
    let server = info.server_info.clone().unwrap();
    assert_eq!(
        (server.name.as_str(), server.version.as_str()),
        ("fixture", "1.2.3")
    );
    assert_eq!(server.title.as_deref(), Some("A fixture"));
    assert_eq!(info.instructions.as_deref(), Some("Be kind."));
    assert!(info.capabilities.completions.is_some() && info.capabilities.logging.is_some());
    let tools = client.list_all_tools().await.unwrap();
    assert_eq!(tools.len(), 13, "all pages");
    let echo = serde_json::to_value(&tools[0]).unwrap();
    assert_eq!(echo["annotations"]["readOnlyHint"], true);
    assert_eq!(echo["_meta"]["k"], 1);
    assert!(
        gateway
            .get_tool("structured")
            .unwrap()
            .output_schema
            .is_some()
    );
    assert_eq!(client.list_all_resources().await.unwrap()[0].uri, "a://1");
    assert_eq!(client.list_all_resource_templates().await.unwrap().len(), 1);
    assert_eq!(client.list_all_prompts().await.unwrap()[0].name, "p");
    gateway.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_reads_prompts_and_completions_pass_through() {
    let gateway = well_behaved().await;
    let client = client(&gateway).await;
    assert_eq!(text(&client, "echo", json!({"message": "hé"})).await, "hé");
    let structured = call(&client, "structured", json!({})).await.unwrap();
    assert_eq!(structured.structured_content, Some(json!({"a": [1, null]})));
    assert_eq!(
        call(&client, "fail", json!({})).await.unwrap().is_error,
        Some(true)
    );
    let (code, message, data) = refusal(&call(&client, "refuse", json!({})).await.unwrap_err());
    assert_eq!(
        (code, message.as_str(), data),
        (-32123, "my own error", json!({"why": "because"}))
    );
    let read = client
        .read_resource(ReadResourceRequestParams::new("a://1"))
        .await
        .unwrap();
    assert_eq!(
        serde_json::to_value(&read).unwrap()["contents"][0]["text"],
        "content"
    );
    let prompt = client
        .get_prompt(GetPromptRequestParams::new("p"))
        .await
        .unwrap();
    assert_eq!(prompt.messages.len(), 1);
    let completed = client
        .complete_prompt_argument("p", "a", "o", None)
        .await
        .unwrap();
    assert_eq!(completed.values, ["one", "two"]);
    let _ = Reference::for_prompt("p");
    gateway.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn can_01_a_client_that_goes_away_cancels_its_request_at_the_child() {
    let gateway = well_behaved().await;
    let leaving = client(&gateway).await;
    let staying = client(&gateway).await;
    let slow = leaving
        .send_cancellable_request(
            ClientRequest::CallToolRequest(rmcp::model::CallToolRequest::new(tool(
                "slow",
                json!({"seconds": 20}),
            ))),
            PeerRequestOptions::no_options(),
        )
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    slow.cancel(None).await.unwrap();
    let began = std::time::Instant::now();
    while json_of(&staying, "cancelled")
        .await
        .as_array()
        .unwrap()
        .is_empty()
    {
        assert!(
            began.elapsed() < Duration::from_secs(1),
            "the child was not told within a second"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    gateway.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn gw_12_progress_and_answers_reach_only_the_client_that_asked() {
    let gateway = well_behaved().await;
    let clients = [client(&gateway).await, client(&gateway).await];
    for round in 0..200 {
        // Both clients count their ids and tokens from the same number.
        let answers = tokio::join!(
            call(&clients[0], "progress", json!({"name": "first"})),
            call(&clients[1], "progress", json!({"name": "second"})),
        );
        assert_eq!(text_of(&answers.0.unwrap()), "first", "round {round}");
        assert_eq!(text_of(&answers.1.unwrap()), "second", "round {round}");
    }
    for (client, name) in clients.iter().zip(["first", "second"]) {
        let progress = client.service().progress.clone();
        eventually("all progress", SOON, || {
            progress.lock().unwrap().len() == 1000
        })
        .await;
        let heard = progress.lock().unwrap();
        assert!(
            heard
                .iter()
                .all(|progress| progress.message.as_deref() == Some(name))
        );
        assert!(heard.iter().all(|progress| progress.total == Some(5.0)));
    }
    gateway.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_tool_list_is_read_again_and_told_to_everybody() {
    let gateway = well_behaved().await;
    let old = client(&gateway).await;
    let new = modern_client(&gateway, ClientConfig::default()).await;
    let filter = SubscriptionFilter::builder().tools_list_changed().build();
    let mut subscription = new.listen(filter).await.unwrap();
    assert!(gateway.get_tool("added").is_none());
    text(&old, "add_tool", json!({})).await;
    let told = tokio::time::timeout(SOON, subscription.next())
        .await
        .unwrap()
        .unwrap();
    assert!(told.is_some());
    assert!(
        gateway.get_tool("added").is_some(),
        "the list is fresh when the clients hear of it"
    );
    eventually("the session hears of it", SOON, || {
        old.service().heard().contains(&"tools".to_owned())
    })
    .await;
    gateway.shutdown().await;
    let end = tokio::time::timeout(SOON, subscription.next())
        .await
        .unwrap()
        .unwrap();
    assert!(end.is_none(), "the stream ends with the gateway");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_differs_after_a_restart_is_told_to_everybody_and_no_other() {
    let gateway = well_behaved().await;
    let client = client(&gateway).await;
    text(&client, "add_tool", json!({})).await;
    let heard = || client.service().heard();
    eventually("the change", SOON, || heard() == ["tools"]).await;
    let _ = call(&client, "crash", json!({})).await;
    eventually("the new child has one tool less", SOON, || {
        heard() == ["tools", "tools"]
    })
    .await;
    assert!(gateway.get_tool("added").is_none());
    let _ = call(&client, "crash", json!({})).await;
    eventually("the next one", SOON, || {
        gateway.status().restarts == 2 && gateway.status().is_up
    })
    .await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(heard(), ["tools", "tools"]);
    gateway.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wishes_of_clients_survive_a_restart_of_the_child() {
    let gateway = well_behaved().await;
    let client = client(&gateway).await;
    client
        .subscribe(SubscribeRequestParams::new("a://1"))
        .await
        .unwrap();
    client
        .set_level(SetLevelRequestParams::new(LoggingLevel::Info))
        .await
        .unwrap();
    let _ = call(&client, "crash", json!({})).await;
    eventually("a new child", SOON, || {
        gateway.status().restarts == 1 && gateway.status().is_up
    })
    .await;
    let mut asked = json!([]);
    for _ in 0..100 {
        asked = json_of(&client, "requests").await;
        let asked = asked.as_array().unwrap();
        if ["resources/subscribe", "logging/setLevel"]
            .iter()
            .all(|method| asked.contains(&json!(method)))
        {
            gateway.shutdown().await;
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the new child was not asked: {asked}");
}

#[tokio::test(flavor = "multi_thread")]
async fn resource_updates_reach_those_who_watch_the_resource() {
    let gateway = well_behaved().await;
    let (first, second) = (client(&gateway).await, client(&gateway).await);
    first
        .subscribe(SubscribeRequestParams::new("a://1"))
        .await
        .unwrap();
    let refused = first
        .subscribe(SubscribeRequestParams::new("a://none"))
        .await
        .unwrap_err();
    assert_eq!(refusal(&refused).0, -32002);
    let modern = modern_client(&gateway, ClientConfig::default()).await;
    let filter = SubscriptionFilter::builder()
        .resource_subscriptions(["a://1"])
        .build();
    let mut subscription = modern.listen(filter).await.unwrap();
    let subscribed: Value =
        serde_json::from_str(&text(&second, "touch", json!({"uri": "a://1"})).await).unwrap();
    assert_eq!(subscribed, json!(["a://1"]), "the child is asked once");
    assert!(
        tokio::time::timeout(SOON, subscription.next())
            .await
            .unwrap()
            .unwrap()
            .is_some()
    );
    eventually("the update", SOON, || first.service().heard() == ["a://1"]).await;
    assert!(second.service().heard().is_empty());
    first
        .unsubscribe(UnsubscribeRequestParams::new("a://1"))
        .await
        .unwrap();
    subscription.cancel().await.unwrap();
    let mut left = json!(null);
    for _ in 0..100 {
        left =
            serde_json::from_str(&text(&second, "touch", json!({"uri": "a://1"})).await).unwrap();
        if left == json!([]) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(
        left,
        json!([]),
        "the last one who watched is gone, and the child knows"
    );
    gateway.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn log_messages_reach_the_client_whose_request_caused_them() {
    let gateway = well_behaved().await;
    let (asking, other) = (client(&gateway).await, client(&gateway).await);
    asking
        .set_level(SetLevelRequestParams::new(LoggingLevel::Warning))
        .await
        .unwrap();
    other
        .set_level(SetLevelRequestParams::new(LoggingLevel::Debug))
        .await
        .unwrap();
    text(&asking, "log", json!({"level": "info"})).await;
    text(&asking, "log", json!({"level": "error"})).await;
    eventually("the message", SOON, || {
        asking.service().heard() == ["Error \"hello\""]
    })
    .await;
    assert!(other.service().heard().is_empty());
    gateway.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_child_of_2026_07_28_can_ask_back_through_its_answer() {
    let gateway = start(python("modern.py", &[])).await;
    assert_eq!(gateway.get_info().server_info.name, "modern");
    let mut capabilities = ClientCapabilities::default();
    capabilities.elicitation = Some(ElicitationCapability::default());
    let config = ClientConfig::new(capabilities, Implementation::new("test", "1"));
    let client = modern_client(&gateway, config).await;
    let asked = client.call_tool_once(tool("ask", json!({}))).await.unwrap();
    let rmcp::model::CallToolResponse::InputRequired(asked) = asked else {
        panic!("it asks back");
    };
    assert_eq!(asked.request_state.as_deref(), Some("state"));
    assert!(asked.input_requests.unwrap().contains_key("name"));
    let mut again = tool("ask", json!({}));
    again.request_state = asked.request_state;
    again.input_responses =
        serde_json::from_value(json!({"name": {"action": "accept", "content": {"name": "me"}}}))
            .unwrap();
    let answer = client.call_tool(again).await.unwrap();
    assert!(text_of(&answer).contains("\"me\""));
    let meta = json_of(&client, "meta").await;
    assert!(meta["io.modelcontextprotocol/clientCapabilities"]["elicitation"].is_object());
    assert_eq!(
        meta["io.modelcontextprotocol/clientInfo"]["name"],
        "simply-mcp"
    );
    gateway.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_child_that_starts_slowly_is_still_understood() {
    let gateway = start(python("modern.py", &["slow"])).await;
    assert_eq!(gateway.get_info().server_info.name, "modern");
    gateway.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_of_every_version_watch_resources_of_a_2026_07_28_child() {
    let gateway = start(python("modern.py", &[])).await;
    let old = client(&gateway).await;
    old.subscribe(SubscribeRequestParams::new("b://1"))
        .await
        .unwrap();
    let began = std::time::Instant::now();
    while old.service().heard().is_empty() {
        assert!(began.elapsed() < SOON, "no update");
        text(&old, "touch", json!({"uri": "b://1"})).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(old.service().heard()[0], "b://1");
    gateway.shutdown().await;
}
