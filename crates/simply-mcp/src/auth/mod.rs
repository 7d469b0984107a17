//! Who may call: the keys, and what each of them is good for.
//!
//! [`KeyFile`] is what stands on the disk, [`ApiKey`] makes new keys, [`check()`] reads everything that a start would.
//! While a server runs, the keys in force are looked up by their hash, and follow their file. What is no key may be an
//! access token of an issuer that the operator trusts: `jwt`.

mod agreement;
mod authentication;
mod challenge;
mod credentials;
mod entry;
mod failure;
mod file;
mod jwt;
mod key;
mod keys;
mod live;
mod open_stream;
mod record;
mod sources;
mod throttle;

pub(crate) use authentication::Authentication;
pub(crate) use challenge::Challenges;
pub use entry::{Expiry, InvalidExpiry, KeyEntry, PlainKey};
pub(crate) use failure::Failure;
pub use file::{KeyFile, KeyFileError};
pub use key::{ApiKey, InvalidHash, KeyHash, Spelling};
pub(crate) use open_stream::while_good;
pub use sources::check;

#[cfg(test)]
mod tests;
