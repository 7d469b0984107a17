//! The REST door: tools as plain HTTP, for whoever has curl and no MCP client.
//!
//! `GET /tools` lists, `POST /tools/{name}` calls. A call becomes the same request on the same
//! handler as one through MCP; only the wording of the answer differs.

mod answer;

use std::sync::Arc;

use axum::body::Body;
use http::{Request, Response, request::Parts};
use percent_encoding::percent_decode_str;
use rmcp::{
    RoleServer, ServerHandler,
    model::{CallToolRequestParams, JsonObject, PaginatedRequestParams},
    service::RequestContext,
};
use tokio_util::sync::DropGuard;

use crate::{
    admission::Admission,
    body,
    facts::CalledTool,
    guard::{Door, Guarded, NoResult},
    refusal::{Code, Refusal, said},
};

/// The most pages of a listing that are put together: a handler whose cursor never ends is cut off.
const MOST_PAGES: usize = 1000;

pub(crate) struct Rest<H: ServerHandler> {
    handler: Guarded<H>,
    contexts: Contexts,
    admission: Arc<Admission>,
}

/// Makes what a handler learns of a request that came by REST. The guard tells it, when it is dropped, that nobody
/// waits any more.
pub(crate) type Contexts =
    Arc<dyn Fn(Parts) -> (RequestContext<RoleServer>, DropGuard) + Send + Sync>;

impl<H: ServerHandler> Rest<H> {
    pub(crate) fn new(handler: Guarded<H>, contexts: Contexts, admission: Arc<Admission>) -> Self {
        Self {
            handler,
            contexts,
            admission,
        }
    }

    /// `GET /tools`: all pages at once.
    pub(crate) async fn list(&self, request: Request<Body>) -> Response<Body> {
        let (parts, _) = request.into_parts();
        let (context, _cancel) = (self.contexts)(parts);
        let mut tools = Vec::new();
        let mut cursor = None;
        for _ in 0..MOST_PAGES {
            let page =
                cursor.map(|cursor| PaginatedRequestParams::default().with_cursor(Some(cursor)));
            match self.handler.list_tools(page, context.clone()).await {
                Ok(page) => {
                    tools.extend(page.tools);
                    cursor = page.next_cursor;
                }
                Err(error) => return answer::failure(&error).into_response(),
            }
            if cursor.is_none() {
                break;
            }
        }
        answer::list(&tools)
    }

    /// `POST /tools/{segment}`.
    pub(crate) async fn call(&self, segment: &str, request: Request<Body>) -> Response<Body> {
        let (parts, body) = request.into_parts();
        let name = match percent_decode_str(segment).decode_utf8() {
            Ok(name) => name.into_owned(),
            Err(_) => {
                return Refusal::new(Code::BadRequest, "the tool's name in the path is not UTF-8")
                    .into_response();
            }
        };
        let mut response = match self.answer(&name, parts, body).await {
            Ok(response) => response,
            Err(refusal) => refusal.into_response(),
        };
        let known = response
            .extensions()
            .get::<Refusal>()
            .is_none_or(|refusal| refusal.code != Code::UnknownTool);
        if known {
            response.extensions_mut().insert(CalledTool(name.into()));
        }
        response
    }

    async fn answer(
        &self,
        name: &str,
        parts: Parts,
        body: Body,
    ) -> Result<Response<Body>, Refusal> {
        let admitted = self.admission.call(&parts, name).await;
        let further = admitted
            .inspect_err(|refusal| self.handler.refused(Door::Rest, name, &parts, refusal))?;
        let body = body::read(&parts.headers, body).await?;
        let (mut context, _cancel) = (self.contexts)(parts);
        let Some(found) = self.handler.find(name, &mut context).await else {
            return Err(unknown_tool(name));
        };
        let arguments = match arguments(&body) {
            Ok(arguments) => arguments,
            Err(refusal) => {
                found.withdraw();
                return Err(refusal);
            }
        };
        let params = CallToolRequestParams::new(name.to_owned()).with_arguments(arguments);
        let outcome = match self.handler.call(found, params, context).await {
            Ok(response) => answer::call(name, response),
            Err(NoResult::Unfit(unfit)) => {
                Err(Refusal::new(Code::InvalidArguments, unfit.to_string()))
            }
            Err(NoResult::Unread(result)) => Err(Refusal::new(
                Code::InvalidArguments,
                answer::text_of(&result),
            )),
            Err(NoResult::Error(error)) => Err(answer::failure(&error)),
        };
        let mut response = outcome.unwrap_or_else(Refusal::into_response);
        further.note(&mut response);
        Ok(response)
    }
}

fn unknown_tool(name: &str) -> Refusal {
    let name: String = name.chars().take(128).collect();
    Refusal::new(
        Code::UnknownTool,
        format!("no tool is called {name:?}; GET /tools lists the tools there are"),
    )
}

/// A body as arguments: a JSON object, or nothing at all.
fn arguments(body: &[u8]) -> Result<JsonObject, Refusal> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(JsonObject::new());
    }
    match serde_json::from_slice(body) {
        Ok(serde_json::Value::Object(arguments)) => Ok(arguments),
        Ok(_) => Err(Refusal::new(
            Code::BadJson,
            "the body is JSON, but not an object; send the tool's arguments as {\"name\": value}",
        )),
        Err(error) => Err(Refusal::new(
            Code::BadJson,
            format!(
                "the body is not JSON: {}; send the tool's arguments as a JSON object",
                said(&error)
            ),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_body_means_no_arguments() {
        assert!(arguments(b"").unwrap().is_empty());
        assert!(arguments(b" \r\n").unwrap().is_empty());
        assert_eq!(arguments(br#"{"a": 1}"#).unwrap()["a"], 1);
    }

    #[test]
    fn what_is_no_json_object_is_refused() {
        let deep = "[".repeat(100_000);
        for body in [
            "{",
            "[]",
            "null",
            "1",
            "{\"a\":}",
            "\u{feff}{}",
            deep.as_str(),
        ] {
            assert_eq!(
                arguments(body.as_bytes()).unwrap_err().code,
                Code::BadJson,
                "{body:.10}"
            );
        }
        assert_eq!(
            arguments(b"{\"a\": \"\xff\"}").unwrap_err().code,
            Code::BadJson
        );
    }
}
