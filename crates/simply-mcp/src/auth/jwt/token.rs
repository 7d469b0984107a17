//! The outside of a token: three parts, and a header that asks for nothing unusual (RFC 7515, RFC 8725).

use std::{borrow::Cow, fmt};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Deserialize;

use super::{Failure, strict};
use crate::config::JwtAlgorithm;

/// The longest token that is looked at, in bytes: that of the header field that carries it.
const LONGEST: usize = 8 * 1024;

/// The longest name of a key, in bytes.
pub(super) const LONGEST_KEY_ID: usize = 256;

/// A token that is a JSON Web Signature in its compact form, not yet believed.
pub(super) struct Token<'a> {
    /// How it says it was signed.
    pub(super) algorithm: JwtAlgorithm,
    /// The name of the key that it says it was signed with: good for looking up a key, and for nothing else.
    pub(super) key_id: Option<String>,
    /// The JSON of the claims.
    pub(super) claims: Vec<u8>,
    /// What was signed: header and claims as they were sent.
    pub(super) signed: &'a str,
    /// The bytes of the signature.
    pub(super) signature: Vec<u8>,
}

// The contents of a token are nobody's business.
impl fmt::Debug for Token<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Token(***)")
    }
}

/// The header's members that matter. Those that carry keys or lead to them (`jku`, `jwk`, `x5u`, `x5c`) are not even
/// read: keys come from where the operator said, and from nowhere else (RFC 8725 §3.10).
#[derive(Deserialize)]
struct Header<'a> {
    #[serde(borrow)]
    alg: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "strict::given")]
    typ: Option<Cow<'a, str>>,
    #[serde(default, deserialize_with = "strict::given")]
    kid: Option<String>,
    #[serde(default, deserialize_with = "strict::stands")]
    crit: bool,
    #[serde(default, deserialize_with = "strict::stands")]
    b64: bool,
    #[serde(default, deserialize_with = "strict::stands")]
    zip: bool,
    #[serde(default, deserialize_with = "strict::stands")]
    enc: bool,
    #[serde(default, deserialize_with = "strict::stands")]
    cty: bool,
}

impl<'a> Token<'a> {
    /// Takes a token apart.
    pub(super) fn parse(text: &'a str) -> Result<Self, Failure> {
        if text.len() > LONGEST {
            return Err(Failure::Malformed);
        }
        let (signed, signature) = text.rsplit_once('.').ok_or(Failure::Malformed)?;
        let (header, claims) = signed.split_once('.').ok_or(Failure::Malformed)?;
        let header = decoded(header)?;
        let header: Header<'_> = strict::object(&header)?;
        let algorithm = header.algorithm()?;
        Ok(Self {
            algorithm,
            key_id: header.kid,
            claims: decoded(claims)?,
            signed,
            signature: decoded(signature)?,
        })
    }
}

impl Header<'_> {
    fn algorithm(&self) -> Result<JwtAlgorithm, Failure> {
        let unusual = self.crit || self.b64 || self.zip || self.enc || self.cty;
        let long = self
            .kid
            .as_ref()
            .is_some_and(|kid| kid.len() > LONGEST_KEY_ID);
        if unusual || long {
            return Err(Failure::Malformed);
        }
        if !self.typ.as_deref().is_none_or(is_access_token) {
            return Err(Failure::WrongType);
        }
        algorithm_named(&self.alg).ok_or(Failure::WrongAlgorithm)
    }
}

/// RFC 9068 §2.1 has `at+jwt`; older servers write `JWT`, or nothing. Media types have no case, and `application/` may
/// stand in front (RFC 7515 §4.1.9).
fn is_access_token(typ: &str) -> bool {
    ["jwt", "at+jwt", "application/at+jwt"]
        .iter()
        .any(|known| typ.eq_ignore_ascii_case(known))
}

/// The algorithm of that name, exactly as it is registered. There is no `none`, and none with a shared secret.
pub(super) fn algorithm_named(name: &str) -> Option<JwtAlgorithm> {
    Some(match name {
        "RS256" => JwtAlgorithm::RS256,
        "RS384" => JwtAlgorithm::RS384,
        "RS512" => JwtAlgorithm::RS512,
        "PS256" => JwtAlgorithm::PS256,
        "PS384" => JwtAlgorithm::PS384,
        "PS512" => JwtAlgorithm::PS512,
        "ES256" => JwtAlgorithm::ES256,
        "ES384" => JwtAlgorithm::ES384,
        // RFC 9864 §2.2 gives it a name of its own.
        "EdDSA" | "Ed25519" => JwtAlgorithm::EdDSA,
        _ => return None,
    })
}

