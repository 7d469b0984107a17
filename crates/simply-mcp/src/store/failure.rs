//! Why a question was not answered, and whether the next one can hope for better.

use std::borrow::Cow;

use redis::{ErrorKind, RedisError};

/// Codes of answers that every other question would hear as well, until something changes at the store.
const OF_THE_STORE: &[&str] = &[
    "BUSY",
    "CLUSTERDOWN",
    "LOADING",
    "MASTERDOWN",
    "MISCONF",
    "NOAUTH",
    "NOPERM",
    "NOREPLICAS",
    "OOM",
    "READONLY",
    "TRYAGAIN",
    "WRONGPASS",
];

/// A question that was not answered.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    /// In words for the log; never what was asked.
    pub(super) reason: Cow<'static, str>,
    /// Whether it lies in the store or the way to it, and not in this one key or question.
    pub(super) of_the_store: bool,
}

impl Failure {
    /// No answer in time.
    pub(super) const fn late() -> Self {
        Self {
            reason: Cow::Borrowed("no answer in time"),
            of_the_store: true,
        }
    }

    /// An error of the connection, or an answer that is one.
    pub(super) fn of(error: &RedisError) -> Self {
        match (error.kind(), error.code()) {
            (ErrorKind::Server(_) | ErrorKind::Extension, Some(code)) => {
                Self::answered(code, error)
            }
            (ErrorKind::UnexpectedReturnType, _) => Self {
                reason: "an answer of another type than expected".into(),
                of_the_store: false,
            },
            _ => Self {
                reason: error.to_string().into(),
                of_the_store: true,
            },
        }
    }

    fn answered(code: &str, error: &RedisError) -> Self {
        // The text behind a bare ERR may repeat what was asked.
        let reason = match error.detail() {
            Some(detail) if code != "ERR" => format!("{code} {detail}"),
            _ => code.to_owned(),
        };
        Self {
            reason: reason.into(),
            of_the_store: OF_THE_STORE.contains(&code),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(line: &str) -> Failure {
        let answer = redis::parse_redis_value(format!("{line}\r\n").as_bytes());
        let error = answer.and_then(redis::Value::extract_error).unwrap_err();
        Failure::of(&error)
    }

    #[test]
    fn what_concerns_one_key_is_told_from_what_concerns_all() {
        for line in [
            "-WRONGTYPE Operation against a key holding the wrong kind of value",
            "-ERR unknown command 'X'",
            "-MOVED 1 127.0.0.1:1",
            "-NOSCRIPT No matching script",
        ] {
            assert!(!answered(line).of_the_store, "{line}");
        }
        for code in OF_THE_STORE {
            assert!(answered(&format!("-{code} words")).of_the_store, "{code}");
        }
        assert!(Failure::late().of_the_store);
    }

    #[test]
    fn what_was_asked_is_not_repeated() {
        assert_eq!(answered("-ERR unknown command 'hunter2'").reason, "ERR");
    }
}
