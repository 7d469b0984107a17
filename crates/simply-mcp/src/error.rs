//! What can go wrong outside of a request: loading, binding, serving.

use std::{io, net::SocketAddr};

use crate::config::ConfigErrors;

/// Why the transport could not be configured, started or kept running.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The settings do not hold.
    #[error(transparent)]
    Config(#[from] ConfigErrors),

    /// The server was put together from parts that do not fit.
    #[error("{0}")]
    Server(String),

    /// The address could not be listened on.
    #[error("cannot listen on {address}: {cause}; {hint}")]
    Listen {
        /// The address that was asked for.
        address: SocketAddr,
        /// What helps.
        hint: String,
        /// What the operating system said.
        cause: io::Error,
    },

    /// Health and metrics could not be given a thread of their own.
    #[error(
        "cannot serve monitoring.listen: {0}; free threads or descriptors, or leave the setting out"
    )]
    Monitoring(io::Error),

    /// Traces cannot be told (`monitoring.tracing_enabled`).
    #[error("cannot tell traces: {0}; mend it, or set monitoring.tracing_enabled to false")]
    Traces(String),

    /// The operating system refused a service that the transport needs.
    #[error("cannot wait for signals: {0}")]
    Signals(io::Error),

    /// A second signal ended the server at once, before its requests were done.
    #[error("ended at once by a second signal ({signal})")]
    Interrupted {
        /// The signal's number: 2 for SIGINT, 15 for SIGTERM.
        signal: i32,
    },

    /// The client on standard input and output speaks no MCP.
    #[error("the client on standard input speaks no MCP: {0}")]
    Stdio(String),
}
