//! A call of a tool, through either door: found, checked, run, and told of ([`calls`](crate::calls)).

use http::request::Parts;
use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{
        CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ErrorCode,
        JsonObject, TASKS_EXTENSION_ID, Tool,
    },
    service::RequestContext,
};
use serde_json::Value;

use super::{
    Guarded,
    call::{Call, Failure},
    caller,
};
use crate::{
    calls::{Door, Outcome, ToolCall},
    refusal::{Refusal, shown},
    schema::{InvalidArguments, UNREAD},
};

/// Where a request since 2026-07-28 says what its client can do.
const CLIENT_CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";

/// A call whose tool is there for its caller, and has not run yet.
#[derive(Debug)]
pub(crate) struct Found {
    call: ToolCall,
    tool: Tool,
}

/// Why a call has no result.
#[derive(Debug)]
pub(crate) enum NoResult {
    /// The arguments do not fit the tool's input schema; nothing ran.
    Unfit(InvalidArguments),
    /// The arguments fit the schema, and not what the tool takes; the result says why.
    Unread(CallToolResult),
    /// The handler's own error, or one that [`is_internal`](super::is_internal) where it panicked.
    Error(ErrorData),
}

impl Found {
    /// What came with the call could not be read, and so it was none.
    pub(crate) fn withdraw(self) {
        self.call.withdraw();
    }
}

impl<H: ServerHandler> Guarded<H> {
    /// `tools/call`. Arguments that do not fit are the tool's own failure (SEP-1303): a model can read the text and
    /// try again, which it cannot with a JSON-RPC error. Nothing has run. A tool that nobody knows is the handler's to
    /// refuse.
    ///
    /// # Errors
    ///
    /// The handler's own, one that [`is_internal`](super::is_internal) where it panicked, and -32602 for a tool that
    /// is hidden from the caller.
    pub(super) async fn call_by_mcp(
        &self,
        mut request: CallToolRequestParams,
        mut context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let calls = &self.shared.calls;
        let mut told = calls.arrive(Door::Mcp, &request.name, &mut context);
        if !self.exists(&request.name, &context) {
            told.answered_with(ErrorCode::INVALID_PARAMS);
            told.ends(Outcome::UnknownTool);
            // In the words in which `McpServer` says it of a name that nobody knows.
            let text = format!("there is no tool {}", shown(&request.name));
            return Err(ErrorData::invalid_params(text, None));
        }
        if let Some(tool) = self.tool(&request.name, &context).await {
            told.found(&request.name, request.arguments.as_ref());
            if let Err(unfit) = self.check(&tool, &request.name, &mut request.arguments) {
                told.ends(Outcome::InvalidArguments);
                return Ok(self.unfit(&unfit, &context));
            }
        }
        self.run_tool(told, request, context).await.1
    }

    /// Looks for the tool that is called by REST.
    pub(crate) async fn find(
        &self,
        name: &str,
        context: &mut RequestContext<RoleServer>,
    ) -> Option<Found> {
        let call = self.shared.calls.arrive(Door::Rest, name, context);
        match self.tool(name, context).await {
            Some(tool) => Some(Found { call, tool }),
            None => {
                call.ends(Outcome::UnknownTool);
                None
            }
        }
    }

