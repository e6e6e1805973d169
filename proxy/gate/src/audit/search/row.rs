//! A consultation in the words that people read.

use jiff::{Timestamp, tz::TimeZone};

use super::{Consultation, Entry};
use crate::audit::ocsf::steers;

/// The heads of [`line`]'s columns.
pub(crate) const HEADS: [&str; 9] =
    ["TIME", "CODE", "WHO", "DEVICE", "SOURCE", "OPERATION", "VERDICT", "WHY", "ABOUT"];

/// The columns that people read, without anything that could steer a terminal or turn a line around.
pub(crate) fn columns(consultation: &Consultation) -> [String; 9] {
    let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
    let columns = [
        time(consultation.time),
        consultation.code.clone(),
        named(consultation),
        consultation
            .device
            .as_deref()
            .map_or("-", |device| device.rsplit('/').next().unwrap_or(device))
            .to_owned(),
        text(&consultation.source),
        text(&consultation.operation),
        verdict(consultation),
        why(consultation),
        about(consultation),
    ];
    columns.map(|column| column.chars().map(|one| if steers(one) { '\u{fffd}' } else { one }).collect())
}

/// On this machine's wall clock, with its distance from UTC.
pub(crate) fn time(millis: i64) -> String {
    let stamp = Timestamp::from_millisecond(millis).unwrap_or_default();
    stamp.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S%:z").to_string()
}

/// The same with the officer's id: another may be called so too.
fn named(consultation: &Consultation) -> String {
    match (&consultation.name, &consultation.officer) {
        (Some(name), Some(officer)) => through(&format!("{name} ({officer})"), consultation),
        _ => who(consultation),
    }
}

/// What the officer is called, and the workload that asked for them.
pub(crate) fn who(consultation: &Consultation) -> String {
    let officer = consultation.name.as_ref().or(consultation.officer.as_ref());
    through(officer.map_or("-", |officer| officer), consultation)
}

fn through(officer: &str, consultation: &Consultation) -> String {
    match &consultation.actor {
        Some(actor) => format!("{officer} through {actor}"),
        None => officer.to_owned(),
    }
}

/// What was decided, why if it was refused, and the status that went out.
pub(crate) fn verdict(consultation: &Consultation) -> String {
    let mut verdict = consultation.verdict.clone();
    if let Some(reason) = &consultation.reason {
        verdict.push_str(&format!(" ({reason})"));
    }
    if let Some(status) = consultation.status {
        verdict.push_str(&format!(" {status}"));
    }
    verdict
}

/// Purpose and case, and whether it was seen through a broken glass.
pub(crate) fn why(consultation: &Consultation) -> String {
    let purpose = consultation.purpose.clone();
    let case = consultation.case.as_ref().map(|case| format!("case {case}"));
    let glass = consultation.glass.as_ref().map(|_| "through a broken glass".to_owned());
    let all: Vec<String> = [purpose, case, glass].into_iter().flatten().collect();
    if all.is_empty() { "-".to_owned() } else { all.join(", ") }
}

/// What named the subjects, and how many there were of each.
pub(crate) fn about(consultation: &Consultation) -> String {
    let mut kinds: Vec<(&str, usize)> = vec![];
    for subject in &consultation.subjects {
        match kinds.iter_mut().find(|(kind, _)| *kind == subject.kind) {
            Some((_, count)) => *count += 1,
            None => kinds.push((&subject.kind, 1)),
        }
    }
    let kinds: Vec<_> = kinds
        .into_iter()
        .map(|(kind, count)| if count == 1 { kind.to_owned() } else { format!("{count} x {kind}") })
        .collect();
    if kinds.is_empty() { "-".to_owned() } else { kinds.join(", ") }
}

/// Where it is in the log.
pub(crate) fn entry(consultation: &Consultation) -> String {
    match consultation.entry {
        None => String::new(),
        Some(Entry::Proved(index)) => index.to_string(),
        Some(Entry::Waiting) => "not under a checkpoint yet".to_owned(),
        Some(Entry::Altered) => "altered".to_owned(),
    }
}

/// Rows under their heads, each column as wide as its widest value.
pub(crate) fn table(consultations: &[Consultation]) -> String {
    let rows: Vec<_> =
        [HEADS.map(str::to_owned)].into_iter().chain(consultations.iter().map(columns)).collect();
    let mut widths = [0; HEADS.len()];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut table = String::new();
    for row in rows {
        let cells: Vec<_> = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        table.push_str(cells.join("  ").trim_end());
        table.push('\n');
    }
    table.trim_end().to_owned()
}
