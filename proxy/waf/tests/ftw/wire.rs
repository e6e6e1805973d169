//! Requests as go-ftw writes them, and as a server reads them.

use super::case::Input;

/// A request as a server reads it.
pub(crate) struct Request {
    pub(crate) method: Vec<u8>,
    pub(crate) target: Vec<u8>,
    pub(crate) version: Vec<u8>,
    pub(crate) headers: Vec<(Vec<u8>, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
}

/// The bytes that go over the wire.
pub(crate) fn write(input: &Input) -> Vec<u8> {
    if let Some(raw) = input.raw() {
        return raw;
    }
    let method = input.method.as_deref().unwrap_or("GET");
    let (uri, version) =
        (input.uri.as_deref().unwrap_or("/"), input.version.as_deref().unwrap_or("HTTP/1.1"));
    let mut headers = input.headers();
    let has = |headers: &[(String, String)], name: &str| {
        headers.iter().any(|(other, _)| other.eq_ignore_ascii_case(name))
    };
    let mut data = input.data();
    if !data.is_empty() && input.completes_headers() {
        if !has(&headers, "Content-Type") {
            headers.push(("Content-Type".into(), "application/x-www-form-urlencoded".into()));
        }
        let form = headers.iter().any(|(name, value)| {
            name.eq_ignore_ascii_case("Content-Type")
                && value.eq_ignore_ascii_case("application/x-www-form-urlencoded")
        });
        if form && unescape(&data).as_ref() == Some(&data) {
            data = escape_pairs(&data);
        }
    }
    let multipart = headers.iter().any(|(name, value)| {
        name.eq_ignore_ascii_case("Content-Type") && value.to_lowercase().contains("multipart/form-data;")
    });
    if multipart {
        data = data
            .iter()
            .flat_map(|byte| if *byte == b'\n' { vec![b'\r', b'\n'] } else { vec![*byte] })
            .collect();
    }
    if input.completes_headers() {
        if !has(&headers, "Connection") {
            headers.push(("Connection".into(), "close".into()));
        }
        // The expression `^POST|PUT|PATCH|DELETE$` is go-ftw's.
        let bodied = method.starts_with("POST")
            || method.contains("PUT")
            || method.contains("PATCH")
            || method.ends_with("DELETE");
        if !has(&headers, "Content-Length") && (!data.is_empty() || bodied) {
            headers.push(("Content-Length".into(), data.len().to_string()));
        }
    }
    let mut out = format!("{method} {uri} {version}\r\n").into_bytes();
    for (name, value) in headers {
        out.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
    }
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(&data);
    out
}

/// Go's `url.QueryUnescape`.
fn unescape(data: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let mut at = 0;
    while at < data.len() {
        match data[at] {
            b'%' => {
                let digits = std::str::from_utf8(data.get(at + 1..at + 3)?).ok()?;
                out.push(u8::from_str_radix(digits, 16).ok()?);
                at += 3;
                continue;
            }
            b'+' => out.push(b' '),
            byte => out.push(byte),
        }
        at += 1;
    }
    Some(out)
}

/// Go's `url.QueryEscape`.
fn escape(data: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for byte in data {
        match byte {
            byte if byte.is_ascii_alphanumeric() || b"-_.~".contains(byte) => out.push(*byte),
            b' ' => out.push(b'+'),
            byte => out.extend_from_slice(format!("%{byte:02X}").as_bytes()),
        }
    }
    out
}

fn escape_pairs(data: &[u8]) -> Vec<u8> {
    let mut tokens: Vec<&[u8]> = data.split(|byte| *byte == b'&').collect();
    if tokens.last().is_some_and(|token| token.is_empty()) {
        tokens.pop();
    }
    let pairs = tokens.iter().map(|token| match token.iter().position(|byte| *byte == b'=') {
        Some(at) => [escape(&token[..at]), b"=".to_vec(), escape(&token[at + 1..])].concat(),
        None => escape(token),
    });
    pairs.collect::<Vec<_>>().join(&b'&')
}

/// What a server makes of the bytes.
pub(crate) enum Read {
    Request(Request),
    /// It answers 400 by itself.
    Bad,
    /// It closes without an answer, or answers without a status line.
    Closed,
}

/// Reads a request as strictly as servers do (RFC 9112, 3 and 5).
pub(crate) fn read(raw: &[u8]) -> Read {
    let end = find(raw, b"\r\n\r\n").or_else(|| find(raw, b"\n\n").map(|at| at - 2));
    let head = &raw[..end.unwrap_or(raw.len())];
    let mut lines = head.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let line = lines.next().unwrap_or_default();
    let Some((method, rest)) = split_at(line, line.iter().position(|byte| *byte == b' ')) else {
        return Read::Bad;
    };
    let Some((target, version)) = split_at(rest, rest.iter().rposition(|byte| *byte == b' ')) else {
        return Read::Bad;
    };
    if version.is_empty() {
        return Read::Closed;
    }
    let token = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    let numbered = matches!(version, [b'H', b'T', b'T', b'P', b'/', b'1'..=b'9', b'.', b'0'..=b'9']);
    if method.is_empty() || !method.iter().all(token) || !numbered || !is_target(method, target) {
        return Read::Bad;
    }
    let mut headers: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
    for line in lines {
        let Some((name, value)) = split_at(line, line.iter().position(|byte| *byte == b':')) else {
            return Read::Bad;
        };
        if name.is_empty() || !name.iter().all(token) || value.contains(&b'\r') || value.contains(&0) {
            return Read::Bad;
        }
        let value = value.trim_ascii();
        // Repeated fields are one list (RFC 9110, 5.3).
        match headers.iter_mut().find(|(other, _)| other.eq_ignore_ascii_case(name)) {
            Some((_, list)) => *list = [list.as_slice(), value].join(&b", "[..]),
            None => headers.push((name.to_vec(), value.to_vec())),
        }
    }
    let has = |headers: &[(Vec<u8>, Vec<u8>)], name: &str| {
        headers
            .iter()
            .find(|(other, _)| other.eq_ignore_ascii_case(name.as_bytes()))
            .map(|(_, value)| value.clone())
    };
    // HTTP/1.0 knows no Host, so an empty one is let through there.
    let host = has(&headers, "Host").unwrap_or_default();
    if host.contains(&b'%') || (version == b"HTTP/1.1" && host.is_empty() && has(&headers, "Host").is_some())
    {
        return Read::Bad;
    }
    let raw_body = raw.get(end.map_or(raw.len(), |end| end + 4)..).unwrap_or_default();
    let Some(body) = body(&mut headers, raw_body) else { return Read::Bad };
    Read::Request(Request {
        method: method.to_vec(),
        target: target.to_vec(),
        version: version.to_vec(),
        headers,
        body,
    })
}

/// The body as its headers frame it (RFC 9112, 6.3); `None` when the length is no number.
fn body(headers: &mut Vec<(Vec<u8>, Vec<u8>)>, raw: &[u8]) -> Option<Vec<u8>> {
    let find = |name: &[u8]| {
        headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value.clone())
    };
    if find(b"Transfer-Encoding").is_some() {
        // A length beside chunks is dropped.
        headers.retain(|(name, _)| !name.eq_ignore_ascii_case(b"content-length"));
        return Some(chunks(raw));
    }
    let Some(length) = find(b"Content-Length") else { return Some(Vec::new()) };
    let length: usize = std::str::from_utf8(&length).ok()?.parse().ok()?;
    Some(raw[..length.min(raw.len())].to_vec())
}

/// Whether a request target has a form that servers take (RFC 9112, 3.2).
fn is_target(method: &[u8], target: &[u8]) -> bool {
    let plain =
        !target.is_empty() && !target.iter().any(|byte| *byte <= b' ' || *byte == b'#' || *byte == 0x7f);
    let connect = method != b"CONNECT" || target.contains(&b':');
    plain && connect && !target.starts_with(b"\\")
}

fn chunks(mut raw: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(at) = find(raw, b"\r\n") {
        let size = std::str::from_utf8(&raw[..at])
            .ok()
            .and_then(|size| usize::from_str_radix(size.trim(), 16).ok())
            .unwrap_or(0);
        let data = raw.get(at + 2..at + 2 + size).unwrap_or_default();
        if data.is_empty() {
            break;
        }
        body.extend_from_slice(data);
        raw = raw.get(at + 4 + size..).unwrap_or_default();
    }
    body
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|window| window == what)
}

fn split_at(text: &[u8], at: Option<usize>) -> Option<(&[u8], &[u8])> {
    Some((&text[..at?], &text[at? + 1..]))
}