/// Base64url without padding, and without bits that say nothing (RFC 7515 §2).
pub(super) fn decoded(part: &str) -> Result<Vec<u8>, Failure> {
    if part.is_empty() {
        return Err(Failure::Malformed);
    }
    URL_SAFE_NO_PAD.decode(part).map_err(|_| Failure::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_header(header: &str) -> Result<JwtAlgorithm, Failure> {
        let text = format!("{}.e30.c2ln", URL_SAFE_NO_PAD.encode(header));
        Token::parse(&text).map(|token| token.algorithm)
    }

    // JWT-01, JWT-03, JWT-07
    #[test]
    fn a_header_that_asks_for_something_unusual_is_refused() {
        for (header, expected) in [
            (r#"{"alg":"RS256"}"#, Ok(JwtAlgorithm::RS256)),
            (r#"{"alg":"Ed25519","typ":"JWT"}"#, Ok(JwtAlgorithm::EdDSA)),
            (r#"{"alg":"ES256","typ":"AT+jwt"}"#, Ok(JwtAlgorithm::ES256)),
            (
                r#"{"alg":"ES256","typ":"application/AT+JWT","x":{"y":[]}}"#,
                Ok(JwtAlgorithm::ES256),
            ),
            (
                r#"{"alg":"RS256","jku":"http://a/","x5u":"http://a/","jwk":{"kty":"oct"},"x5c":["a"]}"#,
                Ok(JwtAlgorithm::RS256),
            ),
            (r#"{"alg":"none"}"#, Err(Failure::WrongAlgorithm)),
            (r#"{"alg":"None"}"#, Err(Failure::WrongAlgorithm)),
            (r#"{"alg":"nOnE"}"#, Err(Failure::WrongAlgorithm)),
            (r#"{"alg":""}"#, Err(Failure::WrongAlgorithm)),
            (r#"{"alg":"HS256"}"#, Err(Failure::WrongAlgorithm)),
            (r#"{"alg":"rs256"}"#, Err(Failure::WrongAlgorithm)),
            (r#"{"alg":"ES256K"}"#, Err(Failure::WrongAlgorithm)),
            (r#"{"alg":["RS256"]}"#, Err(Failure::Malformed)),
            (r#"{"alg":null}"#, Err(Failure::Malformed)),
            (r#"{"typ":"JWT"}"#, Err(Failure::Malformed)),
            (r#"{"alg":"RS256","alg":"none"}"#, Err(Failure::Malformed)),
            (
                r#"{"alg":"RS256","typ":"dpop+jwt"}"#,
                Err(Failure::WrongType),
            ),
            (
                r#"{"alg":"RS256","typ":"id_token"}"#,
                Err(Failure::WrongType),
            ),
            (r#"{"alg":"RS256","typ":""}"#, Err(Failure::WrongType)),
            (r#"{"alg":"RS256","typ":null}"#, Err(Failure::Malformed)),
            (r#"{"alg":"RS256","crit":["exp"]}"#, Err(Failure::Malformed)),
            (r#"{"alg":"RS256","crit":null}"#, Err(Failure::Malformed)),
            (r#"{"alg":"RS256","b64":true}"#, Err(Failure::Malformed)),
            (r#"{"alg":"RS256","zip":"DEF"}"#, Err(Failure::Malformed)),
            (
                r#"{"alg":"RS256","enc":"A128GCM"}"#,
                Err(Failure::Malformed),
            ),
            (r#"{"alg":"RS256","cty":"JWT"}"#, Err(Failure::Malformed)),
            (r#"{"alg":"RS256","kid":null}"#, Err(Failure::Malformed)),
            (r#"{"alg":"RS256","kid":["a"]}"#, Err(Failure::Malformed)),
            (r#"{"alg":"RS256","kid":7}"#, Err(Failure::Malformed)),
            (r#"[{"alg":"RS256"}]"#, Err(Failure::Malformed)),
            (r#"["RS256"]"#, Err(Failure::Malformed)),
            (r#""RS256""#, Err(Failure::Malformed)),
        ] {
            assert_eq!(with_header(header), expected, "{header}");
        }
        let kid = |length| format!(r#"{{"alg":"RS256","kid":"{}"}}"#, "k".repeat(length));
        assert!(with_header(&kid(256)).is_ok());
        assert_eq!(with_header(&kid(257)), Err(Failure::Malformed));
    }

    // JWT-07
    #[test]
    fn only_three_clean_parts_are_a_token() {
        let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256"}"#);
        assert!(Token::parse(&format!("{header}.e30.c2ln")).is_ok());
        for text in [
            String::new(),
            "..".to_owned(),
            "a.b.c".to_owned(),
            header.clone(),
            format!("{header}.e30"),
            format!("{header}.e30."),
            format!("{header}..c2ln"),
            format!(".{header}.e30"),
            format!("{header}.e30.c2ln."),
            format!("{header}.e30.c2ln.c2ln"),
            format!("{header}.e30.c2ln.c2ln.c2ln"),
            format!("{header}.e30=.c2ln"),
            format!("{header}.e30.c2ln=="),
            format!("{header}.e30.c2\nln"),
            format!("{header}. e30.c2ln"),
            format!("{header}.e31.c2ln"),
            format!("{header}.e30.c2+n"),
            format!("{header}.e30.é"),
            format!("{header}.{}.c2ln", "e30".repeat(3000)),
        ] {
            assert_eq!(
                Token::parse(&text).err(),
                Some(Failure::Malformed),
                "{text:.80}"
            );
        }
    }
}
