use serde_json::{Map, Value, json};

use crate::wire::{Head, Reply, decode_component, pairs};

/// A register, with invented entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Register {
    /// Persons by national number.
    Persons,
    /// Vehicles by plate.
    Vehicles,
    /// Firearms by serial number.
    Firearms,
}

impl Register {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Persons, Self::Vehicles, Self::Firearms];

    /// Its name, which is also its path and the source's id.
    pub fn id(self) -> &'static str {
        match self {
            Self::Persons => "persons",
            Self::Vehicles => "vehicles",
            Self::Firearms => "firearms",
        }
    }

    /// The keys of its entries.
    pub fn keys(self) -> impl Iterator<Item = &'static str> {
        self.rows().iter().filter_map(|row| row.first().copied())
    }

    fn title(self) -> &'static str {
        match self {
            Self::Persons => "Persons register",
            Self::Vehicles => "Vehicles register",
            Self::Firearms => "Firearms register",
        }
    }

    fn columns(self) -> &'static [&'static str] {
        match self {
            Self::Persons => &["national_number", "name", "born", "address", "remark"],
            Self::Vehicles => &["plate", "holder", "make", "first_registered", "remark"],
            Self::Firearms => &["serial", "holder", "weapon", "permit", "remark"],
        }
    }

    fn rows(self) -> &'static [&'static [&'static str]] {
        match self {
            Self::Persons => PERSONS,
            Self::Vehicles => VEHICLES,
            Self::Firearms => FIREARMS,
        }
    }

    fn find(self, key: &str) -> Option<Value> {
        self.rows().iter().find(|row| row.first().is_some_and(|own| *own == key)).map(|row| self.entry(row))
    }

    fn search(self, name: &str) -> Vec<Value> {
        let name = name.to_lowercase();
        let matching = self.rows().iter().filter(|row| {
            !name.is_empty() && row.get(1).is_some_and(|holder| holder.to_lowercase().contains(&name))
        });
        matching.map(|row| self.entry(row)).collect()
    }

    fn entry(self, row: &[&str]) -> Value {
        let members =
            self.columns().iter().zip(row).map(|(column, cell)| ((*column).to_owned(), json!(cell)));
        Value::Object(members.collect::<Map<_, _>>())
    }
}

/// No number below has the check digits a real one would have: see [`has_valid_check_digits`].
const PERSONS: &[&[&str]] = &[
    &["85073100190", "Peeters, Lotte", "1985-07-31", "Lindenlaan 4, 9999 Voorbeeld", ""],
    &["62110512341", "Peeters, Jef", "1962-11-05", "Kerkstraat 17, 9999 Voorbeeld", "hearing impaired"],
    &["91022300452", "Dubois, Camille", "1991-02-23", "Rue du Moulin 8, 9998 Exemple", ""],
    &[
        "78091900733",
        "Janssens, Wim",
        "1978-09-19",
        "Stationsplein 1, 9999 Voorbeeld",
        "missing since 2026-03-02",
    ],
    &["00041700214", "El Amrani, Yasmina", "2000-04-17", "Nieuwstraat 22, 9999 Voorbeeld", ""],
    &["55123000855", "Maes, Godelieve", "1955-12-30", "Vijverdreef 3, 9997 Proefdorp", ""],
    &[
        "97060100316",
        "Lambert, Noé",
        "1997-06-01",
        "Avenue des Tilleuls 41, 9998 Exemple",
        "wanted for questioning",
    ],
    &["83031400678", "Wouters, Sanne", "1983-03-14", "Molenweg 9, 9997 Proefdorp", ""],
];

/// Plates whose index is 0 are not issued.
const VEHICLES: &[&[&str]] = &[
    &["0-ABC-123", "Peeters, Lotte", "Volvo V60, grey", "2019-05-14", ""],
    &["0-KLM-507", "Dubois, Camille", "Renault Clio, red", "2015-09-01", ""],
    &["0-PQR-880", "Janssens, Wim", "Ford Transit, white", "2021-01-20", "signalled: missing person"],
    &["0-XYZ-042", "Lambert, Noé", "Yamaha MT-07, black", "2022-06-30", "stolen 2026-10-11"],
    &["0-DEF-911", "Maes, Godelieve", "Opel Corsa, blue", "2011-03-08", "insurance lapsed"],
];

