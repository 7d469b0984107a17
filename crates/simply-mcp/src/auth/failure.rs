//! Why somebody is not let in.

macro_rules! failures {
    ($($(#[doc = $doc:literal])+ $name:ident = $reason:literal;)+) => {
        /// Why somebody is not let in. The operator hears which it was, in metrics and the log; the client does not.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Failure { $($(#[doc = $doc])+ $name,)+ }

        impl Failure {
            /// Every one of them, in the order of their discriminants.
            pub(crate) const ALL: &[Self] = &[$(Self::$name),+];

            /// The word for it: a label in metrics, a field of the log.
            pub(crate) const fn reason(self) -> &'static str {
                match self { $(Self::$name => $reason,)+ }
            }
        }
    };
}

failures! {
    /// There are no credentials.
    Missing = "missing";
    /// The credentials are not one bearer token (RFC 6750 §2.1).
    Malformed = "malformed";
    /// It looks like a key of ours, and its check characters say that somebody mistyped it.
    Mistyped = "mistyped";
    /// No key or issuer is known that it could be of.
    Unknown = "unknown";
    /// The key is known and switched off.
    Disabled = "disabled";
    /// The key or token was good once.
    Expired = "expired";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_failure_has_a_word_of_its_own() {
        let mut reasons: Vec<_> = Failure::ALL.iter().map(|one| one.reason()).collect();
        reasons.sort_unstable();
        reasons.dedup();
        assert_eq!(reasons.len(), Failure::ALL.len());
        for (index, failure) in Failure::ALL.iter().enumerate() {
            assert_eq!(*failure as usize, index);
        }
    }
}
