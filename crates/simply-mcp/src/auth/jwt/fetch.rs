//! Fetching an issuer's keys: from one configured URL, to allowed addresses only, within bounds of size and time.
//!
//! No redirect is followed, no proxy of the environment is used, nothing is unpacked. The address is checked where the
//! connection is made: names are resolved here, and only allowed addresses are handed on (no second look-up could give
//! others); an address that stands in the URL itself is checked when the settings are read.

use std::{
    error::Error,
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use http::{StatusCode, header};
use reqwest::{
    Client, Response,
    dns::{Addrs, Name, Resolve, Resolving},
    redirect,
};

use super::{address::Reach, key_set::LARGEST};
use crate::config::HttpUrl;

/// The usual patience.
const LONGEST: Duration = Duration::from_secs(5);

/// A place that keys are fetched from.
#[derive(Clone, Debug)]
pub(super) struct Fetcher {
    url: Box<str>,
    is_secure: bool,
    reach: Reach,
    /// The longest time from the name's resolution to the last byte.
    pub(super) patience: Duration,
}

/// Why nothing could be fetched. Says nothing of what was received.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FetchError {
    #[error(
        "{address} is not a public address; use a public one, or set auth.jwt.allow_private_networks if the network is \
         your own"
    )]
    NotPublic { address: IpAddr },
    #[error(
        "{address} is an address that nothing is ever fetched from (link-local, metadata service, multicast)"
    )]
    Never { address: IpAddr },
    #[error("the certificates of this system cannot be used: {0}")]
    Client(String),
    #[error("{0}")]
    Connection(String),
    #[error("it answered with status {0}, and 200 is needed; redirects are not followed")]
    Status(StatusCode),
    #[error("it answered with the content type {0:?}, which is not JSON")]
    ContentType(String),
    #[error("it answered with a content encoding, which was not asked for")]
    Encoded,
    #[error("it answered with more than {LARGEST} bytes")]
    TooLarge,
}

impl Fetcher {
    /// A fetcher for `url`.
    ///
    /// # Errors
    ///
    /// When the URL names an address that is not allowed.
    pub(super) fn new(url: &HttpUrl, allow_private_networks: bool) -> Result<Self, FetchError> {
        let reach = if allow_private_networks {
            Reach::Private
        } else {
            Reach::Public
        };
        let host = url.host();
        let literal = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'))
            .unwrap_or(host);
        if let Ok(address) = literal.parse::<IpAddr>() {
            check(reach, address)?;
        }
        Ok(Self {
            url: url.as_str().into(),
            is_secure: url.is_secure(),
            reach,
            patience: LONGEST,
        })
    }

    /// Fetches the document.
    pub(super) async fn fetch(&self) -> Result<Vec<u8>, FetchError> {
        let request = self.client()?.get(&*self.url).header(
            header::ACCEPT,
            "application/jwk-set+json, application/json;q=0.9, */*;q=0.1",
        );
        let response = request.send().await.map_err(connection)?;
        check_head(&response)?;
        body(response).await
    }

    // One a fetch, and no connection is kept: each is made to an address that was just checked. The certificates of the
    // system are read again too, so that a renewed bundle counts.
    fn client(&self) -> Result<Client, FetchError> {
        let builder = Client::builder()
            .redirect(redirect::Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .https_only(self.reach == Reach::Public)
            .dns_resolver(Arc::new(AllowedOnly(self.reach)))
            .pool_max_idle_per_host(0)
            .referer(false)
            .timeout(self.patience)
            .user_agent(concat!("simply-mcp/", env!("CARGO_PKG_VERSION")));
        // An image without certificates can still fetch by plain http.
        let builder = if self.is_secure {
            builder
        } else {
            builder.tls_certs_only([])
        };
        builder
            .build()
            .map_err(|error| FetchError::Client(causes(&error)))
    }
}

fn check(reach: Reach, address: IpAddr) -> Result<(), FetchError> {
    if reach.allows(address) {
        Ok(())
    } else if Reach::Private.allows(address) {
        Err(FetchError::NotPublic { address })
    } else {
        Err(FetchError::Never { address })
    }
}

fn check_head(response: &Response) -> Result<(), FetchError> {
    if response.status() != StatusCode::OK {
        return Err(FetchError::Status(response.status()));
    }
    let headers = response.headers();
    let encoding = headers.get(header::CONTENT_ENCODING);
    if encoding.is_some_and(|encoding| encoding != "identity") {
        return Err(FetchError::Encoded);
    }
    let content_type = headers
        .get(header::CONTENT_TYPE)
        .map(|value| String::from_utf8_lossy(value.as_bytes()).to_ascii_lowercase());
    match content_type {
        Some(text) if !can_be_json(&text) => {
            Err(FetchError::ContentType(text.chars().take(100).collect()))
        }
        _ => Ok(()),
    }
}

/// JSON under any of its names, and what files are served as by who does not know them.
fn can_be_json(content_type: &str) -> bool {
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    matches!(
        media_type,
        "application/json" | "text/json" | "text/plain" | "application/octet-stream"
    ) || media_type.ends_with("+json")
}

async fn body(mut response: Response) -> Result<Vec<u8>, FetchError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(connection)? {
        if body.len() + chunk.len() > LARGEST {
            return Err(FetchError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

// The URL is left out: whoever needs a secret in it would find it in the log.
fn connection(error: reqwest::Error) -> FetchError {
    if error.is_timeout() {
        return FetchError::Connection("it did not answer in time".to_owned());
    }
    FetchError::Connection(causes(&error.without_url()))
}

/// An error with all that lies below it.
fn causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}

/// Resolves names, and keeps the allowed addresses only.
#[derive(Debug)]
struct AllowedOnly(Reach);

impl Resolve for AllowedOnly {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = self.0;
        Box::pin(async move {
            let found: Vec<SocketAddr> =
                tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let allowed: Vec<SocketAddr> = found
                .iter()
                .copied()
                .filter(|address| reach.allows(address.ip()))
                .collect();
            match (allowed.is_empty(), found.first()) {
                (false, _) => Ok(Box::new(allowed.into_iter()) as Addrs),
                (true, Some(address)) => Err(check(reach, address.ip())
                    .err()
                    .map_or_else(nowhere, Into::into)),
                (true, None) => Err(nowhere()),
            }
        })
    }
}

fn nowhere() -> Box<dyn Error + Send + Sync> {
    io::Error::new(io::ErrorKind::NotFound, "the name has no address").into()
}
