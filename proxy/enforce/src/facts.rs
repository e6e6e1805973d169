//! The facts of a request, read and normalised once.

use http::{HeaderMap, HeaderName, HeaderValue, Method, Version, header, request::Parts};

use crate::{
    arrival::Arrival,
    normal::{Target, normalise},
    reason::ProtocolFault,
};

/// Longest request target that is read, in bytes.
pub const TARGET_LIMIT_BYTES: usize = 8 * 1024;

/// A request in its one normal form.
#[derive(Clone, Debug)]
pub struct RequestFacts {
    /// The method, an upper-case token.
    pub method: Method,
    /// The host, lower-case, without port.
    pub host: String,
    /// Path, query and their ambiguous forms.
    pub target: Target,
    /// The HTTP version it came in.
    pub version: Version,
    /// Whether it asks for a WebSocket.
    pub websocket: bool,
}

impl RequestFacts {
    /// Reads a head.
    ///
    /// # Errors
    /// The [`ProtocolFault`] of a head that is ambiguous or malformed.
    pub fn read(arrival: &Arrival<'_>) -> Result<Self, ProtocolFault> {
        if let Some(fault) = arrival.fault {
            return Err(fault);
        }
        let head = arrival.head;
        if !matches!(head.version, Version::HTTP_11 | Version::HTTP_2) {
            return Err(ProtocolFault::Version);
        }
        judge_method(&head.method)?;
        judge_headers(head)?;
        Ok(Self {
            method: head.method.clone(),
            host: host(arrival)?,
            target: normalise(arrival.target, TARGET_LIMIT_BYTES).map_err(ProtocolFault::Target)?,
            version: head.version,
            websocket: upgrade(head)?,
        })
    }
}

/// RFC 9110 §9.1: methods are case-sensitive; TRACE echoes credentials (§9.3.8), CONNECT makes a tunnel.
fn judge_method(method: &Method) -> Result<(), ProtocolFault> {
    let token = method.as_str().bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'-');
    if !token || matches!(*method, Method::TRACE | Method::CONNECT) {
        return Err(ProtocolFault::Method);
    }
    Ok(())
}

fn judge_headers(head: &Parts) -> Result<(), ProtocolFault> {
    let headers = &head.headers;
    let mut lengths = headers.get_all(header::CONTENT_LENGTH).iter();
    let length = lengths.next();
    if lengths.next().is_some() || length.is_some_and(|value| !is_number(value.as_bytes())) {
        return Err(ProtocolFault::ContentLength);
    }
    let mut encodings = headers.get_all(header::TRANSFER_ENCODING).iter();
    let encoding = encodings.next();
    // RFC 9113 §8.2.2: HTTP/2 frames its bodies itself.
    if encodings.next().is_some()
        || encoding.is_some_and(|value| {
            head.version == Version::HTTP_2 || !value.as_bytes().eq_ignore_ascii_case(b"chunked")
        })
    {
        return Err(ProtocolFault::TransferEncoding);
    }
    if length.is_some() && encoding.is_some() {
        return Err(ProtocolFault::LengthAndEncoding);
    }
    // An underscore is a hyphen to CGI, so `X_Remote_User` would forge a header that the gate sets.
    if headers.keys().any(|name| name.as_str().contains('_')) {
        return Err(ProtocolFault::Header);
    }
    Ok(())
}

/// Digits only, and few enough to be a length: `+5`, `0x5` and `5, 5` have more than one reading.
fn is_number(value: &[u8]) -> bool {
    (1..=18).contains(&value.len()) && value.iter().all(u8::is_ascii_digit)
}

