//! Access tokens of OAuth 2.1: JSON Web Tokens that an authorization server issued for this one (RFC 9068).
//!
//! What a token has to pass, cheapest first: it is a plain JSON Web Signature (`token`), its claims are whole
//! (`claims`), its `iss` is an issuer that the operator named, it is for this server and for this time (`issuer`), and
//! one of that issuer's keys, found by `kid` and good for that algorithm, signed it (`key_set`, `key`). What it lacks in
//! scope is said only after all that. Keys come from a file or a URL and are kept fresh (`source`, `fetch`, `address`).
//! Until there are any, the issuer's tokens are answered with 503 and `Retry-After`, as nothing is known about them yet;
//! the same when the keys are older than `auth.jwt.max_stale`.
//!
//! The token itself goes nowhere: not to handlers, not to a log, not into an error.

mod address;
mod cache;
mod claims;
mod fetch;
mod file;
mod issuer;
mod key;
mod key_set;
mod resource;
mod source;
mod strict;
mod token;

use std::{
    net::SocketAddr,
    sync::{Arc, OnceLock},
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use serde_json::{Value, json};

pub(super) use self::resource::Resource;
use self::{
    cache::{Cache, TokenHash, Verified, hash_of},
    claims::Claims,
    issuer::Issuer,
    token::Token,
};
use super::{Challenges, Failure};
use crate::{
    config::{ConfigErrors, HttpConfig, Jwt, JwtIssuer, Problem},
    facts::{Caller, Known, Principal},
    metrics::Metrics,
};

/// Reads what a start would read of the issuers' keys, and asks nobody on the network.
///
/// # Errors
///
/// Those of [`Tokens::new`].
pub(super) fn check(jwt: &Jwt) -> Result<(), ConfigErrors> {
    // Nobody reads these.
    let metrics = Metrics::new();
    made(jwt.issuers(), |issuer| {
        issuer::source_of(issuer, jwt, &metrics)
    })
    .map(|_| ())
}

/// What every issuer makes, or everything that is wrong with any.
fn made<T>(
    issuers: impl Iterator<Item = JwtIssuer>,
    make: impl Fn(&JwtIssuer) -> Result<T, Problem>,
) -> Result<Vec<(JwtIssuer, T)>, ConfigErrors> {
    let mut all = Vec::new();
    let mut problems = Vec::new();
    for issuer in issuers {
        match make(&issuer) {
            Ok(one) => all.push((issuer, one)),
            Err(problem) => problems.push(problem),
        }
    }
    ConfigErrors::from_problems(problems)?;
    Ok(all)
}

/// Whoever accepts access tokens.
pub(crate) struct Tokens {
    issuers: Vec<Issuer>,
    leeway: Duration,
    resource: Arc<Resource>,
    challenges: Arc<Challenges>,
    scopes: Vec<String>,
    document: OnceLock<Bytes>,
    cache: Cache,
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Tokens({:?})", self.issuers)
    }
}

impl Tokens {
    /// What `auth.jwt` says; `address` is where the server turns out to listen, `None` where another program does.
    /// Where there is a runtime, the first look at the issuers' keys begins; elsewhere with the first token.
    ///
    /// # Errors
    ///
    /// When the keys of an issuer cannot come from where the settings say: its file is not there or is none, or its URL
    /// names an address that is not allowed; and when nothing says what the server is called in a token.
    pub(crate) fn new(
        config: &HttpConfig,
        metrics: &Metrics,
        address: Option<&Arc<OnceLock<SocketAddr>>>,
    ) -> Result<Self, ConfigErrors> {
        let jwt = &config.auth.jwt;
        if address.is_none() {
            resource::check_mounted(config)?;
        }
        let sources = made(jwt.issuers(), |issuer| {
            issuer::source_of(issuer, jwt, metrics)
        })?;
        let issuers = sources.into_iter();
        let issuers = issuers.map(|(issuer, source)| Issuer::new(issuer, source));
        let tokens = Self::of(config, issuers.collect(), address);
        if tokio::runtime::Handle::try_current().is_ok() {
            tokens.start();
        }
        Ok(tokens)
    }

