//! Forms with files: `multipart/form-data` (RFC 7578) exactly as browsers write it (HTML standard, 4.10.22.8). What is written in any other
//! way is not read: a browser would not send it again as it was.

use super::filled::Raw;

/// Longest boundary (RFC 2046, 5.1.1).
const BOUNDARY_LIMIT: usize = 70;
/// Most parts.
const MOST: usize = 500;
/// Longest head of a part, and longest media type in it.
const HEAD_LIMIT: usize = 2048;
const KIND_LIMIT: usize = 128;

/// The boundary among a Content-Type's parameters.
pub(super) fn boundary(parameters: &str) -> Option<&str> {
    let mut said = parameters.split(';').filter_map(|parameter| parameter.trim().split_once('='));
    let (name, value) = said.next()?;
    let alone = said.next().is_none() && name.eq_ignore_ascii_case("boundary");
    let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value);
    let sound = |byte: u8| byte.is_ascii_alphanumeric() || b"'()+_,-./:=?".contains(&byte);
    (alone && (1..=BOUNDARY_LIMIT).contains(&value.len()) && value.bytes().all(sound)).then_some(value)
}

/// The parts of a body, in order.
pub(super) fn parts(boundary: &str, body: &[u8]) -> Option<Vec<Raw>> {
    let between = format!("\r\n--{boundary}");
    let mut rest = body.strip_prefix(between.get(2..)?.as_bytes())?;
    let mut parts = Vec::new();
    loop {
        if let Some(end) = rest.strip_prefix(b"--") {
            return (end.is_empty() || end == b"\r\n").then_some(parts);
        }
        if parts.len() >= MOST {
            return None;
        }
        let part = rest.strip_prefix(b"\r\n")?;
        let (head, after) = split(part, b"\r\n\r\n")?;
        let (value, after) = split(after, between.as_bytes())?;
        parts.push(one(head, value)?);
        rest = after;
    }
}

fn split<'b>(bytes: &'b [u8], at: &[u8]) -> Option<(&'b [u8], &'b [u8])> {
    let place = bytes.windows(at.len()).position(|part| part == at)?;
    Some((bytes.get(..place)?, bytes.get(place + at.len()..)?))
}

/// A part by its head, which names it and, of a file, says what it is called and of which kind it is.
fn one(head: &[u8], value: &[u8]) -> Option<Raw> {
    if head.len() > HEAD_LIMIT {
        return None;
    }
    let (first, kind) = match split(head, b"\r\n") {
        Some((first, second)) => (first, Some(second.strip_prefix(b"Content-Type: ")?)),
        None => (head, None),
    };
    let rest = first.strip_prefix(b"Content-Disposition: form-data; name=\"")?;
    let (name, rest) = split(rest, b"\"")?;
    let file = match (rest, kind) {
        (b"", None) => None,
        (rest, Some(kind)) => {
            let called = rest.strip_prefix(b"; filename=\"")?.strip_suffix(b"\"")?;
            Some((unescaped(called)?, media_type(kind)?))
        }
        _ => return None,
    };
    Some(Raw { name: unescaped(name)?.into(), value: value.to_vec().into(), file })
}

/// A media type as a script may give it to a file: in small letters (File API, 4.1).
fn media_type(kind: &[u8]) -> Option<String> {
    let kind = std::str::from_utf8(kind).ok()?;
    let sound = |byte: u8| (b' '..=b'~').contains(&byte) && !byte.is_ascii_uppercase();
    (kind.len() <= KIND_LIMIT && kind.bytes().all(sound)).then(|| kind.to_owned())
}

