//! Log lines of the program, whatever is in them and wherever they go.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod client;
mod flood;
mod hostile;
mod reload;
mod rotation;
mod server;
mod sinks;
