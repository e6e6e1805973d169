//! The places of a request where a text travels, each as browsers and clients write it.

use std::fmt::Write as _;

use serde_json::json;

use super::prose::Prose;
use super::random::Random;
use crate::wire::Received;

/// Where a text is put. What else such a request has is ordinary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Carrier {
    /// An argument of the query.
    Query,
    /// The name of an argument of the query.
    Name,
    /// A field of a form.
    Form,
    /// A member of a JSON object, beside an ordinary case file.
    Json,
    /// A field of a multipart form.
    Multipart,
    /// The name of an uploaded file.
    FileName,
    /// A segment of the path, encoded.
    Path,
    /// The target as it stands.
    Target,
    /// An element of a SOAP message.
    Xml,
    /// The whole XML body as it stands.
    XmlBody,
    /// The whole JSON body as it stands.
    JsonBody,
    /// The query of the page before.
    Referer,
    /// The value of a cookie, encoded.
    Cookie,
    /// `User-Agent`.
    UserAgent,
    /// A header of the application's.
    Header,
    /// A text body.
    Plain,
}

/// Carriers by the names that files of attacks use.
const NAMES: [(&str, Carrier); 16] = [
    ("query", Carrier::Query),
    ("name", Carrier::Name),
    ("form", Carrier::Form),
    ("json", Carrier::Json),
    ("multipart", Carrier::Multipart),
    ("filename", Carrier::FileName),
    ("path", Carrier::Path),
    ("target", Carrier::Target),
    ("xml", Carrier::Xml),
    ("xml-body", Carrier::XmlBody),
    ("json-body", Carrier::JsonBody),
    ("referer", Carrier::Referer),
    ("cookie", Carrier::Cookie),
    ("user-agent", Carrier::UserAgent),
    ("header", Carrier::Header),
    ("plain", Carrier::Plain),
];

const HOST: &str = "persons.zone.example";
const BROWSERS: [&str; 4] = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36",
    "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "Mozilla/5.0 (iPad; CPU OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Linux; Android 14; SM-X210) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36",
];
const BOUNDARY: &str = "----WebKitFormBoundary7MA4YWxkTrZu0gW";

impl Carrier {
    /// The carrier of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        NAMES.iter().find(|(known, _)| *known == name).map(|(_, carrier)| *carrier)
    }

    /// A request with `text` in this place.
    pub(super) fn carry(self, text: &str, prose: &Prose, random: &mut Random) -> Received {
        let mut draft = Draft::new(random);
        let term = prose.term(random);
        match self {
            Self::Query => {
                draft.get(&format!("/search?q={}&lang=nl&page={}", component(text), random.below(20)));
            }
            Self::Name => draft.get(&format!("/search?{}=1&lang=nl", component(text))),
            Self::Path => draft.get(&format!("/persons/{}", path_segment(text))),
            Self::Target => draft.get(text),
            Self::Referer => {
                draft.get("/persons/12345");
                draft.header("Referer", &format!("https://{HOST}/search?q={}", component(text)));
            }
            Self::Cookie => {
                draft.get(&format!("/search?q={}", component(&term)));
                draft.header(
                    "Cookie",
                    &format!("session={:016x}; last={}", random.below(usize::MAX), path_segment(text)),
                );
            }
            Self::UserAgent => {
                draft.get("/search?q=1");
                draft.headers.retain(|(name, _)| name != b"User-Agent");
                draft.header("User-Agent", text);
            }
            Self::Header => {
                draft.get("/search?q=1");
                draft.header("X-Api-Version", text);
            }
            Self::Form => draft.post("application/x-www-form-urlencoded", form(text, prose, random)),
            Self::Json => draft.post("application/json", case_file(text, prose, random)),
            Self::JsonBody => draft.post("application/json; charset=utf-8", text.into()),
            Self::Xml => draft.post("text/xml; charset=utf-8", soap(text, &term)),
            Self::XmlBody => draft.post("application/xml", text.into()),
            Self::Plain => draft.post("text/plain; charset=utf-8", text.into()),
            Self::Multipart => {
                let file = prose.file(random);
                draft.post(
                    &format!("multipart/form-data; boundary={BOUNDARY}"),
                    multipart(text, &term, &file),
                );
            }
            Self::FileName => {
                draft.post(&format!("multipart/form-data; boundary={BOUNDARY}"), multipart("x", &term, text));
            }
        }
        draft.finish()
    }
}

/// A request with `value` as an argument of the query.
#[must_use]
pub fn in_query(value: &[u8]) -> Received {
    let mut draft = Draft::new(&mut Random::new(0));
    draft.get(&format!("/search?q={}&lang=nl", encode(value, b"*-._", true)));
    draft.finish()
}

/// A request under construction.
struct Draft {
    method: &'static str,
    target: String,
    headers: Vec<(Vec<u8>, Vec<u8>)>,
    body: String,
}

