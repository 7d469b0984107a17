//! `server`: where the transport listens, and how it ends.

use std::{net::IpAddr, time::Duration};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::types::{AllowedHost, Network, PublicUrl, address, seconds};

/// Where the server listens, under which names it is reached, and how it ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Server {
    /// The address to listen on: an IP address, or `localhost`. `0.0.0.0` is every address of the machine;
    /// anything but loopback needs a word about `auth`.
    #[serde(with = "address")]
    #[schemars(with = "String")]
    pub host: IpAddr,

    /// The TCP port to listen on. 0 picks a free one and prints it.
    pub port: u16,

    /// Seconds that running requests get to finish after SIGTERM or SIGINT; what still runs then is cancelled.
    #[serde(with = "seconds")]
    #[schemars(with = "u64", range(min = 0, max = seconds::LONGEST))]
    pub graceful_timeout: Duration,

    /// Seconds that an idle connection is kept open for its next request.
    #[serde(with = "seconds")]
    #[schemars(with = "u64", range(min = 1, max = seconds::LONGEST))]
    pub keepalive: Duration,

    /// The address under which clients reach this server, when that is not the one it listens on, as behind a
    /// proxy. Its name is allowed in Host, and it is allowed as Origin.
    #[schemars(example = "https://mcp.example.com")]
    pub public_url: Option<PublicUrl>,

    /// The proxies in front of this server, as addresses or networks (`10.0.0.0/8`). Only what they say in
    /// `X-Forwarded-For` or `Forwarded` about the client's address is believed.
    pub trusted_proxies: Vec<Network>,

    /// Further names that Host may carry, each with or without a port. With neither this nor `public_url`, a
    /// loopback address accepts loopback names only, and any other address accepts every name.
    pub allowed_hosts: Vec<AllowedHost>,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            host: IpAddr::from([127, 0, 0, 1]),
            port: 8000,
            graceful_timeout: Duration::from_secs(30),
            keepalive: Duration::from_secs(5),
            public_url: None,
            trusted_proxies: Vec::new(),
            allowed_hosts: Vec::new(),
        }
    }
}
