//! When a key ends, as people write it on the command line.

use std::{
    str::FromStr,
    time::{Duration, SystemTime},
};

use simply_mcp::auth::Expiry;

use super::length;

/// When a key ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expires {
    /// So long from now.
    After(Duration),
    /// At this moment.
    At(Expiry),
}

impl FromStr for Expires {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(after) = length::parse(text) {
            return Ok(Self::After(after));
        }
        text.parse().map(Self::At).map_err(|_| {
            "expected a length of time (90d, 24h), a date (2027-01-31) or a moment (2027-01-31T12:00:00Z)"
                .to_owned()
        })
    }
}

impl Expires {
    /// The moment. `None` when it is not in the future.
    pub(super) fn moment(self, now: SystemTime) -> Option<Expiry> {
        let moment = match self {
            Self::After(after) => Expiry::after(now, after)?,
            Self::At(moment) => moment,
        };
        (moment.time() > now).then_some(moment)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-24T12:00:00.5Z.
    fn now() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_millis(1_795_521_600_500)
    }

    #[test]
    fn a_length_a_date_and_a_moment_are_understood() {
        for (text, moment) in [
            ("90d", "2027-02-22T12:00:00Z"),
            ("1s", "2026-11-24T12:00:01Z"),
            ("2027-01-31", "2027-01-31T00:00:00Z"),
            ("2027-01-31T12:00:00Z", "2027-01-31T12:00:00Z"),
            ("2027-01-31T12:00:00+02:00", "2027-01-31T10:00:00Z"),
        ] {
            let expires: Expires = text.parse().unwrap();
            assert_eq!(expires.moment(now()), moment.parse().ok(), "{text}");
        }
    }

    #[test]
    fn what_is_not_a_time_to_come_is_refused() {
        for text in ["0", "0d", "2026-11-24", "2026-11-24T12:00:00Z"] {
            let expires: Expires = text.parse().unwrap();
            assert_eq!(expires.moment(now()), None, "{text}");
        }
        for text in [
            "",
            "soon",
            "2027-13-01",
            "2027-02-30",
            "31.1.2027",
            "2027-01-31T12:00:00",
        ] {
            assert!(text.parse::<Expires>().is_err(), "{text}");
        }
    }
}
