use serde_json::Value;

/// The head of a request, as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Every byte up to and including the empty line.
    pub bytes: Vec<u8>,
    /// The method.
    pub method: String,
    /// The request target, undecoded; bytes that are not UTF-8 are replaced (see [`Head::bytes`] for those).
    pub target: String,
    /// Names and values in order, as spelled.
    pub headers: Vec<(String, String)>,
}

impl Head {
    /// Reads a head that ends with an empty line. `None` when there is no request line with three parts.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(bytes);
        let mut lines = text.split("\r\n");
        let mut request_line = lines.next()?.split(' ');
        let (method, target, _version) = (request_line.next()?, request_line.next()?, request_line.next()?);
        let headers = lines.filter_map(|line| line.split_once(':'));
        Some(Self {
            bytes: bytes.to_vec(),
            method: method.to_owned(),
            target: target.to_owned(),
            headers: headers.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect(),
        })
    }

    /// The first value of a header, by name in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The target's path, undecoded.
    pub fn path(&self) -> &str {
        self.target.split_once('?').map_or(self.target.as_str(), |(path, _)| path)
    }

    /// A decoded value from the target's query.
    pub fn query(&self, name: &str) -> Option<String> {
        self.queries().find(|(own, _)| own == name).map(|(_, value)| value)
    }

    /// Every decoded name and value of the target's query.
    pub fn queries(&self) -> impl Iterator<Item = (String, String)> {
        pairs(self.target.split_once('?').map_or("", |(_, query)| query))
    }

    /// Whether the client prefers HTML, as browsers say.
    pub fn wants_html(&self) -> bool {
        self.header("accept").is_some_and(|accept| accept.contains("text/html"))
    }

    pub(super) fn content_length(&self) -> usize {
        self.header("content-length").and_then(|value| value.parse().ok()).unwrap_or(0)
    }

    pub(super) fn is_chunked(&self) -> bool {
        self.header("transfer-encoding").is_some_and(|value| value.to_ascii_lowercase().contains("chunked"))
    }

    pub(crate) fn wants_close(&self) -> bool {
        self.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"))
    }
}

/// `name=value&…`, decoded.
pub(crate) fn pairs(text: &str) -> impl Iterator<Item = (String, String)> {
    text.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode_component(name), decode_component(value))
    })
}

/// Percent-decoding with `+` as a space, as in a query.
pub(crate) fn decode_component(text: &str) -> String {
    percent_encoding::percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned()
}

/// A whole response with a Content-Length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// Names and values in order; framing is added when it is sent.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Reply {
    /// A response without a body.
    pub fn status(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new() }
    }

    /// A JSON response.
    pub fn json(status: u16, body: &Value) -> Self {
        Self::text(status, "application/json", &body.to_string())
    }

    /// A response with a body of the given media type.
    pub fn text(status: u16, media_type: &str, body: &str) -> Self {
        let reply = Self { body: body.as_bytes().to_vec(), ..Self::status(status) };
        reply.header("Content-Type", media_type)
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The bytes on the wire; an answer to HEAD keeps its length and loses its body.
    pub fn to_bytes(&self, to_head: bool) -> Vec<u8> {
        let mut head = format!("HTTP/1.1 {} {}\r\n", self.status, reason(self.status));
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if self.status >= 200 && self.status != 204 {
            head.push_str(&format!("Content-Length: {}\r\n", self.body.len()));
        }
        head.push_str("\r\n");
        let mut bytes = head.into_bytes();
        if !to_head {
            bytes.extend_from_slice(&self.body);
        }
        bytes
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        101 => "Switching Protocols",
        200 => "OK",
        201 => "Created",
        204 => "No Content",
        302 => "Found",
        400 => "Bad Request",
        401 => "Unauthorized",
        404 => "Not Found",
        405 => "Method Not Allowed",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        _ => "Status",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_keeps_what_it_was_sent() {
        let bytes = b"GET //a/%2e%2e/b?name=An+J%C3%A4n&x HTTP/1.1\r\nHost:  h\r\nX_Y: 1\r\nx_y: 2\r\n\r\n";
        let head = Head::parse(bytes).unwrap();
        assert_eq!(head.bytes, bytes);
        assert_eq!(head.target, "//a/%2e%2e/b?name=An+J%C3%A4n&x");
        assert_eq!(head.path(), "//a/%2e%2e/b");
        assert_eq!(head.query("name").as_deref(), Some("An Jän"));
        assert_eq!(head.query("x").as_deref(), Some(""));
        let spelled: Vec<_> = head.headers.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(spelled, ["Host=h", "X_Y=1", "x_y=2"]);
    }

    #[test]
    fn a_line_without_three_parts_is_no_request() {
        assert_eq!(Head::parse(b"GET /\r\n\r\n"), None);
    }

    #[test]
    fn framing_follows_status_and_method() {
        let page = Reply::text(200, "text/plain", "four");
        assert!(page.to_bytes(false).ends_with(b"Content-Length: 4\r\n\r\nfour"));
        assert!(page.to_bytes(true).ends_with(b"Content-Length: 4\r\n\r\n"));
        assert!(!String::from_utf8(Reply::status(204).to_bytes(false)).unwrap().contains("Length"));
    }
}
