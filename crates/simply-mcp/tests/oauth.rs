//! Access tokens over a socket: what a client is told, and what a token opens.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::time::{SystemTime, UNIX_EPOCH};

use common::{Server, initialize, modern, request, server, start_with};
use jsonwebtoken::{Algorithm, EncodingKey, Header, jwk::Jwk};
use reqwest::RequestBuilder;
use rmcp::{handler::server::tool::Extension, tool, tool_router};
use serde_json::{Value, json};
use simply_mcp::HttpConfig;

const ISSUER: &str = "https://login.example.com";
const AUDIENCE: &str = "api://fixture";

fn key() -> EncodingKey {
    EncodingKey::from_rsa_pem(include_bytes!("fixtures/jwt/rsa.pem")).unwrap()
}

/// A file with the public half of the key.
fn jwks() -> tempfile::NamedTempFile {
    let mut jwk =
        serde_json::to_value(Jwk::from_encoding_key(&key(), Algorithm::RS256).unwrap()).unwrap();
    jwk["kid"] = json!("k");
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), json!({ "keys": [jwk] }).to_string()).unwrap();
    file
}

fn token(change: &Value) -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let mut claims = json!({
        "iss": ISSUER, "aud": AUDIENCE, "sub": "s", "exp": since.as_secs() + 600, "scope": "mcp",
    });
    for (name, value) in change.as_object().unwrap() {
        claims[name] = value.clone();
    }
    let header = Header {
        kid: Some("k".to_owned()),
        typ: Some("at+jwt".to_owned()),
        ..Header::new(Algorithm::RS256)
    };
    jsonwebtoken::encode(&header, &claims, &key()).unwrap()
}

fn settings(jwks: &tempfile::NamedTempFile) -> Value {
    json!({"auth": {"jwt": {
        "issuer": ISSUER, "audience": [AUDIENCE], "jwks_file": jwks.path(), "required_scopes": ["mcp"],
        "tool_scopes": {"fail": ["files:write"]},
    }}})
}

async fn start() -> Server {
    start_with(server(), settings(&jwks())).await
}

