//! What inspection found, as a part of an event.

use poort_enforce::inspect::{Matched, Report};
use serde::Serialize;

use super::{
    Form,
    text::{Cut, name},
};

/// Matches are written up to here; the rest is counted.
const MATCHES: usize = 64;
/// What matched is written up to here, in bytes, where the zone's file wants it at all.
const DATA_BYTES: usize = 256;
/// All matches together are written up to here, in bytes of the line: what a client chose the name of may need six for one.
const MATCHES_BYTES: usize = 16 << 10;

/// What inspection found.
#[derive(Serialize)]
pub(super) struct Inspection<'a> {
    result: &'static str,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    found: Option<Found<'a>>,
}

#[derive(Serialize)]
struct Found<'a> {
    mode: &'static str,
    level: u8,
    rules: &'a str,
    score: u32,
    threshold: u32,
    body: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    matches: Vec<Match<'a>>,
    #[serde(skip_serializing_if = "is_zero")]
    dropped: usize,
}

/// A rule that matched: never what it matched, unless the zone's file wants that.
#[derive(Serialize)]
struct Match<'a> {
    rule: u64,
    message: Cut<'a>,
    variable: Cut<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    severity: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Cut<'a>>,
}

impl<'a> Inspection<'a> {
    pub(super) fn of(report: Option<&'a Report>, form: Form) -> Self {
        Self {
            result: report.map_or("not_inspected", |report| report.finding.code()),
            found: report.map(|report| Found::of(report, form)),
        }
    }
}

impl<'a> Found<'a> {
    fn of(report: &'a Report, form: Form) -> Self {
        let mut room = if form.has_lists() { MATCHES_BYTES } else { 0 };
        let matches: Vec<_> = report
            .matches
            .iter()
            .take(MATCHES)
            .map(Match::of)
            .map_while(|found| {
                room = room.checked_sub(found.most_bytes())?;
                Some(found)
            })
            .collect();
        Self {
            mode: report.mode.as_str(),
            level: report.level,
            rules: &report.rules,
            score: report.score,
            threshold: report.threshold,
            body: report.body.code(),
            dropped: report.dropped.saturating_add(report.matches.len() - matches.len()),
            matches,
        }
    }
}

impl<'a> Match<'a> {
    fn of(found: &'a Matched) -> Self {
        Self {
            rule: found.rule.id,
            message: name(&found.rule.message),
            variable: name(&found.variable),
            severity: found.rule.severity,
            data: found.data.as_deref().map(|data| Cut(data, DATA_BYTES)),
        }
    }

    /// It takes no more than this in a line.
    fn most_bytes(&self) -> usize {
        const NAMES: usize = r#"{"rule":,"message":"","variable":"","severity":,"data":""},"#.len() + 24;
        let texts = [Some(self.message), Some(self.variable), self.data];
        texts.into_iter().flatten().map(Cut::most_bytes).sum::<usize>() + NAMES
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
pub(super) const fn is_zero(number: &usize) -> bool {
    *number == 0
}
