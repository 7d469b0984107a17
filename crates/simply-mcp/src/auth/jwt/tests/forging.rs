//! Tokens as a forger would make them, and good ones beside them.

use super::*;
use crate::config::JwtAlgorithm;

const RS256: JwtAlgorithm = JwtAlgorithm::RS256;

fn all_keys() -> Vec<Value> {
    vec![
        fixture::jwk("rsa", RS256),
        fixture::jwk("p256", JwtAlgorithm::ES256),
        fixture::jwk("p384", JwtAlgorithm::ES384),
        fixture::jwk("ed25519", JwtAlgorithm::EdDSA),
    ]
}

fn tokens(jwt: &Value) -> Tokens {
    tokens_from(&config(jwt), &[Held::new(&all_keys())], &Metrics::new())
}

async fn check(tokens: &Tokens, token: &str) -> Result<(), Failure> {
    tokens.verify_at(token, now()).await.map(|_| ())
}

fn with_header(header: &Value) -> String {
    fixture::signed("rsa", RS256, &header.to_string(), &claims().to_string())
}

fn with_claim(name: &str, value: Value) -> String {
    let mut claims = claims();
    claims[name] = value;
    fixture::token(&claims)
}

#[tokio::test]
async fn a_good_token_says_who_calls() {
    let tokens = tokens(&json!({"required_scopes": ["mcp"]}));
    let mut claims = claims();
    claims["client_id"] = json!("c");
    let token = fixture::token(&claims);
    for _ in 0..2 {
        let caller = tokens.verify_at(&token, now()).await.unwrap();
        assert_eq!(caller.name(), Some("s"));
        assert_eq!(caller.issuer(), Some(ISSUER));
        assert_eq!(caller.client(), Some("c"));
        assert!(caller.has_scope("extra") && !caller.has_scope("ext"));
        let end = UNIX_EPOCH + Duration::from_secs(NOW + 90);
        assert_eq!(caller.facts().unwrap().expires_at, Some(end));
    }
}

#[tokio::test]
async fn every_algorithm_that_is_configured_is_verified() {
    let all = [
        "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA",
    ];
    let mut rsa = fixture::jwk("rsa", RS256);
    rsa["alg"] = json!(null);
    let mut keys = all_keys();
    keys[0] = rsa;
    let config = config(&json!({"algorithms": all}));
    let tokens = tokens_from(&config, &[Held::new(&keys)], &Metrics::new());
    for name in all {
        let algorithm = serde_json::from_value(json!(name)).unwrap();
        let key = match name {
            "ES256" => "p256",
            "ES384" => "p384",
            "EdDSA" => "ed25519",
            _ => "rsa",
        };
        let header = json!({"alg": name, "kid": key}).to_string();
        let token = fixture::signed(key, algorithm, &header, &claims().to_string());
        assert_eq!(check(&tokens, &token).await, Ok(()), "{name}");
        let tampered = fixture::signed(key, algorithm, &header, &with_other_subject());
        let (message, _) = tampered.rsplit_once('.').unwrap();
        let (_, signature) = token.rsplit_once('.').unwrap();
        assert_eq!(
            check(&tokens, &format!("{message}.{signature}")).await,
            Err(Failure::WrongSignature),
            "{name}"
        );
    }
}

fn with_other_subject() -> String {
    let mut claims = claims();
    claims["sub"] = json!("other");
    claims.to_string()
}

// JWT-01
#[tokio::test]
async fn a_token_without_a_signature_is_refused() {
    let tokens = tokens(&json!({}));
    for algorithm in ["none", "None", "NONE", "nOnE", "none "] {
        let token = with_header(&json!({"alg": algorithm, "kid": "rsa"}));
        let (message, _) = token.rsplit_once('.').unwrap();
        assert_eq!(check(&tokens, &token).await, Err(Failure::WrongAlgorithm));
        let empty = check(&tokens, &format!("{message}.")).await;
        assert!(empty.is_err(), "{algorithm}");
        let two = check(&tokens, message).await;
        assert_eq!(two, Err(Failure::Malformed));
    }
    let good = fixture::token(&claims());
    let (message, _) = good.rsplit_once('.').unwrap();
    for signature in ["", "AA", "AAAA"] {
        assert!(
            check(&tokens, &format!("{message}.{signature}"))
                .await
                .is_err()
        );
    }
}