impl Draft {
    fn new(random: &mut Random) -> Self {
        let mut draft =
            Self { method: "GET", target: String::new(), headers: Vec::new(), body: String::new() };
        draft.header("Host", HOST);
        draft.header("User-Agent", random.pick(&BROWSERS));
        draft.header("Accept", "text/html,application/xhtml+xml,application/json;q=0.9,*/*;q=0.8");
        draft.header(
            "Accept-Language",
            random.pick(&["nl-BE,nl;q=0.9,fr;q=0.7", "fr-BE,fr;q=0.9", "en-GB,en;q=0.9"]),
        );
        draft.header("Accept-Encoding", "gzip, deflate, br");
        draft.header("Sec-Fetch-Site", "same-origin");
        draft
    }

    fn header(&mut self, name: &str, value: &str) {
        self.headers.push((name.into(), value.into()));
    }

    fn get(&mut self, target: &str) {
        target.clone_into(&mut self.target);
    }

    fn post(&mut self, kind: &str, body: String) {
        self.method = "POST";
        self.target = "/cases".to_owned();
        self.header("Origin", &format!("https://{HOST}"));
        self.header("Content-Type", kind);
        self.header("Content-Length", &body.len().to_string());
        self.body = body;
    }

    fn finish(self) -> Received {
        Received {
            method: self.method.into(),
            target: self.target.into(),
            version: b"HTTP/1.1".to_vec(),
            headers: self.headers,
            body: self.body.into(),
        }
    }
}

/// What a browser makes of a form's field: the URL Standard's `application/x-www-form-urlencoded`.
fn component(text: &str) -> String {
    encode(text.as_bytes(), b"*-._", true)
}

/// What `encodeURIComponent` makes of it (ECMA-262).
fn path_segment(text: &str) -> String {
    encode(text.as_bytes(), b"-_.!~*'()", false)
}

fn encode(text: &[u8], kept: &[u8], plus: bool) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    for byte in text.iter().copied() {
        match byte {
            b' ' if plus => out.push('+'),
            byte if byte.is_ascii_alphanumeric() || kept.contains(&byte) => out.push(char::from(byte)),
            // Writing to a String cannot fail.
            byte => drop(write!(out, "%{byte:02X}")),
        }
    }
    out
}

fn form(text: &str, prose: &Prose, random: &mut Random) -> String {
    let words = &prose.words;
    let mut fields: Vec<String> = ["name", "street", "place", "phone", "plate", "law", "date", "object"]
        .iter()
        .map(|field| format!("{field}={}", component(&words.one(field, random))))
        .collect();
    fields.insert(random.below(fields.len()), format!("note={}", component(text)));
    fields.join("&")
}

/// A case file. One in eight has what an editor makes of the text, too: a paragraph a line.
fn case_file(text: &str, prose: &Prose, random: &mut Random) -> String {
    let words = &prose.words;
    let has_rich_text = random.once_in(8) && !text.contains(['<', '&']);
    let mut one = |list: &str| words.one(list, random);
    let person = json!({
        "name": one("name"), "born": one("date"), "nationalNumber": one("rrn"), "phone": one("phone"),
        "address": { "street": one("street"), "place": one("place") }, "aliases": [one("name"), one("word")],
    });
    let vehicle = json!({ "plate": one("plate"), "found": one("street"), "price": one("amount") });
    let rich: Option<String> =
        has_rich_text.then(|| text.lines().map(|line| format!("<p>{line}</p>")).collect());
    let case = json!({
        "number": one("pv"), "opened": one("date"), "facts": [one("law"), one("law")], "persons": [person],
        "vehicles": [vehicle], "links": [one("url")], "closed": null, "urgent": true, "version": 3,
        "statement": text, "rich": rich,
    });
    case.to_string()
}

fn soap(text: &str, term: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<soap:Envelope xmlns:soap=\"http://schemas.xmlsoap.org/soap/envelope/\">\
         <soap:Body><find kind=\"person\"><name>{}</name><remark>{}</remark></find></soap:Body></soap:Envelope>",
        escape(term),
        escape(text)
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// A field, another, and a file, as browsers write them (the HTML Standard escapes line breaks and quotes in names).
fn multipart(text: &str, term: &str, file: &str) -> String {
    let file = file.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A");
    format!(
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"title\"\r\n\r\n{term}\r\n\
         --{BOUNDARY}\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\n{text}\r\n\
         --{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{file}\"\r\n\
         Content-Type: application/octet-stream\r\n\r\n%PDF-1.7 ...\r\n--{BOUNDARY}--\r\n"
    )
}

#[cfg(test)]
mod tests {
    use super::{Carrier, NAMES, Prose, Random, component, path_segment};

    #[test]
    fn texts_are_encoded_as_clients_do() {
        assert_eq!(component("O'Neill & café"), "O%27Neill+%26+caf%C3%A9");
        assert_eq!(path_segment("O'Neill & café"), "O'Neill%20%26%20caf%C3%A9");
    }

    #[test]
    fn every_carrier_carries() {
        let prose = Prose::new();
        for (name, carrier) in NAMES {
            assert_eq!(Carrier::named(name), Some(carrier));
            let request = carrier.carry("marker", &prose, &mut Random::new(1));
            let found = [&request.target, &request.body]
                .into_iter()
                .chain(request.headers.iter().map(|(_, value)| value));
            let count = found.filter(|text| text.windows(6).any(|window| window == b"marker")).count();
            assert_eq!(count, 1, "{name}");
        }
    }
}
