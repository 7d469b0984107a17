//! The text of an API key, and the hash that stands for it.
//!
//! A key of ours is `smcp_`, 43 random letters and digits (256 bits), and 6 more that check the rest, so that a typing
//! error is told from a key that is not known. Other keys are taken as they are.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// How a key of ours begins, so that people and secret scanners know it.
const PREFIX: &str = "smcp_";

/// The random characters: 43 of 62 have 256 bits.
const RANDOM: usize = 43;

/// The characters that check the others: 6 of 62 hold 32 bits.
const CHECK: usize = 6;

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// How a hash is written begins with the name of the hash function.
const HASH_PREFIX: &str = "sha256:";

/// A new key. Its text is shown once, and wiped from memory when this is dropped.
pub struct ApiKey(Zeroizing<String>);

impl ApiKey {
    /// Makes a key of 256 random bits.
    ///
    /// # Errors
    ///
    /// When the operating system has no randomness to give.
    pub fn generate() -> std::io::Result<Self> {
        let mut text = Zeroizing::new(String::with_capacity(PREFIX.len() + RANDOM + CHECK));
        text.push_str(PREFIX);
        let mut bytes = Zeroizing::new([0; 64]);
        while text.len() < PREFIX.len() + RANDOM {
            getrandom::fill(&mut *bytes).map_err(std::io::Error::other)?;
            // 248 is the largest multiple of 62 in a byte: what is above would favour some characters.
            let even = bytes.iter().filter(|byte| **byte < 248);
            let room = PREFIX.len() + RANDOM - text.len();
            text.extend(
                even.take(room)
                    .map(|byte| char::from(ALPHABET[usize::from(byte % 62)])),
            );
        }
        let check = check_of(&text);
        text.extend(check.map(char::from));
        Ok(Self(text))
    }

    /// The text, to be shown to whoever will use the key.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What a keys file keeps of it.
    #[must_use]
    pub fn hash(&self) -> KeyHash {
        KeyHash::of(&self.0)
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ApiKey(***)")
    }
}

/// What the spelling alone says of a text that is shown as a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spelling {
    /// A key of ours, every character in its place.
    Ours,
    /// It begins like a key of ours, and is none: a typing error, or a part that was not copied.
    Mistyped,
    /// A key that somebody else made.
    Foreign,
}

impl Spelling {
    /// Looks at the spelling. It says nothing about whether the key is known.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let Some(rest) = text.strip_prefix(PREFIX) else {
            return Self::Foreign;
        };
        let plain =
            rest.len() == RANDOM + CHECK && rest.bytes().all(|byte| ALPHABET.contains(&byte));
        if plain
            && check_of(&text[..PREFIX.len() + RANDOM]) == text.as_bytes()[PREFIX.len() + RANDOM..]
        {
            Self::Ours
        } else {
            Self::Mistyped
        }
    }
}

fn check_of(text: &str) -> [u8; CHECK] {
    let hash = Sha256::digest(text.as_bytes());
    let mut number = u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]]);
    [(); CHECK].map(|()| {
        let digit = ALPHABET[(number % 62) as usize];
        number /= 62;
        digit
    })
}

/// The SHA-256 of a key, which is all that is kept of it. Keys are random, so nothing slower is needed: there is no
/// dictionary to try.
///
/// It is written `sha256:` and 64 hexadecimal digits.
#[derive(Clone, Copy, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct KeyHash([u8; 32]);

impl KeyHash {
    /// The hash of a key's text.
    #[must_use]
    pub fn of(text: &str) -> Self {
        Self(Sha256::digest(text.as_bytes()).into())
    }
}

/// In a time that does not depend on where they differ; there is no other way to compare two hashes.
impl PartialEq for KeyHash {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl std::hash::Hash for KeyHash {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl fmt::Display for KeyHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(HASH_PREFIX)?;
        self.0
            .iter()
            .try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

// The first digits tell hashes apart in a report.
impl fmt::Debug for KeyHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "KeyHash({:02x}{:02x}…)", self.0[0], self.0[1])
    }
}

impl From<KeyHash> for String {
    fn from(hash: KeyHash) -> Self {
        hash.to_string()
    }
}

impl TryFrom<String> for KeyHash {
    type Error = InvalidHash;

    fn try_from(text: String) -> Result<Self, InvalidHash> {
        text.parse()
    }
}

impl std::str::FromStr for KeyHash {
    type Err = InvalidHash;

    fn from_str(text: &str) -> Result<Self, InvalidHash> {
        let digits = text
            .strip_prefix(HASH_PREFIX)
            .ok_or(InvalidHash)?
            .as_bytes();
        let mut hash = [0; 32];
        if digits.len() != 2 * hash.len() {
            return Err(InvalidHash);
        }
        for (byte, pair) in hash.iter_mut().zip(digits.chunks_exact(2)) {
            let value = |digit: u8| char::from(digit).to_digit(16).ok_or(InvalidHash);
            *byte =
                u8::try_from(value(pair[0])? * 16 + value(pair[1])?).map_err(|_| InvalidHash)?;
        }
        Ok(Self(hash))
    }
}

/// A text is not the hash of a key. It is not repeated: people put the key itself there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected sha256: and 64 hexadecimal digits, as `simply-mcp keys new` writes them; a key itself goes under `key`"
)]
pub struct InvalidHash;

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn new_keys_are_ours_and_all_different() {
        let keys: HashSet<String> = (0..1000)
            .map(|_| ApiKey::generate().unwrap().expose().to_owned())
            .collect();
        assert_eq!(keys.len(), 1000);
        for key in &keys {
            assert_eq!(Spelling::of(key), Spelling::Ours, "{key}");
            assert_eq!(key.len(), 54);
        }
        let used: HashSet<char> = keys.iter().flat_map(|key| key[5..48].chars()).collect();
        assert_eq!(used.len(), ALPHABET.len(), "every character occurs");
    }

    #[test]
    fn one_wrong_character_is_a_typing_error() {
        let key = ApiKey::generate().unwrap();
        for place in PREFIX.len()..key.expose().len() {
            let mut wrong = key.expose().to_owned().into_bytes();
            wrong[place] = if wrong[place] == b'x' { b'y' } else { b'x' };
            let wrong = String::from_utf8(wrong).unwrap();
            assert_eq!(Spelling::of(&wrong), Spelling::Mistyped, "{place}");
        }
        for wrong in [
            &key.expose()[..53],
            "smcp_",
            &format!("{}x", key.expose()),
            "smcp_ä",
        ] {
            assert_eq!(Spelling::of(wrong), Spelling::Mistyped);
        }
        for foreign in ["", "sk-1234", "SMCP_x", "smcp"] {
            assert_eq!(Spelling::of(foreign), Spelling::Foreign);
        }
    }

    #[test]
    fn a_hash_is_written_and_read() {
        let hash = KeyHash::of("abc");
        let text = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(hash.to_string(), text);
        assert_eq!(text.parse::<KeyHash>().unwrap(), hash);
        assert_ne!(KeyHash::of("abd"), hash);
        for wrong in [
            "",
            "sha256:",
            &text[..70],
            &text[7..],
            "sha256:é",
            &text.replace('b', "g"),
        ] {
            assert!(wrong.parse::<KeyHash>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn nothing_prints_a_key() {
        let key = ApiKey::generate().unwrap();
        assert_eq!(format!("{key:?}"), "ApiKey(***)");
        assert!(!format!("{:?}", key.hash()).contains(&key.hash().to_string()[7..20]));
    }
}
