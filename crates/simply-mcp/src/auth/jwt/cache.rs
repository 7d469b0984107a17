//! Tokens that were verified lately, so that a client's next request costs a hash and not a signature.
//!
//! Only what was good is kept, under the SHA-256 of the token: nobody can fill it who holds no good tokens, and no token
//! can be read out of it.

use std::{
    collections::HashMap,
    mem,
    sync::{Arc, Mutex, PoisonError},
};

use sha2::{Digest, Sha256};

use crate::facts::Known;

/// The most tokens that are kept.
const MOST: usize = 10_000;

/// Parts with a lock of their own, so that requests seldom wait for each other.
const SHARDS: usize = 16;

/// The most tokens of half a shard.
const HALF: usize = MOST / SHARDS / 2;

/// The SHA-256 of a token.
pub(super) type TokenHash = [u8; 32];

/// The hash that a token is kept under.
pub(super) fn hash_of(token: &str) -> TokenHash {
    Sha256::digest(token.as_bytes()).into()
}

/// A token that was good.
#[derive(Clone)]
pub(super) struct Verified {
    pub(super) known: Arc<Known>,
    /// Which issuer's keys vouched for it, and which generation of them: another generation knows it no more.
    pub(super) issuer: usize,
    pub(super) generation: u64,
}

/// The tokens that were good lately.
pub(super) struct Cache {
    shards: [Mutex<Shard>; SHARDS],
}

/// The newer half and the older half: when the newer is full, the older goes.
#[derive(Default)]
struct Shard {
    newer: HashMap<TokenHash, Verified>,
    older: HashMap<TokenHash, Verified>,
}

impl Cache {
    pub(super) fn new() -> Self {
        Self {
            shards: std::array::from_fn(|_| Mutex::default()),
        }
    }

    /// The token of that hash, if it was good. Its time may be over, and its issuer's keys may be others by now.
    pub(super) fn find(&self, hash: &TokenHash) -> Option<Verified> {
        let shard = self
            .shard(hash)
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        shard
            .newer
            .get(hash)
            .or_else(|| shard.older.get(hash))
            .cloned()
    }

    /// Keeps a token that was good.
    pub(super) fn keep(&self, hash: TokenHash, verified: Verified) {
        let mut shard = self
            .shard(&hash)
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if shard.newer.len() >= HALF {
            let newer = mem::take(&mut shard.newer);
            shard.older = newer;
        }
        shard.newer.insert(hash, verified);
    }

    fn shard(&self, hash: &TokenHash) -> &Mutex<Shard> {
        &self.shards[usize::from(hash[0]) % SHARDS]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Principal;

    fn verified(generation: u64) -> Verified {
        Verified {
            known: Arc::new(Known::new(Principal::Key("k".into()))),
            issuer: 0,
            generation,
        }
    }

    #[test]
    fn it_keeps_what_is_new_and_never_more_than_its_bound() {
        let cache = Cache::new();
        for number in 0..30_000_u64 {
            cache.keep(hash_of(&number.to_string()), verified(number));
        }
        let held: usize = cache
            .shards
            .iter()
            .map(|shard| {
                let shard = shard.lock().unwrap();
                shard.newer.len() + shard.older.len()
            })
            .sum();
        assert!((MOST / 3..=MOST).contains(&held), "{held}");
        let newest = cache.find(&hash_of("29999")).unwrap();
        assert_eq!(newest.generation, 29_999);
        assert!(cache.find(&hash_of("0")).is_none());
    }

    #[test]
    fn finding_allocates_nothing() {
        let cache = Cache::new();
        let hash = hash_of("token");
        cache.keep(hash, verified(1));
        let counted = allocation_counter::measure(|| {
            let found = cache.find(&hash_of("token")).map(|found| found.generation);
            assert_eq!(found, Some(1));
        });
        assert_eq!(counted.count_total, 0);
    }
}
