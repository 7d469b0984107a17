//! What may be told of a panic.

use std::any::Any;

/// The words that stand in the source where it panicked. A text that was put together at run time may hold whatever
/// the code held, arguments and secrets among it: of that, and of any other payload, only so much is said.
pub(crate) fn text(payload: &(dyn Any + Send)) -> &'static str {
    if let Some(literal) = payload.downcast_ref::<&'static str>() {
        literal
    } else if payload.is::<String>() {
        "its text may hold arguments, and is withheld"
    } else {
        "a panic without a text"
    }
}

#[cfg(test)]
mod tests {
    use std::panic::catch_unwind;

    use super::*;

    fn told(panics: impl FnOnce() + std::panic::UnwindSafe) -> &'static str {
        text(catch_unwind(panics).unwrap_err().as_ref())
    }

    // LOG-02
    #[test]
    fn only_what_stands_in_the_source_is_told() {
        let secret = String::from("canary");
        assert_eq!(told(|| panic!("out of cheese")), "out of cheese");
        assert!(!told(move || panic!("bad password {secret}")).contains("canary"));
        assert!(
            !told(|| {
                "canary".parse::<u8>().expect("canary");
            })
            .contains("canary")
        );
        assert_eq!(told(|| std::panic::panic_any(7)), "a panic without a text");
    }
}
