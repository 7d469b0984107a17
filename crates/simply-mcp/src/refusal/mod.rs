//! Every "no" that a client can hear, declared once: stable code, status, title.
//!
//! A door or a room answers with a [`Refusal`]. It travels in the response's extensions, so that the
//! access log knows why, and `layers/refusals.rs` writes the body: JSON on the REST door, a JSON-RPC
//! error on the MCP door.

mod said;

use std::{borrow::Cow, time::Duration};

use axum::body::Body;
use http::{HeaderValue, Response, StatusCode, header};
use rmcp::model::{ErrorCode, ErrorData, JsonRpcError, RequestId};
use serde_json::json;

pub(crate) use self::said::{said, shown};

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $name:ident = $code:literal, $status:ident;)+) => {
        /// Why a request was refused: the stable `code` of an answer.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Code { $($(#[doc = $doc])+ $name,)+ }

        impl Code {
            /// Every code, in the order of their numbers (`code as usize`).
            pub(crate) const ALL: &[Self] = &[$(Self::$name),+];

            /// The code as a client sees it.
            pub(crate) const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code,)+ }
            }

            /// The HTTP status that goes with it.
            pub(crate) const fn status(self) -> StatusCode {
                match self { $(Self::$name => StatusCode::$status,)+ }
            }
        }
    };
}

codes! {
    /// The body is not JSON.
    BadJson = "bad_json", BAD_REQUEST;
    /// The request is not what this route or protocol expects.
    BadRequest = "bad_request", BAD_REQUEST;
    /// The arguments do not fit the tool's input schema.
    InvalidArguments = "invalid_arguments", BAD_REQUEST;
    /// There is no key or token, or it is good for nothing here.
    Unauthorized = "unauthorized", UNAUTHORIZED;
    /// It looks like a key of ours, and somebody mistyped it.
    KeyMalformed = "key_malformed", UNAUTHORIZED;
    /// The token is good, and does not allow this.
    InsufficientScope = "insufficient_scope", FORBIDDEN;
    /// The address may not read this.
    AddressNotAllowed = "address_not_allowed", FORBIDDEN;
    /// The caller has used up its allowance for now.
    RateLimited = "rate_limited", TOO_MANY_REQUESTS;
    /// The caller has as many sessions or streams as it may have.
    TooManyOpen = "too_many_open", TOO_MANY_REQUESTS;
    /// The `Host` header names a server that this one is not (DNS rebinding).
    HostNotAllowed = "host_not_allowed", FORBIDDEN;
    /// The `Origin` header names a web site that may not call this server.
    OriginNotAllowed = "origin_not_allowed", FORBIDDEN;
    /// No such route.
    NotFound = "not_found", NOT_FOUND;
    /// No such tool.
    UnknownTool = "unknown_tool", NOT_FOUND;
    /// The MCP session is not known here, or has ended.
    UnknownSession = "unknown_session", NOT_FOUND;
    /// The route exists, the method does not.
    MethodNotAllowed = "method_not_allowed", METHOD_NOT_ALLOWED;
    /// The client accepts no form in which the answer could be given.
    NotAcceptable = "not_acceptable", NOT_ACCEPTABLE;
    /// The body did not arrive in time.
    BodyTimeout = "body_timeout", REQUEST_TIMEOUT;
    /// The body is larger than this server takes.
    BodyTooLarge = "body_too_large", PAYLOAD_TOO_LARGE;
    /// The body's media type or encoding is not one that this server reads.
    UnsupportedMediaType = "unsupported_media_type", UNSUPPORTED_MEDIA_TYPE;
    /// The tool answered with a failure of its own.
    ToolError = "tool_error", INTERNAL_SERVER_ERROR;
    /// Something broke that is nobody's business but the operator's.
    Internal = "internal", INTERNAL_SERVER_ERROR;
    /// The tool asks back or starts a task, which only MCP can carry.
    NeedsMcp = "needs_mcp", NOT_IMPLEMENTED;
    /// The server is full.
    Overloaded = "overloaded", SERVICE_UNAVAILABLE;
    /// The tool, or what it asks, did not end in time.
    Timeout = "timeout", GATEWAY_TIMEOUT;
}

