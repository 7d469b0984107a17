//! Who may call: the keys, and what each of them is good for.

mod agreement;
mod entry;
mod file;
mod key;
mod record;

pub use entry::{Expiry, InvalidExpiry, KeyEntry, PlainKey};
pub use file::{KeyFile, KeyFileError};
pub use key::{ApiKey, InvalidHash, KeyHash, Spelling};

#[cfg(test)]
mod tests;