    fn of(
        config: &HttpConfig,
        issuers: Vec<Issuer>,
        address: Option<&Arc<OnceLock<SocketAddr>>>,
    ) -> Self {
        let jwt = &config.auth.jwt;
        let resource = Arc::new(Resource::new(config, address.cloned()));
        let scopes = issuers
            .iter()
            .map(|issuer| (issuer.name.as_str(), issuer.required_scopes.as_slice()));
        let challenges = Challenges::new(Arc::clone(&resource), scopes);
        Self {
            leeway: jwt.leeway,
            scopes: resource::scopes(jwt),
            challenges: Arc::new(challenges),
            resource,
            issuers,
            document: OnceLock::new(),
            cache: Cache::new(),
        }
    }

    fn start(&self) {
        for issuer in &self.issuers {
            issuer.source.start();
        }
    }

    /// Who holds this token.
    ///
    /// # Errors
    ///
    /// Why it is good for nothing here.
    pub(crate) async fn verify(&self, token: &str) -> Result<Caller, Failure> {
        self.verify_at(token, SystemTime::now()).await
    }

    /// What a refused client is told to do.
    pub(crate) fn challenges(&self) -> &Arc<Challenges> {
        &self.challenges
    }

    /// The document that says where tokens for this server come from (RFC 9728 §2).
    pub(crate) fn resource_metadata(&self) -> Bytes {
        let issuers = self.issuers.iter().map(|issuer| issuer.name.as_str());
        let document = || self.resource.document(issuers, &self.scopes);
        self.document.get_or_init(document).clone()
    }

    /// What the health report says of it: how many issuers there are, and of how many keys are in force.
    pub(crate) fn report(&self) -> Value {
        let sources = self.issuers.iter().map(|issuer| &issuer.source);
        let ready = sources.filter(|source| source.generation().is_some());
        json!({ "configured": self.issuers.len(), "with_keys": ready.count() })
    }

    async fn verify_at(&self, token: &str, now: SystemTime) -> Result<Caller, Failure> {
        let hash = hash_of(token);
        if let Some(verified) = self.cache.find(&hash)
            && self.still_holds(&verified, now)
        {
            return Ok(Caller::known(verified.known));
        }
        self.verify_anew(token, hash, now).await
    }

    fn still_holds(&self, verified: &Verified, now: SystemTime) -> bool {
        let generation = self.issuers[verified.issuer].source.generation();
        let in_time = verified.known.expires_at.is_some_and(|end| now < end);
        in_time && generation == Some(verified.generation)
    }

    async fn verify_anew(
        &self,
        text: &str,
        hash: TokenHash,
        now: SystemTime,
    ) -> Result<Caller, Failure> {
        let token = Token::parse(text)?;
        let claims = Claims::parse(&token.claims)?;
        let is_named = |issuer: &Issuer| issuer.name == claims.issuer;
        let index = self.issuers.iter().position(is_named);
        let index = index.ok_or(Failure::UnknownIssuer)?;
        let issuer = &self.issuers[index];
        issuer.check_claims(&claims, self.resource.url(), now, self.leeway)?;
        let generation = issuer.check_signature(token).await?;
        let known = known(&claims, self.leeway);
        let has = |scope: &String| {
            let scopes = known.scopes.as_ref();
            scopes.is_some_and(|scopes| scopes.contains(scope.as_str()))
        };
        if !issuer.required_scopes.iter().all(has) {
            return Err(Failure::LacksScope);
        }
        let verified = Verified {
            known: Arc::new(known),
            issuer: index,
            generation,
        };
        self.cache.keep(hash, verified.clone());
        Ok(Caller::known(verified.known))
    }
}

fn known(claims: &Claims, leeway: Duration) -> Known {
    let mut known = Known::new(Principal::Token {
        issuer: claims.issuer.as_str().into(),
        subject: claims.subject.as_str().into(),
        client: claims.client().map(Into::into),
    });
    known.scopes = Some(claims.scopes());
    known.expires_at = Some(claims.end(leeway));
    known
}

#[cfg(test)]
mod tests;