/// A "no", with what happened and what to do about it.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    pub(crate) code: Code,
    /// What happened and what to do, in words that are safe to show.
    pub(crate) detail: Cow<'static, str>,
    /// The JSON-RPC request that is refused, where it could be read.
    pub(crate) id: Option<RequestId>,
    /// The JSON-RPC code, where the specification has a better one than -32000.
    rpc_code: ErrorCode,
    advice: Option<Advice>,
}

/// What a header adds to the words.
#[derive(Clone, Debug)]
enum Advice {
    /// How to authenticate (RFC 9110 §11.6.1, RFC 6750 §3).
    Challenge(HeaderValue),
    /// Which allowance is used up, and for how long.
    Wait(Wait),
    /// The methods that would do.
    Allow(&'static str),
    /// The seconds after which to come back.
    RetryAfter(u32),
}

/// An allowance that is used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wait {
    /// The time after which the same request passes.
    pub(crate) retry_after: Duration,
    /// The requests of a window.
    pub(crate) limit: u32,
    /// Whose allowance it is.
    pub(crate) scope: Scope,
}

/// Whose allowance is used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// That of a key.
    Key,
    /// That of a token's subject.
    Token,
    /// That of an address.
    Address,
    /// The caller's for one tool.
    Tool,
}

impl Scope {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Token => "token",
            Self::Address => "address",
            Self::Tool => "tool",
        }
    }
}

impl Wait {
    /// Whole seconds that are enough (RFC 9110 §10.2.3).
    fn whole_seconds(self) -> u64 {
        whole(self.retry_after, 1_000_000_000)
    }

    fn milliseconds(self) -> u64 {
        whole(self.retry_after, 1_000_000)
    }
}

/// How many units it takes to cover a time, at least one.
fn whole(time: Duration, nanoseconds: u128) -> u64 {
    u64::try_from(time.as_nanos().div_ceil(nanoseconds).max(1)).unwrap_or(u64::MAX)
}

impl Refusal {
    /// A refusal for `code`; `detail` says what happened and what to do.
    pub(crate) fn new(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        let rpc_code = match code {
            Code::BadJson => ErrorCode::PARSE_ERROR,
            Code::BadRequest => ErrorCode::INVALID_REQUEST,
            Code::InvalidArguments => ErrorCode::INVALID_PARAMS,
            Code::Internal => ErrorCode::INTERNAL_ERROR,
            _ => ErrorCode(-32000),
        };
        Self {
            code,
            detail: detail.into(),
            id: None,
            rpc_code,
            advice: None,
        }
    }

    /// The same, naming the JSON-RPC request it answers.
    pub(crate) fn with_id(mut self, id: Option<RequestId>) -> Self {
        self.id = id;
        self
    }

    /// The same, with the code that the MCP specification has for it.
    pub(crate) fn with_rpc_code(mut self, code: ErrorCode) -> Self {
        self.rpc_code = code;
        self
    }

    /// A 405 that names the methods which would do (RFC 9110 §15.5.6).
    pub(crate) fn method_not_allowed(allow: &'static str) -> Self {
        let mut refusal = Self::new(
            Code::MethodNotAllowed,
            format!("this route takes {allow}; see the Allow header"),
        );
        refusal.advice = Some(Advice::Allow(allow));
        refusal
    }

    /// A 503 that says when to come back (RFC 9110 §10.2.3).
    pub(crate) fn overloaded(
        detail: impl Into<Cow<'static, str>>,
        retry_after_seconds: u32,
    ) -> Self {
        let mut refusal = Self::new(Code::Overloaded, detail);
        refusal.advice = Some(Advice::RetryAfter(retry_after_seconds));
        refusal
    }