const FIREARMS: &[&[&str]] = &[
    &["DEMO-70412", "Peeters, Jef", "Hunting rifle .308", "hunting permit, until 2028-02-01", ""],
    &["DEMO-70977", "Wouters, Sanne", "Sport pistol .22", "sport shooter's licence, until 2027-09-30", ""],
    &["DEMO-71350", "Lambert, Noé", "Revolver .38", "none", "reported lost 2026-08-19"],
    &["DEMO-71802", "Peeters, Lotte", "Sport pistol 9 mm", "model 4, until 2029-04-15", ""],
];

/// Whether a Belgian national number carries the check digits of a real one: 97 less the first nine digits modulo 97, with a 2 in front
/// for people born from 2000 on.
pub fn has_valid_check_digits(number: &str) -> bool {
    let digits: Option<(u64, u64)> = (number.len() == 11)
        .then(|| Some((number.get(..9)?.parse().ok()?, number.get(9..)?.parse().ok()?)))
        .flatten();
    digits.is_some_and(|(front, check)| {
        [front, 2_000_000_000 + front].iter().any(|number| 97 - number % 97 == check)
    })
}

/// Answers what the register knows about; `None` for every other path.
pub(super) fn answer(register: Register, path: &str, head: &Head, body: &[u8]) -> Option<Reply> {
    let id = register.id();
    if path == "/" {
        return Some(page(head, register, &[], &json!({ "register": id, "entries": register.rows().len() })));
    }
    if path == "/search" {
        let found = register.search(&head.query("name").unwrap_or_default());
        return Some(page(head, register, &found, &json!({ "register": id, "found": found })));
    }
    let key = path.strip_prefix('/')?.strip_prefix(id)?.strip_prefix('/')?;
    let Some(entry) = register.find(&decode_component(key)) else {
        return Some(Reply::json(404, &json!({ "register": id, "error": "no such entry" })));
    };
    Some(match head.method.as_str() {
        "GET" | "HEAD" => page(head, register, std::slice::from_ref(&entry), &entry),
        "POST" | "PUT" | "PATCH" => Reply::json(200, &altered(entry, head, body)),
        _ => Reply::text(405, "text/plain", "GET or POST\n").header("Allow", "GET, HEAD, POST"),
    })
}

/// The entry with another remark, from a JSON or form body. Nothing is kept: the next demo starts afresh anyway.
fn altered(mut entry: Value, head: &Head, body: &[u8]) -> Value {
    let remark = if head.header("content-type").is_some_and(|media_type| media_type.contains("json")) {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        body.get("remark").and_then(Value::as_str).map(str::to_owned)
    } else {
        let body = String::from_utf8_lossy(body);
        pairs(&body).find(|(name, _)| name == "remark").map(|(_, value)| value)
    };
    if let Some(members) = entry.as_object_mut() {
        members.insert("remark".to_owned(), remark.unwrap_or_default().into());
        members.insert("altered".to_owned(), true.into());
    }
    entry
}

fn page(head: &Head, register: Register, entries: &[Value], json: &Value) -> Reply {
    if !head.wants_html() {
        return Reply::json(200, json);
    }
    let columns = register.columns();
    let heads: String = columns.iter().map(|column| format!("<th>{}", escape(column))).collect();
    let cell =
        |entry: &Value, column: &str| escape(entry.get(column).and_then(Value::as_str).unwrap_or_default());
    let rows: String = entries
        .iter()
        .map(|entry| {
            let cells: String = columns.iter().map(|column| format!("<td>{}", cell(entry, column))).collect();
            format!("<tr>{cells}")
        })
        .collect();
    let title = register.title();
    let html = format!(
        "<!DOCTYPE html><html lang=en><meta charset=utf-8><title>{title}</title><h1>{title}</h1>\
         <form action=search><input name=name placeholder=Name> <button>Search</button></form>\
         <table border=1><tr>{heads}{rows}</table>"
    );
    Reply::text(200, "text/html; charset=utf-8", &html)
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