// JWT-02
#[tokio::test]
async fn a_public_key_is_not_taken_for_a_shared_secret() {
    use jsonwebtoken::{Algorithm, EncodingKey};
    let tokens = tokens(&json!({}));
    let jwk = fixture::jwk("rsa", RS256);
    let modulus = jwk["n"].as_str().unwrap().as_bytes().to_vec();
    for secret in [
        fixture::RSA_PUBLIC_PEM.to_vec(),
        fixture::RSA_PUBLIC_PEM.trim_ascii_end().to_vec(),
        jwk.to_string().into_bytes(),
        modulus,
        Vec::new(),
    ] {
        let key = EncodingKey::from_secret(&secret);
        for (named, expected) in [
            ("HS256", Failure::WrongAlgorithm),
            ("RS256", Failure::WrongSignature),
        ] {
            let header = json!({"alg": named, "kid": "rsa"}).to_string();
            let token = fixture::signed_by(&key, Algorithm::HS256, &header, &claims().to_string());
            assert_eq!(check(&tokens, &token).await, Err(expected), "{named}");
        }
    }
}

// JWT-02
#[tokio::test]
async fn a_key_vouches_with_its_own_algorithm_only() {
    let tokens = tokens(&json!({"algorithms": ["RS256", "RS512", "PS256", "ES256"]}));
    // The key says RS256.
    for name in ["RS512", "PS256"] {
        let algorithm = serde_json::from_value(json!(name)).unwrap();
        let header = json!({"alg": name, "kid": "rsa"}).to_string();
        let token = fixture::signed("rsa", algorithm, &header, &claims().to_string());
        assert_eq!(
            check(&tokens, &token).await,
            Err(Failure::WrongKey),
            "{name}"
        );
    }
    let header = json!({"alg": "RS256", "kid": "p256"}).to_string();
    let token = fixture::signed("rsa", RS256, &header, &claims().to_string());
    assert_eq!(check(&tokens, &token).await, Err(Failure::WrongKey));
    // The key is good, and the operator did not name its algorithm.
    let header = json!({"alg": "EdDSA", "kid": "ed25519"}).to_string();
    let token = fixture::signed(
        "ed25519",
        JwtAlgorithm::EdDSA,
        &header,
        &claims().to_string(),
    );
    assert_eq!(check(&tokens, &token).await, Err(Failure::WrongAlgorithm));
}

// JWT-03
#[tokio::test]
async fn the_name_of_a_key_is_looked_up_and_nothing_else() {
    let tokens = tokens(&json!({}));
    for kid in [
        "../../../../../../dev/null",
        "/dev/zero",
        "file:///etc/passwd",
        "http://127.0.0.1:1/jwks",
        "' OR 1=1 --",
        "rsa\0",
        "RSA",
        "",
        "|| sleep 10",
    ] {
        let token = with_header(&json!({"alg": "RS256", "kid": kid}));
        assert_eq!(
            check(&tokens, &token).await,
            Err(Failure::UnknownKey),
            "{kid}"
        );
    }
    for kid in [
        json!(["rsa"]),
        json!(1),
        json!({"rsa": 1}),
        json!(null),
        json!("k".repeat(300)),
    ] {
        let token = with_header(&json!({"alg": "RS256", "kid": kid}));
        assert_eq!(
            check(&tokens, &token).await,
            Err(Failure::Malformed),
            "{kid:.20}"
        );
    }
    let huge = with_header(&json!({"alg": "RS256", "kid": "k".repeat(1 << 20)}));
    assert_eq!(check(&tokens, &huge).await, Err(Failure::Malformed));
}

