//! What a refused client is told to do: the `WWW-Authenticate` of a 401 and of a 403 (RFC 6750 §3, RFC 9728 §5.1).

use std::{
    collections::BTreeSet,
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
    /// The scopes that every token needs, sorted.
    required: BTreeSet<String>,
    unauthorized: OnceLock<HeaderValue>,
}

impl Challenges {
    /// Those of a server that takes keys only.
    pub(crate) fn of_keys() -> Self {
        Self {
            resource: None,
            required: BTreeSet::new(),
            unauthorized: OnceLock::new(),
        }
    }

    /// Those of a server that takes tokens for `resource`, all of which need the scopes `required`.
    pub(super) fn new(resource: Arc<Resource>, required: impl Iterator<Item = String>) -> Self {
        Self {
            resource: Some(resource),
            required: required.collect(),
            unauthorized: OnceLock::new(),
        }
    }

    /// How to authenticate: `Bearer`, and where tokens are accepted, where to learn who issues them and which scopes to
    /// ask for.
    pub(crate) fn unauthorized(&self) -> &HeaderValue {
        self.unauthorized.get_or_init(|| self.unauthorized_for([]))
    }

    /// A 403 for a good token that lacks a scope which every token needs.
    pub(super) fn lacks_required(&self) -> Refusal {
        let detail = format!(
            "the access token does not allow this; get one with the scopes {:?}",
            self.with_required([]).join(" ")
        );
        Refusal::challenge(Code::InsufficientScope, detail, self.insufficient_scope([]))
    }

    /// How to come back with a token that allows what `needed` are the scopes of. It names those that every token needs
    /// too, so that a client can ask for all of them at once.
    pub(crate) fn insufficient_scope<'a>(
        &'a self,
        needed: impl IntoIterator<Item = &'a str>,
    ) -> HeaderValue {
        let error = Some("error=\"insufficient_scope\"".to_owned());
        header(&[error, scope(&self.with_required(needed)), self.metadata()])
    }

    /// How to come back with a token at all, where `needed` are the scopes of what was asked for.
    pub(crate) fn unauthorized_for<'a>(
        &'a self,
        needed: impl IntoIterator<Item = &'a str>,
    ) -> HeaderValue {
        header(&[self.metadata(), scope(&self.with_required(needed))])
    }

    /// The scopes, with those that every token needs, sorted.
    fn with_required<'a>(&'a self, needed: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
        let required = self.required.iter().map(String::as_str);
        let all: BTreeSet<&str> = required.chain(needed).collect();
        all.into_iter().collect()
    }

    fn metadata(&self) -> Option<String> {
        let url = self.resource.as_ref()?.metadata_url()?;
        Some(format!("resource_metadata=\"{url}\""))
    }
}

fn scope(scopes: &[&str]) -> Option<String> {
    (!scopes.is_empty()).then(|| format!("scope=\"{}\"", scopes.join(" ")))
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