    /// A 401, or a 403 for want of scope, that says how to do better (RFC 6750 §3).
    pub(crate) fn challenge(
        code: Code,
        detail: impl Into<Cow<'static, str>>,
        challenge: HeaderValue,
    ) -> Self {
        let mut refusal = Self::new(code, detail);
        refusal.advice = Some(Advice::Challenge(challenge));
        refusal
    }

    /// A 429 that says how long to wait (RFC 6585 §4).
    pub(crate) fn rate_limited(detail: impl Into<Cow<'static, str>>, wait: Wait) -> Self {
        let mut refusal = Self::new(Code::RateLimited, detail);
        refusal.advice = Some(Advice::Wait(wait));
        refusal
    }

    /// The reason phrase of the status: the `error` of a REST answer.
    pub(crate) fn title(&self) -> &'static str {
        self.code.status().canonical_reason().unwrap_or("Error")
    }

    /// The code of the JSON-RPC error object.
    #[cfg(test)]
    pub(crate) const fn rpc_code(&self) -> ErrorCode {
        self.rpc_code
    }

    /// The refusal as a JSON-RPC 2.0 error (§5.1). The `id` is left out where it could not be read, as
    /// MCP asks.
    pub(crate) fn to_json_rpc(&self, correlation_id: &str) -> Vec<u8> {
        let mut data = json!({ "code": self.code.as_str(), "correlation_id": correlation_id });
        if let Some(Advice::Wait(wait)) = &self.advice {
            data["retryAfterMs"] = wait.milliseconds().into();
            data["limit"] = wait.limit.into();
            data["scope"] = wait.scope.as_str().into();
        }
        let error = ErrorData::new(self.rpc_code, self.detail.clone(), Some(data));
        serde_json::to_vec(&JsonRpcError::new(self.id.clone(), error))
            .expect("an error object serialises")
    }

    /// The bare response: status and headers, with this refusal in its extensions and no body yet.
    pub(crate) fn into_response(self) -> Response<Body> {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = self.code.status();
        let headers = response.headers_mut();
        match &self.advice {
            Some(Advice::Challenge(challenge)) => {
                headers.insert(header::WWW_AUTHENTICATE, challenge.clone());
            }
            Some(Advice::Wait(wait)) => {
                headers.insert(header::RETRY_AFTER, wait.whole_seconds().into());
            }
            Some(Advice::Allow(methods)) => {
                headers.insert(header::ALLOW, HeaderValue::from_static(methods));
            }
            Some(Advice::RetryAfter(seconds)) => {
                headers.insert(header::RETRY_AFTER, (*seconds).into());
            }
            None => {}
        }
        response.extensions_mut().insert(self);
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_every_status_is_an_error() {
        let mut names: Vec<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Code::ALL.len());
        for code in Code::ALL {
            assert!(code.status().is_client_error() || code.status().is_server_error());
        }
    }

    #[test]
    fn a_429_tells_an_agent_how_long_to_wait() {
        let wait = |micros| Wait {
            retry_after: Duration::from_micros(micros),
            limit: 100,
            scope: Scope::Key,
        };
        for (micros, seconds, milliseconds) in [
            (0, "1", 1),
            (1, "1", 1),
            (1_000_000, "1", 1000),
            (1_000_001, "2", 1001),
        ] {
            let refusal = Refusal::rate_limited("too many requests", wait(micros));
            let body: serde_json::Value =
                serde_json::from_slice(&refusal.to_json_rpc("c")).unwrap();
            assert_eq!(
                body["error"]["data"],
                json!({"code": "rate_limited", "correlation_id": "c", "retryAfterMs": milliseconds, "limit": 100, "scope": "key"})
            );
            assert_eq!(
                refusal.into_response().headers()[header::RETRY_AFTER],
                seconds
            );
        }
    }

    #[test]
    fn a_405_names_the_methods_that_would_do() {
        let response = Refusal::method_not_allowed("GET, HEAD").into_response();
        assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(response.headers()[header::ALLOW], "GET, HEAD");
    }
}