// JWT-03
#[tokio::test]
async fn keys_that_a_token_brings_along_are_not_used() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let url = format!("http://{}/jwks", listener.local_addr().unwrap());
    let tokens = tokens(&json!({"allow_private_networks": true}));
    for kid in ["rsa", "brought"] {
        let header = json!({
            "alg": "RS256",
            "kid": kid,
            "jku": url,
            "x5u": url,
            "jwk": fixture::jwk("rsa_other", RS256),
            "x5c": ["MIIB"],
        });
        let token = fixture::signed(
            "rsa_other",
            RS256,
            &header.to_string(),
            &claims().to_string(),
        );
        assert!(check(&tokens, &token).await.is_err());
    }
    assert!(listener.accept().is_err(), "nothing was fetched");
}

// JWT-04
#[tokio::test]
async fn a_token_for_another_server_is_refused() {
    for (jwt, audience, expected) in [
        (json!({}), json!(AUDIENCE), Ok(())),
        (json!({}), json!(["x", AUDIENCE]), Ok(())),
        (
            json!({}),
            json!("https://mcp.example.com"),
            Err(Failure::WrongAudience),
        ),
        (
            json!({}),
            json!("https://mcp.example.com/mcp/"),
            Err(Failure::WrongAudience),
        ),
        (json!({}), json!([]), Err(Failure::WrongAudience)),
        (json!({}), json!("*"), Err(Failure::WrongAudience)),
        (json!({}), json!(null), Err(Failure::Malformed)),
        (json!({"audience": ["api://a", "b"]}), json!("b"), Ok(())),
        (
            json!({"audience": ["api://a"]}),
            json!(AUDIENCE),
            Err(Failure::WrongAudience),
        ),
    ] {
        let token = with_claim("aud", audience.clone());
        assert_eq!(
            check(&tokens(&jwt), &token).await,
            expected,
            "{jwt} {audience}"
        );
    }
    let mut without = claims();
    without.as_object_mut().unwrap().remove("aud");
    let token = fixture::token(&without);
    assert_eq!(
        check(&tokens(&json!({})), &token).await,
        Err(Failure::Malformed)
    );
}

// JWT-05
#[tokio::test]
async fn the_keys_of_one_issuer_do_not_vouch_for_another() {
    let other = json!({"issuer": "https://b.example", "jwks_url": "https://b.example/jwks"});
    let config = config(&json!({"further_issuers": [other]}));
    let second = Held::new(&[fixture::jwk("rsa_other", RS256)]);
    let sources = [Held::new(&all_keys()), second];
    let tokens = tokens_from(&config, &sources, &Metrics::new());
    let by = |key: &str, issuer: &str| {
        let mut claims = claims();
        claims["iss"] = json!(issuer);
        let header = json!({"alg": "RS256", "kid": key}).to_string();
        let unnamed = json!({"alg": "RS256"}).to_string();
        [header, unnamed].map(|header| fixture::signed(key, RS256, &header, &claims.to_string()))
    };
    for token in by("rsa", ISSUER)
        .iter()
        .chain(&by("rsa_other", "https://b.example"))
    {
        assert_eq!(check(&tokens, token).await, Ok(()));
    }
    for token in by("rsa", "https://b.example")
        .iter()
        .chain(&by("rsa_other", ISSUER))
    {
        let refused = check(&tokens, token).await;
        assert!(
            matches!(refused, Err(Failure::UnknownKey | Failure::WrongSignature)),
            "{refused:?}"
        );
    }
    for issuer in [
        "https://login.example.com/",
        "https://LOGIN.example.com",
        "login.example.com",
        "https://c.example",
        "",
    ] {
        let token = with_claim("iss", json!(issuer));
        assert_eq!(
            check(&tokens, &token).await,
            Err(Failure::UnknownIssuer),
            "{issuer}"
        );
    }
}

