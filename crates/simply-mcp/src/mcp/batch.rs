//! Batches: several messages in one POST, in version 2025-03-26 and in no other.

use std::collections::HashSet;

use axum::body::Body;
use bytes::Bytes;
use futures::future::join_all;
use http::{Response, StatusCode, request::Parts};
use http_body_util::BodyExt;
use rmcp::{ServerHandler, model::ProtocolVersion};
use serde_json::value::RawValue;

use super::{
    Mcp,
    accept::Accepts,
    envelope::{Kind, Message},
    headers, json,
};
use crate::{
    facts::CorrelationId,
    refusal::{Code, Refusal},
};

/// The most messages in a batch: each is a request with its own cost.
const MOST_ITEMS: usize = 100;

/// Answers each item as if it had come alone; the answers stand in the order of the requests.
pub(super) async fn answer<H: ServerHandler>(
    door: &Mcp<H>,
    parts: &Parts,
    items: &[&RawValue],
) -> Result<Response<Body>, Refusal> {
    let version = headers::single(&parts.headers, &headers::VERSION)?;
    if version.is_some_and(|version| version != ProtocolVersion::V_2025_03_26.as_str()) {
        return Err(Refusal::new(
            Code::BadRequest,
            "batches exist in protocol version 2025-03-26 only; send one message a request",
        ));
    }
    if items.is_empty() || items.len() > MOST_ITEMS {
        return Err(Refusal::new(
            Code::BadRequest,
            format!(
                "a batch has 1 to {MOST_ITEMS} messages; this one has {}",
                items.len()
            ),
        ));
    }
    if has_twins(items) {
        return Err(Refusal::new(
            Code::BadRequest,
            "two requests of this batch have the same id; give each its own",
        ));
    }
    let further = door.admission.batch(parts, items.len()).await?;
    let answers = join_all(items.iter().map(|item| answer_item(door, parts, item))).await;
    let answers: Vec<_> = answers.into_iter().flatten().collect();
    if answers.is_empty() {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::ACCEPTED;
        further.note(&mut response);
        return Ok(response);
    }
    let mut body = vec![b'['];
    for (index, answer) in answers.iter().enumerate() {
        if index > 0 {
            body.push(b',');
        }
        body.extend_from_slice(answer);
    }
    body.push(b']');
    let mut response = json(StatusCode::OK, body);
    further.note(&mut response);
    Ok(response)
}

/// Answers are told apart by their ids only (JSON-RPC 2.0 §6).
fn has_twins(items: &[&RawValue]) -> bool {
    let mut seen = HashSet::new();
    items
        .iter()
        .filter_map(|item| Message::parse(item.get()).ok())
        .filter(|message| message.kind == Kind::Request)
        .filter_map(|message| message.id)
        .any(|id| !seen.insert(id))
}

/// The answer to one item; `None` where there is none to give.
async fn answer_item<H: ServerHandler>(
    door: &Mcp<H>,
    parts: &Parts,
    item: &RawValue,
) -> Option<Bytes> {
    let outcome = match Message::parse(item.get()) {
        Ok(message) if message.method == "initialize" => Err(Refusal::new(
            Code::BadRequest,
            "initialize cannot stand in a batch",
        )
        .with_id(message.id)),
        Ok(message) => {
            let text = Bytes::from(item.get().to_owned());
            let answered = door
                .answer(parts.clone(), &message, &text, Accepts::JSON)
                .await;
            if message.kind != Kind::Request && answered.is_ok() {
                return None;
            }
            answered
        }
        Err(refusal) => Err(refusal),
    };
    let response = outcome.unwrap_or_else(Refusal::into_response);
    if let Some(refusal) = response.extensions().get::<Refusal>() {
        let id = parts
            .extensions
            .get::<CorrelationId>()
            .map_or("", CorrelationId::as_str);
        return Some(refusal.to_json_rpc(id).into());
    }
    let body = response.into_body().collect().await.ok()?.to_bytes();
    (!body.is_empty()).then_some(body)
}
