//! The suite's back end, albedo: `/reflect` answers what the request's body asks for, all else is an empty 200
//! (<https://github.com/coreruleset/albedo>).

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use crate::wire::Received;

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// The body, whole.
    pub body: Vec<u8>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Reflection {
    status: u16,
    headers: BTreeMap<String, String>,
    body: String,
    encoded_body: String,
}

/// The answer to `request`, with the headers that Go's server adds.
#[must_use]
pub fn answer(request: &Received) -> Response {
    let path = request.target.split(|byte| *byte == b'?').next().unwrap_or_default();
    if path.strip_suffix(b"/").unwrap_or(path) != b"/reflect" {
        return finish(200, Vec::new(), Vec::new());
    }
    if request.method != b"POST" {
        return finish(405, vec![("Allow".into(), "POST".into())], b"Method Not Allowed\n".to_vec());
    }
    let refused = |why: String| finish(400, Vec::new(), why.into_bytes());
    let Ok(asked) = serde_json::from_slice::<Reflection>(&request.body) else {
        return refused("Invalid JSON in request body".into());
    };
    let status = if asked.status == 0 { 200 } else { asked.status };
    if !(100..600).contains(&status) {
        return refused(format!("Invalid status code: {status}"));
    }
    let body = if asked.body.is_empty() {
        STANDARD.decode(&asked.encoded_body)
    } else {
        Ok(asked.body.into_bytes())
    };
    match body {
        Ok(body) => finish(status, asked.headers.into_iter().collect(), body),
        Err(_) => refused("invalid base64 encoding of response body".into()),
    }
}

fn finish(status: u16, mut headers: Vec<(String, String)>, body: Vec<u8>) -> Response {
    let has = |name: &str| headers.iter().any(|(other, _)| other.eq_ignore_ascii_case(name));
    if !body.is_empty() && !has("Content-Type") && !has("Content-Encoding") {
        headers.push(("Content-Type".into(), sniff(&body).into()));
    }
    headers.push(("Content-Length".into(), body.len().to_string()));
    Response { status, headers, body }
}

/// What Go's server calls a body that does not say: the WHATWG's MIME sniffing, as far as text goes.
fn sniff(body: &[u8]) -> &'static str {
    let body = body.get(..512).unwrap_or(body);
    let start = body.iter().position(|byte| !b"\t\n\x0c\r ".contains(byte)).unwrap_or(body.len());
    let text = body.get(start..).unwrap_or_default().to_ascii_lowercase();
    let is_tag = |tag: &str| {
        let next = text.strip_prefix(tag.as_bytes()).and_then(<[u8]>::first);
        next.is_some_and(|next| matches!(next, b' ' | b'>'))
    };
    if TAGS.into_iter().any(is_tag) || text.starts_with(b"<!--") {
        return "text/html; charset=utf-8";
    }
    if text.starts_with(b"<?xml") {
        return "text/xml; charset=utf-8";
    }
    let binary = |byte: &u8| matches!(byte, 0..=8 | 0x0b | 0x0e..=0x1a | 0x1c..=0x1f);
    if text.iter().any(binary) { "application/octet-stream" } else { "text/plain; charset=utf-8" }
}

const TAGS: [&str; 16] = [
    "<!doctype html",
    "<html",
    "<head",
    "<script",
    "<iframe",
    "<h1",
    "<div",
    "<font",
    "<table",
    "<a",
    "<style",
    "<title",
    "<b",
    "<body",
    "<br",
    "<p",
];

#[cfg(test)]
mod tests {
    use super::{answer, sniff};
    use crate::wire::Received;

    fn ask(method: &str, target: &str, body: &str) -> (u16, String) {
        let response = answer(&Received {
            method: method.into(),
            target: target.into(),
            version: b"HTTP/1.1".to_vec(),
            headers: Vec::new(),
            body: body.into(),
        });
        (response.status, String::from_utf8(response.body).unwrap())
    }

    #[test]
    fn answers_what_is_asked_for() {
        for (name, method, target, body, expected) in [
            ("anything else", "GET", "/x", "", (200, "")),
            ("a body", "POST", "/reflect", r#"{"status":202,"body":"x"}"#, (202, "x")),
            ("a coded body", "POST", "/reflect/?a", r#"{"encodedBody":"eA=="}"#, (200, "x")),
            ("no JSON", "POST", "/reflect", "{", (400, "Invalid JSON in request body")),
            ("a status", "POST", "/reflect", r#"{"status":7}"#, (400, "Invalid status code: 7")),
            ("another method", "GET", "/reflect", "", (405, "Method Not Allowed\n")),
        ] {
            assert_eq!(ask(method, target, body), (expected.0, expected.1.to_owned()), "{name}");
        }
    }

    #[test]
    fn types_are_sniffed() {
        for (body, expected) in [
            ("plain", "text/plain; charset=utf-8"),
            (" <HTML>", "text/html; charset=utf-8"),
            ("<!--x", "text/html; charset=utf-8"),
            ("<html", "text/plain; charset=utf-8"),
            ("<?xml ?>", "text/xml; charset=utf-8"),
            ("a\0", "application/octet-stream"),
        ] {
            assert_eq!(sniff(body.as_bytes()), expected, "{body}");
        }
    }
}
