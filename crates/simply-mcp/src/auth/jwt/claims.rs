//! The inside of a token: for whom, about whom, from when to when (RFC 7519 §4, RFC 9068 §2.2).

use std::{
    collections::HashSet,
    fmt,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde::Deserialize;

use super::{Failure, strict};

/// The longest subject and the longest client identifier, in bytes.
const LONGEST_NAME: usize = 256;

/// Dates beyond the year 9999 are a mistake, or an attempt.
const LAST_SECOND: f64 = 253_402_300_800.0;

/// What a token says, for whoever has believed its signature.
#[derive(Deserialize)]
pub(super) struct Claims {
    /// Who issued it. It decides which keys can vouch for it.
    #[serde(rename = "iss")]
    pub(super) issuer: String,
    /// About whom it speaks.
    #[serde(rename = "sub")]
    pub(super) subject: String,
    #[serde(rename = "aud")]
    audience: OneOrMany,
    exp: f64,
    #[serde(default, deserialize_with = "strict::given")]
    nbf: Option<f64>,
    #[serde(default, deserialize_with = "strict::given")]
    iat: Option<f64>,
    #[serde(default, deserialize_with = "strict::given")]
    client_id: Option<String>,
    #[serde(default, deserialize_with = "strict::given")]
    azp: Option<String>,
    #[serde(default, deserialize_with = "strict::given")]
    scope: Option<OneOrMany>,
    #[serde(default, deserialize_with = "strict::given")]
    scp: Option<OneOrMany>,
}

// The contents of a token are nobody's business.
impl fmt::Debug for Claims {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Claims(***)")
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl OneOrMany {
    fn as_slice(&self) -> &[String] {
        match self {
            Self::One(text) => std::slice::from_ref(text),
            Self::Many(texts) => texts,
        }
    }
}

impl Claims {
    /// Reads the claims, and refuses those that are no such thing.
    pub(super) fn parse(json: &[u8]) -> Result<Self, Failure> {
        let claims: Self = strict::object(json)?;
        let names = [Some(&claims.subject), claims.client_id.as_ref()];
        let good_names = names.into_iter().chain([claims.azp.as_ref()]).flatten();
        let good_names = good_names.into_iter().all(|name| is_name(name));
        let mut dates = [Some(claims.exp), claims.nbf, claims.iat]
            .into_iter()
            .flatten();
        // NaN is within no bounds.
        let good_dates = dates.all(|date| (-LAST_SECOND..LAST_SECOND).contains(&date));
        if good_names && good_dates {
            Ok(claims)
        } else {
            Err(Failure::Malformed)
        }
    }

    /// Whether it is for one of these, exactly (RFC 7519 §4.1.3).
    pub(super) fn is_for(&self, ours: &[impl AsRef<str>]) -> bool {
        let theirs = self.audience.as_slice();
        theirs
            .iter()
            .any(|audience| ours.iter().any(|our| our.as_ref() == audience))
    }

    /// Whether `now` lies within its time, clocks differing by at most `leeway` (RFC 7519 §4.1.4 to 6).
    pub(super) fn check_time(&self, now: SystemTime, leeway: Duration) -> Result<(), Failure> {
        let now = match now.duration_since(UNIX_EPOCH) {
            Ok(since) => since.as_secs_f64(),
            Err(before) => -before.duration().as_secs_f64(),
        };
        let leeway = leeway.as_secs_f64();
        if now >= self.exp + leeway {
            return Err(Failure::Expired);
        }
        let begins = [self.nbf, self.iat].into_iter().flatten();
        if begins.fold(f64::MIN, f64::max) > now + leeway {
            return Err(Failure::NotYetValid);
        }
        Ok(())
    }

    /// The time from which it is good for nothing, `leeway` included.
    pub(super) fn end(&self, leeway: Duration) -> SystemTime {
        // A check of the time comes before, so what has no such duration is long over.
        let until = Duration::try_from_secs_f64(self.exp).unwrap_or_default();
        UNIX_EPOCH + until + leeway
    }

    /// To which client it was issued, if it says so.
    pub(super) fn client(&self) -> Option<&str> {
        self.client_id.as_deref().or(self.azp.as_deref())
    }

    /// What it allows: `scope` (RFC 8693 §4.2), and `scp` as other servers write it.
    pub(super) fn scopes(&self) -> HashSet<Box<str>> {
        let claims = [&self.scope, &self.scp].into_iter().flatten();
        let texts = claims.flat_map(OneOrMany::as_slice);
        texts
            .flat_map(|text| text.split(' '))
            .filter(|scope| !scope.is_empty())
            .map(Into::into)
            .collect()
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= LONGEST_NAME && !name.contains(char::is_control)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const NOW: u64 = 1_800_000_000;
    const LEEWAY: Duration = Duration::from_secs(30);

    fn claims(change: impl FnOnce(&mut Value)) -> Result<Claims, Failure> {
        let mut claims = json!({"iss": "i", "sub": "s", "aud": "a", "exp": NOW + 60});
        change(&mut claims);
        Claims::parse(claims.to_string().as_bytes())
    }

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    // JWT-06
    #[test]
    fn times_count_to_the_second_with_the_leeway() {
        for (name, date, expected) in [
            ("exp", NOW - 29, Ok(())),
            ("exp", NOW - 30, Err(Failure::Expired)),
            ("exp", NOW - 31, Err(Failure::Expired)),
            ("nbf", NOW + 29, Ok(())),
            ("nbf", NOW + 30, Ok(())),
            ("nbf", NOW + 31, Err(Failure::NotYetValid)),
            ("iat", NOW + 30, Ok(())),
            ("iat", NOW + 31, Err(Failure::NotYetValid)),
        ] {
            let claims = claims(|claims| claims[name] = date.into()).unwrap();
            assert_eq!(
                claims.check_time(at(NOW), LEEWAY),
                expected,
                "{name} {date}"
            );
        }
        let both = claims(|claims| {
            claims["nbf"] = (NOW + 31).into();
            claims["iat"] = NOW.into();
        });
        assert_eq!(
            both.unwrap().check_time(at(NOW), LEEWAY),
            Err(Failure::NotYetValid)
        );
        let half = claims(|claims| claims["exp"] = json!(NOW as f64 + 0.5)).unwrap();
        let none = Duration::ZERO;
        assert_eq!(half.check_time(at(NOW), none), Ok(()));
        assert_eq!(half.check_time(at(NOW + 1), none), Err(Failure::Expired));
        assert_eq!(half.end(LEEWAY), at(NOW + 30) + Duration::from_millis(500));
    }

    // JWT-06
    #[test]
    fn strange_dates_are_safe() {
        for date in [json!(0), json!(-1), json!(-1.5), json!(1e3)] {
            let claims = claims(|claims| claims["exp"] = date.clone()).unwrap();
            assert_eq!(
                claims.check_time(at(NOW), LEEWAY),
                Err(Failure::Expired),
                "{date}"
            );
            let _ = claims.end(LEEWAY);
        }
        for name in ["exp", "nbf", "iat"] {
            for date in [
                json!(1e30),
                json!(-1e30),
                json!(u64::MAX),
                json!(i64::MIN),
                json!("1800000060"),
                json!(null),
                json!(true),
                json!([NOW]),
                json!({}),
            ] {
                let refused = claims(|claims| claims[name] = date.clone()).err();
                assert_eq!(refused, Some(Failure::Malformed), "{name} {date}");
            }
        }
    }

    // JWT-04
    #[test]
    fn the_audience_is_compared_exactly() {
        let ours = ["https://mcp.example.com/mcp"];
        for (audience, expected) in [
            (json!(ours[0]), true),
            (json!([ours[0]]), true),
            (json!(["other", ours[0]]), true),
            (json!([]), false),
            (json!(""), false),
            (json!("https://mcp.example.com"), false),
            (json!("https://mcp.example.com/mcp/"), false),
            (json!("https://mcp.example.com/mcp?x"), false),
            (json!("https://MCP.example.com/mcp"), false),
            (json!("http://mcp.example.com/mcp"), false),
            (json!("x https://mcp.example.com/mcp"), false),
        ] {
            let claims = claims(|claims| claims["aud"] = audience.clone()).unwrap();
            assert_eq!(claims.is_for(&ours), expected, "{audience}");
        }
    }

    // JWT-04, JWT-06, JWT-07
    #[test]
    fn what_must_be_there_is_missed_and_what_has_the_wrong_type_is_refused() {
        for name in ["iss", "sub", "aud", "exp"] {
            let without = claims(|claims| {
                claims.as_object_mut().unwrap().remove(name);
            });
            assert_eq!(without.err(), Some(Failure::Malformed), "{name}");
            let null = claims(|claims| claims[name] = Value::Null);
            assert_eq!(null.err(), Some(Failure::Malformed), "{name}");
        }
        for (name, value) in [
            ("sub", json!("")),
            ("sub", json!("s".repeat(257))),
            ("sub", json!("a\nb")),
            ("sub", json!(7)),
            ("iss", json!(["i"])),
            ("aud", json!([1])),
            ("aud", json!({"a": 1})),
            ("client_id", json!(7)),
            ("client_id", json!("c".repeat(257))),
            ("azp", json!(null)),
            ("scope", json!(7)),
            ("scope", json!(null)),
            ("scp", json!([["a"]])),
        ] {
            let refused = claims(|claims| claims[name] = value.clone());
            assert_eq!(refused.err(), Some(Failure::Malformed), "{name} {value}");
        }
        assert!(claims(|claims| claims["sub"] = "s".repeat(256).into()).is_ok());
        let twice = br#"{"iss":"i","sub":"s","aud":"a","exp":1,"sub":"t"}"#;
        assert_eq!(Claims::parse(twice).err(), Some(Failure::Malformed));
    }

    #[test]
    fn scopes_are_read_however_they_are_written() {
        for (name, value, expected) in [
            ("scope", json!("a b"), vec!["a", "b"]),
            ("scope", json!(" a  a "), vec!["a"]),
            ("scope", json!(["a", "b:c"]), vec!["a", "b:c"]),
            ("scp", json!("a"), vec!["a"]),
            ("scp", json!(["a", "b c"]), vec!["a", "b", "c"]),
            ("scope", json!(""), vec![]),
            ("scope", json!("a\tb"), vec!["a\tb"]),
            ("other", json!("a"), vec![]),
        ] {
            let claims = claims(|claims| claims[name] = value.clone()).unwrap();
            let scopes = claims.scopes();
            let mut scopes: Vec<&str> = scopes.iter().map(|scope| &**scope).collect();
            scopes.sort_unstable();
            assert_eq!(scopes, expected, "{name} {value}");
        }
    }

    #[test]
    fn the_client_is_known_by_either_name() {
        assert_eq!(claims(|_| {}).unwrap().client(), None);
        let azp = claims(|claims| claims["azp"] = "z".into()).unwrap();
        assert_eq!(azp.client(), Some("z"));
        let both = claims(|claims| {
            claims["azp"] = "z".into();
            claims["client_id"] = "c".into();
        });
        assert_eq!(both.unwrap().client(), Some("c"));
    }
}
