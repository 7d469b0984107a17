//! Keys that were made once for these tests and guard nothing, and tokens with any contents.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, crypto, jwk::Jwk};
use serde_json::{Value, json};

use crate::{auth::jwt::key, config::JwtAlgorithm};

/// The modulus of an RSA key of 1024 bits.
pub(crate) const RSA_1024: &str = "3QkpsACnB4bnrPi5v8Zemjr0YHH65BYktlDymZAh8T24hQXSbuAXmlf6y0c9g94kYOiyROJ6CululOi9SERcRHML7Mh7_VrpB03LhoDc1iLaDuuluRTCAY_eyr145r8Cnr3M-R9EsuqkH4AdTcOUl5I-XA7yHMeeFQcTXgtsiWE";

/// The public half of `rsa`, as openssl writes it.
pub(crate) const RSA_PUBLIC_PEM: &[u8] =
    include_bytes!("../../../../tests/fixtures/jwt/rsa.public.pem");

/// The private key of that name.
pub(crate) fn key(name: &str) -> EncodingKey {
    let pem: &[u8] = match name {
        "rsa" => include_bytes!("../../../../tests/fixtures/jwt/rsa.pem"),
        "rsa_other" => include_bytes!("../../../../tests/fixtures/jwt/rsa_other.pem"),
        "p256" => include_bytes!("../../../../tests/fixtures/jwt/p256.pem"),
        "p384" => include_bytes!("../../../../tests/fixtures/jwt/p384.pem"),
        "ed25519" => include_bytes!("../../../../tests/fixtures/jwt/ed25519.pem"),
        other => panic!("no key is called {other}"),
    };
    match name {
        "p256" | "p384" => EncodingKey::from_ec_pem(pem),
        "ed25519" => EncodingKey::from_ed_pem(pem),
        _ => EncodingKey::from_rsa_pem(pem),
    }
    .unwrap()
}

/// The public half of a key, with its name as `kid`, and `alg`.
pub(crate) fn jwk(name: &str, algorithm: JwtAlgorithm) -> Value {
    let algorithm = key::named(algorithm);
    let mut jwk =
        serde_json::to_value(Jwk::from_encoding_key(&key(name), algorithm).unwrap()).unwrap();
    jwk["kid"] = json!(name);
    jwk["alg"] = json!(format!("{algorithm:?}"));
    jwk
}

/// A token with that header and those claims, both as they are written, signed by the key of that name.
pub(crate) fn signed(name: &str, algorithm: JwtAlgorithm, header: &str, claims: &str) -> String {
    signed_by(&key(name), key::named(algorithm), header, claims)
}

pub(crate) fn signed_by(
    key: &EncodingKey,
    algorithm: Algorithm,
    header: &str,
    claims: &str,
) -> String {
    let message = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(header),
        URL_SAFE_NO_PAD.encode(claims)
    );
    let signature = crypto::sign(message.as_bytes(), key, algorithm).unwrap();
    format!("{message}.{signature}")
}

/// A token of the usual kind, by the RSA key.
pub(crate) fn token(claims: &Value) -> String {
    let header = json!({"alg": "RS256", "typ": "at+jwt", "kid": "rsa"});
    signed(
        "rsa",
        JwtAlgorithm::RS256,
        &header.to_string(),
        &claims.to_string(),
    )
}
