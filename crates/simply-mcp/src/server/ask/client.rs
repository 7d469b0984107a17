//! What the client can be asked, and asking it while it waits (MCP up to 2025-11-25).

use std::time::Duration;

use rmcp::{
    model::{
        ClientCapabilities, ClientResult, ElicitationCapability, FormElicitationCapability,
        InputRequest, RootsCapabilities, SamplingCapability, ServerRequest,
    },
    service::PeerRequestOptions,
};
use serde_json::Value;

use super::{form::unfit, questions::Question};
use crate::server::{Context, ToolError};

/// How long a handler waits for an answer in versions up to 2025-11-25, where the connection waits
/// with it: a person reads and types.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(300);

/// Asks by a request to the client, in versions that have those.
pub(super) async fn request(context: &Context, question: &Question) -> Result<Value, ToolError> {
    let request = match question.request.clone() {
        InputRequest::CreateMessage(request) => ServerRequest::CreateMessageRequest(request),
        InputRequest::Elicitation(request) => ServerRequest::ElicitRequest(request),
        InputRequest::ListRoots(request) => ServerRequest::ListRootsRequest(request),
        _ => {
            return Err(ToolError::failed(
                "this kind of question cannot be asked here",
            ));
        }
    };
    let options = PeerRequestOptions::with_timeout(ANSWER_TIMEOUT);
    let asked = context
        .peer()
        .send_request_with_option(request, options)
        .await;
    let answer = match asked {
        Ok(handle) => handle.await_response().await,
        Err(error) => Err(error),
    };
    let answer = answer
        .map_err(|error| ToolError::failed(format!("the client could not be asked: {error}")))?;
    let answer = match answer {
        ClientResult::CreateMessageResult(result) => serde_json::to_value(result),
        ClientResult::ElicitResult(result) => serde_json::to_value(result),
        ClientResult::ListRootsResult(result) => serde_json::to_value(result),
        ClientResult::EmptyResult(result) => serde_json::to_value(result),
        _ => return Err(unfit(&question.key)),
    };
    match answer {
        Ok(answer) if (question.fits)(&answer) => Ok(answer),
        _ => Err(unfit(&question.key)),
    }
}

/// What the client would have to be able to do beyond what it declared.
pub(super) fn missing_capabilities(
    available: &ClientCapabilities,
    questions: &[Question],
) -> Option<ClientCapabilities> {
    let mut missing = ClientCapabilities::default();
    for question in questions {
        match &question.request {
            InputRequest::CreateMessage(_) if available.sampling.is_none() => {
                missing.sampling = Some(SamplingCapability::default());
            }
            InputRequest::Elicitation(_) if !has_forms(available) => {
                let form = FormElicitationCapability::new();
                missing.elicitation = Some(ElicitationCapability::new().with_form(form));
            }
            InputRequest::ListRoots(_) if available.roots.is_none() => {
                missing.roots = Some(RootsCapabilities::default());
            }
            _ => {}
        }
    }
    (missing != ClientCapabilities::default()).then_some(missing)
}

/// An elicitation capability without modes means forms (2025-11-25, "Capabilities").
fn has_forms(available: &ClientCapabilities) -> bool {
    let elicitation = available.elicitation.as_ref();
    elicitation.is_some_and(|modes| modes.form.is_some() || modes.url.is_none())
}
