//! What this server is called where tokens are issued, and the document that says so (RFC 9728).

use std::{
    collections::BTreeSet,
    net::SocketAddr,
    sync::{Arc, OnceLock},
};

use bytes::Bytes;
use serde_json::json;

use crate::{
    HttpConfig,
    config::{ConfigErrors, Jwt, Origin, Problem},
};

/// Where the document lies, before the path of the resource (RFC 9728 §3).
const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

/// The resource that tokens are for: the MCP endpoint, as clients reach it.
#[derive(Debug)]
pub(crate) struct Resource {
    path: String,
    place: Place,
    texts: OnceLock<Texts>,
}

#[derive(Debug)]
enum Place {
    /// `server.public_url`.
    Public(String),
    /// A loopback address, whose port may be known only once it is bound.
    Loopback {
        bound: Arc<OnceLock<SocketAddr>>,
        configured: SocketAddr,
    },
    /// Reached under a name that only the operator knows: what tokens call it stands in the settings.
    Unknown { audience: String },
}

#[derive(Debug)]
struct Texts {
    url: String,
    metadata_url: Option<String>,
}

impl Resource {
    /// What the settings say of it; `bound` is where the server turns out to listen, if it does so itself.
    pub(super) fn new(config: &HttpConfig, bound: Option<Arc<OnceLock<SocketAddr>>>) -> Self {
        let server = &config.server;
        let bound = bound.filter(|_| server.host.to_canonical().is_loopback());
        let place = match (&server.public_url, bound) {
            (Some(url), _) => Place::Public(url.as_str().to_owned()),
            (None, Some(bound)) => Place::Loopback {
                bound,
                configured: (server.host, server.port).into(),
            },
            (None, None) => Place::Unknown {
                audience: first_audience(&config.auth.jwt),
            },
        };
        Self {
            path: config.mcp.path.as_str().to_owned(),
            place,
            texts: OnceLock::new(),
        }
    }

    /// Its identifier: what stands in the `aud` of tokens where the settings name no other audience.
    pub(crate) fn url(&self) -> &str {
        &self.texts().url
    }

    /// Where its document lies. `None` where nobody said how clients reach the server: they then look where
    /// RFC 9728 §3 says.
    pub(crate) fn metadata_url(&self) -> Option<&str> {
        self.texts().metadata_url.as_deref()
    }

    /// The document (RFC 9728 §2).
    pub(super) fn document<'a>(
        &self,
        issuers: impl Iterator<Item = &'a str>,
        scopes: &[String],
    ) -> Bytes {
        let mut document = json!({
            "resource": self.url(),
            "authorization_servers": issuers.collect::<Vec<_>>(),
            "bearer_methods_supported": ["header"],
        });
        if !scopes.is_empty() {
            document["scopes_supported"] = json!(scopes);
        }
        document.to_string().into()
    }

    // Asked for the first time by the first request, when the port is known.
    fn texts(&self) -> &Texts {
        self.texts.get_or_init(|| {
            let origin = match &self.place {
                Place::Public(origin) => origin.clone(),
                Place::Loopback { bound, configured } => {
                    format!("http://{}", bound.get().unwrap_or(configured))
                }
                Place::Unknown { audience } => {
                    return Texts {
                        url: audience.clone(),
                        metadata_url: None,
                    };
                }
            };
            Texts {
                url: format!("{origin}{}", self.path),
                metadata_url: Some(format!("{origin}{WELL_KNOWN}{}", self.path)),
            }
        })
    }
}

/// Whether tokens can name a server that another program listens for: `server.host` and `server.port` say nothing of it.
pub(super) fn check_mounted(config: &HttpConfig) -> Result<(), ConfigErrors> {
    let mut issuers = config.auth.jwt.issuers();
    let is_named =
        config.server.public_url.is_some() || issuers.all(|issuer| !issuer.audience.is_empty());
    let problem = (!is_named).then(|| {
        let message = "tokens are accepted only for this server, and where its router is mounted nothing says what it \
                       is called in their `aud`; set server.public_url, or the issuer's audience";
        Problem::of_setting(Origin::Given, "auth.jwt", message)
    });
    ConfigErrors::from_problems(problem.into_iter().collect())
}

/// Every scope that the settings name, sorted.
pub(super) fn scopes(jwt: &Jwt) -> Vec<String> {
    let required = jwt.issuers().flat_map(|issuer| issuer.required_scopes);
    let of_tools = jwt.tool_scopes.values().flatten().cloned();
    let scopes: BTreeSet<String> = required.chain(of_tools).collect();
    scopes.into_iter().collect()
}

fn first_audience(jwt: &Jwt) -> String {
    let mut audiences = jwt.issuers().flat_map(|issuer| issuer.audience);
    audiences.next().unwrap_or_default()
}
