//! What can go wrong outside of a request: loading, binding, serving.

use std::net::SocketAddr;

/// Why the transport could not be configured, started or kept running.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The configuration is wrong; the text has one problem a line.
    #[error(transparent)]
    Config(#[from] crate::config::ConfigErrors),
    /// The address could not be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address that was asked for.
        address: SocketAddr,
        /// What the operating system said.
        source: std::io::Error,
    },
}
