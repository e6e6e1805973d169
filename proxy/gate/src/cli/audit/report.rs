//! Consultations as a table for machines (RFC 4180) and a page for people.

use std::io;

use jiff::Timestamp;

use crate::audit::search::row;
use crate::audit::search::{Consultation, Evidence};

/// What is told, and to what end.
pub(super) struct Report<'a> {
    pub(super) reason: &'a str,
    /// What was looked for.
    pub(super) wanted: &'a [(String, String)],
    pub(super) consultations: &'a [Consultation],
    /// What cannot be told.
    pub(super) untold: &'a [String],
    /// The log that each line was held against.
    pub(super) evidence: Option<&'a Evidence>,
}

const COLUMNS: [&str; 21] = [
    "time",
    "code",
    "request",
    "officer",
    "name",
    "device",
    "actor",
    "source",
    "operation",
    "method",
    "path",
    "verdict",
    "reason",
    "status",
    "purpose",
    "case",
    "glass",
    "subjects",
    "entry",
    "file",
    "line",
];

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:72rem;padding:0 1rem;color:#1b1f24}\
    h1{font-size:1.5rem}dl{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1rem}dt{color:#57606a}dd{margin:0}\
    table{border-collapse:collapse;width:100%;font-size:13px}th,td{text-align:left;padding:.35rem .6rem;border-bottom:1px solid #d0d7de;\
    vertical-align:top}th{position:sticky;top:0;background:#f6f8fa}td.code{font-family:ui-monospace,monospace}\
    @media print{body{margin:0;max-width:none}th{position:static}}";

impl Report<'_> {
    /// One line a consultation, every field of it.
    pub(super) fn csv(&self) -> io::Result<Vec<u8>> {
        let mut table = csv::Writer::from_writer(vec![]);
        table.write_record(COLUMNS)?;
        for consultation in self.consultations {
            table.write_record(fields(consultation).map(|cell| harmless(&cell)))?;
        }
        table.into_inner().map_err(|error| io::Error::other(error.to_string()))
    }

    /// A page that needs nothing else, and can be printed.
    pub(super) fn html(&self) -> String {
        let made = row::time(Timestamp::now().as_millisecond());
        let facts = [("Made", made), ("Why", self.reason.to_owned())]
            .into_iter()
            .chain(self.wanted.iter().map(|(what, value)| (&**what, value.clone())))
            .chain([("Consultations", self.consultations.len().to_string())])
            .chain(self.untold.iter().map(|what| ("Not known", what.clone())))
            .chain([("Proof", self.proof())]);
        let facts: String =
            facts.map(|(what, value)| format!("<dt>{}</dt><dd>{}</dd>", text(what), text(&value))).collect();
        let heads: String = row::HEADS.iter().map(|head| format!("<th>{}</th>", text(head))).collect();
        let rows: String = self.consultations.iter().map(|consultation| self.row(consultation)).collect();
        let proof = if self.evidence.is_some() { "<th>ENTRY</th>" } else { "" };
        format!(
            "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" \
             content=\"width=device-width\"><title>Consultations</title><style>{STYLE}</style>\
             <h1>Consultations</h1><dl>{facts}</dl><table><thead><tr>{heads}{proof}</tr></thead>\
             <tbody>{rows}</tbody></table>\n"
        )
    }

    fn row(&self, consultation: &Consultation) -> String {
        let cells = row::columns(consultation).into_iter();
        let entry = self.evidence.map(|_| row::entry(consultation));
        let cells: String = cells.chain(entry).map(|cell| format!("<td>{}</td>", text(&cell))).collect();
        format!("<tr>{cells}</tr>")
    }

    /// What this is worth to somebody who does not trust whoever made it.
    fn proof(&self) -> String {
        match self.evidence.map(Evidence::checkpoint) {
            None => "These were held against no log, so nothing proves that they are all, or unchanged."
                .to_owned(),
            Some(None) => {
                "The log has no checkpoint yet, so nothing proves yet that these are unchanged.".to_owned()
            }
            Some(Some((origin, size))) => format!(
                "Each decision is, unchanged, the entry of {origin} that stands beside it, under a signed checkpoint over {size} entries, \
                 unless it says that it waits for one; the status, and whom the answer was about, are another entry, which \
                 `poort audit show REQUEST` prints. `poort audit prove NUMBER` makes a proof of one that others can check; `poort audit verify` holds the whole log \
                 against what was anchored elsewhere."
            ),
        }
    }
}

fn fields(consultation: &Consultation) -> [String; COLUMNS.len()] {
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let subjects: Vec<_> = consultation
        .subjects
        .iter()
        .map(|subject| format!("{}:{}:{}", subject.kind, subject.key, subject.pseudonym))
        .collect();
    [
        Timestamp::from_millisecond(consultation.time).unwrap_or_default().to_string(),
        consultation.code.clone(),
        consultation.request.clone(),
        text(&consultation.officer),
        text(&consultation.name),
        text(&consultation.device),
        text(&consultation.actor),
        text(&consultation.source),
        text(&consultation.operation),
        text(&consultation.method),
        text(&consultation.path),
        consultation.verdict.clone(),
        text(&consultation.reason),
        consultation.status.map(|status| status.to_string()).unwrap_or_default(),
        text(&consultation.purpose),
        text(&consultation.case),
        text(&consultation.glass),
        subjects.join(" "),
        row::entry(consultation),
        consultation.place.file.display().to_string(),
        consultation.place.line.to_string(),
    ]
}

/// SECURITY: a spreadsheet takes a cell that begins so for a formula, and an officer's purpose or a path is somebody's own text. One that
/// expects semicolons between cells, as in Belgium, begins a cell behind each of them.
fn harmless(cell: &str) -> String {
    let mut harmless = String::with_capacity(cell.len());
    let mut begins = true;
    for character in cell.chars() {
        if begins && matches!(character, '=' | '+' | '-' | '@' | '\t' | '\r') {
            harmless.push('\'');
        }
        harmless.push(character);
        begins = matches!(character, ';' | '\t' | '\r' | '\n');
    }
    harmless
}

fn text(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_wrote_is_text_in_a_table_and_on_a_page() {
        let consultation = Consultation {
            purpose: Some("=HYPERLINK(\"http://x\"), \"quoted\"".to_owned()),
            path: Some("/a,b\n<script>".to_owned()),
            case: Some("1;=1+1;-2\n@x".to_owned()),
            source: Some("per\u{202e}snos".to_owned()),
            officer: Some("zone|4711".to_owned()),
            name: Some("<img onerror=x>".to_owned()),
            ..Consultation::default()
        };
        let untold = ["4 records of that time <retired>".to_owned()];
        let consultations = [consultation];
        let report = Report {
            reason: "a & b",
            wanted: &[],
            consultations: &consultations,
            untold: &untold,
            evidence: None,
        };
        let table = report.csv().unwrap();
        let mut rows = csv::Reader::from_reader(&*table);
        assert_eq!(rows.headers().unwrap(), COLUMNS.as_slice());
        let row = rows.records().next().unwrap().unwrap();
        assert_eq!(&row[14], "'=HYPERLINK(\"http://x\"), \"quoted\"");
        assert_eq!(&row[10], "/a,b\n<script>");
        assert_eq!(&row[15], "1;'=1+1;'-2\n'@x", "where semicolons part cells, too");
        let page = report.html();
        assert!(page.contains("&lt;img onerror=x&gt;") && !page.contains("<img"), "{page}");
        assert!(page.contains("a &amp; b"), "{page}");
        assert!(
            page.contains("4 records of that time &lt;retired&gt;"),
            "whoever reads it alone knows: {page}"
        );
        assert!(page.contains("per\u{fffd}snos"), "nothing turns the rest of a line around: {page}");
        assert!(page.contains("zone|4711"), "a name is what somebody is called: {page}");
    }
}
