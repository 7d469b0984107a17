//! One public key of an issuer, and what it may be used for (RFC 7517, RFC 7518).

use std::fmt;

use jsonwebtoken::{Algorithm, DecodingKey, crypto::aws_lc};
use serde::Deserialize;

use super::token::{algorithm_named, decoded};
use crate::config::JwtAlgorithm;

/// The bits that an RSA key needs (RFC 7518 §3.3), and the most that are computed with.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// A public key, and the algorithms that it vouches with: one where its owner says which, else those that its kind
/// allows. No other counts, whatever a token says (RFC 8725 §3.1).
pub(super) struct PublicKey {
    key: DecodingKey,
    algorithms: &'static [JwtAlgorithm],
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "PublicKey({:?})", self.algorithms)
    }
}

/// A JSON Web Key as it stands in a set.
#[derive(Deserialize)]
pub(super) struct Jwk {
    kty: String,
    pub(super) kid: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    key_ops: Option<Vec<String>>,
    alg: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
    /// The private part, which nobody but its owner should know.
    d: Option<serde::de::IgnoredAny>,
}

/// Why a key of a set is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unusable {
    #[error("it is not for signatures")]
    OtherPurpose,
    #[error("its kind is not one that is known here")]
    UnknownKind,
    #[error("it is a shared secret, and not a public key")]
    SharedSecret,
    #[error(
        "it carries its private part, so anybody could sign with it; the issuer should replace it at once"
    )]
    Private,
    #[error("its algorithm is none that fits it, or none that is known here")]
    UnknownAlgorithm,
    #[error("it is not an RSA key of 2048 to 8192 bits")]
    WeakRsa,
    #[error("its numbers cannot be read")]
    Malformed,
    #[error("its name is longer than 256 bytes")]
    LongName,
}

const RSA: &[JwtAlgorithm] = &[
    JwtAlgorithm::RS256,
    JwtAlgorithm::RS384,
    JwtAlgorithm::RS512,
    JwtAlgorithm::PS256,
    JwtAlgorithm::PS384,
    JwtAlgorithm::PS512,
];
const P256: &[JwtAlgorithm] = &[JwtAlgorithm::ES256];
const P384: &[JwtAlgorithm] = &[JwtAlgorithm::ES384];
const ED25519: &[JwtAlgorithm] = &[JwtAlgorithm::EdDSA];

impl PublicKey {
    /// Takes a key out of a set.
    pub(super) fn read(jwk: &Jwk) -> Result<Self, Unusable> {
        let for_signatures = jwk
            .purpose
            .as_deref()
            .is_none_or(|purpose| purpose == "sig");
        let verifies = jwk
            .key_ops
            .as_ref()
            .is_none_or(|operations| operations.iter().any(|operation| operation == "verify"));
        if !for_signatures || !verifies {
            return Err(Unusable::OtherPurpose);
        }
        if jwk.d.is_some() {
            return Err(Unusable::Private);
        }
        let (key, allowed) = match (jwk.kty.as_str(), jwk.crv.as_deref()) {
            ("RSA", _) => (rsa(jwk)?, RSA),
            ("EC", Some("P-256")) => (elliptic(jwk, 32)?, P256),
            ("EC", Some("P-384")) => (elliptic(jwk, 48)?, P384),
            ("OKP", Some("Ed25519")) => (edwards(jwk)?, ED25519),
            ("oct", _) => return Err(Unusable::SharedSecret),
            _ => return Err(Unusable::UnknownKind),
        };
        let algorithms = match &jwk.alg {
            None => allowed,
            Some(name) => pinned(name, allowed).ok_or(Unusable::UnknownAlgorithm)?,
        };
        Ok(Self { key, algorithms })
    }

    /// Whether it vouches with `algorithm`.
    pub(super) fn allows(&self, algorithm: JwtAlgorithm) -> bool {
        self.algorithms.contains(&algorithm)
    }

    /// Whether the holder of the private key signed `message`.
    pub(super) fn verifies(
        &self,
        algorithm: JwtAlgorithm,
        message: &str,
        signature: &Vec<u8>,
    ) -> bool {
        // The provider is named here: another crate of the program may have chosen a default of its own, or none.
        let verifier = (aws_lc::DEFAULT_PROVIDER.verifier_factory)(&named(algorithm), &self.key);
        self.allows(algorithm)
            && verifier.is_ok_and(|verifier| verifier.verify(message.as_bytes(), signature).is_ok())
    }
}

