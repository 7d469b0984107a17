//! `Accept`: in which forms a client takes an answer (RFC 9110 §12.5.1).

use http::{HeaderMap, header};

use crate::refusal::{Code, Refusal};

/// The forms a client takes. JSON is always one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Accepts {
    /// It takes `text/event-stream` too, and says so by name.
    pub(super) event_stream: bool,
    /// It names `text/event-stream` before JSON: even one message is sent as a stream of one event.
    pub(super) prefers_stream: bool,
}

impl Accepts {
    /// JSON and nothing else.
    pub(super) const JSON: Self = Self {
        event_stream: false,
        prefers_stream: false,
    };

    /// What the headers say. Absent means anything, but a stream only goes to who asks for one by name.
    pub(super) fn of(headers: &HeaderMap) -> Result<Self, Refusal> {
        let mut json = !headers.contains_key(header::ACCEPT);
        let mut event_stream = false;
        let mut prefers_stream = false;
        for range in headers
            .get_all(header::ACCEPT)
            .iter()
            .filter_map(|value| value.to_str().ok())
        {
            for range in range.split(',') {
                let mut parts = range.split(';');
                let name = parts.next().unwrap_or_default().trim();
                if parts.any(is_refusing_weight) {
                    continue;
                }
                json |= ["application/json", "application/*", "*/*"]
                    .iter()
                    .any(|known| name.eq_ignore_ascii_case(known));
                if name.eq_ignore_ascii_case("text/event-stream") {
                    event_stream = true;
                    prefers_stream |= !json;
                }
            }
        }
        if json {
            return Ok(Self {
                event_stream,
                prefers_stream,
            });
        }
        Err(Refusal::new(
            Code::NotAcceptable,
            "answers here are application/json or text/event-stream; send \"Accept: application/json, text/event-stream\"",
        ))
    }
}

/// `q=0` in any of its spellings: "not this one".
fn is_refusing_weight(parameter: &str) -> bool {
    parameter.split_once('=').is_some_and(|(name, value)| {
        name.trim().eq_ignore_ascii_case("q") && value.trim().parse::<f32>() == Ok(0.0)
    })
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn accepts(value: &'static str) -> Option<bool> {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_static(value));
        Accepts::of(&headers)
            .ok()
            .map(|accepts| accepts.event_stream)
    }

    #[test]
    fn json_is_taken_in_all_its_spellings() {
        assert_eq!(Accepts::of(&HeaderMap::new()).unwrap(), Accepts::JSON);
        for value in [
            "*/*",
            "application/*",
            "application/json",
            "text/plain, Application/JSON;q=0.1",
        ] {
            assert_eq!(accepts(value), Some(false), "{value}");
        }
    }

    #[test]
    fn a_stream_must_be_asked_for_by_name() {
        assert_eq!(accepts("application/json, text/event-stream"), Some(true));
        assert_eq!(
            accepts("text/event-stream;q=0, application/json"),
            Some(false)
        );
    }

    #[test]
    fn what_is_named_first_is_preferred() {
        let prefers = |value| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, HeaderValue::from_static(value));
            Accepts::of(&headers).unwrap().prefers_stream
        };
        assert!(prefers("text/event-stream, application/json"));
        assert!(!prefers("application/json, text/event-stream"));
        assert!(!prefers("application/json"));
    }

    #[test]
    fn who_takes_no_json_is_refused() {
        for value in [
            "text/event-stream",
            "text/html",
            "application/json;q=0",
            "application/json; q=0.000",
            "",
        ] {
            assert_eq!(accepts(value), None, "{value}");
        }
    }
}
