//! Results of MCP 2026-07-28 name the server that made them (`_meta`, `serverInfo`).

use rmcp::model::{
    CallToolResponse, CallToolResult, CompleteResult, CreateTaskResult, CustomResult,
    DiscoverResult, GetPromptResponse, GetPromptResult, GetSkillResult, GetTaskResult,
    InitializeResult, InputRequiredResult, ListPromptsResult, ListResourceTemplatesResult,
    ListResourcesResult, ListSkillsResult, ListToolsResult, MetaObject, ReadResourceResponse,
    ReadResourceResult, ResultType,
};
use serde_json::Value;

const SERVER_INFO: &str = "io.modelcontextprotocol/serverInfo";

/// A result that has room for the server's name.
pub(super) trait Stamp {
    /// Names the server, unless the handler did so itself.
    fn stamp(&mut self, server: &Value);
}

fn stamp(meta: &mut Option<MetaObject>, server: &Value) {
    let meta = meta.get_or_insert_default();
    if !meta.contains_key(SERVER_INFO) {
        meta.insert(SERVER_INFO.to_owned(), server.clone());
    }
}

macro_rules! stamp_meta {
    ($($result:ty),+ $(,)?) => {$(
        impl Stamp for $result {
            fn stamp(&mut self, server: &Value) {
                stamp(&mut self.meta, server);
            }
        }
    )+};
}

/// Results that a handler may have from an older server, where they had no `resultType` yet.
macro_rules! stamp_meta_and_type {
    ($($result:ty),+ $(,)?) => {$(
        impl Stamp for $result {
            fn stamp(&mut self, server: &Value) {
                stamp(&mut self.meta, server);
                self.result_type.get_or_insert(ResultType::COMPLETE);
            }
        }
    )+};
}

stamp_meta!(
    CreateTaskResult,
    DiscoverResult,
    GetTaskResult,
    InputRequiredResult,
);

stamp_meta_and_type!(
    CallToolResult,
    CompleteResult,
    GetPromptResult,
    GetSkillResult,
    ListPromptsResult,
    ListResourceTemplatesResult,
    ListResourcesResult,
    ListSkillsResult,
    ListToolsResult,
    ReadResourceResult,
);

impl Stamp for CallToolResponse {
    fn stamp(&mut self, server: &Value) {
        match self {
            Self::Complete(result) => result.stamp(server),
            Self::InputRequired(result) => result.stamp(server),
            Self::Task(result) => result.stamp(server),
            _ => {}
        }
    }
}

impl Stamp for GetPromptResponse {
    fn stamp(&mut self, server: &Value) {
        match self {
            Self::Complete(result) => result.stamp(server),
            Self::InputRequired(result) => result.stamp(server),
            _ => {}
        }
    }
}

impl Stamp for ReadResourceResponse {
    fn stamp(&mut self, server: &Value) {
        match self {
            Self::Complete(result) => result.stamp(server),
            Self::InputRequired(result) => result.stamp(server),
            _ => {}
        }
    }
}

impl Stamp for CustomResult {
    fn stamp(&mut self, server: &Value) {
        let Value::Object(result) = &mut self.0 else {
            return;
        };
        let meta = result
            .entry("_meta")
            .or_insert_with(|| Value::Object(Default::default()));
        if let Value::Object(meta) = meta {
            meta.entry(SERVER_INFO).or_insert_with(|| server.clone());
        }
    }
}

/// `initialize` belongs to the older versions, and says who answers in a member of its own.
impl Stamp for InitializeResult {
    fn stamp(&mut self, _server: &Value) {}
}

/// rmcp builds the empty results itself, after the handler.
impl Stamp for () {
    fn stamp(&mut self, _server: &Value) {}
}
