//! A body as the log may show it: short, and without what is named like a secret.

use std::borrow::Cow;

use serde_json::Value;

/// Bytes of a body that a line shows.
const SHOWN: usize = 2048;

/// Bytes of a body that is looked into. What is larger is not read at all: it would have to be read whole, as a secret
/// must be found before anything is cut.
const LARGEST: usize = 1024 * 1024;

/// How deep texts that are JSON themselves are looked into: a tool's answer is one inside another.
const DEEPEST: usize = 4;

/// What stands for a secret.
const HIDDEN: &str = "***";

/// Parts of names that are secrets, written in small letters without `_`, `-` and the like.
const SECRETS: [&str; 13] = [
    "password",
    "passwd",
    "pwd",
    "secret",
    "token",
    "authorization",
    "cookie",
    "apikey",
    "accesskey",
    "privatekey",
    "credential",
    "passphrase",
    "requeststate",
];

/// Says what `body` is, in at most 2 KiB. The members of JSON that are named like a secret have lost their values
/// before anything was cut.
pub(crate) fn excerpt(body: &[u8]) -> String {
    if body.len() > LARGEST {
        return format!("{} bytes, too many to be searched for secrets", body.len());
    }
    let mut text = match serde_json::from_slice::<Value>(body) {
        Ok(mut value) => {
            scrub(&mut value, DEEPEST);
            value.to_string()
        }
        Err(_) => scrub_lines(&String::from_utf8_lossy(body)).into_owned(),
    };
    if text.len() > SHOWN {
        text.truncate(text.floor_char_boundary(SHOWN));
        text.push('…');
    }
    text
}

// The depth of the values themselves is bounded by the parser.
fn scrub(value: &mut Value, deep: usize) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                if is_secret(name) {
                    *value = HIDDEN.into();
                } else {
                    scrub(value, deep);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| scrub(item, deep)),
        Value::String(text) => {
            if let Cow::Owned(scrubbed) = scrub_text(text, deep) {
                *text = scrubbed;
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Most tools answer with a text that is JSON.
fn scrub_text(text: &str, deep: usize) -> Cow<'_, str> {
    if !text.trim_start().starts_with(['{', '[', '"']) {
        return scrub_lines(text);
    }
    let Ok(mut value) = serde_json::from_str::<Value>(text) else {
        return scrub_lines(text);
    };
    if deep == 0 {
        return HIDDEN.to_owned().into();
    }
    scrub(&mut value, deep - 1);
    value.to_string().into()
}

/// Text that is no JSON, or only in part: `password=…`, `Authorization: …`. What stands behind such a name is hidden up
/// to the end of its line, as nobody knows where it ends.
fn scrub_lines(text: &str) -> Cow<'_, str> {
    if !is_secret(text) {
        return text.into();
    }
    let mut out = String::with_capacity(text.len());
    for line in text.split_inclusive(['\n', '\r']) {
        let mut from = 0;
        let value = line.match_indices([':', '=']).find_map(|(at, _)| {
            let name = &line[from..at];
            from = at + 1;
            is_secret(name).then_some(from)
        });
        match value {
            Some(value) => out.extend([&line[..value], HIDDEN, "\n"]),
            None => out.push_str(line),
        }
    }
    out.into()
}

fn is_secret(name: &str) -> bool {
    let name: String = name
        .chars()
        .filter(|character| character.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect();
    SECRETS.iter().any(|secret| name.contains(secret))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shown(body: &Value) -> Value {
        serde_json::from_str(&excerpt(body.to_string().as_bytes())).unwrap()
    }

    // LOG-02
    #[test]
    fn what_is_named_like_a_secret_is_hidden_however_it_is_written() {
        for name in [
            "password",
            "PASSWORD",
            "db_password_old",
            "passwd",
            "clientSecret",
            "access_token",
            "Authorization",
            "Set-Cookie",
            "api_key",
            "apiKey",
            "x-api-key",
            "private_key",
            "PrivateKey",
            "credentials",
            "requestState",
        ] {
            let body = json!({"a": [{name: "canary", "b": 1}]});
            assert_eq!(
                shown(&body),
                json!({"a": [{name: "***", "b": 1}]}),
                "{name}"
            );
            let body = json!({ name: {"value": ["canary"]} });
            assert_eq!(shown(&body), json!({ name: "***" }), "{name}");
        }
    }

    // LOG-02
    #[test]
    fn a_secret_is_found_in_a_text_that_is_json() {
        let inner = json!({"text": json!({"password": "canary", "user": "u"}).to_string()});
        let body = json!({"result": {"content": [{"type": "text", "text": inner.to_string()}]}});
        let text = excerpt(body.to_string().as_bytes());
        assert!(!text.contains("canary") && text.contains("user"), "{text}");
        let mut nested = json!({"password": "canary"}).to_string();
        for _ in 0..10 {
            nested = Value::String(nested).to_string();
        }
        assert!(!excerpt(nested.as_bytes()).contains("canary"));
    }

    // LOG-02
    #[test]
    fn a_secret_is_hidden_before_the_text_is_cut() {
        for padding in 2000..2100 {
            let body = json!({"a": "é".repeat(padding / 2), "password": "canary".repeat(1000)});
            let text = excerpt(body.to_string().as_bytes());
            assert!(text.len() <= SHOWN + '…'.len_utf8() && !text.contains("can"));
        }
    }

    // LOG-02
    #[test]
    fn a_secret_is_hidden_in_a_text_that_is_not_json() {
        for text in [
            "password=canary",
            "user: u\nAuthorization: Bearer canary\n",
            "the result: {\"password\": \"canary\"}",
            "{\"password\": \"canary\"}\n{\"a\": 1}",
            "\u{feff}{\"password\": \"canary\"}",
            "a=1&db_pwd=canary",
        ] {
            assert!(!excerpt(text.as_bytes()).contains("canary"), "{text}");
            let body = json!({"result": text}).to_string();
            assert!(!excerpt(body.as_bytes()).contains("canary"), "{text}");
        }
        let harmless = "the token has expired\nnext: line";
        assert_eq!(excerpt(harmless.as_bytes()), harmless);
        let lines = "a: 1\nsecret: canary\nb: 2";
        assert_eq!(excerpt(lines.as_bytes()), "a: 1\nsecret:***\nb: 2");
    }

    #[test]
    fn what_cannot_be_searched_is_not_shown() {
        let body = json!({"a": "canary", "b": "x".repeat(LARGEST)}).to_string();
        let text = excerpt(body.as_bytes());
        assert!(!text.contains("canary") && text.len() < 100, "{text}");
    }

    #[test]
    fn a_text_is_shown_as_it_is() {
        assert_eq!(excerpt(b"not json"), "not json");
        assert_eq!(excerpt(b"\xff"), "\u{fffd}");
    }
}