fn echo(server: &Server) -> RequestBuilder {
    server.post("/tools/echo", r#"{"message": "hi"}"#)
}

fn echo_by_mcp(server: &Server) -> RequestBuilder {
    let arguments = json!({"name": "echo", "arguments": {"message": "hi"}});
    server.modern("tools/call", arguments)
}

/// Status, challenge and body without the part that differs by request.
async fn answer(request: RequestBuilder) -> (u16, String, Value) {
    let response = request.send().await.unwrap();
    let challenge = response.headers().get("www-authenticate");
    let challenge = challenge
        .map_or("", |value| value.to_str().unwrap())
        .to_owned();
    let status = response.status().as_u16();
    let text = response.text().await.unwrap();
    let mut body: Value = serde_json::from_str(&text).unwrap_or_default();
    if let Some(body) = body.as_object_mut() {
        body.remove("correlation_id");
    }
    (status, challenge, body)
}

#[tokio::test]
async fn a_good_token_opens_both_doors() {
    let server = start().await;
    let token = token(&json!({}));
    for request in [echo(&server), echo_by_mcp(&server)] {
        let (status, _, body) = answer(request.bearer_auth(&token)).await;
        assert_eq!(status, 200, "{body}");
    }
    let (_, _, health) = answer(server.get("/health")).await;
    let issuers = &health["components"]["authentication"]["token_issuers"];
    assert_eq!(
        *issuers,
        json!({"configured": 1, "with_keys": 1}),
        "{health}"
    );
}

// JWT-11
#[tokio::test]
async fn who_is_refused_is_led_to_the_document_whatever_was_wrong() {
    let server = start().await;
    let place = format!(
        "{}/.well-known/oauth-protected-resource/mcp",
        server.url("")
    );
    let expected = format!("Bearer resource_metadata=\"{place}\", scope=\"mcp\"");
    let first = answer(echo(&server)).await;
    assert_eq!((first.0, &first.1), (401, &expected));
    let wrong = [
        "nonsense".to_owned(),
        "a.b.c".to_owned(),
        token(&json!({"exp": 1})),
        token(&json!({"aud": "api://other"})),
        token(&json!({"iss": "https://other.example"})),
        token(&json!({"sub": null})),
        format!("{}x", token(&json!({}))),
    ];
    for text in wrong {
        assert_eq!(
            answer(echo(&server).bearer_auth(&text)).await,
            first,
            "{text}"
        );
        let (status, challenge, body) = answer(echo_by_mcp(&server).bearer_auth(&text)).await;
        assert_eq!((status, &challenge), (401, &expected));
        assert_eq!(body["error"]["data"]["code"], "unauthorized");
    }
    for path in [
        "/.well-known/oauth-protected-resource",
        "/.well-known/oauth-protected-resource/mcp",
    ] {
        let (status, _, document) = answer(server.get(path)).await;
        assert_eq!(status, 200);
        assert_eq!(
            document,
            json!({
                "resource": server.url("/mcp"),
                "authorization_servers": [ISSUER],
                "scopes_supported": ["files:write", "mcp"],
                "bearer_methods_supported": ["header"],
            })
        );
    }
    let text = server
        .get("/metrics")
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    for reason in [
        "missing",
        "malformed",
        "expired",
        "wrong_audience",
        "unknown_issuer",
        "unknown",
    ] {
        let line = format!("http_auth_failure_total{{reason=\"{reason}\"}} ");
        let count = text.lines().find_map(|one| one.strip_prefix(&line));
        assert!(count.is_some_and(|count| count != "0"), "{reason}: {text}");
    }
}

// JWT-11
#[tokio::test]
async fn a_token_that_lacks_scope_is_told_which() {
    let server = start().await;
    let token = token(&json!({"scope": "other"}));
    for request in [echo(&server), echo_by_mcp(&server)] {
        let (status, challenge, body) = answer(request.bearer_auth(&token)).await;
        assert_eq!(status, 403, "{body}");
        let expected = "Bearer error=\"insufficient_scope\", scope=\"mcp\", resource_metadata=";
        assert!(challenge.starts_with(expected), "{challenge}");
        let code = body.pointer("/code").or(body.pointer("/error/data/code"));
        assert_eq!(code.unwrap(), "insufficient_scope");
    }
}

// JWT-11
#[tokio::test]
async fn a_token_is_not_asked_for_the_scopes_of_another_issuer() {
    let jwks = jwks();
    let mut settings = settings(&jwks);
    settings["auth"]["jwt"]["further_issuers"] = json!([{
        "issuer": "https://other.example", "audience": [AUDIENCE], "jwks_file": jwks.path(),
        "required_scopes": ["theirs"],
    }]);
    let server = start_with(common::server(), settings).await;
    let call = server.post("/tools/fail", "{}");
    let (status, challenge, _) = answer(call.bearer_auth(token(&json!({})))).await;
    assert_eq!(status, 403);
    assert!(
        challenge.contains("scope=\"files:write mcp\","),
        "{challenge}"
    );
}

// JWT-11
#[tokio::test]
async fn a_tool_that_needs_a_scope_is_neither_listed_nor_called_without_it() {
    let server = start().await;
    let call = json!({"name": "fail", "arguments": {}});
    let place = format!(
        "{}/.well-known/oauth-protected-resource/mcp",
        server.url("")
    );
    let expected = format!(
        "Bearer error=\"insufficient_scope\", scope=\"files:write mcp\", resource_metadata=\"{place}\""
    );
    let without = token(&json!({}));
    for request in [
        server.post("/tools/fail", "{}"),
        server.modern("tools/call", call),
    ] {
        let (status, challenge, _) = answer(request.bearer_auth(&without)).await;
        assert_eq!((status, &challenge), (403, &expected));
    }
    let with = token(&json!({"scope": "mcp files:write"}));
    let (_, _, body) = answer(server.post("/tools/fail", "{}").bearer_auth(&with)).await;
    assert_eq!(body["code"], "tool_error");
    for (token, listed) in [(&without, false), (&with, true)] {
        let (_, _, body) = answer(server.get("/tools").bearer_auth(token)).await;
        assert_eq!(body.to_string().contains("\"fail\""), listed, "{body}");
    }
}

// JWT-13
#[tokio::test]
async fn nothing_else_stands_in_for_a_token() {
    let server = start().await;
    let token = token(&json!({}));
    let opened = server
        .mcp(&initialize("2025-11-25"))
        .header("accept", "application/json, text/event-stream")
        .bearer_auth(&token);
    let opened = opened.send().await.unwrap();
    assert_eq!(opened.status(), 200);
    let session = opened.headers()["mcp-session-id"].clone();
    let list = || {
        server
            .mcp(&request("tools/list", json!({})))
            .header("accept", "application/json, text/event-stream")
            .header("mcp-session-id", session.clone())
    };
    assert_eq!(answer(list().bearer_auth(&token)).await.0, 200);
    assert_eq!(answer(list()).await.0, 401);
    let stream = server.get("/mcp").header("accept", "text/event-stream");
    assert_eq!(
        answer(stream.header("mcp-session-id", session.clone()))
            .await
            .0,
        401
    );
    let end = common::client().delete(server.url("/mcp"));
    assert_eq!(
        answer(end.header("mcp-session-id", session.clone()))
            .await
            .0,
        401
    );
    // The token in a place where it is not looked for (RFC 6750 §2.2 and §2.3 are not offered).
    let in_query = server.post(
        &format!("/tools/echo?access_token={token}"),
        r#"{"message": "hi"}"#,
    );
    assert_eq!(answer(in_query).await.0, 401);
    let in_body = server
        .post("/tools/echo", format!("access_token={token}"))
        .header("content-type", "application/x-www-form-urlencoded");
    assert_eq!(answer(in_body).await.0, 401);
    let mut message = modern(
        "tools/call",
        json!({"name": "echo", "arguments": {"message": "hi"}}),
    );
    message["params"]["_meta"]["io.modelcontextprotocol/clientInfo"] =
        json!({"name": "s", "version": token});
    let by_handle = server
        .mcp(&message)
        .header("mcp-name", "echo")
        .header("cookie", format!("token={token}"));
    assert_eq!(answer(by_handle).await.0, 401);
}

// JWT-14
#[tokio::test]
async fn a_key_that_is_called_like_a_subject_has_an_allowance_of_its_own() {
    let jwks = jwks();
    let keys = tempfile::Builder::new().suffix(".json").tempfile().unwrap();
    let text = json!({"keys": [{"name": "s", "key": "a-key-of-some-length"}]}).to_string();
    std::fs::write(keys.path(), text).unwrap();
    let mut settings = settings(&jwks);
    settings["auth"]["keys_file"] = json!(keys.path());
    settings["rate_limit"] = json!({"enabled": true, "default_limit": 1, "window_seconds": 3600});
    let server = start_with(server(), settings).await;
    let token = token(&json!({}));
    assert_eq!(answer(echo(&server).bearer_auth(&token)).await.0, 200);
    assert_eq!(
        answer(echo(&server).bearer_auth("a-key-of-some-length"))
            .await
            .0,
        200
    );
    assert_eq!(answer(echo(&server).bearer_auth(&token)).await.0, 429);
    assert_eq!(
        answer(echo(&server).bearer_auth("a-key-of-some-length"))
            .await
            .0,
        429
    );
}

// JWT-10
#[tokio::test]
async fn while_the_issuers_keys_are_not_there_nothing_is_said_about_a_token() {
    // A port that nobody listens on.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/jwks", listener.local_addr().unwrap());
    drop(listener);
    let settings = json!({"auth": {"jwt": {
        "issuer": ISSUER, "audience": [AUDIENCE], "jwks_url": url, "allow_private_networks": true,
    }}});
    let server = start_with(server(), settings).await;
    let response = echo(&server)
        .bearer_auth(token(&json!({})))
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 503);
    assert!(response.headers().contains_key("retry-after"));
    assert_eq!(answer(echo(&server)).await.0, 401);
    let text = server
        .get("/metrics")
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    let stale = format!("simply_mcp_keys_stale{{source=\"{ISSUER}\"}} 1\n");
    assert!(text.contains(&stale), "{text}");
}

