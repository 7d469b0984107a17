//! Who may call: the keys, and what each of them is good for.

mod agreement;
mod entry;
mod failure;
mod file;
mod key;
mod record;
mod tokens;

pub use entry::{Expiry, InvalidExpiry, KeyEntry, PlainKey};
pub(crate) use failure::Failure;
pub use file::{KeyFile, KeyFileError};
pub use key::{ApiKey, InvalidHash, KeyHash, Spelling};
pub(crate) use tokens::Tokens;

#[cfg(test)]
mod tests;
