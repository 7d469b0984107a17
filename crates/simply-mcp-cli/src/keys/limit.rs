//! Limits as people write them: `100/60s`.

use std::{num::NonZeroU32, str::FromStr};

use super::length;

/// The longest window: a day, as in the settings.
const LONGEST: u32 = 86_400;

/// So many requests in a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limit {
    /// Requests.
    pub(super) requests: NonZeroU32,
    /// Seconds of the window, 1 to 86400.
    pub(super) window_seconds: NonZeroU32,
}

impl FromStr for Limit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (requests, window) = text.split_once('/').ok_or_else(expected)?;
        let digits = requests.bytes().all(|digit| digit.is_ascii_digit());
        let requests = requests
            .parse()
            .ok()
            .filter(|_| digits)
            .ok_or_else(expected)?;
        let seconds = length::parse(window).map_err(|_| expected())?.as_secs();
        let window_seconds = u32::try_from(seconds)
            .ok()
            .filter(|seconds| *seconds <= LONGEST)
            .and_then(NonZeroU32::new)
            .ok_or_else(|| "expected a window from 1s to 1d".to_owned())?;
        Ok(Self {
            requests,
            window_seconds,
        })
    }
}

fn expected() -> String {
    "expected requests from 1 up, a slash and a length of time, such as 100/60s or 1000/1h"
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_requests_and_a_window() {
        for (text, requests, window_seconds) in [
            ("100/60s", 100, 60),
            ("100/1m", 100, 60),
            ("1/1s", 1, 1),
            ("4294967295/1d", u32::MAX, 86_400),
        ] {
            let requests = NonZeroU32::new(requests).unwrap();
            let window_seconds = NonZeroU32::new(window_seconds).unwrap();
            assert_eq!(
                text.parse(),
                Ok(Limit {
                    requests,
                    window_seconds
                }),
                "{text}"
            );
        }
    }

    #[test]
    fn everything_else_is_refused() {
        for text in [
            "",
            "100",
            "/60s",
            "100/",
            "0/60s",
            "-1/60s",
            "+1/60s",
            "100/0s",
            "100/0",
            "100/60",
            "100/2d",
            "4294967296/1s",
            "100 / 60s",
            "1/1s/1s",
        ] {
            assert!(text.parse::<Limit>().is_err(), "{text}");
        }
    }
}
