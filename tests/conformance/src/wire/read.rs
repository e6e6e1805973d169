//! What a server makes of the bytes: as strict as RFC 9112, sections 3, 5 and 6, as servers in front of CRS are.

/// A request as it arrived.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Received {
    /// The method.
    pub method: Vec<u8>,
    /// The target as sent.
    pub target: Vec<u8>,
    /// Such as `HTTP/1.1`.
    pub version: Vec<u8>,
    /// Names and values; a repeated field is one list.
    pub headers: Vec<(Vec<u8>, Vec<u8>)>,
    /// The body as its headers frame it.
    pub body: Vec<u8>,
}

/// What came of the bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Arrival {
    /// A request.
    Request(Received),
    /// Something a server answers with 400 by itself.
    Bad,
    /// Something a server closes on, or answers in HTTP/0.9, without a status.
    Closed,
}

impl Arrival {
    /// Reads one request.
    #[must_use]
    pub fn read(raw: &[u8]) -> Self {
        let (head, body) = parts(raw);
        let mut lines =
            head.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
        let Some((method, rest)) = cut(lines.next().unwrap_or_default(), b' ') else { return Self::Bad };
        let Some(at) = rest.iter().rposition(|byte| *byte == b' ') else { return Self::Bad };
        let (target, version) = rest.split_at(at);
        let version = version.get(1..).unwrap_or_default();
        if version.is_empty() {
            return Self::Closed;
        }
        if !is_token(method) || !is_version(version) || !is_target(method, target) {
            return Self::Bad;
        }
        let Some(mut headers) = headers(lines) else { return Self::Bad };
        if !has_good_host(version, &headers) {
            return Self::Bad;
        }
        let Some(body) = framed(&mut headers, body) else { return Self::Bad };
        Self::Request(Received {
            method: method.to_vec(),
            target: target.to_vec(),
            version: version.to_vec(),
            headers,
            body,
        })
    }
}

/// Head and what follows it; lines may end in LF alone (RFC 9112, 2.2).
fn parts(raw: &[u8]) -> (&[u8], &[u8]) {
    let ends: [&[u8]; 2] = [b"\r\n\r\n", b"\n\n"];
    let found = ends.into_iter().find_map(|end| Some((find(raw, end)?, end.len())));
    let Some((at, len)) = found else { return (raw, &[]) };
    (raw.get(..at).unwrap_or_default(), raw.get(at + len..).unwrap_or_default())
}

fn is_token(text: &[u8]) -> bool {
    let token = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    !text.is_empty() && text.iter().all(token)
}

fn is_version(version: &[u8]) -> bool {
    matches!(version, [b'H', b'T', b'T', b'P', b'/', b'1'..=b'9', b'.', b'0'..=b'9'])
}

/// Whether a request target has a form that servers take (RFC 9112, 3.2).
fn is_target(method: &[u8], target: &[u8]) -> bool {
    let plain =
        !target.is_empty() && !target.iter().any(|byte| *byte <= b' ' || *byte == b'#' || *byte == 0x7f);
    let connect = method != b"CONNECT" || target.contains(&b':');
    plain && connect && !target.starts_with(b"\\")
}

fn headers<'a>(lines: impl Iterator<Item = &'a [u8]>) -> Option<Vec<(Vec<u8>, Vec<u8>)>> {
    let mut headers: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
    for line in lines {
        let (name, value) = cut(line, b':')?;
        if !is_token(name) || value.contains(&b'\r') || value.contains(&0) {
            return None;
        }
        let value = value.trim_ascii();
        // Repeated fields are one list (RFC 9110, 5.3).
        match headers.iter_mut().find(|(other, _)| other.eq_ignore_ascii_case(name)) {
            Some((_, list)) => *list = [list.as_slice(), value].join(&b", "[..]),
            None => headers.push((name.to_vec(), value.to_vec())),
        }
    }
    Some(headers)
}

fn value<'a>(headers: &'a [(Vec<u8>, Vec<u8>)], name: &str) -> Option<&'a [u8]> {
    let found = headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name.as_bytes()));
    found.map(|(_, value)| value.as_slice())
}

