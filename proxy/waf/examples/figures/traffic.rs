//! What is inspected: exchanges from files, those of CRS's tests, and ordinary ones made up here.

use std::path::Path;

use crate::ftw::backend::{self, Response};
use crate::ftw::case;
use crate::ftw::wire::{self, Read, Request};

/// A request and its response.
pub(crate) struct Exchange {
    pub(crate) request: Request,
    pub(crate) response: Response,
}

/// The exchange `name` among the shared ones.
pub(crate) fn read(directory: &Path, name: &str) -> Exchange {
    let bytes = |end: &str| std::fs::read(directory.join(format!("{name}.{end}"))).unwrap();
    Exchange { request: request(&bytes("req")), response: response(&bytes("resp")) }
}

/// The requests of CRS's tests, with the answers of the suite's back end.
pub(crate) fn crs_tests(directory: &Path) -> Vec<Exchange> {
    let stages = case::files(directory).into_iter().flat_map(|file| file.tests).flat_map(|test| test.stages);
    stages
        .filter_map(|stage| match wire::read(&wire::write(&stage.input)) {
            Read::Request(request) => Some(Exchange { response: backend::answer(&request), request }),
            _ => None,
        })
        .collect()
}

/// Ordinary requests and pages in three languages, the same ones at every run.
pub(crate) fn ordinary(_: &Path) -> Vec<Exchange> {
    let mut dice = Dice(7);
    (0..600).map(|at| dice.exchange(at)).collect()
}

/// A xorshift generator (Marsaglia 2003).
struct Dice(u64);

const WORDS: &str = "the of and to in case judgment appeal order union select from where table drop update court \
    de het een van zaak rechtbank vonnis beroep dossier O'Neill 's-Hertogenbosch verzoek d.d. art. 6:162 BW \
    le la les affaire jugement appel l'affaire aujourd'hui été €1.250,00 (zie bijlage 3) 50% A&B 12:30 \
    https://example.org/a?b=c#d info@example.org 2024-05-17 1=1 <b> -- #4711 script alert table exec system";

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % bound
    }

    fn text(&mut self, words: usize) -> String {
        let all: Vec<&str> = WORDS.split_whitespace().collect();
        (0..words).map(|_| all[self.below(all.len())]).collect::<Vec<_>>().join(" ")
    }

    fn pairs(&mut self, count: usize) -> String {
        let escape = |text: String| {
            text.bytes().fold(String::new(), |mut out, byte| {
                match byte {
                    b' ' => out.push('+'),
                    byte if byte.is_ascii_alphanumeric() => out.push(char::from(byte)),
                    byte => out.push_str(&format!("%{byte:02X}")),
                }
                out
            })
        };
        (0..count)
            .map(|at| {
                let words = 1 + self.below(12);
                format!("field_{at}={}", escape(self.text(words)))
            })
            .collect::<Vec<_>>()
            .join("&")
    }

    fn json(&mut self, depth: usize) -> String {
        match (depth, self.below(6)) {
            (0, _) | (_, 0) => self.below(100_000).to_string(),
            (_, 1 | 2) => {
                let words = 1 + self.below(9);
                serde_json::to_string(&self.text(words)).unwrap()
            }
            (_, 3) => format!("[{}, {}]", self.json(depth - 1), self.json(depth - 1)),
            _ => {
                let members: Vec<String> = (0..4)
                    .map(|at| format!("\"k{}_{at}\": {}", self.below(20), self.json(depth - 1)))
                    .collect();
                format!("{{{}}}", members.join(", "))
            }
        }
    }

    fn page(&mut self, paragraphs: usize) -> String {
        let body: String = (0..paragraphs)
            .map(|at| {
                format!(
                    "<p id=\"p{at}\" class='t'>{}</p>\n<a href=\"/x?id={at}\">{}</a>\n",
                    self.text(40),
                    self.text(3)
                )
            })
            .collect();
        format!("<!DOCTYPE html><html><head><script src=\"/a.js\"></script></head><body>{body}</body></html>")
    }

    fn exchange(&mut self, at: usize) -> Exchange {
        let query = self.below(6);
        let query = self.pairs(query);
        let (kind, body) = match at % 6 {
            0 => ("application/x-www-form-urlencoded", self.pairs(12)),
            1 => ("application/json", format!("{{\"a\": {}}}", self.json(5))),
            2 => ("multipart/form-data; boundary=x7d", {
                let part = |name: &str, text: String| {
                    format!("--x7d\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{text}\r\n")
                };
                format!("{}{}--x7d--\r\n", part("title", self.text(6)), part("note", self.text(80)))
            }),
            _ => ("", String::new()),
        };
        let mut headers: Vec<(Vec<u8>, Vec<u8>)> = vec![
            (b"Host".to_vec(), b"zaken.example.org".to_vec()),
            (
                b"User-Agent".to_vec(),
                b"Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0".to_vec(),
            ),
            (b"Accept".to_vec(), b"text/html,application/xhtml+xml,*/*;q=0.8".to_vec()),
            (b"Accept-Language".to_vec(), b"nl,en-US;q=0.7,fr;q=0.3".to_vec()),
            (b"Cookie".to_vec(), format!("sid={:x}; lang=nl", self.below(1 << 40)).into_bytes()),
        ];
        if !kind.is_empty() {
            headers.push((b"Content-Type".to_vec(), kind.into()));
            headers.push((b"Content-Length".to_vec(), body.len().to_string().into_bytes()));
        }
        let paragraphs = [0, 1, 4, 40][self.below(4)];
        Exchange {
            request: Request {
                method: if kind.is_empty() { b"GET".to_vec() } else { b"POST".to_vec() },
                target: format!("/zaak/{}/stukken?{query}", self.below(9000)).into_bytes(),
                version: b"HTTP/1.1".to_vec(),
                headers,
                body: body.into_bytes(),
            },
            response: Response {
                status: 200,
                headers: vec![("Content-Type".into(), "text/html; charset=utf-8".into())],
                body: self.page(paragraphs).into_bytes(),
            },
        }
    }
}

fn split(raw: &[u8], what: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let at = raw.windows(what.len()).position(|window| window == what)?;
    Some((raw[..at].to_vec(), raw[at + what.len()..].to_vec()))
}

/// Head lines and body, whichever line ends the file has.
fn parts(raw: &[u8]) -> (Vec<String>, Vec<u8>) {
    let (head, body) =
        split(raw, b"\r\n\r\n").or_else(|| split(raw, b"\n\n")).unwrap_or((raw.to_vec(), Vec::new()));
    (String::from_utf8(head).unwrap().lines().map(str::to_owned).collect(), body)
}

fn headers<T: for<'a> From<&'a str>>(lines: &[String]) -> Vec<(T, T)> {
    let pairs = lines.iter().filter_map(|line| line.split_once(": "));
    pairs.map(|(name, value)| (T::from(name), T::from(value))).collect()
}

fn request(raw: &[u8]) -> Request {
    let (lines, body) = parts(raw);
    let mut line = lines[0].split(' ');
    let (method, target) = (line.next().unwrap(), line.next().unwrap());
    Request {
        method: method.into(),
        target: target.into(),
        version: b"HTTP/1.1".to_vec(),
        headers: headers(&lines[1..]),
        body,
    }
}

fn response(raw: &[u8]) -> Response {
    let (lines, body) = parts(raw);
    Response { status: 200, headers: headers(&lines[1..]), body }
}
