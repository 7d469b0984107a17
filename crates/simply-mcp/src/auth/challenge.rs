//! What a refused client is told to do: the `WWW-Authenticate` of a 401 and of a 403 (RFC 6750 §3, RFC 9728 §5.1).

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, OnceLock},
};

use http::HeaderValue;

use super::jwt::Resource;
use crate::refusal::{Code, Refusal};

/// The challenges of a server. A 401's is the same whatever was wrong.
#[derive(Debug)]
pub(crate) struct Challenges {
    /// Where tokens are accepted: for what.
    resource: Option<Arc<Resource>>,
    /// The scopes that every token of an issuer needs, by issuer.
    of_issuers: BTreeMap<String, BTreeSet<String>>,
    /// Those of all issuers.
    required: BTreeSet<String>,
    unauthorized: OnceLock<HeaderValue>,
}

impl Challenges {
    /// Those of a server that takes keys only.
    pub(crate) fn of_keys() -> Self {
        Self {
            resource: None,
            of_issuers: BTreeMap::new(),
            required: BTreeSet::new(),
            unauthorized: OnceLock::new(),
        }
    }

    /// Those of a server that takes tokens for `resource`; `issuers` are whose, each with the scopes that they need.
    pub(super) fn new<'a>(
        resource: Arc<Resource>,
        issuers: impl Iterator<Item = (&'a str, &'a [String])>,
    ) -> Self {
        let of_issuers: BTreeMap<String, BTreeSet<String>> = issuers
            .map(|(issuer, scopes)| (issuer.to_owned(), scopes.iter().cloned().collect()))
            .collect();
        Self {
            resource: Some(resource),
            required: of_issuers.values().flatten().cloned().collect(),
            of_issuers,
            unauthorized: OnceLock::new(),
        }
    }

    /// How to authenticate: `Bearer`, and where tokens are accepted, where to learn who issues them and which scopes to
    /// ask for.
    pub(crate) fn unauthorized(&self) -> &HeaderValue {
        self.unauthorized.get_or_init(|| {
            let scopes = with(&self.required, []);
            header(&[self.metadata(), scope(&scopes)])
        })
    }

    /// A 403 for a good token of `issuer`, if that is known, that lacks scope. `needed` are the scopes of what was
    /// asked for; the challenge names them and those that every token of its issuer needs, so that the client can ask
    /// for all of them at once, and for none that its issuer may not know.
    pub(crate) fn insufficient_scope<'a>(
        &'a self,
        issuer: Option<&str>,
        needed: impl IntoIterator<Item = &'a str>,
    ) -> Refusal {
        let required = issuer.and_then(|issuer| self.of_issuers.get(issuer));
        let scopes = with(required.unwrap_or(&self.required), needed);
        let detail =
            format!("the access token does not allow this; get one with the scopes {scopes:?}");
        let error = Some("error=\"insufficient_scope\"".to_owned());
        let challenge = header(&[error, scope(&scopes), self.metadata()]);
        Refusal::challenge(Code::InsufficientScope, detail, challenge)
    }

    /// A 401 for somebody who came without a token to what needs one with the scopes `needed`.
    pub(crate) fn missing_token<'a>(
        &'a self,
        needed: impl IntoIterator<Item = &'a str>,
    ) -> Refusal {
        let scopes = with(&self.required, needed);
        let detail = format!("this needs an access token with the scopes {scopes:?}");
        let challenge = header(&[self.metadata(), scope(&scopes)]);
        Refusal::challenge(Code::Unauthorized, detail, challenge)
    }

    fn metadata(&self) -> Option<String> {
        let url = self.resource.as_ref()?.metadata_url()?;
        Some(format!("resource_metadata=\"{url}\""))
    }
}

/// Scopes as RFC 6749 §3.3 lists them: each once, sorted, with spaces between.
fn with<'a>(required: &'a BTreeSet<String>, needed: impl IntoIterator<Item = &'a str>) -> String {
    let all: BTreeSet<&str> = required.iter().map(String::as_str).chain(needed).collect();
    all.into_iter().collect::<Vec<_>>().join(" ")
}

fn scope(scopes: &str) -> Option<String> {
    (!scopes.is_empty()).then(|| format!("scope=\"{scopes}\""))
}

fn header(parameters: &[Option<String>]) -> HeaderValue {
    let parameters: Vec<&str> = parameters.iter().flatten().map(String::as_str).collect();
    let text = match parameters.is_empty() {
        true => "Bearer".to_owned(),
        false => format!("Bearer {}", parameters.join(", ")),
    };
    // The settings let neither scopes nor URLs have other characters than these headers may have.
    HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("Bearer"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_of_keys_says_bearer_and_nothing_else() {
        assert_eq!(Challenges::of_keys().unauthorized(), "Bearer");
    }
}