/// Browsers write three characters of a name in another way.
fn unescaped(name: &[u8]) -> Option<Vec<u8>> {
    let (mut out, mut rest) = (Vec::with_capacity(name.len()), name);
    while let Some((&byte, after)) = rest.split_first() {
        let escaped = rest.get(..3).and_then(|three| match three {
            b"%22" => Some(b'"'),
            b"%0D" => Some(b'\r'),
            b"%0A" => Some(b'\n'),
            _ => None,
        });
        // A raw one ends the name, or the head.
        if matches!(byte, b'"' | b'\r' | b'\n') {
            return None;
        }
        out.push(escaped.unwrap_or(byte));
        rest = escaped.map_or(after, |_| rest.get(3..).unwrap_or_default());
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::super::{Filled, Value};

    fn read(body: &str) -> Option<Filled> {
        Filled::read("multipart/form-data; boundary=----WebKitFormBoundaryx", body.as_bytes())
    }

    /// Lines as a browser sends them.
    fn body(lines: &[&str]) -> String {
        lines.join("\r\n").replace("~", "------WebKitFormBoundaryx")
    }

    #[test]
    fn files_are_read_as_they_were_sent() {
        let body = body(&[
            "~",
            "Content-Disposition: form-data; name=\"re%22mark\"",
            "",
            "two\r\nlines, and --\r\n",
            "~",
            "Content-Disposition: form-data; name=\"photo\"; filename=\"brug%22é.jpg\"",
            "Content-Type: image/jpeg",
            "",
            "\0\u{1}--~\r\n~x",
            "~",
            "Content-Disposition: form-data; name=\"none\"; filename=\"\"",
            "Content-Type: application/octet-stream",
            "",
            "",
            "~--",
            "",
        ]);
        // The second file's content has the boundary in it, behind a line break: no browser chooses such a one.
        assert_eq!(read(&body), None);
        let body = body.replace("\r\n------WebKitFormBoundaryxx", "\r\n-----WebKitFormBoundaryxx");
        let filled = read(&body).unwrap();
        assert!(filled.multipart && filled.utf8);
        let [(remark, text), (photo, file), (none, empty)] = filled.fields.as_slice() else {
            panic!("three")
        };
        assert_eq!((remark.as_str(), photo.as_str(), none.as_str()), ("re\"mark", "photo", "none"));
        assert_eq!(*text, Value::Text("two\r\nlines, and --\r\n".to_owned().into()));
        let Value::File { name, kind, bytes } = file else { panic!("a file") };
        assert_eq!((name.as_str(), kind.as_str()), ("brug\"é.jpg", "image/jpeg"));
        assert!(bytes.starts_with(b"\0\x01--") && bytes.ends_with(b"x"));
        assert!(matches!(empty, Value::File { name, bytes, .. } if name.is_empty() && bytes.is_empty()));
        assert_eq!(filled.files().collect::<Vec<_>>(), ["brug\"é.jpg"]);
        assert_eq!(read("------WebKitFormBoundaryx--\r\n").unwrap().fields.len(), 0);
    }

    #[test]
    fn what_no_browser_writes_is_not_read() {
        let disposition = "Content-Disposition: form-data; name=\"a\"";
        for (what, lines) in [
            ("no end", &["~", disposition, "", "x"][..]),
            ("something before", &["x", "~", disposition, "", "x", "~--", ""]),
            ("something behind", &["~", disposition, "", "x", "~--", "x"]),
            ("no name", &["~", "Content-Disposition: form-data", "", "x", "~--", ""]),
            (
                "another header",
                &["~", disposition, "Content-Transfer-Encoding: base64", "", "eA==", "~--", ""],
            ),
            ("a kind without a file", &["~", disposition, "Content-Type: text/plain", "", "x", "~--", ""]),
            (
                "a file without a kind",
                &["~", "Content-Disposition: form-data; name=\"a\"; filename=\"b\"", "", "x", "~--", ""],
            ),
            (
                "another word",
                &[
                    "~",
                    "Content-Disposition: form-data; name=\"a\"; size=\"1\"",
                    "Content-Type: a/b",
                    "",
                    "x",
                    "~--",
                    "",
                ],
            ),
            ("a control character", &["~", disposition, "", "\u{0}", "~--", ""]),
        ] {
            assert_eq!(read(&body(lines)), None, "{what}");
        }
        let many = "~\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx\r\n".repeat(501) + "~--\r\n";
        assert_eq!(read(&many.replace("~", "------WebKitFormBoundaryx")), None, "too many");
        for kind in [
            "multipart/form-data",
            "multipart/form-data; boundary=",
            "multipart/form-data; boundary=a; charset=b",
            "multipart/form-data; boundary=\u{e9}",
        ] {
            assert_eq!(Filled::read(kind, b"--a--"), None, "{kind}");
        }
    }
}