    /// Calls the tool that was found.
    ///
    /// # Errors
    ///
    /// Why there is no result.
    pub(crate) async fn call(
        &self,
        found: Found,
        mut params: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, NoResult> {
        let Found { mut call, tool } = found;
        call.found(&params.name, params.arguments.as_ref());
        if let Err(unfit) = self.check(&tool, &params.name, &mut params.arguments) {
            call.ends(Outcome::InvalidArguments);
            return Err(NoResult::Unfit(unfit));
        }
        drop(tool);
        match self.run_tool(call, params, context).await {
            (Outcome::InvalidArguments, Ok(CallToolResponse::Complete(result))) => {
                Err(NoResult::Unread(result))
            }
            (_, response) => response.map_err(NoResult::Error),
        }
    }

    /// Tells that a door refused a call of a tool because of that tool. It is no call to be counted.
    pub(crate) fn refused(&self, door: Door, tool: &str, parts: &Parts, refusal: &Refusal) {
        self.shared.calls.refused(door, tool, parts, refusal.code);
    }

    /// Runs a tool whose arguments have been checked, and says how it was counted.
    async fn run_tool(
        &self,
        mut told: ToolCall,
        params: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> (Outcome, Result<CallToolResponse, ErrorData>) {
        let call = Call::of("tools/call", &context).about(&params.name);
        let caller = caller(&context).clone();
        let (door, takes_tasks) = (told.door(), takes_tasks(&context));
        told.runs();
        let mut result = self
            .run(&call, || self.inner().call_tool(params, context))
            .await;
        if let (Door::Mcp, Err(Failure::Said(error))) = (door, &result) {
            told.answered_with(error.code);
        }
        let unread = result.as_mut().is_ok_and(is_of_unread_arguments);
        let outcome = match &result {
            Err(Failure::Panicked) => Outcome::Panic,
            _ if call.is_given_up() => Outcome::Cancelled,
            Err(Failure::GivenUp) => Outcome::Cancelled,
            Err(Failure::Said(error)) => Outcome::of_error(error),
            Ok(_) if unread => Outcome::InvalidArguments,
            // rmcp answers it with an error in the task's place (SEP-2663).
            Ok(CallToolResponse::Task(_)) if !takes_tasks => Outcome::Refused,
            Ok(response) => Outcome::of(door, response),
        };
        told.ends(outcome);
        if let Ok(response) = &mut result {
            self.stamp(&call, response);
        }
        if let Ok(CallToolResponse::Task(started)) = &result {
            self.shared.tasks.started(&started.task.task_id, &caller);
        }
        (outcome, result.map_err(ErrorData::from))
    }

    /// Checks arguments against a tool's input schema, and gives them back. Absent arguments are `{}`; a tool whose
    /// schema does not compile has nothing to check against.
    fn check(
        &self,
        tool: &Tool,
        name: &str,
        arguments: &mut Option<JsonObject>,
    ) -> Result<(), InvalidArguments> {
        let Some(schema) = self.shared.schemas.compiled(name, &tool.input_schema) else {
            return Ok(());
        };
        let present = arguments.is_some();
        let value = Value::Object(arguments.take().unwrap_or_default());
        let checked = schema.check(&value);
        if present && let Value::Object(map) = value {
            *arguments = Some(map);
        }
        checked
    }

    /// Arguments that do not fit, as a result that failed.
    fn unfit(
        &self,
        unfit: &InvalidArguments,
        context: &RequestContext<RoleServer>,
    ) -> CallToolResponse {
        let text = ContentBlock::text(unfit.to_string());
        let mut result = CallToolResponse::from(CallToolResult::error(vec![text]));
        self.stamp(&Call::of("tools/call", context), &mut result);
        result
    }
}

/// Whether the tool could not read its arguments. The sign of it is taken away, as it is meant for nobody else.
fn is_of_unread_arguments(response: &mut CallToolResponse) -> bool {
    let CallToolResponse::Complete(result) = response else {
        return false;
    };
    let Some(meta) = &mut result.meta else {
        return false;
    };
    let is_signed = meta.remove(UNREAD).is_some();
    if is_signed && meta.is_empty() {
        result.meta = None;
    }
    is_signed
}

/// Whether the client has said that it takes a task for a result. Read in place, as what it says is seldom needed.
fn takes_tasks(context: &RequestContext<RoleServer>) -> bool {
    match context.meta.get(CLIENT_CAPABILITIES) {
        Some(declared) => {
            let extensions = declared.get("extensions");
            extensions.is_some_and(|extensions| extensions.get(TASKS_EXTENSION_ID).is_some())
        }
        None => {
            let client = context.peer.peer_info();
            client.is_some_and(|client| client.capabilities.supports_tasks())
        }
    }
}
