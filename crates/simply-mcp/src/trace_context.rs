//! W3C Trace Context: which trace a request belongs to, as `traceparent` and `tracestate` say it.
//!
//! Both come from the HTTP headers, and from `params._meta` of an MCP request (SEP-414). They are a client's word: what
//! is not valid is ignored, whatever it is, and never refused.

use std::{fmt, sync::Arc};

use http::{HeaderMap, HeaderName};

/// The name of the header, and of the member of `_meta`, that names trace and parent.
pub(crate) const TRACEPARENT: &str = "traceparent";
/// The name of the header, and of the member of `_meta`, that carries what tracing systems add.
pub(crate) const TRACESTATE: &str = "tracestate";

/// Characters of a `tracestate` at most; a longer one is dropped. The specification asks for at least as many (§3.3.1.5).
const LONGEST_STATE: usize = 512;
/// Members of a `tracestate` at most (§3.3.1.1).
const MOST_MEMBERS: usize = 32;
/// Characters of a member's key, and of its value, at most (§3.3.1.3).
const LONGEST_PART: usize = 256;

/// Characters of a `traceparent` of version 00.
const LENGTH: usize = 55;
const SAMPLED: u8 = 1;
/// The flags that have a meaning: `sampled`, and `random-trace-id` of level 2. The others are not passed on.
const KNOWN_FLAGS: u8 = SAMPLED | 2;

/// Where a request stands in its trace (W3C Trace Context).
///
/// Every request that is part of a trace has one in its extensions: a handler finds it in
/// [`http::request::Parts::extensions`], and hands it on with [`traceparent`](Self::traceparent) and
/// [`tracestate`](Self::tracestate) to whatever it calls. With `monitoring.tracing_enabled` it names the span of the tool
/// call, otherwise what the client sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceContext {
    trace: u128,
    parent: u64,
    flags: u8,
    state: Option<Arc<str>>,
}

impl TraceContext {
    /// Reads a `traceparent` and the `tracestate` beside it. `None` where the former is not valid; a state that is not
    /// valid, or longer than 512 characters, is left out.
    #[must_use]
    pub fn parse(traceparent: &str, tracestate: Option<&str>) -> Option<Self> {
        let mut context = Self::of_parent(traceparent)?;
        context.state = tracestate
            .filter(|state| is_state(state))
            .map(|state| state.trim_matches(OWS).into());
        Some(context)
    }

    /// What the headers of a request say. Two `traceparent` are none; several `tracestate` are one, in their order.
    pub(crate) fn of_headers(headers: &HeaderMap) -> Option<Self> {
        const PARENT: HeaderName = HeaderName::from_static(TRACEPARENT);
        const STATE: HeaderName = HeaderName::from_static(TRACESTATE);
        let mut parents = headers.get_all(&PARENT).iter();
        let parent = parents.next()?.to_str().ok()?;
        if parents.next().is_some() {
            return None;
        }
        let mut states = headers.get_all(&STATE).iter();
        let state = match (states.next(), states.next()) {
            (None, _) => None,
            (Some(only), None) => only.to_str().ok().map(ToOwned::to_owned),
            _ => joined(headers.get_all(&STATE)),
        };
        Self::parse(parent, state.as_deref())
    }

    /// §3.2.2: version 00 has exactly these four fields; a higher one may have more behind them.
    fn of_parent(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let fits = match bytes.get(LENGTH) {
            None => bytes.len() == LENGTH,
            Some(next) => !text.starts_with("00") && *next == b'-',
        };
        if !fits || [2, 35, 52].iter().any(|at| bytes[*at] != b'-') {
            return None;
        }
        let version = digits(&bytes[0..2])?;
        let trace = digits(&bytes[3..35])?;
        let parent = digits(&bytes[36..52])?;
        let flags = digits(&bytes[53..55])?;
        if version == 0xff || trace == 0 || parent == 0 {
            return None;
        }
        let known = if version == 0 { KNOWN_FLAGS } else { SAMPLED };
        // Each has as many bits as its digits.
        Some(Self::new(trace, parent as u64, flags as u8 & known, None))
    }

    pub(crate) fn new(trace: u128, parent: u64, flags: u8, state: Option<Arc<str>>) -> Self {
        Self {
            trace,
            parent,
            flags: flags & KNOWN_FLAGS,
            state,
        }
    }

    /// The identifier of the whole trace: 32 lower-case hexadecimal digits.
    #[must_use]
    pub fn trace_id(&self) -> impl fmt::Display + use<> {
        Hexadecimal(self.trace)
    }

    /// Whether whoever began the trace records it.
    #[must_use]
    pub fn is_sampled(&self) -> bool {
        self.flags & SAMPLED == SAMPLED
    }