/// HTTP/1.0 knows no `Host`, so an empty one is let through there; none at all is left to the rules.
fn has_good_host(version: &[u8], headers: &[(Vec<u8>, Vec<u8>)]) -> bool {
    value(headers, "Host")
        .is_none_or(|host| !host.contains(&b'%') && (version != b"HTTP/1.1" || !host.is_empty()))
}

/// The body as its headers frame it (RFC 9112, 6.3); `None` when the length is no number.
fn framed(headers: &mut Vec<(Vec<u8>, Vec<u8>)>, raw: &[u8]) -> Option<Vec<u8>> {
    if value(headers, "Transfer-Encoding").is_some() {
        // A length beside chunks is dropped.
        headers.retain(|(name, _)| !name.eq_ignore_ascii_case(b"content-length"));
        return Some(chunks(raw));
    }
    let Some(length) = value(headers, "Content-Length") else { return Some(Vec::new()) };
    let length: usize = std::str::from_utf8(length).ok()?.parse().ok()?;
    Some(raw.get(..length).unwrap_or(raw).to_vec())
}

fn chunks(mut raw: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(at) = find(raw, b"\r\n") {
        let (size, rest) = raw.split_at(at);
        let size =
            std::str::from_utf8(size).ok().and_then(|size| usize::from_str_radix(size.trim(), 16).ok());
        let data = rest.get(2..).and_then(|rest| rest.split_at_checked(size.unwrap_or(0)));
        let Some((data, rest)) = data.filter(|(data, _)| !data.is_empty()) else { break };
        body.extend_from_slice(data);
        raw = rest.get(2..).unwrap_or_default();
    }
    body
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|window| window == what)
}

fn cut(text: &[u8], at: u8) -> Option<(&[u8], &[u8])> {
    let at = text.iter().position(|byte| *byte == at)?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}

#[cfg(test)]
mod tests {
    use super::Arrival;

    fn body(raw: &str) -> Option<String> {
        match Arrival::read(raw.as_bytes()) {
            Arrival::Request(request) => Some(String::from_utf8(request.body).unwrap()),
            Arrival::Bad | Arrival::Closed => None,
        }
    }

    #[test]
    fn bodies_are_framed_by_their_headers() {
        for (name, raw, expected) in [
            ("none", "GET / HTTP/1.1\r\n\r\nx", Some("")),
            ("length", "GET / HTTP/1.1\r\nContent-Length: 2\r\n\r\nxyz", Some("xy")),
            ("too long a length", "GET / HTTP/1.1\r\nContent-Length: 9\r\n\r\nxyz", Some("xyz")),
            ("no number", "GET / HTTP/1.1\r\nContent-Length: x\r\n\r\nxyz", None),
            ("LF alone", "GET / HTTP/1.1\nContent-Length: 2\n\nxyz", Some("xy")),
            (
                "chunks win",
                "GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n",
                Some("abc"),
            ),
        ] {
            assert_eq!(body(raw).as_deref(), expected, "{name}");
        }
    }

    #[test]
    fn what_servers_refuse() {
        for (name, raw, expected) in [
            ("nothing", "", Arrival::Bad),
            ("no version", "GET / \r\n\r\n", Arrival::Closed),
            ("version", "GET / HTTX/1.1\r\n\r\n", Arrival::Bad),
            ("space in the target", "GET /a b HTTP/1.1\r\n\r\n", Arrival::Bad),
            ("method", "G(T / HTTP/1.1\r\n\r\n", Arrival::Bad),
            ("header without a colon", "GET / HTTP/1.1\r\nX\r\n\r\n", Arrival::Bad),
            ("space before the colon", "GET / HTTP/1.1\r\nX : y\r\n\r\n", Arrival::Bad),
            ("zero byte", "GET / HTTP/1.1\r\nX: \0\r\n\r\n", Arrival::Bad),
            ("empty host", "GET / HTTP/1.1\r\nHost: \r\n\r\n", Arrival::Bad),
        ] {
            assert_eq!(Arrival::read(raw.as_bytes()), expected, "{name}");
        }
        assert!(matches!(Arrival::read(b"GET / HTTP/1.0\r\nHost:\r\n\r\n"), Arrival::Request(_)));
    }
}