/// RFC 9112 §3.2, RFC 9113 §8.3.1: exactly one host; `:authority` and Host agree.
fn host(arrival: &Arrival<'_>) -> Result<String, ProtocolFault> {
    let mut hosts = arrival.head.headers.get_all(header::HOST).iter();
    let named = hosts.next().map(HeaderValue::as_bytes);
    if hosts.next().is_some() {
        return Err(ProtocolFault::Host);
    }
    let authority = arrival.head.uri.authority().map(|authority| authority.as_str().as_bytes());
    let host = match (authority, named) {
        (Some(authority), Some(named)) if !authority.eq_ignore_ascii_case(named) => {
            return Err(ProtocolFault::Host);
        }
        (Some(host), _) | (None, Some(host)) => host,
        (None, None) => return Err(ProtocolFault::Host),
    };
    normal_host(host).ok_or(ProtocolFault::Host)
}

/// A host name without its port, in lower case; none if it is no `[a-z0-9.-]` name or has an odd port.
fn normal_host(raw: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(raw).ok()?;
    let (name, port) = text.split_once(':').map_or((text, None), |(name, port)| (name, Some(port)));
    let odd_port = port.is_some_and(|port| port.parse::<u16>().is_err() || port.starts_with('+'));
    let labels = name.split('.').all(|label| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    });
    (!odd_port && labels && name.len() <= 253).then(|| name.to_ascii_lowercase())
}

/// Whether the head asks for a WebSocket (RFC 6455 §4.1). No other upgrade has a reading at the gate.
fn upgrade(head: &Parts) -> Result<bool, ProtocolFault> {
    let headers = &head.headers;
    let mut asked = headers.get_all(header::UPGRADE).iter();
    let Some(protocol) = asked.next() else { return Ok(false) };
    // Browsers and clients may offer h2c; RFC 9113 §3.1 made it obsolete, and a source that took it would leave the gate's sight. A body
    // before the new protocol has two readings: one server reads it, another takes it for the protocol's first bytes.
    let websocket = asked.next().is_none()
        && protocol.as_bytes().eq_ignore_ascii_case(b"websocket")
        && head.version == Version::HTTP_11
        && head.method == Method::GET
        && has_token(headers, &header::CONNECTION, b"upgrade")
        && !headers.contains_key(header::CONTENT_LENGTH)
        && !headers.contains_key(header::TRANSFER_ENCODING);
    if websocket { Ok(true) } else { Err(ProtocolFault::Upgrade) }
}

