//! One key as a keys file holds it.

use std::{
    fmt,
    num::NonZeroU32,
    str::FromStr,
    time::{Duration, SystemTime},
};

use serde::{Deserialize, Serialize, Serializer};
use time::{OffsetDateTime, UtcOffset, format_description::well_known::Rfc3339};
use zeroize::Zeroizing;

use super::KeyHash;

/// The longest text of a key, in bytes. What is longer is no key but an attack.
pub(super) const LONGEST_KEY: usize = 8192;

/// One key of a keys file. Serialised, its fields stand in the order of this declaration, and those that are not set
/// are left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyEntry {
    /// What the key is called in logs and metrics, and by what its requests are counted. Keys of one name are one
    /// caller, so that a new key can replace an old one while both are good.
    pub name: String,
    /// The key itself. `key_hash` is better: whoever reads the file cannot use it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<PlainKey>,
    /// The SHA-256 of the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_hash: Option<KeyHash>,
    /// Whether the key is good at all; `true` where it is left out.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// Requests in a window; `rate_limit.default_limit` where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_limit: Option<NonZeroU32>,
    /// Seconds of the window, at most a day; `rate_limit.window_seconds` where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window_seconds: Option<NonZeroU32>,
    /// The time from which the key is good for nothing; never where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Expiry>,
    /// The tools that the key may see and call; all of them where it is left out, none where it is empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tools: Option<Vec<String>>,
}

const fn yes() -> bool {
    true
}

impl KeyEntry {
    /// A key that is good for ever and for everything, known by its hash.
    #[must_use]
    pub fn new(name: impl Into<String>, hash: KeyHash) -> Self {
        Self {
            name: name.into(),
            key: None,
            key_hash: Some(hash),
            enabled: true,
            rate_limit: None,
            window_seconds: None,
            expires_at: None,
            tools: None,
        }
    }

    /// The hash by which the key is known, however it is written. `None` for an entry that has neither a key nor a
    /// hash, which no file that was read holds.
    #[must_use]
    pub fn hash(&self) -> Option<KeyHash> {
        self.key_hash
            .or_else(|| self.key.as_ref().map(|key| KeyHash::of(key.expose())))
    }
}

/// A key in plain text. It is wiped from memory when it is dropped, and never printed; serialised it is what it is.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub struct PlainKey(Zeroizing<String>);

impl PlainKey {
    /// Takes the text of a key.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text itself.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for PlainKey {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

impl Serialize for PlainKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl fmt::Debug for PlainKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("***")
    }
}

/// Whether a text could stand in a header as it is: visible ASCII, without commas, which part credentials.
pub(super) fn is_presentable(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= LONGEST_KEY
        && text
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b',')
}

/// The time from which a key is good for nothing.
///
/// It is read from a time with its offset (RFC 3339, `2027-01-31T12:00:00Z`), or from a date, which means its first
/// moment in UTC; it is written as the former.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Expiry(OffsetDateTime);

impl Expiry {
    /// The whole second that comes `time` after `now`; `None` beyond the year 9999.
    #[must_use]
    pub fn after(now: SystemTime, time: Duration) -> Option<Self> {
        let since = now
            .duration_since(SystemTime::UNIX_EPOCH)
            .ok()?
            .checked_add(time)?;
        let seconds = i64::try_from(since.as_secs()).ok()?;
        OffsetDateTime::from_unix_timestamp(seconds).ok().map(Self)
    }

    /// The moment.
    #[must_use]
    pub fn time(self) -> SystemTime {
        self.0.into()
    }
}

impl FromStr for Expiry {
    type Err = InvalidExpiry;

    fn from_str(text: &str) -> Result<Self, InvalidExpiry> {
        let whole = if text.len() == "2027-01-31".len() {
            OffsetDateTime::parse(&format!("{text}T00:00:00Z"), &Rfc3339)
        } else {
            OffsetDateTime::parse(text, &Rfc3339)
        };
        let time = whole.map_err(|_| InvalidExpiry)?;
        time.checked_to_offset(UtcOffset::UTC)
            .filter(|time| time.year() >= 1970)
            .map(Self)
            .ok_or(InvalidExpiry)
    }
}

impl fmt::Display for Expiry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self
            .0
            .format(&Rfc3339)
            .expect("a year from 1970 to 9999 in UTC can be written");
        formatter.write_str(&text)
    }
}

impl fmt::Debug for Expiry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl From<Expiry> for String {
    fn from(expiry: Expiry) -> Self {
        expiry.to_string()
    }
}

impl TryFrom<String> for Expiry {
    type Error = InvalidExpiry;

    fn try_from(text: String) -> Result<Self, InvalidExpiry> {
        text.parse()
    }
}

/// A text is neither a date nor a time with its offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a time with its offset, as 2027-01-31T12:00:00Z, or a date, as 2027-01-31")]
pub struct InvalidExpiry;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expiry_is_a_time_or_a_date() {
        for (text, written) in [
            ("2027-01-31", "2027-01-31T00:00:00Z"),
            ("2027-01-31T12:00:00Z", "2027-01-31T12:00:00Z"),
            ("2027-01-31T12:00:00+02:00", "2027-01-31T10:00:00Z"),
        ] {
            assert_eq!(text.parse::<Expiry>().unwrap().to_string(), written);
        }
        for wrong in [
            "",
            "tomorrow",
            "2027-02-30",
            "2027-01-31T12:00:00",
            "31.01.2027",
            "1969-12-31",
            "9999-12-31T23:59:59-01:00",
            "2027-01-3é",
        ] {
            assert!(wrong.parse::<Expiry>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_expiry_after_some_time_stays_in_the_calendar() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_millis(1500);
        let expiry = Expiry::after(now, Duration::from_secs(86_400)).unwrap();
        assert_eq!(expiry.to_string(), "1970-01-02T00:00:01Z");
        assert_eq!(Expiry::after(now, Duration::MAX), None);
        assert_eq!(Expiry::after(now, Duration::from_secs(1 << 50)), None);
    }

    #[test]
    fn an_entry_is_written_in_its_order_without_what_is_not_set() {
        let entry = KeyEntry::new("ci", KeyHash::of("abc"));
        let text = serde_json::to_string(&entry).unwrap();
        assert!(
            text.starts_with(r#"{"name":"ci","key_hash":"sha256:ba78"#)
                && text.ends_with(r#"","enabled":true}"#),
            "{text}"
        );
        assert_eq!(serde_json::from_str::<KeyEntry>(&text).unwrap(), entry);
    }
}
