//! The public keys of an issuer (a JSON Web Key Set, RFC 7517 §5).

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::Value;

use super::{
    Failure,
    key::{Jwk, PublicKey, Unusable},
    token::LONGEST_KEY_ID,
};
use crate::config::JwtAlgorithm;

/// The largest document that is read, in bytes.
pub(super) const LARGEST: usize = 1024 * 1024;

/// The most keys that a set may have.
const MOST_KEYS: usize = 100;

/// The keys of an issuer that are good for signatures.
#[derive(Debug, Default)]
pub(super) struct KeySet {
    keys: Vec<PublicKey>,
    /// Which of `keys` have a name. Two of one name are told apart by their algorithm, or not at all.
    names: HashMap<String, Vec<usize>>,
    /// The keys that are left out, each with the reason.
    left_out: Vec<String>,
}

/// What a set is read from cannot be one. Nothing of it is repeated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum InvalidSet {
    #[error("it is not a JSON Web Key Set: an object with the list `keys`")]
    NotASet,
    #[error("it has more than {MOST_KEYS} keys")]
    TooManyKeys,
}

/// Which key signed a token.
#[derive(Debug)]
pub(super) enum Found<'a> {
    Key(&'a PublicKey),
    /// No key has that name; the next look at the source may find it.
    Unknown,
    /// The key is there, and not good for this algorithm; or there is more than one.
    Unfit,
}

#[derive(Deserialize)]
struct Document {
    keys: Vec<Value>,
}

impl KeySet {
    /// Reads a set. A key that cannot be used is left out, as RFC 7517 §5 asks; a set may be empty.
    pub(super) fn parse(json: &[u8]) -> Result<Self, InvalidSet> {
        // A struct of serde can be read from an array too.
        let document: Value = serde_json::from_slice(json).map_err(|_| InvalidSet::NotASet)?;
        if !document.is_object() {
            return Err(InvalidSet::NotASet);
        }
        let document: Document =
            serde_json::from_value(document).map_err(|_| InvalidSet::NotASet)?;
        if document.keys.len() > MOST_KEYS {
            return Err(InvalidSet::TooManyKeys);
        }
        let mut set = Self::default();
        for (index, jwk) in document.keys.into_iter().enumerate() {
            set.add(index, jwk);
        }
        Ok(set)
    }

    /// How many keys there are.
    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    /// The keys that are left out, each with the reason.
    pub(super) fn left_out(&self) -> &[String] {
        &self.left_out
    }

    /// The key that a token names. Without a name it must be the only one that fits (RFC 7515 §4.1.4).
    pub(super) fn find(&self, key_id: Option<&str>, algorithm: JwtAlgorithm) -> Found<'_> {
        let Some(name) = key_id else {
            return only(self.keys.iter(), algorithm);
        };
        match self.names.get(name) {
            None => Found::Unknown,
            Some(indices) => only(indices.iter().map(|index| &self.keys[*index]), algorithm),
        }
    }

    fn add(&mut self, index: usize, jwk: Value) {
        let read = serde_json::from_value::<Jwk>(jwk).map_err(|_| Unusable::Malformed);
        let read = read.and_then(|jwk| Ok((PublicKey::read(&jwk)?, name(jwk.kid)?)));
        match read {
            Err(reason) => self.left_out.push(format!("key {}: {reason}", index + 1)),
            Ok((key, name)) => {
                if let Some(name) = name {
                    self.names.entry(name).or_default().push(self.keys.len());
                }
                self.keys.push(key);
            }
        }
    }
}

fn name(kid: Option<String>) -> Result<Option<String>, Unusable> {
    match kid {
        Some(kid) if kid.len() > LONGEST_KEY_ID => Err(Unusable::LongName),
        kid => Ok(kid),
    }
}

fn only<'a>(keys: impl Iterator<Item = &'a PublicKey>, algorithm: JwtAlgorithm) -> Found<'a> {
    let mut fitting = keys.filter(|key| key.allows(algorithm));
    match (fitting.next(), fitting.next()) {
        (Some(key), None) => Found::Key(key),
        _ => Found::Unfit,
    }
}

impl<'a> Found<'a> {
    /// The key, or why there is none.
    pub(super) fn key(self) -> Result<&'a PublicKey, Failure> {
        match self {
            Self::Key(key) => Ok(key),
            Self::Unknown => Err(Failure::UnknownKey),
            Self::Unfit => Err(Failure::WrongKey),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::auth::jwt::tests::fixture;

    fn set(keys: &[Value]) -> KeySet {
        KeySet::parse(json!({ "keys": keys }).to_string().as_bytes()).unwrap()
    }

    fn named(name: &str, kid: &str, algorithm: JwtAlgorithm) -> Value {
        let mut jwk = fixture::jwk(name, algorithm);
        jwk["kid"] = json!(kid);
        jwk
    }

    // JWT-08
    #[test]
    fn what_cannot_be_used_is_left_out_and_the_rest_stays() {
        let mut weak = named("rsa", "weak", JwtAlgorithm::RS256);
        weak["n"] = json!(fixture::RSA_1024);
        let set = set(&[
            json!(7),
            json!({"kty": "new"}),
            weak,
            named("p256", "good", JwtAlgorithm::ES256),
            named("p256", &"k".repeat(257), JwtAlgorithm::ES256),
            json!({"kty": "oct", "k": "AAAA", "kid": "secret"}),
        ]);
        assert_eq!((set.len(), set.left_out().len()), (1, 5));
        assert!(set.left_out()[2].contains("2048"), "{:?}", set.left_out());
        assert!(matches!(
            set.find(Some("good"), JwtAlgorithm::ES256),
            Found::Key(_)
        ));
        assert!(matches!(
            set.find(Some("weak"), JwtAlgorithm::RS256),
            Found::Unknown
        ));
    }

    #[test]
    fn a_key_is_found_by_its_name_or_by_being_the_only_one() {
        let rs256 = JwtAlgorithm::RS256;
        let es256 = JwtAlgorithm::ES256;
        let both = set(&[named("rsa", "a", rs256), named("p256", "b", es256)]);
        assert!(matches!(both.find(None, rs256), Found::Key(_)));
        assert!(matches!(both.find(Some("a"), es256), Found::Unfit));
        assert!(matches!(both.find(None, JwtAlgorithm::PS256), Found::Unfit));
        let same_name = set(&[named("rsa", "a", rs256), named("p256", "a", es256)]);
        assert!(matches!(same_name.find(Some("a"), es256), Found::Key(_)));
        let twins = set(&[named("rsa", "a", rs256), named("rsa_other", "a", rs256)]);
        assert!(matches!(twins.find(Some("a"), rs256), Found::Unfit));
        let two = set(&[named("rsa", "a", rs256), named("rsa_other", "b", rs256)]);
        assert!(matches!(two.find(None, rs256), Found::Unfit));
        assert!(matches!(set(&[]).find(None, rs256), Found::Unfit));
    }

    #[test]
    fn what_is_no_set_is_refused() {
        for json in [
            "",
            "{}",
            "[]",
            "[[]]",
            r#"{"keys": {}}"#,
            r#"{"keys": null}"#,
        ] {
            let refused = KeySet::parse(json.as_bytes()).err();
            assert_eq!(refused, Some(InvalidSet::NotASet), "{json}");
        }
        let many = json!({"keys": vec![json!({}); 101]}).to_string();
        let refused = KeySet::parse(many.as_bytes()).err();
        assert_eq!(refused, Some(InvalidSet::TooManyKeys));
    }
}
