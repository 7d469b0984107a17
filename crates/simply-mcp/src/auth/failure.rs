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
    /// The token is one for something else (`typ`).
    WrongType = "wrong_type";
    /// The token is signed with an algorithm that the issuer's settings do not name.
    WrongAlgorithm = "wrong_algorithm";
    /// Nobody configured the token's issuer.
    UnknownIssuer = "unknown_issuer";
    /// The token is for another server.
    WrongAudience = "wrong_audience";
    /// The token's time has not come.
    NotYetValid = "not_yet_valid";
    /// The token's issuer has no key of the name in it.
    UnknownKey = "unknown_key";
    /// The issuer's key is not for the token's algorithm, or it cannot be told which key it is.
    WrongKey = "wrong_key";
    /// The issuer's key did not sign the token.
    WrongSignature = "wrong_signature";
    /// The token is good, and lacks a scope that every token needs: a 403.
    LacksScope = "insufficient_scope";
    /// The keys of the token's issuer are not there yet, or too old, so that nothing is known of the token: a 503.
    KeysNotThere = "issuer_keys_not_there";
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
