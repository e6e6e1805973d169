/// An answer of the gate, read by hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// Names and values in order, as spelled.
    pub headers: Vec<(String, String)>,
    /// The body, as far as it came.
    pub body: Vec<u8>,
    /// Whether the body came whole, by its own framing.
    pub whole: bool,
}

impl Answer {
    pub(super) fn parse(head: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(head);
        let mut lines = text.split("\r\n");
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let headers = lines.filter_map(|line| line.split_once(':'));
        let headers = headers.map(|(name, value)| (name.to_owned(), value.trim().to_owned()));
        Some(Self { status, headers: headers.collect(), body: Vec::new(), whole: true })
    }

    /// The first value of a header, by name in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers_named(name).next()
    }

    /// Every value of a header, by name in any case.
    pub fn headers_named(&self, name: &str) -> impl Iterator<Item = &str> {
        let same = move |own: &str| own.eq_ignore_ascii_case(name);
        self.headers.iter().filter(move |(own, _)| same(own)).map(|(_, value)| value.as_str())
    }

    /// The body as JSON; `null` when it is something else.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The `reason` of the gate's problem document (RFC 9457); empty when the answer is none.
    pub fn reason(&self) -> String {
        self.json().get("reason").and_then(serde_json::Value::as_str).unwrap_or_default().to_owned()
    }

    /// The `code` of the gate's problem document; empty when the answer is none.
    pub fn code(&self) -> String {
        self.json().get("code").and_then(serde_json::Value::as_str).unwrap_or_default().to_owned()
    }
}
