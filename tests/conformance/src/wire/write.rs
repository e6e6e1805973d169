//! Requests as go-ftw writes them.

use super::{Request, url};

const CONTENT_TYPE: &str = "Content-Type";
const FORM: &str = "application/x-www-form-urlencoded";

impl Request {
    /// The bytes that go over the wire.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        if let Some(raw) = &self.raw {
            return raw.clone();
        }
        let (mut headers, mut data) = (self.headers.clone(), self.data.clone());
        if self.completes_headers && !data.is_empty() {
            if !has(&headers, CONTENT_TYPE) {
                headers.push((CONTENT_TYPE.into(), FORM.into()));
            }
            if values(&headers, CONTENT_TYPE).any(|value| value.eq_ignore_ascii_case(FORM)) {
                data = url::encode_once(data);
            }
        }
        if values(&headers, CONTENT_TYPE).any(|value| value.to_lowercase().contains("multipart/form-data;")) {
            data = with_crlf(&data);
        }
        if self.completes_headers {
            self.complete(&mut headers, data.len());
        }
        let mut out = format!("{} {} {}\r\n", self.method, self.uri, self.version).into_bytes();
        for (name, value) in headers {
            out.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        }
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(&data);
        out
    }

    fn complete(&self, headers: &mut Vec<(String, String)>, length: usize) {
        if !has(headers, "Connection") {
            headers.push(("Connection".into(), "close".into()));
        }
        // go-ftw's expression is `^POST|PUT|PATCH|DELETE$`: its anchors hold for the first and the last word only.
        let bodied = self.method.starts_with("POST")
            || self.method.contains("PUT")
            || self.method.contains("PATCH")
            || self.method.ends_with("DELETE");
        if !has(headers, "Content-Length") && (length > 0 || bodied) {
            headers.push(("Content-Length".into(), length.to_string()));
        }
    }
}

fn values<'a>(headers: &'a [(String, String)], name: &'a str) -> impl Iterator<Item = &'a str> {
    headers.iter().filter(move |(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

fn has(headers: &[(String, String)], name: &str) -> bool {
    values(headers, name).next().is_some()
}

/// Every LF becomes CRLF, one that follows a CR too.
fn with_crlf(data: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(data.len() + data.len() / 16);
    for byte in data {
        if *byte == b'\n' {
            out.push(b'\r');
        }
        out.push(*byte);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::Request;

    fn request(method: &str, headers: &[(&str, &str)], data: &str, completes_headers: bool) -> Request {
        Request {
            method: method.into(),
            uri: "/".into(),
            version: "HTTP/1.1".into(),
            headers: headers.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
            data: data.as_bytes().to_vec(),
            completes_headers,
            raw: None,
        }
    }

    #[test]
    fn requests_are_completed_as_go_ftw_does() {
        const MULTIPART: (&str, &str) = ("content-type", "Multipart/Form-Data; boundary=x");
        for (name, request, expected) in [
            ("nothing to add", request("GET", &[], "", false), "GET / HTTP/1.1\r\n\r\n"),
            ("connection", request("GET", &[], "", true), "GET / HTTP/1.1\r\nConnection: close\r\n\r\n"),
            (
                "a method with a body",
                request("POST", &[("connection", "x")], "", true),
                "POST / HTTP/1.1\r\nconnection: x\r\nContent-Length: 0\r\n\r\n",
            ),
            (
                "a form is encoded",
                request("GET", &[], "a b=c&&d", true),
                "GET / HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\nConnection: close\r\nContent-Length: 8\r\n\r\na+b=c&&d",
            ),
            (
                "an encoded form is left",
                request("GET", &[("Connection", "x")], "a=%41 b", true),
                "GET / HTTP/1.1\r\nConnection: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 7\r\n\r\na=%41 b",
            ),
            (
                "another type is left",
                request("GET", &[("Connection", "x"), ("Content-Type", "text/plain")], "a b", true),
                "GET / HTTP/1.1\r\nConnection: x\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n\r\na b",
            ),
            (
                "lines of multipart end in CRLF, completed or not",
                request("GET", &[MULTIPART], "--x\r\n--x--\n", false),
                "GET / HTTP/1.1\r\ncontent-type: Multipart/Form-Data; boundary=x\r\n\r\n--x\r\r\n--x--\r\n",
            ),
        ] {
            assert_eq!(String::from_utf8(request.bytes()).unwrap(), expected, "{name}");
        }
    }
}
