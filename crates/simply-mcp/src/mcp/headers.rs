//! The headers that MCP puts beside the body, and what they say of the protocol's era.

use http::{HeaderMap, HeaderName, header};
use rmcp::model::{ErrorCode, ProtocolVersion, RequestMetaObject};

use crate::refusal::{Code, Refusal};

pub(super) const SESSION_ID: HeaderName = HeaderName::from_static("mcp-session-id");
pub(super) const VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");
pub(super) const METHOD: HeaderName = HeaderName::from_static("mcp-method");
pub(super) const NAME: HeaderName = HeaderName::from_static("mcp-name");

/// Before this header existed, its absence meant this version (2025-06-18, "Protocol Version Header").
const WITHOUT_HEADER: ProtocolVersion = ProtocolVersion::V_2025_03_26;

/// Which versions a request names, and which side of the divide of 2026-07-28 it is on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Era {
    /// The version in the header.
    pub(super) header: Option<String>,
    /// The version in `_meta`: only requests since 2026-07-28 carry one.
    pub(super) meta: Option<ProtocolVersion>,
}

impl Era {
    /// What a request says. A second version header could be read differently by a proxy: refused.
    pub(super) fn of(headers: &HeaderMap, meta: &RequestMetaObject) -> Result<Self, Refusal> {
        let header = single(headers, &VERSION)?.map(ToOwned::to_owned);
        Ok(Self {
            header,
            meta: meta.protocol_version(),
        })
    }

    /// True for a version that knows sessions: every one before 2026-07-28.
    pub(super) fn is_legacy(&self) -> bool {
        let version = self
            .meta
            .as_ref()
            .map(ProtocolVersion::as_str)
            .or(self.header.as_deref());
        version.is_none_or(|version| version < ProtocolVersion::V_2026_07_28.as_str())
    }

    /// The version to answer in, where header and body agree on one that is known.
    pub(super) fn version(&self) -> Option<ProtocolVersion> {
        match (&self.meta, &self.header) {
            (Some(meta), Some(header)) => (meta.as_str() == header).then(|| meta.clone()),
            (Some(_), None) => None,
            (None, Some(header)) => known(header),
            (None, None) => Some(WITHOUT_HEADER),
        }
    }
}

fn known(version: &str) -> Option<ProtocolVersion> {
    ProtocolVersion::KNOWN_VERSIONS
        .iter()
        .find(|known| known.as_str() == version)
        .cloned()
}

/// The one value of a header that may stand once.
pub(super) fn single<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
) -> Result<Option<&'a str>, Refusal> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    let refuse = |what| {
        Refusal::new(Code::BadRequest, format!("the header {name} {what}"))
            .with_rpc_code(ErrorCode::HEADER_MISMATCH)
    };
    if values.next().is_some() {
        return Err(refuse("stands twice"));
    }
    value.to_str().map(Some).map_err(|_| refuse("is not text"))
}

/// Bodies are JSON and say so: a page cannot send that without asking first (Fetch, CORS-safelisting).
pub(super) fn check_content_type(headers: &HeaderMap) -> Result<(), Refusal> {
    let json = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .map(|value| value.split(';').next().unwrap_or_default().trim())
        .is_some_and(|essence| essence.eq_ignore_ascii_case("application/json"));
    if json {
        return Ok(());
    }
    Err(Refusal::new(
        Code::UnsupportedMediaType,
        "MCP messages are JSON; send the header \"Content-Type: application/json\"",
    ))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn era(header: Option<&'static str>, meta: Option<&str>) -> Era {
        let mut headers = HeaderMap::new();
        if let Some(header) = header {
            headers.insert(VERSION, HeaderValue::from_static(header));
        }
        let mut object = RequestMetaObject::default();
        if let Some(meta) = meta {
            let version = serde_json::from_value(serde_json::json!(meta)).unwrap();
            object.set_protocol_version(version);
        }
        Era::of(&headers, &object).unwrap()
    }

    #[test]
    fn header_and_body_must_agree() {
        assert_eq!(
            era(None, None).version(),
            Some(ProtocolVersion::V_2025_03_26)
        );
        assert_eq!(
            era(Some("2025-06-18"), None).version(),
            Some(ProtocolVersion::V_2025_06_18)
        );
        let both = era(Some("2026-07-28"), Some("2026-07-28"));
        assert_eq!(both.version(), Some(ProtocolVersion::V_2026_07_28));
        assert!(!both.is_legacy());
        assert_eq!(era(Some("2025-11-25"), Some("2026-07-28")).version(), None);
        assert_eq!(era(None, Some("2026-07-28")).version(), None);
        assert_eq!(era(Some("1999-01-01"), None).version(), None);
    }

    #[test]
    fn two_version_headers_are_refused() {
        let mut headers = HeaderMap::new();
        headers.append(VERSION, HeaderValue::from_static("2025-11-25"));
        headers.append(VERSION, HeaderValue::from_static("2025-11-25"));
        let refusal = Era::of(&headers, &RequestMetaObject::default()).unwrap_err();
        assert_eq!(refusal.rpc_code(), ErrorCode::HEADER_MISMATCH);
    }

    #[test]
    fn only_json_is_read() {
        for (value, passes) in [
            ("application/json", true),
            ("Application/JSON; charset=utf-8", true),
            ("text/plain", false),
            ("application/jsonx", false),
            ("application/x-www-form-urlencoded", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(value));
            assert_eq!(check_content_type(&headers).is_ok(), passes, "{value}");
        }
        assert!(check_content_type(&HeaderMap::new()).is_err());
    }
}
