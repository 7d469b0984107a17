//! The JSON-RPC 2.0 envelope: read once, borrowed, strict.

use std::{borrow::Cow, sync::Arc};

use bytes::Bytes;
use rmcp::model::{JsonObject, RequestId, RequestMetaObject};
use serde::Deserialize;
use serde_json::{error::Category, value::RawValue};

use crate::refusal::{Code, Refusal, said};

/// What a POST can carry.
pub(super) enum Incoming<'a> {
    /// One message.
    One(Message<'a>),
    /// Several, each still unread: JSON-RPC 2.0 §6.
    Batch(Vec<&'a RawValue>),
}

/// Which of the four kinds a message is; the two kinds of answers are one here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Request,
    Notification,
    Response,
}

/// One message, its parameters unread.
pub(super) struct Message<'a> {
    pub(super) kind: Kind,
    /// Empty for a response.
    pub(super) method: Cow<'a, str>,
    pub(super) id: Option<RequestId>,
    params: Option<&'a RawValue>,
}

/// The parameters of a request, with `_meta` taken out.
#[derive(Default)]
pub(super) struct Params {
    pub(super) meta: RequestMetaObject,
    /// `None` where the message has no parameters.
    pub(super) rest: Option<JsonObject>,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    jsonrpc: Option<Cow<'a, str>>,
    #[serde(borrow)]
    method: Option<Cow<'a, str>>,
    #[serde(borrow, default, deserialize_with = "present")]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    params: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    result: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

/// Tells `null`, which is there, from nothing.
fn present<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(from).map(Some)
}

impl<'a> Incoming<'a> {
    /// Reads a body.
    pub(super) fn parse(body: &'a Bytes) -> Result<Self, Refusal> {
        let first = body.iter().find(|byte| !byte.is_ascii_whitespace());
        if first == Some(&b'[') {
            return serde_json::from_slice(body)
                .map(Self::Batch)
                .map_err(|error| unreadable(&error));
        }
        let text = std::str::from_utf8(body)
            .map_err(|_| Refusal::new(Code::BadJson, "the body is not JSON: it is not UTF-8"))?;
        Message::parse(text).map(Self::One)
    }
}

impl<'a> Message<'a> {
    /// Reads one message.
    pub(super) fn parse(text: &'a str) -> Result<Self, Refusal> {
        let envelope: Envelope<'a> =
            serde_json::from_str(text).map_err(|error| unreadable(&error))?;
        let id = envelope.id.map(read_id).transpose()?;
        let refuse =
            |what: &'static str| Err(Refusal::new(Code::BadRequest, what).with_id(id.clone()));
        if envelope.jsonrpc.as_deref() != Some("2.0") {
            return refuse("a message must say \"jsonrpc\": \"2.0\"");
        }
        let answers = envelope.result.is_some() || envelope.error.is_some();
        let kind = match (&envelope.method, &id) {
            (Some(_), _) if answers => {
                return refuse("a message has a method, or a result, or an error: not two of them");
            }
            (Some(_), Some(_)) => Kind::Request,
            (Some(_), None) => Kind::Notification,
            (None, Some(_)) if answers => Kind::Response,
            (None, None) if envelope.error.is_some() => Kind::Response,
            (None, _) => {
                return refuse("a message needs a method, or an id with a result or an error");
            }
        };
        let method = envelope.method.unwrap_or_default();
        Ok(Self {
            kind,
            method,
            id,
            params: envelope.params,
        })
    }

    /// Reads the parameters.
    pub(super) fn params(&self) -> Result<Params, Refusal> {
        let Some(raw) = self.params else {
            return Ok(Params::default());
        };
        let refuse = |code, what: String| Err(Refusal::new(code, what).with_id(self.id.clone()));
        let mut rest: JsonObject = match serde_json::from_str(raw.get()) {
            Ok(rest) => rest,
            Err(error) if error.classify() == Category::Data => {
                return refuse(
                    Code::InvalidArguments,
                    "params must be an object".to_owned(),
                );
            }
            // Syntax was checked when the envelope was read: what is left is depth and numbers.
            Err(error) => {
                return refuse(
                    Code::BadJson,
                    format!(
                        "the body is not JSON that this server reads: {}",
                        said(&error)
                    ),
                );
            }
        };
        let meta = match rest.remove("_meta") {
            None => RequestMetaObject::default(),
            Some(serde_json::Value::Object(meta)) => RequestMetaObject::from(meta),
            Some(_) => {
                return refuse(
                    Code::InvalidArguments,
                    "params._meta must be an object".to_owned(),
                );
            }
        };
        Ok(Params {
            meta,
            rest: Some(rest),
        })
    }

