//! What ordinary applications send, in several sizes: queries, forms, JSON, pages. Dutch, French and English, with the
//! apostrophes and numbers that free text has. The same every time, so that figures of two versions compare.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{Exchange, Fields, Response, typed};

/// Exchanges of one shape: enough that no single text decides the figure.
const VARIANTS: u64 = 8;

const WORDS: &str = "aanvraag dossier voertuig vergunning onderzoek getuige verklaring woonplaats kenteken bijlage \
    behandeld volgens artikel zonder gevolg bewoner straat avond gezien tijdens controle melding betreft nummer \
    dossier véhicule témoin déclaration commune arrêté l'adresse d'origine plaque enquête selon article suite habitant \
    soirée lors contrôle concernant numéro request vehicle permit witness statement town exhibit handled under section \
    without further action resident street evening seen during check report about number select from where order group \
    union between update drop table and or not like script on load image source system passed";

const NAMES: [&str; 12] = [
    "O'Neill",
    "Janssens",
    "D'Hondt",
    "Peeters-Dubois",
    "Lefèvre",
    "van den Berg",
    "'s-Hertogenbosch",
    "L'Huillier",
    "Müller",
    "Smith & Sons",
    "Ng",
    "De Smedt",
];

/// Exchanges of each shape, named after it.
#[must_use]
pub fn ordinary() -> Vec<Exchange> {
    let shapes: [(&str, Shape); 9] = [
        ("GET, 2 arguments", |dice| query(dice, 2)),
        ("GET, 12 arguments", |dice| query(dice, 12)),
        ("form of 5 fields", |dice| form(dice, 5)),
        ("form of 40 fields", |dice| form(dice, 40)),
        ("JSON of 1 KB", |dice| records(dice, 1_000)),
        ("JSON of 8 KB", |dice| records(dice, 8_000)),
        ("JSON of 64 KB", |dice| records(dice, 64_000)),
        ("page of 16 KB", |dice| page(dice, 16_000)),
        ("answer of 64 KB JSON", |dice| answer(dice, 64_000)),
    ];
    let variants = shapes.iter().flat_map(|shape| (1..=VARIANTS).map(move |seed| (shape, seed)));
    variants.map(|((name, shape), seed)| exchange(name, shape(&mut Dice::new(seed)))).collect()
}

/// How exchanges of one shape are made.
type Shape = fn(&mut Dice) -> Parts;

/// What differs from shape to shape.
struct Parts {
    query: String,
    body: Option<(&'static str, String)>,
    response: Response,
}

fn exchange(name: &str, parts: Parts) -> Exchange {
    let mut fields: Fields = [
        ("Host", "files.example.org"),
        ("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"),
        ("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
        ("Accept-Language", "nl-BE,nl;q=0.8,fr-BE;q=0.6,en;q=0.4"),
        ("Accept-Encoding", "gzip, deflate, br, zstd"),
        ("Referer", "https://files.example.org/dossiers?page=3"),
        ("Cookie", "sid=Zk3vA9xQ7mW2pL5tR8yB1nC4; lang=nl"),
        ("Sec-Fetch-Site", "same-origin"),
    ]
    .map(|(name, value)| (name.to_owned(), value.into()))
    .into();
    let (method, body) = match parts.body {
        None => ("GET", String::new()),
        Some((kind, body)) => {
            fields.extend(typed(kind, body.as_bytes()));
            ("POST", body)
        }
    };
    Exchange {
        name: name.to_owned(),
        method: method.to_owned(),
        target: format!("/dossiers/2026/view{}", parts.query).into_bytes(),
        protocol: "HTTP/1.1".to_owned(),
        fields,
        body: body.into_bytes(),
        response: parts.response,
    }
}

fn query(dice: &mut Dice, arguments: usize) -> Parts {
    Parts { query: format!("?{}", dice.pairs(arguments)), body: None, response: Response::page() }
}

fn form(dice: &mut Dice, fields: usize) -> Parts {
    let body = Some(("application/x-www-form-urlencoded", dice.pairs(fields)));
    Parts { query: "?step=2".to_owned(), body, response: Response::page() }
}

fn records(dice: &mut Dice, bytes: usize) -> Parts {
    let body = Some(("application/json", dice.json(bytes)));
    Parts { query: String::new(), body, response: Response::page() }
}

fn page(dice: &mut Dice, bytes: usize) -> Parts {
    let mut html = "<!DOCTYPE html><html><body>".to_owned();
    while html.len() < bytes {
        let (number, name, text) = (dice.below(9_000), dice.name(), dice.sentence(30));
        // Writing to a string cannot fail.
        write!(html, "<h2><a href=\"/dossiers/{number}\">{name}</a></h2><p>{text}</p>").ok();
    }
    html.push_str("</body></html>");
    answered("text/html; charset=utf-8", html)
}

fn answer(dice: &mut Dice, bytes: usize) -> Parts {
    let json = dice.json(bytes);
    answered("application/json", json)
}

fn answered(kind: &str, body: String) -> Parts {
    let response = Response { status: 200, fields: typed(kind, body.as_bytes()), body: body.into_bytes() };
    Parts { query: "?id=4711".to_owned(), body: None, response }
}

/// Texts that look random and are the same every time (splitmix64).
struct Dice {
    state: u64,
    words: Vec<&'static str>,
}

impl Dice {
    fn new(seed: u64) -> Self {
        Self { state: seed, words: WORDS.split_whitespace().collect() }
    }

    fn below(&mut self, end: usize) -> usize {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % end.max(1) as u64) as usize
    }

    fn word(&mut self) -> &'static str {
        let at = self.below(self.words.len());
        self.words.get(at).copied().unwrap_or_default()
    }