/// The one algorithm that the key names, as a part of those that its kind allows.
fn pinned(name: &str, allowed: &'static [JwtAlgorithm]) -> Option<&'static [JwtAlgorithm]> {
    let algorithm = algorithm_named(name)?;
    let index = allowed.iter().position(|other| *other == algorithm)?;
    Some(&allowed[index..=index])
}

/// The name that the signature library has for it.
pub(super) fn named(algorithm: JwtAlgorithm) -> Algorithm {
    match algorithm {
        JwtAlgorithm::RS256 => Algorithm::RS256,
        JwtAlgorithm::RS384 => Algorithm::RS384,
        JwtAlgorithm::RS512 => Algorithm::RS512,
        JwtAlgorithm::PS256 => Algorithm::PS256,
        JwtAlgorithm::PS384 => Algorithm::PS384,
        JwtAlgorithm::PS512 => Algorithm::PS512,
        JwtAlgorithm::ES256 => Algorithm::ES256,
        JwtAlgorithm::ES384 => Algorithm::ES384,
        JwtAlgorithm::EdDSA => Algorithm::EdDSA,
    }
}

fn rsa(jwk: &Jwk) -> Result<DecodingKey, Unusable> {
    let modulus = number(jwk.n.as_ref())?;
    let exponent = number(jwk.e.as_ref())?;
    let bits = modulus.len() * 8
        - modulus
            .first()
            .map_or(0, |byte| byte.leading_zeros() as usize);
    if !RSA_BITS.contains(&bits) {
        return Err(Unusable::WeakRsa);
    }
    // An exponent of one would make every text its own signature.
    let odd = exponent.last().is_some_and(|byte| byte % 2 == 1);
    if !odd || exponent == [1] || exponent.len() > 4 {
        return Err(Unusable::Malformed);
    }
    Ok(DecodingKey::from_rsa_raw_components(&modulus, &exponent))
}

fn elliptic(jwk: &Jwk, size: usize) -> Result<DecodingKey, Unusable> {
    let mut point = vec![4];
    for coordinate in [&jwk.x, &jwk.y] {
        let bytes = bytes(coordinate.as_ref())?;
        if bytes.len() != size {
            return Err(Unusable::Malformed);
        }
        point.extend(bytes);
    }
    Ok(DecodingKey::from_ec_der(&point))
}

fn edwards(jwk: &Jwk) -> Result<DecodingKey, Unusable> {
    let point = bytes(jwk.x.as_ref())?;
    if point.len() == 32 {
        Ok(DecodingKey::from_ed_der(&point))
    } else {
        Err(Unusable::Malformed)
    }
}

/// A number without the zeros in front of it that some issuers write.
fn number(text: Option<&String>) -> Result<Vec<u8>, Unusable> {
    let mut bytes = bytes(text)?;
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    bytes.drain(..zeros);
    Ok(bytes)
}

fn bytes(text: Option<&String>) -> Result<Vec<u8>, Unusable> {
    let text = text.ok_or(Unusable::Malformed)?;
    decoded(text).map_err(|_| Unusable::Malformed)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::auth::jwt::tests::fixture;

    fn read(jwk: &serde_json::Value) -> Result<PublicKey, Unusable> {
        PublicKey::read(&serde_json::from_value(jwk.clone()).unwrap())
    }

    // JWT-02, JWT-08
    #[test]
    fn a_key_is_good_for_what_it_says_and_for_what_its_kind_allows() {
        let rsa = fixture::jwk("rsa", JwtAlgorithm::RS256);
        for (change, expected) in [
            (json!({}), Ok(&RSA[..1])),
            (json!({"alg": null}), Ok(RSA)),
            (json!({"alg": "PS512"}), Ok(&RSA[5..])),
            (json!({"alg": "ES256"}), Err(Unusable::UnknownAlgorithm)),
            (json!({"alg": "HS256"}), Err(Unusable::UnknownAlgorithm)),
            (json!({"alg": "RSA-OAEP"}), Err(Unusable::UnknownAlgorithm)),
            (
                json!({"use": "sig", "key_ops": ["verify", "x"]}),
                Ok(&RSA[..1]),
            ),
            (json!({"use": "enc"}), Err(Unusable::OtherPurpose)),
            (json!({"key_ops": ["encrypt"]}), Err(Unusable::OtherPurpose)),
            (json!({"key_ops": []}), Err(Unusable::OtherPurpose)),
            (
                json!({"kty": "oct", "k": "AAAA"}),
                Err(Unusable::SharedSecret),
            ),
            (json!({"kty": "AKP"}), Err(Unusable::UnknownKind)),
            (json!({"d": "AAAA"}), Err(Unusable::Private)),
            (json!({"e": "AQ"}), Err(Unusable::Malformed)),
            (json!({"e": "Ag"}), Err(Unusable::Malformed)),
            (json!({"e": "AAAAAAAAAQ"}), Err(Unusable::Malformed)),
            (json!({"n": null}), Err(Unusable::Malformed)),
            (json!({"n": "="}), Err(Unusable::Malformed)),
            (json!({"n": "AAAA"}), Err(Unusable::WeakRsa)),
            (json!({"n": fixture::RSA_1024}), Err(Unusable::WeakRsa)),
        ] {
            let mut jwk = rsa.clone();
            for (name, value) in change.as_object().unwrap() {
                jwk[name] = value.clone();
            }
            let algorithms = read(&jwk).map(|key| key.algorithms);
            assert_eq!(algorithms, expected, "{change}");
        }
        for (name, algorithm, other) in [
            ("p256", JwtAlgorithm::ES256, "P-384"),
            ("p384", JwtAlgorithm::ES384, "P-521"),
            ("ed25519", JwtAlgorithm::EdDSA, "Ed448"),
        ] {
            let mut jwk = fixture::jwk(name, algorithm);
            jwk["alg"] = json!(null);
            assert_eq!(read(&jwk).unwrap().algorithms, [algorithm]);
            jwk["crv"] = json!(other);
            assert!(read(&jwk).is_err(), "{other}");
        }
        let mut ed25519 = fixture::jwk("ed25519", JwtAlgorithm::EdDSA);
        ed25519["alg"] = json!("Ed25519");
        assert!(read(&ed25519).is_ok());
    }
}
