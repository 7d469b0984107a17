//! The settings, read once and typed for ever after.

/// Everything an operator can set.
#[derive(Clone, Debug, Default)]
pub struct HttpConfig {}
