//! `auth`: whether callers have to say who they are, and by what.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::types::{HttpUrl, Secret, VariableName, seconds};

/// Whether callers have to say who they are, and by what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Auth {
    /// Whether a caller needs a key or a token. `false` says that everybody who reaches the address may call,
    /// which an address other than loopback needs in writing. `null`, the default, is on as soon as there is a key
    /// in the environment, a keys file or an issuer of tokens, and off otherwise.
    #[schemars(example = true)]
    pub enabled: Option<bool>,

    /// A file of keys, JSON or YAML, as `simply-mcp keys new` writes it. It is watched: a change counts within two
    /// seconds, and a broken file leaves the last good keys in force.
    #[schemars(with = "Option<String>", example = "/etc/simply-mcp/keys.yaml")]
    pub keys_file: Option<PathBuf>,

    /// The environment variable that holds one key, or the JSON of a keys file. `MCP_HTTP_API_KEY` is read as well.
    pub key_env_var: VariableName,

    /// Whether a caller without any credentials is refused. `false` lets such a caller in as anonymous; wrong
    /// credentials are refused all the same.
    pub require_auth: bool,

    /// Access tokens of OAuth 2.1 (JSON Web Tokens, RFC 9068) that are accepted beside the keys.
    pub jwt: Jwt,

    /// The keys that the environment gave. Not a setting: no file can hold them.
    #[serde(skip)]
    pub(crate) environment_keys: Vec<EnvironmentKeys>,
}

impl Default for Auth {
    fn default() -> Self {
        Self {
            enabled: None,
            keys_file: None,
            key_env_var: VariableName::fixed("MCP_API_KEY"),
            require_auth: true,
            jwt: Jwt::default(),
            environment_keys: Vec::new(),
        }
    }
}

impl Auth {
    /// Whether callers have to authenticate.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.enabled.unwrap_or(self.has_credentials())
    }

    /// Whether anything says which credentials are good.
    pub(super) fn has_credentials(&self) -> bool {
        self.keys_file.is_some() || !self.environment_keys.is_empty() || self.jwt.is_on()
    }
}

/// A variable of the environment that holds one key, or the JSON of a keys file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EnvironmentKeys {
    /// The name of the variable.
    pub(crate) variable: String,
    /// What is in it.
    pub(crate) text: Secret,
}

/// Access tokens of OAuth 2.1 (JSON Web Tokens, RFC 9068) that are accepted beside the keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Jwt {
    /// The authorization server whose tokens are accepted, exactly as it stands in their `iss`. `null` accepts no
    /// tokens.
    #[schemars(example = "https://login.example.com")]
    pub issuer: Option<String>,

    /// What a token's `aud` must contain. Empty: the URL of the MCP endpoint (`server.public_url` and `mcp.path`).
    pub audience: Vec<String>,

    /// Where the issuer publishes its public keys (a JSON Web Key Set, RFC 7517). They are fetched from the start of
    /// the server on; until that has worked once, the issuer's tokens are answered with 503 and `Retry-After`.
    #[schemars(example = "https://login.example.com/.well-known/jwks.json")]
    pub jwks_url: Option<HttpUrl>,

    /// A file with the issuer's public keys, in place of `jwks_url`. It is watched.
    #[schemars(with = "Option<String>", example = "/etc/simply-mcp/jwks.json")]
    pub jwks_file: Option<PathBuf>,

    /// The signature algorithms that are accepted.
    pub algorithms: Vec<JwtAlgorithm>,

    /// Scopes that every token needs, whatever it calls.
    pub required_scopes: Vec<String>,

    /// Further issuers, each with the settings `issuer`, `audience`, `jwks_url`, `jwks_file`, `algorithms` and
    /// `required_scopes`.
    pub further_issuers: Vec<JwtIssuer>,

    /// Scopes that a token needs to call a tool, and to see it in the list: `{delete_file: ["files:write"]}`.
    pub tool_scopes: BTreeMap<String, Vec<String>>,

    /// Seconds by which the clocks of the issuer and this server may differ.
    #[serde(with = "seconds")]
    #[schemars(with = "u64", range(min = 0, max = 60))]
    pub leeway: Duration,

    /// Seconds that known public keys stay in force while their source cannot be reached. After that every token
    /// of the issuer is refused.
    #[serde(with = "seconds")]
    #[schemars(with = "u64", range(min = 60, max = seconds::LONGEST))]
    pub max_stale: Duration,

    /// Whether `jwks_url` may be plain http and lead to addresses that are not public, as in a company's network.
    pub allow_private_networks: bool,
}

impl Default for Jwt {
    fn default() -> Self {
        Self {
            issuer: None,
            audience: Vec::new(),
            jwks_url: None,
            jwks_file: None,
            algorithms: JwtAlgorithm::usual(),
            required_scopes: Vec::new(),
            further_issuers: Vec::new(),
            tool_scopes: BTreeMap::new(),
            leeway: Duration::from_secs(30),
            max_stale: Duration::from_secs(3600),
            allow_private_networks: false,
        }
    }
}

impl Jwt {
    /// Whether tokens are accepted.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.issuer.is_some() || !self.further_issuers.is_empty()
    }

    /// All issuers, the first one included.
    pub(crate) fn issuers(&self) -> impl Iterator<Item = JwtIssuer> {
        let first = self.issuer.as_ref().map(|issuer| JwtIssuer {
            issuer: issuer.clone(),
            audience: self.audience.clone(),
            jwks_url: self.jwks_url.clone(),
            jwks_file: self.jwks_file.clone(),
            algorithms: self.algorithms.clone(),
            required_scopes: self.required_scopes.clone(),
        });
        first
            .into_iter()
            .chain(self.further_issuers.iter().cloned())
    }
}

/// One authorization server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct JwtIssuer {
    /// Exactly what stands in a token's `iss`.
    pub issuer: String,
    /// What a token's `aud` must contain.
    #[serde(default)]
    pub audience: Vec<String>,
    /// Where the issuer publishes its public keys.
    #[serde(default)]
    pub jwks_url: Option<HttpUrl>,
    /// A file with the issuer's public keys.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub jwks_file: Option<PathBuf>,
    /// The signature algorithms that are accepted.
    #[serde(default = "JwtAlgorithm::usual")]
    pub algorithms: Vec<JwtAlgorithm>,
    /// Scopes that every token of this issuer needs.
    #[serde(default)]
    pub required_scopes: Vec<String>,
}

impl JwtIssuer {
    /// The file of its public keys, if that is where they are.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        self.jwks_file.as_deref()
    }
}

/// A signature algorithm for access tokens (RFC 7518 §3.1, RFC 8037): those with a public key only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum JwtAlgorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    RS256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    RS384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    RS512,
    /// RSASSA-PSS with SHA-256.
    PS256,
    /// RSASSA-PSS with SHA-384.
    PS384,
    /// RSASSA-PSS with SHA-512.
    PS512,
    /// ECDSA on P-256 with SHA-256.
    ES256,
    /// ECDSA on P-384 with SHA-384.
    ES384,
    /// Ed25519.
    EdDSA,
}

impl JwtAlgorithm {
    fn usual() -> Vec<Self> {
        vec![Self::RS256, Self::ES256, Self::EdDSA]
    }
}
