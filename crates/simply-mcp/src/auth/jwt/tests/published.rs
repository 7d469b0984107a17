//! What clients are told: the document and the challenges.

use http::header::WWW_AUTHENTICATE;

use super::*;

fn tokens(config: &HttpConfig) -> Tokens {
    tokens_from(config, &[Held::broken()], &Metrics::new())
}

// JWT-11
#[test]
fn the_document_says_where_tokens_come_from() {
    let config = config(&json!({
        "required_scopes": ["mcp"],
        "tool_scopes": {"delete": ["files:write", "mcp"], "read": ["files:read"]},
    }));
    let document: Value = serde_json::from_slice(&tokens(&config).resource_metadata()).unwrap();
    assert_eq!(
        document,
        json!({
            "resource": AUDIENCE,
            "authorization_servers": [ISSUER],
            "scopes_supported": ["files:read", "files:write", "mcp"],
            "bearer_methods_supported": ["header"],
        })
    );
}

// JWT-11
#[test]
fn a_challenge_leads_to_the_document_and_names_the_scopes() {
    let document =
        "resource_metadata=\"https://mcp.example.com/.well-known/oauth-protected-resource/mcp\"";
    let plain = tokens(&config(&json!({})));
    let challenge = plain.challenges().unauthorized();
    assert_eq!(challenge, &format!("Bearer {document}"));
    let scoped = tokens(&config(&json!({"required_scopes": ["b", "a"]})));
    let challenge = scoped.challenges().unauthorized();
    assert_eq!(challenge, &format!("Bearer {document}, scope=\"a b\""));
    let refusal = scoped.challenges().insufficient_scope(None, ["c", "a"]);
    let response = refusal.into_response();
    assert_eq!(response.status(), 403);
    assert_eq!(
        response.headers()[WWW_AUTHENTICATE],
        format!("Bearer error=\"insufficient_scope\", scope=\"a b c\", {document}")
    );
}

#[test]
fn on_loopback_the_bound_address_is_the_name() {
    let settings = json!({"server": {"port": 0}, "mcp": {"path": "/x/y"}, "auth": {"jwt": {
        "issuer": ISSUER, "jwks_url": "https://login.example.com/jwks",
    }}});
    let config = HttpConfig::from_value(settings).unwrap();
    let address = Arc::new(OnceLock::new());
    let resource = Resource::new(&config, Some(Arc::clone(&address)));
    address.set("127.0.0.1:4321".parse().unwrap()).unwrap();
    assert_eq!(resource.url(), "http://127.0.0.1:4321/x/y");
    assert_eq!(
        resource.metadata_url(),
        Some("http://127.0.0.1:4321/.well-known/oauth-protected-resource/x/y")
    );
}

#[test]
fn a_server_whose_name_nobody_said_is_called_by_its_audience() {
    let settings = json!({"server": {"host": "0.0.0.0"}, "auth": {"jwt": {
        "issuer": ISSUER, "jwks_url": "https://login.example.com/jwks", "audience": ["api://a"],
    }}});
    let config = HttpConfig::from_value(settings).unwrap();
    let resource = Resource::new(&config, Some(Arc::default()));
    assert_eq!((resource.url(), resource.metadata_url()), ("api://a", None));
}

// JWT-11
#[test]
fn a_mounted_server_is_not_called_by_an_address_that_it_does_not_listen_on() {
    let tokens = |settings: Value| {
        let mut jwt = json!({"issuer": ISSUER, "jwks_url": "https://login.example.com/jwks"});
        if let Some(audience) = settings.get("audience") {
            jwt["audience"] = audience.clone();
        }
        let server = json!({"port": 0, "public_url": settings["public_url"]});
        let config = HttpConfig::from_value(json!({"server": server, "auth": {"jwt": jwt}}));
        Tokens::new(&config.unwrap(), &Metrics::new(), None)
    };
    let error = tokens(json!({})).unwrap_err().to_string();
    assert!(error.contains("server.public_url"), "{error}");
    let by_audience = tokens(json!({"audience": ["api://a"]})).unwrap();
    assert_eq!(by_audience.challenges().unauthorized(), "Bearer");
    let named = tokens(json!({"public_url": "https://mcp.example.com"})).unwrap();
    assert_eq!(named.resource.url(), AUDIENCE);
}