    fn name(&mut self) -> &'static str {
        NAMES.get(self.below(NAMES.len())).copied().unwrap_or_default()
    }

    fn sentence(&mut self, words: usize) -> String {
        (0..words).map(|_| self.word()).collect::<Vec<_>>().join(" ") + "."
    }

    /// What a field holds: mostly short, sometimes a sentence.
    fn value(&mut self) -> String {
        match self.below(6) {
            0 => self.below(100_000).to_string(),
            1 => format!("20{:02}-{:02}-{:02}", self.below(27), 1 + self.below(12), 1 + self.below(28)),
            2 => self.name().to_owned(),
            3 => format!("{}.{}@example.org", self.word(), self.word()),
            4 => self.word().to_owned(),
            _ => self.sentence(12),
        }
    }

    /// Encoded as a browser does.
    fn pairs(&mut self, count: usize) -> String {
        let pairs = (0..count).map(|at| format!("{}_{at}={}", escape(self.word()), escape(&self.value())));
        pairs.collect::<Vec<_>>().join("&")
    }

    fn json(&mut self, bytes: usize) -> String {
        let mut records: Vec<Value> = Vec::new();
        let mut length = 0;
        while length < bytes {
            let record = json!({
                "id": self.below(1_000_000),
                "holder": { "name": self.name(), "town": self.word(), "mail": self.value() },
                "open": self.below(2) == 0,
                "amount": self.below(100_000) as f64 / 100.0,
                "note": self.sentence(60),
            });
            length += record.to_string().len();
            records.push(record);
        }
        json!({ "records": records, "page": 1 }).to_string()
    }
}

/// The form encoding of the URL standard.
fn escape(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b' ' => out.push('+'),
            b'*' | b'-' | b'.' | b'_' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => out.push(byte.into()),
            _ => {
                // Writing to a string cannot fail.
                write!(out, "%{byte:02X}").ok();
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn shapes_come_in_different_variants_that_stay_the_same() {
        let exchanges = ordinary();
        let distinct: BTreeSet<_> = exchanges
            .iter()
            .map(|exchange| (&exchange.target, &exchange.body, &exchange.response.body))
            .collect();
        assert_eq!(distinct.len(), exchanges.len());
        let again = ordinary();
        assert!(exchanges.iter().zip(&again).all(|(one, other)| one.body == other.body));
    }

    #[test]
    fn sizes_are_what_the_names_say() {
        for exchange in ordinary() {
            let (sent, answered) = (exchange.body.len(), exchange.response.body.len());
            let expected = match exchange.name.as_str() {
                "JSON of 1 KB" => sent.abs_diff(1_000) < 1_000,
                "JSON of 8 KB" => sent.abs_diff(8_000) < 1_000,
                "JSON of 64 KB" => sent.abs_diff(64_000) < 1_000,
                "page of 16 KB" => answered.abs_diff(16_000) < 1_000,
                "answer of 64 KB JSON" => answered.abs_diff(64_000) < 1_000,
                "form of 5 fields" => exchange.body.split(|byte| *byte == b'&').count() == 5,
                "form of 40 fields" => exchange.body.split(|byte| *byte == b'&').count() == 40,
                _ => sent == 0 && !exchange.target.contains(&b' '),
            };
            assert!(expected, "{}: {sent} sent, {answered} answered", exchange.name);
        }
    }
}
