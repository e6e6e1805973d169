//! What inspection found, as a part of an event.

use poort_enforce::inspect::{Matched, Report};
use serde::Serialize;

use super::text::{Cut, name};

/// Matches are written up to here; the rest is counted.
const MATCHES: usize = 64;
/// What matched is written up to here, in bytes, where the zone's file wants it at all.
const DATA_BYTES: usize = 256;

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
    pub(super) fn of(report: Option<&'a Report>) -> Self {
        Self {
            result: report.map_or("not_inspected", |report| report.finding.code()),
            found: report.map(Found::of),
        }
    }
}

impl<'a> Found<'a> {
    fn of(report: &'a Report) -> Self {
        Self {
            mode: report.mode.as_str(),
            level: report.level,
            rules: &report.rules,
            score: report.score,
            threshold: report.threshold,
            body: report.body.code(),
            matches: report.matches.iter().take(MATCHES).map(Match::of).collect(),
            dropped: report.dropped.saturating_add(report.matches.len().saturating_sub(MATCHES)),
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
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
pub(super) const fn is_zero(number: &usize) -> bool {
    *number == 0
}