    /// The value of `traceparent` for whatever is called next.
    #[must_use]
    pub fn traceparent(&self) -> String {
        format!(
            "00-{:032x}-{:016x}-{:02x}",
            self.trace, self.parent, self.flags
        )
    }

    /// The value of `tracestate` for whatever is called next, if there is one.
    #[must_use]
    pub fn tracestate(&self) -> Option<&str> {
        self.state.as_deref()
    }

    pub(crate) fn trace(&self) -> u128 {
        self.trace
    }

    pub(crate) fn parent(&self) -> u64 {
        self.parent
    }

    pub(crate) fn flags(&self) -> u8 {
        self.flags
    }
}

/// At most 32 digits, lower case only.
fn digits(text: &[u8]) -> Option<u128> {
    text.iter().try_fold(0, |number: u128, digit| match digit {
        b'0'..=b'9' => Some(number << 4 | u128::from(digit - b'0')),
        b'a'..=b'f' => Some(number << 4 | u128::from(digit - b'a' + 10)),
        _ => None,
    })
}

struct Hexadecimal(u128);

impl fmt::Display for Hexadecimal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:032x}", self.0)
    }
}

/// Spaces that may surround a member (RFC 9110 §5.6.3).
const OWS: [char; 2] = [' ', '\t'];

/// Several headers as one, unless they are too long together.
fn joined(values: http::header::GetAll<'_, http::HeaderValue>) -> Option<String> {
    let mut whole = String::new();
    for value in values {
        let value = value.to_str().ok()?;
        if whole.len() + value.len() > LONGEST_STATE {
            return None;
        }
        if !whole.is_empty() {
            whole.push(',');
        }
        whole.push_str(value);
    }
    Some(whole)
}

/// Whether `state` is a `tracestate` that is worth passing on: it fits §3.3.1, and has a member.
fn is_state(state: &str) -> bool {
    if state.len() > LONGEST_STATE {
        return false;
    }
    let mut keys: [&str; MOST_MEMBERS] = [""; MOST_MEMBERS];
    let mut count = 0;
    for member in state.split(',').map(|member| member.trim_matches(OWS)) {
        if member.is_empty() {
            continue;
        }
        let Some((key, value)) = member.split_once('=') else {
            return false;
        };
        if count == MOST_MEMBERS || keys[..count].contains(&key) || !is_key(key) || !is_value(value)
        {
            return false;
        }
        keys[count] = key;
        count += 1;
    }
    count > 0
}

fn is_key(key: &str) -> bool {
    let (tenant, system) = match key.split_once('@') {
        None => (key, None),
        Some((tenant, system)) => (tenant, Some(system)),
    };
    let begins = |part: &str| part.starts_with(|first: char| first.is_ascii_lowercase());
    let holds = |part: &str| {
        part.bytes().all(|byte| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-*/".contains(&byte)
        })
    };
    let begins_tenant = begins(tenant) || tenant.starts_with(|first: char| first.is_ascii_digit());
    key.len() <= LONGEST_PART
        && begins_tenant
        && holds(tenant)
        && system.is_none_or(|system| system.len() <= 14 && begins(system) && holds(system))
}

