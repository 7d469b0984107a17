//! One round of a call: a handler run with what the rounds before it left.

use std::sync::Arc;

use rmcp::{
    RoleServer,
    model::{CacheScope, ErrorData, GetTaskMethod, InputResponses, JsonObject},
    service::RequestContext,
    task_manager::TaskManager,
};

use super::{
    Context, McpServer, ToolError,
    context::{fact, is_modern},
    error::Reason,
    registry::Function,
    state::{Carried, Rounds, Subject},
};

pub(super) type Request = RequestContext<RoleServer>;

/// What of a request belongs to the rounds of its call.
pub(super) struct Round<'a> {
    pub(super) subject: Subject<'a>,
    pub(super) responses: Option<InputResponses>,
    pub(super) state: Option<String>,
}

impl McpServer {
    /// Runs a handler, with what earlier rounds left; its failure has its question sealed already.
    pub(super) async fn run<R>(
        &self,
        function: Function<R>,
        arguments: JsonObject,
        round: Round<'_>,
        request: Request,
    ) -> Result<Result<R, Reason>, ErrorData> {
        let carried = match &round.state {
            Some(state) => self.open(state, round.subject, &arguments, &request)?,
            None => Carried::default(),
        };
        let rounds = Rounds::new(carried, round.responses);
        let context = Context::new(request, arguments, rounds, Arc::clone(&self.shared));
        let result = function(context.clone()).await;
        Ok(result.map_err(|error| {
            context
                .seal(error.into_reason(), round.subject)
                .unwrap_or_else(ToolError::into_reason)
        }))
    }

    pub(super) fn task_manager(&self) -> Result<TaskManager, ErrorData> {
        let tasks = self.shared.registry.load().tasks.clone();
        tasks.ok_or_else(ErrorData::method_not_found::<GetTaskMethod>)
    }

    fn open(
        &self,
        state: &str,
        subject: Subject<'_>,
        arguments: &JsonObject,
        request: &Request,
    ) -> Result<Carried, ErrorData> {
        let caller = fact::<crate::Caller>(&request.extensions)
            .cloned()
            .unwrap_or_default();
        let subject = subject.of(caller.id(), arguments);
        self.shared
            .seal
            .open(fact(&request.extensions), state, &subject)
    }
}

/// How long a client may keep a result. Older versions do not know the fields.
pub(super) fn hints(
    cache: Option<(u64, CacheScope)>,
    request: &Request,
) -> (Option<u64>, Option<CacheScope>) {
    match cache {
        Some((milliseconds, scope)) if is_modern(request) => (Some(milliseconds), Some(scope)),
        _ => (None, None),
    }
}