// JWT-06
#[tokio::test]
async fn a_token_is_good_within_its_time_and_the_leeway_only() {
    let tokens = tokens(&json!({"leeway": 10}));
    let token = fixture::token(&claims());
    // Also what is remembered of it ends.
    for (seconds, expected) in [
        (NOW - 11, Err(Failure::NotYetValid)),
        (NOW - 10, Ok(())),
        (NOW + 69, Ok(())),
        (NOW + 70, Err(Failure::Expired)),
        (NOW + 71, Err(Failure::Expired)),
    ] {
        let at = UNIX_EPOCH + Duration::from_secs(seconds);
        let verified = tokens.verify_at(&token, at).await.map(|_| ());
        assert_eq!(verified, expected, "{seconds}");
    }
    let mut endless = claims();
    endless.as_object_mut().unwrap().remove("exp");
    assert_eq!(
        check(&tokens, &fixture::token(&endless)).await,
        Err(Failure::Malformed)
    );
}

// JWT-07
#[tokio::test]
async fn a_token_that_two_readers_could_read_differently_is_refused() {
    let tokens = tokens(&json!({}));
    let header = r#"{"alg":"RS256","kid":"rsa"}"#;
    let twice = claims().to_string().replacen('{', r#"{"sub":"admin","#, 1);
    let unknown_twice = claims().to_string().replacen('{', r#"{"x":1,"x":2,"#, 1);
    let deep = claims().to_string().replacen(
        '{',
        &format!(r#"{{"x":{}{},"#, "[".repeat(500), "]".repeat(500)),
        1,
    );
    for claims in [twice, unknown_twice, deep] {
        let token = fixture::signed("rsa", RS256, header, &claims);
        assert_eq!(check(&tokens, &token).await, Err(Failure::Malformed));
    }
    // A token within a token.
    let inner = fixture::token(&claims());
    let nested = fixture::signed(
        "rsa",
        RS256,
        r#"{"alg":"RS256","kid":"rsa","cty":"JWT"}"#,
        &inner,
    );
    assert_eq!(check(&tokens, &nested).await, Err(Failure::Malformed));
    let nested = fixture::signed("rsa", RS256, header, &format!("{inner:?}"));
    assert_eq!(check(&tokens, &nested).await, Err(Failure::Malformed));
    // What surrounds a token is a part of it.
    for text in [
        format!(" {inner}"),
        format!("{inner}\n"),
        format!("{inner}="),
        format!("{inner}."),
    ] {
        assert_eq!(check(&tokens, &text).await, Err(Failure::Malformed));
    }
    let large = with_claim("x", json!("x".repeat(9000)));
    assert_eq!(check(&tokens, &large).await, Err(Failure::Malformed));
}

// JWT-14
#[tokio::test]
async fn scopes_are_compared_exactly_and_all_of_them_are_needed() {
    let tokens = tokens(&json!({"required_scopes": ["mcp", "extra"]}));
    for (scope, expected) in [
        (json!("mcp extra"), Ok(())),
        (json!("extra more mcp"), Ok(())),
        (json!("mcp"), Err(Failure::LacksScope)),
        (json!("mcp:extra extra"), Err(Failure::LacksScope)),
        (json!("MCP extra"), Err(Failure::LacksScope)),
        (json!("mcp,extra"), Err(Failure::LacksScope)),
        (json!("*"), Err(Failure::LacksScope)),
        (json!(""), Err(Failure::LacksScope)),
    ] {
        let token = with_claim("scope", scope.clone());
        assert_eq!(check(&tokens, &token).await, expected, "{scope}");
    }
    // What is lacking is said to the holder of a good token only.
    let mut forged = with_claim("scope", json!(""));
    forged.replace_range(forged.len() - 8..forged.len() - 4, "AAAA");
    assert_eq!(check(&tokens, &forged).await, Err(Failure::WrongSignature));
}

// JWT-12
#[tokio::test]
async fn nothing_prints_what_stands_in_a_token() {
    let token = fixture::token(&claims());
    let tokens = tokens(&json!({}));
    let caller = tokens.verify_at(&token, now()).await.unwrap();
    let parsed = Token::parse(&token).unwrap();
    let claims = Claims::parse(&parsed.claims).unwrap();
    let printed = format!("{tokens:?} {caller:?} {parsed:?} {claims:?}");
    for part in token.split('.') {
        assert!(!printed.contains(part), "{printed}");
    }
    assert!(!printed.contains("mcp.example.com/mcp"), "{printed}");
}