fn is_value(value: &str) -> bool {
    !value.is_empty()
        && value.len() <= LONGEST_PART
        && !value.ends_with(' ')
        && value
            .bytes()
            .all(|byte| matches!(byte, b' '..=b'~') && byte != b'=')
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const PARENT: &str = "00f067aa0ba902b7";

    fn good() -> String {
        format!("00-{TRACE}-{PARENT}-01")
    }

    // HDR-04
    #[test]
    fn a_good_parent_is_read_and_written_as_it_was() {
        let context = TraceContext::parse(&good(), Some("a=1, b@c=2")).unwrap();
        assert_eq!(context.trace_id().to_string(), TRACE);
        assert_eq!(context.traceparent(), good());
        assert_eq!(context.tracestate(), Some("a=1, b@c=2"));
        assert!(context.is_sampled());
        let other = TraceContext::parse(&format!("00-{TRACE}-{PARENT}-00"), None).unwrap();
        assert!(!other.is_sampled());
    }

    // HDR-04
    #[test]
    fn a_hostile_parent_is_ignored() {
        let long = format!("{}{}", good(), "0".repeat(65_536));
        let upper = good().to_uppercase();
        for parent in [
            "",
            "-",
            "00",
            "00-0-0-0",
            &format!("00-{TRACE}-{PARENT}"),
            &format!("00-{TRACE}-{PARENT}-"),
            &format!("00-{TRACE}-{PARENT}-1"),
            &format!("00-{TRACE}-{PARENT}-011"),
            &format!("00-{TRACE}-{PARENT}-01-"),
            &format!("00-{TRACE}-{PARENT}-01-extra"),
            &format!("00-{TRACE}-{PARENT}-0g"),
            &format!("00-{TRACE}-{PARENT}-0x"),
            &format!("00-{TRACE}-0000000000000000-01"),
            &format!("00-{}-{PARENT}-01", "0".repeat(32)),
            &format!("ff-{TRACE}-{PARENT}-01"),
            &format!("ff-{TRACE}-{PARENT}-01-extra"),
            &format!("0-{TRACE}-{PARENT}-001"),
            &format!("01-{TRACE}-{PARENT}-01extra"),
            &format!("01-{TRACE}-{PARENT}-01.extra"),
            &format!(" 00-{TRACE}-{PARENT}-01"),
            &format!("00-{TRACE}-{PARENT}-01 "),
            &format!("00_{TRACE}_{PARENT}_01"),
            &format!("+0-{TRACE}-{PARENT}-01"),
            &format!("00-+{}-{PARENT}-01", &TRACE[1..]),
            &format!("00-{TRACE}-{PARENT}-+1"),
            &format!("00-{}\r\n-{PARENT}-01", &TRACE[2..]),
            &format!("00-{}ü-{PARENT}-01", &TRACE[2..]),
            &format!("00-{TRACE}-{}ü-01", &PARENT[2..]),
            &format!("{},{}", good(), good()),
            "ü".repeat(28).as_str(),
            upper.as_str(),
            long.as_str(),
        ] {
            let shown: String = parent.chars().take(80).collect();
            assert_eq!(TraceContext::parse(parent, None), None, "{shown}");
        }
    }

    // HDR-04
    #[test]
    fn a_higher_version_is_read_as_far_as_it_is_known() {
        for parent in [
            format!("01-{TRACE}-{PARENT}-01"),
            format!("cc-{TRACE}-{PARENT}-ff-what-the-future-brings"),
            format!("fe-{TRACE}-{PARENT}-01-"),
        ] {
            let context = TraceContext::parse(&parent, None).unwrap();
            assert_eq!(context.traceparent(), good(), "{parent}");
        }
    }

    // HDR-04
    #[test]
    fn flags_without_a_meaning_are_not_passed_on() {
        for (given, passed_on) in [("ff", "03"), ("02", "02"), ("fc", "00"), ("09", "01")] {
            let parent = format!("00-{TRACE}-{PARENT}-{given}");
            let context = TraceContext::parse(&parent, None).unwrap();
            assert!(context.traceparent().ends_with(passed_on), "{given}");
        }
    }

    // HDR-04
    #[test]
    fn a_state_that_is_malformed_or_too_long_is_dropped_and_the_parent_kept() {
        let many: String = (0..33).map(|index| format!("k{index}=1,")).collect();
        let long = format!("a={}", "1".repeat(LONGEST_PART + 1));
        let whole = format!("a={0},b={0},c=1", "1".repeat(LONGEST_PART));
        for state in [
            "",
            ",",
            "a",
            "a=",
            "=1",
            "A=1",
            "a=1,a=2",
            "a=1;b=2,c",
            "a=b=c",
            "a b=1",
            "a@b@c=1",
            "a@0b=1",
            "a@=1",
            "@a=1",
            "a@abcdefghijklmno=1",
            "a=\u{7f}",
            "a=ü",
            "a=1\r\nb=2",
            many.as_str(),
            long.as_str(),
            whole.as_str(),
        ] {
            let context = TraceContext::parse(&good(), Some(state)).unwrap();
            assert_eq!(context.tracestate(), None, "{state}");
        }
        for state in ["a=1", "0a_-*/=!", "a=1,,b=2", "0t@s=1", "a=1;b:2"] {
            let context = TraceContext::parse(&good(), Some(state)).unwrap();
            assert_eq!(context.tracestate(), Some(state));
        }
    }

    fn of_headers(lines: &[(&'static str, &[u8])]) -> Option<TraceContext> {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_bytes(value).unwrap());
        }
        TraceContext::of_headers(&headers)
    }

    // HDR-04
    #[test]
    fn two_parents_are_none_and_two_states_are_one() {
        let good = good();
        let parent = (TRACEPARENT, good.as_bytes());
        assert_eq!(of_headers(&[]), None);
        assert_eq!(of_headers(&[(TRACESTATE, b"a=1")]), None);
        assert_eq!(of_headers(&[parent, parent]), None);
        assert_eq!(of_headers(&[(TRACEPARENT, b"\xff")]), None);
        let one = of_headers(&[parent, (TRACESTATE, b"a=1"), (TRACESTATE, b"b=2")]).unwrap();
        assert_eq!(one.tracestate(), Some("a=1,b=2"));
        let odd = of_headers(&[parent, (TRACESTATE, b"\xff")]).unwrap();
        assert_eq!(odd.tracestate(), None);
        let long = [b'a'; 400];
        let both = of_headers(&[parent, (TRACESTATE, &long), (TRACESTATE, &long)]).unwrap();
        assert_eq!(both.tracestate(), None);
    }
}
