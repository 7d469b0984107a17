//! What went wrong between the client and the server, and what to do about it.

use std::error::Error;

use anyhow::anyhow;
use reqwest::Url;
use rmcp::{
    ErrorData, ServiceError,
    service::ClientInitializeError,
    transport::{DynamicTransportError, streamable_http_client::StreamableHttpError},
};

/// Characters of a foreign answer that are shown.
const MAX_FOREIGN_TEXT: usize = 300;

type HttpError = StreamableHttpError<reqwest::Error>;

/// A connection that did not come about.
pub(super) fn initialize(error: &ClientInitializeError, url: &Url) -> anyhow::Error {
    match error {
        ClientInitializeError::TransportError { error, .. } => transport(error, url),
        ClientInitializeError::JsonRpcError(refusal) => refused(refusal),
        ClientInitializeError::LegacyFallbackFailed { discover, fallback } => {
            match discover.as_ref() {
                ClientInitializeError::TransportError { .. } => initialize(discover, url),
                _ => initialize(fallback, url),
            }
        }
        ClientInitializeError::NoCompatibleProtocolVersion {
            server_supported, ..
        } => {
            let versions: Vec<_> = server_supported.iter().map(ToString::to_string).collect();
            anyhow!(
                "{} speaks no version of MCP that this client knows, only {}",
                place(url),
                versions.join(", ")
            )
        }
        other => anyhow!(
            "{} does not answer as an MCP server does: {other}",
            place(url)
        ),
    }
}

/// A request that failed once the connection stood.
pub(super) fn service(error: &ServiceError, url: &Url) -> anyhow::Error {
    match error {
        ServiceError::McpError(refusal) => refused(refusal),
        ServiceError::TransportSend(error) => transport(error, url),
        ServiceError::TransportClosed => anyhow!("{} closed the connection", place(url)),
        ServiceError::UnexpectedResponse => {
            anyhow!("the tool asks for more input, or runs as a task; this client can do neither")
        }
        other => anyhow!("{other}"),
    }
}

/// The URL as an error may show it: without user, password and query.
pub(super) fn place(url: &Url) -> String {
    format!("{}{}", url.origin().ascii_serialization(), url.path())
}

fn refused(refusal: &ErrorData) -> anyhow::Error {
    anyhow!(
        "the server refused: {} (code {})",
        refusal.message,
        refusal.code.0
    )
}

fn transport(error: &DynamicTransportError, url: &Url) -> anyhow::Error {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error.error.as_ref());
    while let Some(current) = cause {
        if let Some(error) = current.downcast_ref::<HttpError>() {
            return http(error, url);
        }
        cause = current.source();
    }
    anyhow!("cannot talk to {}: {}", place(url), error.error)
}

fn http(error: &HttpError, url: &Url) -> anyhow::Error {
    let place = place(url);
    match error {
        StreamableHttpError::Client(error) => connection(error, &place),
        StreamableHttpError::AuthRequired(_) => unauthorized(&place),
        StreamableHttpError::InsufficientScope(_) => forbidden(&place),
        StreamableHttpError::HttpStatus(error) => {
            status(error.status, error.retry_after.as_deref(), &place)
        }
        StreamableHttpError::UnexpectedServerResponse(text) => unexpected(text, &place),
        StreamableHttpError::UnexpectedContentType(found) => anyhow!(
            "{place} is not an MCP endpoint: it answered with {}; is the path right?",
            found.as_deref().unwrap_or("no content type")
        ),
        other => anyhow!("{place} does not answer as an MCP server does: {other}"),
    }
}

fn status(status: u16, retry_after: Option<&str>, place: &str) -> anyhow::Error {
    match (status, retry_after) {
        (429, Some(after)) => {
            anyhow!("{place} has had enough requests; try again in {after} seconds")
        }
        (429, None) => anyhow!("{place} has had enough requests; try again later"),
        (503, _) => anyhow!("{place} is overloaded or shutting down (503); try again in a moment"),
        (504, _) => anyhow!("{place} ran out of time (504); its log may tell why"),
        _ => anyhow!("{place} answered {status}; its log may tell why"),
    }
}

/// Of these rmcp only keeps the text `HTTP 404 Not Found: body`.
fn unexpected(text: &str, place: &str) -> anyhow::Error {
    match text.strip_prefix("HTTP ").and_then(|text| text.get(..3)) {
        Some("401") => unauthorized(place),
        Some("403") => forbidden(place),
        Some("404" | "405") => {
            anyhow!("{place} is not an MCP endpoint; is the path right? Most servers use /mcp")
        }
        Some(redirect) if redirect.starts_with('3') => {
            anyhow!("{place} sends us elsewhere ({redirect}); give the address itself with --url")
        }
        _ => {
            let text: String = text.chars().take(MAX_FOREIGN_TEXT).collect();
            anyhow!("{place} does not answer as an MCP server does: {text}")
        }
    }
}

fn connection(error: &reqwest::Error, place: &str) -> anyhow::Error {
    if error.is_timeout() {
        return anyhow!("{place} cannot be reached: no answer in time");
    }
    if error.is_connect() {
        let cause = innermost(error);
        return anyhow!(
            "cannot connect to {place} ({cause}); is the server running? Start it with `simply-mcp serve`, or name another with --url"
        );
    }
    anyhow!("the connection to {place} broke: {}", innermost(error))
}

fn unauthorized(place: &str) -> anyhow::Error {
    anyhow!("{place} wants a key, or does not know the one it got (401); give it with --key")
}

fn forbidden(place: &str) -> anyhow::Error {
    anyhow!(
        "{place} does not let this key do that (403); use another with --key, or ask its operator"
    )
}

fn innermost(error: &dyn Error) -> String {
    let mut innermost = error;
    while let Some(cause) = innermost.source() {
        innermost = cause;
    }
    innermost.to_string()
}
