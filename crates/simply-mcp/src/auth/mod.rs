//! Who may call: the keys, and what each of them is good for.

mod challenge;
mod jwt;
mod key;

pub(crate) use challenge::Challenges;
pub(crate) use jwt::{JwtError, Rejected, Tokens};
pub use key::{ApiKey, KeyHash, Spelling};
