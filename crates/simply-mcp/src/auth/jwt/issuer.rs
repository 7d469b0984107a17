//! One authorization server, and what a token of its has to be like.

use std::{path::Path, sync::Arc, time::SystemTime};

use futures::FutureExt as _;

use super::{
    Failure,
    claims::Claims,
    fetch::Fetcher,
    file,
    key_set::Found,
    source::{Loaded, Read, Source},
    token::Token,
};
use crate::{
    config::{Jwt, JwtAlgorithm, JwtIssuer, Origin, Problem},
    metrics::Metrics,
    watch::Watch,
};

/// An authorization server whose tokens are accepted.
#[derive(Debug)]
pub(super) struct Issuer {
    /// Exactly what stands in `iss`.
    pub(super) name: String,
    /// What `aud` may be; empty where it is the resource itself.
    pub(super) audience: Vec<String>,
    /// The scopes that every token needs.
    pub(super) required_scopes: Vec<String>,
    /// Where its keys come from.
    pub(super) source: Source,
    algorithms: Vec<JwtAlgorithm>,
}

impl Issuer {
    /// An issuer as it is configured.
    pub(super) fn new(settings: JwtIssuer, source: Source) -> Self {
        Self {
            name: settings.issuer,
            audience: settings.audience,
            required_scopes: settings.required_scopes,
            source,
            algorithms: settings.algorithms,
        }
    }

    /// Whether the token was signed by this issuer, with a key that it has now; which generation of keys says so.
    pub(super) async fn check_signature(&self, token: Token<'_>) -> Result<u64, Failure> {
        if !self.algorithms.contains(&token.algorithm) {
            return Err(Failure::WrongAlgorithm);
        }
        let loaded = self.keys_for(&token).await?;
        let key = loaded
            .keys
            .find(token.key_id.as_deref(), token.algorithm)
            .key()?;
        if key.verifies(token.algorithm, token.signed, &token.signature) {
            Ok(loaded.generation)
        } else {
            Err(Failure::WrongSignature)
        }
    }

    /// Whether the claims are for this resource and for this time.
    pub(super) fn check_claims(
        &self,
        claims: &Claims,
        resource: &str,
        now: SystemTime,
        leeway: std::time::Duration,
    ) -> Result<(), Failure> {
        let is_ours = if self.audience.is_empty() {
            claims.is_for(&[resource])
        } else {
            claims.is_for(&self.audience)
        };
        if !is_ours {
            return Err(Failure::WrongAudience);
        }
        claims.check_time(now, leeway)
    }

    /// The keys in force, after another look at their source if the token's key is not among them.
    async fn keys_for(&self, token: &Token<'_>) -> Result<Arc<Loaded>, Failure> {
        let is_unknown = |loaded: &Loaded| {
            let found = loaded.keys.find(token.key_id.as_deref(), token.algorithm);
            matches!(found, Found::Unknown)
        };
        let mut loaded = self.source.in_force();
        if loaded.as_deref().is_none_or(is_unknown) {
            self.source.wait_for_look().await;
            // A look may have ended before anybody could wait for it, so this is asked again whatever came of that.
            loaded = self.source.in_force();
        }
        loaded.ok_or(Failure::KeysNotThere)
    }
}

/// Where the issuer's keys come from, as it is configured. A file is read at once.
///
/// # Errors
///
/// When they cannot come from there.
pub(super) fn source_of(
    issuer: &JwtIssuer,
    jwt: &Jwt,
    metrics: &Metrics,
) -> Result<Source, Problem> {
    let error = |reason: String| {
        let message = format!(
            "the public keys of {:?} cannot be had: {reason}",
            issuer.issuer
        );
        Problem::of_setting(Origin::Given, "auth.jwt", message)
    };
    let source = |read, watch| Source::new(&issuer.issuer, read, watch, jwt.max_stale, metrics);
    match (&issuer.jwks_file, &issuer.jwks_url) {
        (Some(path), _) => {
            // Before the file is read, so that no change is missed.
            let watch = Watch::new([path.clone()]);
            let source = source(from_file(path), Some(watch));
            let begun = file::read(path).and_then(|document| source.begin_with(&document));
            let usable = begun.and_then(|()| source.has_a_usable_key());
            usable.map_err(|reason| error(format!("jwks_file: {reason}")))?;
            Ok(source)
        }
        (None, Some(url)) => {
            let fetcher = Fetcher::new(url, jwt.allow_private_networks);
            let fetcher = fetcher.map_err(|reason| error(format!("jwks_url: {reason}")))?;
            Ok(source(from_url(fetcher), None))
        }
        (None, None) => Err(error("set jwks_url or jwks_file".to_owned())),
    }
}

fn from_url(fetcher: Fetcher) -> Read {
    Box::new(move || {
        let fetcher = fetcher.clone();
        async move { fetcher.fetch().await.map_err(|error| error.to_string()) }.boxed()
    })
}

fn from_file(path: &Path) -> Read {
    let path: Arc<Path> = path.into();
    Box::new(move || {
        let path = Arc::clone(&path);
        let reading = tokio::task::spawn_blocking(move || file::read(&path));
        async move {
            reading
                .await
                .unwrap_or_else(|error| Err(format!("reading it broke: {error}")))
        }
        .boxed()
    })
}