/// Whether a list of tokens, over all lines of its name, has this one in any case.
fn has_token(headers: &HeaderMap, name: &HeaderName, token: &[u8]) -> bool {
    let lines = headers.get_all(name).iter();
    lines
        .flat_map(|line| line.as_bytes().split(|&byte| byte == b','))
        .any(|one| one.trim_ascii().eq_ignore_ascii_case(token))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;

    fn read(
        build: impl FnOnce(http::request::Builder) -> http::request::Builder,
    ) -> Result<RequestFacts, ProtocolFault> {
        let (head, ()) = build(Request::builder().uri("/")).body(()).unwrap().into_parts();
        RequestFacts::read(&Arrival { head: &head, target: b"/", fault: None })
    }

    #[test]
    fn odd_heads_are_refused() {
        type Build = fn(http::request::Builder) -> http::request::Builder;
        let cases: [(&str, Build, ProtocolFault); 17] = [
            ("no host", |b| b, ProtocolFault::Host),
            ("two hosts", |b| b.header("host", "a").header("host", "a"), ProtocolFault::Host),
            ("empty host", |b| b.header("host", ""), ProtocolFault::Host),
            ("host with user", |b| b.header("host", "u@a"), ProtocolFault::Host),
            ("host with trailing dot", |b| b.header("host", "a."), ProtocolFault::Host),
            ("host with odd port", |b| b.header("host", "a:+80"), ProtocolFault::Host),
            ("authority and host differ", |b| b.uri("https://b/").header("host", "a"), ProtocolFault::Host),
            ("lower-case method", |b| b.method("get").header("host", "a"), ProtocolFault::Method),
            ("trace", |b| b.method("TRACE").header("host", "a"), ProtocolFault::Method),
            ("connect", |b| b.method("CONNECT").header("host", "a"), ProtocolFault::Method),
            (
                "equal lengths twice",
                |b| b.header("host", "a").header("content-length", "5").header("content-length", "5"),
                ProtocolFault::ContentLength,
            ),
            (
                "signed length",
                |b| b.header("host", "a").header("content-length", "+5"),
                ProtocolFault::ContentLength,
            ),
            (
                "length list",
                |b| b.header("host", "a").header("content-length", "5, 5"),
                ProtocolFault::ContentLength,
            ),
            (
                "gzip, chunked",
                |b| b.header("host", "a").header("transfer-encoding", "gzip, chunked"),
                ProtocolFault::TransferEncoding,
            ),
            (
                "length and encoding",
                |b| {
                    b.header("host", "a").header("content-length", "5").header("transfer-encoding", "chunked")
                },
                ProtocolFault::LengthAndEncoding,
            ),
            ("underscore", |b| b.header("host", "a").header("x_remote_user", "root"), ProtocolFault::Header),
            (
                "chunked in HTTP/2",
                |b| b.version(Version::HTTP_2).header("host", "a").header("transfer-encoding", "chunked"),
                ProtocolFault::TransferEncoding,
            ),
        ];
        for (name, build, fault) in cases {
            assert_eq!(read(build).map(|_| ()), Err(fault), "{name}");
        }
    }

    #[test]
    fn a_websocket_is_the_only_upgrade() {
        type Build = fn(http::request::Builder) -> http::request::Builder;
        let cases: [(&str, Build, Result<bool, ProtocolFault>); 9] = [
            ("none", |b| b, Ok(false)),
            ("websocket", |b| b.header("upgrade", "WebSocket"), Ok(true)),
            ("h2c", |b| b.header("upgrade", "h2c"), Err(ProtocolFault::Upgrade)),
            ("a choice", |b| b.header("upgrade", "websocket, h2c"), Err(ProtocolFault::Upgrade)),
            (
                "a choice in two lines",
                |b| b.header("upgrade", "websocket").header("upgrade", "h2c"),
                Err(ProtocolFault::Upgrade),
            ),
            (
                "by another method",
                |b| b.method("POST").header("upgrade", "websocket"),
                Err(ProtocolFault::Upgrade),
            ),
            (
                "with a body",
                |b| b.header("upgrade", "websocket").header("content-length", "5"),
                Err(ProtocolFault::Upgrade),
            ),
            (
                "with a body of unknown length",
                |b| b.header("upgrade", "websocket").header("transfer-encoding", "chunked"),
                Err(ProtocolFault::Upgrade),
            ),
            (
                "in HTTP/2",
                |b| b.version(Version::HTTP_2).header("upgrade", "websocket"),
                Err(ProtocolFault::Upgrade),
            ),
        ];
        for (name, build, expected) in cases {
            let facts = read(|b| build(b.header("host", "a").header("connection", "keep-alive, Upgrade")));
            assert_eq!(facts.map(|facts| facts.websocket), expected, "{name}");
        }
        let unconnected = read(|b| b.header("host", "a").header("upgrade", "websocket"));
        assert_eq!(unconnected.map(|_| ()), Err(ProtocolFault::Upgrade));
    }

    #[test]
    fn hosts_have_one_form() {
        for (raw, host) in [("A.Example:8443", "a.example"), ("a", "a"), ("127.0.0.1:80", "127.0.0.1")] {
            assert_eq!(read(|b| b.header("host", raw)).unwrap().host, host, "{raw}");
        }
        assert_eq!(read(|b| b.uri("https://A.b/")).unwrap().host, "a.b");
    }

    #[test]
    fn a_fault_of_the_raw_head_comes_first() {
        let (head, ()) = Request::builder().uri("/").header("host", "a").body(()).unwrap().into_parts();
        let arrival = Arrival { head: &head, target: b"/", fault: Some(ProtocolFault::LengthAndEncoding) };
        assert_eq!(RequestFacts::read(&arrival).map(|_| ()), Err(ProtocolFault::LengthAndEncoding));
    }
}
