//! Who may call: the keys, and what each of them is good for.

mod key;

pub use key::{ApiKey, KeyHash, Spelling};