#[derive(Clone)]
struct Mirror;

#[tool_router(server_handler)]
impl Mirror {
    #[tool(description = "Says all that it is told of the request")]
    fn look(&self, Extension(parts): Extension<http::request::Parts>) -> String {
        format!("{:?} {:?} {:?}", parts.uri, parts.headers, parts.extensions)
    }
}

// JWT-12
#[tokio::test]
async fn a_handler_never_sees_the_token() {
    let jwks = jwks();
    let server = start_with(Mirror, settings(&jwks)).await;
    let token = token(&json!({}));
    let by_mcp = server.modern("tools/call", json!({"name": "look", "arguments": {}}));
    for request in [server.post("/tools/look", "{}"), by_mcp] {
        let (status, _, body) = answer(request.bearer_auth(&token)).await;
        let body = body.to_string();
        assert!(status == 200 && body.contains("\\\"host\\\""), "{body}");
        assert!(!body.contains("authorization"), "{body}");
        for part in token.split('.') {
            assert!(!body.contains(part), "{body}");
        }
    }
}

#[test]
fn what_keys_cannot_come_from_is_said_before_anything_starts() {
    let mut settings = settings(&jwks());
    settings["auth"]["jwt"]["further_issuers"] = json!([
        {"issuer": "https://a.example", "jwks_url": "https://169.254.169.254/jwks"},
        {"issuer": "https://b.example", "jwks_url": "https://10.0.0.1/jwks"},
    ]);
    let config = HttpConfig::from_value(settings).unwrap();
    let errors = simply_mcp::auth::check(&config).unwrap_err().to_string();
    for expected in [
        "jwks_file",
        "a.example",
        "link-local",
        "b.example",
        "allow_private_networks",
    ] {
        assert!(errors.contains(expected), "{errors}");
    }
}
