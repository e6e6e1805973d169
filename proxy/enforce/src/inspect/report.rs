//! What inspection found, for the record. No value of a body, a query or a header is in it, unless the zone's file wants that.

use std::sync::Arc;

use poort_waf::{Match, Transaction};

use crate::inspect::{Inspector, Mode};

/// What was found in a request, or in an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// What is done with what is found.
    pub mode: Mode,
    /// The paranoia level.
    pub level: u8,
    /// SHA-256 over rules and level, in hex.
    pub rules: Arc<str>,
    /// What came of it.
    pub finding: Finding,
    /// The anomaly score.
    pub score: u32,
    /// From which score on it is refused.
    pub threshold: u32,
    /// What was seen of the body.
    pub body: BodySeen,
    /// The rules that matched, in order, bounded by the transaction's limits.
    pub matches: Vec<Matched>,
    /// Matches that were not kept.
    pub dropped: usize,
}

/// What came of inspection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    /// Nothing was refused, and would have been.
    Passed,
    /// The rules refused.
    Refused,
    /// The rules would have refused, if they were let.
    Detected,
    /// The work would have gone past its bound: refused, or in `detect` passed without a verdict.
    Exhausted,
}

impl Finding {
    /// The word in the record.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Refused => "refused",
            Self::Detected => "detected",
            Self::Exhausted => "exhausted",
        }
    }
}

/// What inspection saw of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodySeen {
    /// There is none.
    None,
    /// All of it.
    Whole,
    /// Nothing yet: it is inspected as it passes, and the outcome says what was found.
    Later,
    /// Nothing: the rule files, or one of the rules, say so.
    Unwanted,
    /// Nothing: it is larger than what is inspected.
    TooLarge,
    /// Nothing: the gate holds as many bytes as it may.
    NoRoom,
    /// Nothing: it is of a type that the rules do not look into.
    OtherType,
    /// Nothing: it is a stream.
    Stream,
    /// Nothing: its content coding cannot be decoded.
    Encoded,
}

impl BodySeen {
    /// The word in the record.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Whole => "whole",
            Self::Later => "later",
            Self::Unwanted => "unwanted",
            Self::TooLarge => "too_large",
            Self::NoRoom => "no_room",
            Self::OtherType => "other_type",
            Self::Stream => "stream",
            Self::Encoded => "encoded",
        }
    }
}

/// A rule that matched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matched {
    /// What the rule says about itself. Its message is unexpanded: a macro may stand for what a person wrote.
    pub rule: Arc<poort_waf::Meta>,
    /// The name of the variable that matched, such as `ARGS:note`.
    pub variable: String,
    /// What it held, if the zone's file wants it recorded.
    pub data: Option<String>,
}

impl Matched {
    fn of(found: &Match, records_data: bool) -> Self {
        Self {
            rule: Arc::clone(&found.rule),
            variable: found.variable.clone(),
            data: (records_data && !found.data.is_empty()).then(|| found.data.clone()),
        }
    }
}

/// The half of a transaction that a report is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Half {
    Request,
    Answer,
}

impl Report {
    pub(super) fn of(
        inspector: &Inspector,
        transaction: &Transaction,
        half: Half,
        finding: Finding,
        body: BodySeen,
    ) -> Self {
        let scores = transaction.scores();
        let (score, threshold) = match half {
            Half::Request => (scores.inbound, inspector.thresholds.inbound),
            Half::Answer => (scores.outbound, inspector.thresholds.outbound),
        };
        let ours = |found: &&Match| (found.phase <= 2) == (half == Half::Request);
        let matches = transaction.matches().iter().filter(ours);
        Self {
            mode: inspector.mode,
            level: inspector.rules.level,
            rules: Arc::clone(&inspector.rules.digest),
            finding,
            score: u32::try_from(score.max(0)).unwrap_or(u32::MAX),
            threshold,
            body,
            matches: matches.map(|found| Matched::of(found, inspector.records_data)).collect(),
            dropped: transaction.dropped_matches(),
        }
    }
}
