//! The host of a URL or of a `Host` header, with or without a port (RFC 3986, section 3.2.2).

use std::net::{IpAddr, Ipv6Addr};

use super::InvalidValue;

/// The longest name the DNS can carry, in bytes (RFC 1035, section 2.3.4).
const LONGEST_NAME: usize = 253;
/// The longest part of a name between two dots, in bytes (RFC 1035, section 2.3.4).
const LONGEST_LABEL: usize = 63;

/// Splits `host[:port]`, validates both and returns the host in lower case; an IPv6 address keeps its brackets.
///
/// # Errors
///
/// When either part is not what it should be.
pub(super) fn parse(text: &str) -> Result<(String, Option<u16>), InvalidValue> {
    if let Ok(address) = text.parse::<Ipv6Addr>() {
        return Ok((format!("[{address}]"), None));
    }
    let (host, port) = split(text)?;
    let port = port.map(|port| parse_port(text, port)).transpose()?;
    Ok((parse_host(text, host)?, port))
}

fn split(text: &str) -> Result<(&str, Option<&str>), InvalidValue> {
    if text.starts_with('[') {
        let end = text.find(']').ok_or_else(|| not_a_host(text))?;
        let (host, rest) = text.split_at(end + 1);
        return match rest {
            "" => Ok((host, None)),
            _ => Ok((
                host,
                Some(rest.strip_prefix(':').ok_or_else(|| not_a_host(text))?),
            )),
        };
    }
    Ok(match text.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (text, None),
    })
}

fn parse_port(text: &str, port: &str) -> Result<u16, InvalidValue> {
    let digits = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    match port.parse::<u16>() {
        Ok(number) if digits && number > 0 => Ok(number),
        _ => Err(InvalidValue(format!(
            "{text:?} has no proper port; write a number from 1 to 65535 after the colon"
        ))),
    }
}

fn parse_host(text: &str, host: &str) -> Result<String, InvalidValue> {
    if let Some(inner) = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
    {
        let address: Ipv6Addr = inner.parse().map_err(|_| not_a_host(text))?;
        return Ok(format!("[{address}]"));
    }
    if host.parse::<IpAddr>().is_ok() {
        return Ok(host.to_owned());
    }
    let name = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    if !name.is_ascii() {
        return Err(InvalidValue(format!(
            "{text:?} has letters outside ASCII; write the name as the DNS does, beginning with xn--"
        )));
    }
    let numeric = name
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'.');
    if name.len() > LONGEST_NAME || numeric || !name.split('.').all(is_label) {
        return Err(not_a_host(text));
    }
    Ok(name)
}

// The underscore is no letter of a host name, but container networks give such names.
fn is_label(label: &str) -> bool {
    let bytes = label.as_bytes();
    !bytes.is_empty()
        && bytes.len() <= LONGEST_LABEL
        && bytes
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        && bytes.first() != Some(&b'-')
        && bytes.last() != Some(&b'-')
}

fn not_a_host(text: &str) -> InvalidValue {
    InvalidValue(format!(
        "{text:?} is not a host; write a name such as mcp.example.com, or an IP address, with or without a port"
    ))
}
