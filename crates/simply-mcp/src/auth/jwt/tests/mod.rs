//! What the tests of tokens share: keys, tokens with any contents, and sources that tests hold.

mod fetching;
pub(crate) mod fixture;
mod forging;
mod freshness;
mod published;

use std::{
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use futures::FutureExt as _;
use serde_json::{Value, json};

use super::{issuer::Issuer, source::Source, *};

/// What the clock on the wall shows, in Unix seconds.
pub(super) const NOW: u64 = 1_800_000_000;

pub(super) const ISSUER: &str = "https://login.example.com";
pub(super) const AUDIENCE: &str = "https://mcp.example.com/mcp";

pub(super) fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(NOW)
}

/// Claims that are good.
pub(super) fn claims() -> Value {
    json!({"iss": ISSUER, "sub": "s", "aud": AUDIENCE, "exp": NOW + 60, "iat": NOW, "scope": "mcp extra"})
}

/// Settings with one issuer, and whatever else.
pub(super) fn config(jwt: &Value) -> HttpConfig {
    let mut settings = json!({"issuer": ISSUER, "jwks_url": "https://login.example.com/jwks"});
    for (name, value) in jwt.as_object().unwrap() {
        settings[name] = value.clone();
    }
    let server = json!({"public_url": "https://mcp.example.com"});
    HttpConfig::from_value(json!({"server": server, "auth": {"jwt": settings}})).unwrap()
}

/// A source whose document the test holds, and which counts how often it is looked at.
#[derive(Clone)]
pub(super) struct Held {
    document: Arc<Mutex<Result<Vec<u8>, String>>>,
    pub(super) looks: Arc<AtomicUsize>,
}

impl Held {
    pub(super) fn new(keys: &[Value]) -> Self {
        let held = Self::broken();
        held.publish(keys);
        held
    }

    pub(super) fn broken() -> Self {
        Self {
            document: Arc::new(Mutex::new(Err("nobody answers".to_owned()))),
            looks: Arc::default(),
        }
    }

    pub(super) fn publish(&self, keys: &[Value]) {
        *self.document.lock().unwrap() = Ok(json!({ "keys": keys }).to_string().into_bytes());
    }

    pub(super) fn break_down(&self) {
        *self.document.lock().unwrap() = Err("nobody answers".to_owned());
    }

    pub(super) fn looks(&self) -> usize {
        self.looks.load(Ordering::SeqCst)
    }

    pub(super) fn source(&self, issuer: &str, max_stale: Duration, metrics: &Metrics) -> Source {
        let held = self.clone();
        let read = move || {
            held.looks.fetch_add(1, Ordering::SeqCst);
            let document = held.document.lock().unwrap().clone();
            async move { document }.boxed()
        };
        Source::new(issuer, Box::new(read), None, max_stale, metrics)
    }
}

/// Whoever accepts tokens by `config`, each issuer's keys coming from the source of the same place.
pub(super) fn tokens_from(config: &HttpConfig, sources: &[Held], metrics: &Metrics) -> Tokens {
    let jwt = &config.auth.jwt;
    let issuers = jwt.issuers().zip(sources).map(|(issuer, held)| {
        let source = held.source(&issuer.issuer, jwt.max_stale, metrics);
        Issuer::new(issuer, source)
    });
    Tokens::of(config, issuers.collect(), Some(&Arc::new(OnceLock::new())))
}
