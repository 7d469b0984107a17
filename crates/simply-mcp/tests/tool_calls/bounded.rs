//! What clients and handlers make up does not become series without end.

use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{
        CallToolRequestParams, CallToolResponse, CallToolResult, ListToolsResult,
        PaginatedRequestParams, ServerCapabilities, ServerConfig, Tool,
    },
    service::RequestContext,
};
use serde_json::json;

use crate::fixture::{Fixture, WAYS, expected, server};

// MET-01, MET-02
#[tokio::test]
async fn names_that_clients_make_up_are_one_series() {
    let fixture = Fixture::start(server(), json!({})).await;
    for number in 0..50 {
        for (index, way) in WAYS.into_iter().enumerate() {
            let name = format!("sk-secret-{number}-{index}");
            let changed = fixture.counted(fixture.call(way, &name, &json!({}))).await;
            assert_eq!(
                changed,
                expected("unmatched", "unknown_tool", false),
                "{way:?}"
            );
        }
    }
    let tools = fixture.series().await;
    let others = tools
        .keys()
        .filter(|name| !name.contains("tool=\"unmatched\""));
    assert_eq!(others.count(), 0, "{tools:?}");
}

/// Lists its tools and tells them in no other way, and answers any name.
struct ListsOnly;

impl ServerHandler for ListsOnly {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let listed = Tool::new("listed", "", serde_json::Map::new());
        Ok(ListToolsResult::with_all_items(vec![listed]))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        match &*request.name {
            "nobody" => Err(ErrorData::internal_error("what is this?", None)),
            _ => Ok(CallToolResult::success(Vec::new()).into()),
        }
    }
}

#[tokio::test]
async fn a_handler_that_only_lists_its_tools_is_counted_alike() {
    let fixture = Fixture::start(ListsOnly, json!({})).await;
    for way in WAYS {
        let changed = fixture
            .counted(fixture.call(way, "listed", &json!({})))
            .await;
        assert_eq!(changed, expected("listed", "success", true), "{way:?}");
        let changed = fixture
            .counted(fixture.call(way, "nobody", &json!({})))
            .await;
        assert_eq!(
            changed,
            expected("unmatched", "unknown_tool", false),
            "{way:?}"
        );
    }
}