    /// The tool that this message calls, if it is such a call.
    pub(super) fn called_tool(&self, params: &Params) -> Option<Arc<str>> {
        let name = self.tool(params)?;
        Some(name.chars().take(128).collect::<String>().into())
    }

    /// The whole name of the tool that is called.
    pub(super) fn tool<'p>(&self, params: &'p Params) -> Option<&'p str> {
        if self.method != "tools/call" {
            return None;
        }
        params.rest.as_ref()?.get("name")?.as_str()
    }
}

fn read_id(raw: &RawValue) -> Result<RequestId, Refusal> {
    serde_json::from_str(raw.get()).map_err(|_| {
        Refusal::new(
            Code::BadRequest,
            "a message's id must be a string or a whole number",
        )
    })
}

fn unreadable(error: &serde_json::Error) -> Refusal {
    match error.classify() {
        Category::Data => Refusal::new(
            Code::BadRequest,
            format!("the body is no JSON-RPC message: {}", said(error)),
        ),
        _ => Refusal::new(
            Code::BadJson,
            format!("the body is not JSON: {}", said(error)),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(body: &str) -> Option<Code> {
        Incoming::parse(&Bytes::from(body.to_owned()))
            .err()
            .map(|refusal| refusal.code)
    }

    fn kind(body: &str) -> Kind {
        Message::parse(body)
            .unwrap_or_else(|refusal| panic!("{body}: {refusal:?}"))
            .kind
    }

    #[test]
    fn the_kinds_are_told_apart() {
        assert_eq!(
            kind(r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#),
            Kind::Request
        );
        assert_eq!(
            kind(r#"{"jsonrpc":"2.0","id":"a","method":"ping","params":{}}"#),
            Kind::Request
        );
        assert_eq!(
            kind(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#),
            Kind::Notification
        );
        assert_eq!(
            kind(r#"{"jsonrpc":"2.0","id":1,"result":{}}"#),
            Kind::Response
        );
        assert_eq!(
            kind(r#"{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":""}}"#),
            Kind::Response
        );
    }

    #[test]
    fn what_is_not_json_is_a_parse_error() {
        for body in [
            "",
            " ",
            "{",
            "{\"jsonrpc\"",
            "[",
            "nope",
            "{\"a\":01}",
            "\u{feff}{}",
        ] {
            assert_eq!(code(body), Some(Code::BadJson), "{body}");
        }
        let body = Bytes::from_static(b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xff\"}");
        assert_eq!(Incoming::parse(&body).err().unwrap().code, Code::BadJson);
    }

    #[test]
    fn what_is_json_but_no_message_is_an_invalid_request() {
        for body in [
            "1",
            "null",
            "\"x\"",
            "{}",
            r#"{"jsonrpc":"1.0","id":1,"method":"ping"}"#,
            r#"{"id":1,"method":"ping"}"#,
            r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#,
            r#"{"jsonrpc":"2.0","id":1.5,"method":"ping"}"#,
            r#"{"jsonrpc":"2.0","id":{},"method":"ping"}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":5}"#,
            r#"{"jsonrpc":"2.0","id":1}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"ping","result":{}}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call"}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"ping","meth\u006fd":"tools/call"}"#,
        ] {
            assert_eq!(code(body), Some(Code::BadRequest), "{body}");
        }
    }

    #[test]
    fn meta_is_taken_out_of_the_parameters() {
        let text = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","_meta":{"a":1}}}"#;
        let message = Message::parse(text).ok().unwrap();
        let params = message.params().ok().unwrap();
        assert_eq!(params.meta.get("a"), Some(&serde_json::json!(1)));
        assert_eq!(message.called_tool(&params).as_deref(), Some("echo"));
        assert!(!params.rest.unwrap().contains_key("_meta"));
    }

    #[test]
    fn parameters_that_are_too_deep_or_no_object_are_refused_with_the_id() {
        let deep = format!("{{\"a\":{}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
        for (params, code) in [
            (deep.as_str(), Code::BadJson),
            ("[1]", Code::InvalidArguments),
            (r#"{"_meta":1}"#, Code::InvalidArguments),
        ] {
            let text = format!(r#"{{"jsonrpc":"2.0","id":7,"method":"x","params":{params}}}"#);
            let refusal = Message::parse(&text).ok().unwrap().params().err().unwrap();
            assert_eq!(refusal.code, code);
            assert_eq!(refusal.id, Some(RequestId::Number(7)));
        }
    }
}
