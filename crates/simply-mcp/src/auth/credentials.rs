//! What a request shows to say who sent it: `Authorization: Bearer …` (RFC 6750 §2.1).

use http::{HeaderMap, header};

use super::{
    Failure,
    entry::{LONGEST_KEY, is_presentable},
};

/// The longest header that is looked at: the longest key, and room for the scheme and some spaces.
const LONGEST: usize = LONGEST_KEY + 16;

/// The key or token of a request; `None` where there are no credentials.
///
/// # Errors
///
/// [`Failure::Malformed`] for anything but one header with one bearer token.
pub(super) fn credentials(headers: &HeaderMap) -> Result<Option<&str>, Failure> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    // Two are two opinions on who this is, and a proxy in front may have read the other one.
    if values.next().is_some() || value.len() > LONGEST {
        return Err(Failure::Malformed);
    }
    let text = value.to_str().map_err(|_| Failure::Malformed)?;
    let (scheme, rest) = text.split_once(' ').ok_or(Failure::Malformed)?;
    let token = rest.trim_matches(' ');
    if scheme.eq_ignore_ascii_case("bearer") && is_presentable(token) {
        Ok(Some(token))
    } else {
        Err(Failure::Malformed)
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn of(values: &[&[u8]]) -> Result<Option<String>, Failure> {
        let mut headers = HeaderMap::new();
        for value in values {
            let value = HeaderValue::from_bytes(value).unwrap();
            headers.append(header::AUTHORIZATION, value);
        }
        credentials(&headers).map(|text| text.map(str::to_owned))
    }

    // AUT-07
    #[test]
    fn one_well_formed_bearer_token_is_read() {
        assert_eq!(of(&[]), Ok(None));
        for value in [
            "Bearer key-1",
            "bearer key-1",
            "BEARER key-1",
            "BeArEr   key-1",
            "Bearer key-1  ",
        ] {
            assert_eq!(of(&[value.as_bytes()]), Ok(Some("key-1".into())), "{value}");
        }
        let longest = format!("Bearer {}", "k".repeat(LONGEST_KEY));
        assert!(of(&[longest.as_bytes()]).is_ok());
    }

    // AUT-07
    #[test]
    fn everything_else_is_malformed() {
        let long = format!("Bearer {}", "k".repeat(LONGEST_KEY + 1));
        let huge = "B".repeat(65_536);
        for value in [
            "",
            "Bearer",
            "Bearer ",
            "Bearer\tkey-1",
            "Bearer \tkey-1",
            "Bearer key 1",
            "Bearer key-1, key-2",
            "Bearer key-1,Bearer key-2",
            "Basic a2V5LTE6",
            "Token key-1",
            "key-1",
            "Bearer: key-1",
            "Bearer=key-1",
            "Bearerkey-1",
            &long,
            &huge,
        ] {
            assert_eq!(
                of(&[value.as_bytes()]),
                Err(Failure::Malformed),
                "{value:.60}"
            );
        }
        assert_eq!(of(&[b"Bearer k\xc3\xa4y"]), Err(Failure::Malformed));
        assert_eq!(of(&[b"Bearer k\xffy"]), Err(Failure::Malformed));
        let twice: [&[u8]; 2] = [b"Bearer key-1", b"Bearer key-1"];
        assert_eq!(of(&twice), Err(Failure::Malformed));
    }
}
