//! How the requests and answers of one source are inspected, as its file says.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use crate::{inspect::RuleSet, operations::PathPattern};

/// What is done with what the rules find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// It is recorded; nothing is refused.
    Detect,
    /// It is refused, and so is what cannot be inspected.
    Block,
}

impl Mode {
    /// The word in files, records and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Detect => "detect",
            Self::Block => "block",
        }
    }
}

/// How a source is inspected.
#[derive(Debug)]
pub struct Inspector {
    /// What is done with what is found.
    pub mode: Mode,
    /// Since when it only detects, for whoever watches that this ends.
    pub since: Option<SystemTime>,
    /// The rules.
    pub rules: Arc<RuleSet>,
    /// From which scores on something is refused.
    pub thresholds: Thresholds,
    /// What the rules leave alone.
    pub exclusions: Box<[Exclusion]>,
    /// Bodies of requests.
    pub body: BodyRules,
    /// Answers; none: they are not inspected.
    pub answer: Option<AnswerRules>,
    /// Whether WebSockets and server-sent events pass, of which only the heads are inspected.
    pub streams: bool,
    /// Whether the record holds what matched, which may be what a person wrote.
    pub records_data: bool,
}

/// Anomaly scores from which on something is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thresholds {
    /// Of a request.
    pub inbound: u32,
    /// Of an answer.
    pub outbound: u32,
}

/// How bodies of requests are inspected. A body that is larger than the limit is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyRules {
    /// The largest that is inspected, in bytes.
    pub limit: u64,
    /// What becomes of one whose length is not announced and which is larger than fits before a connection is made.
    pub unframed: Unframed,
    /// How long all of it may take to arrive.
    pub within: Duration,
}

/// What becomes of a body whose length is not announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unframed {
    /// It is refused once it is larger than [`UNFRAMED_BYTES`].
    Refuse,
    /// The source gets the head at once and the body when all of it was inspected; refused, it gets a body that breaks off.
    Withhold,
}

/// So much of a body without an announced length is read before a connection to the source is made.
pub const UNFRAMED_BYTES: u64 = 64 << 10;

/// How answers are inspected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnswerRules {
    /// The largest that is inspected, in bytes.
    pub limit: u64,
    /// What becomes of a larger one.
    pub larger: Pass,
    /// What becomes of one whose type the rules do not look into.
    pub other_types: Pass,
}

/// What becomes of what is not inspected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pass {
    /// It passes, and the record says so.
    Pass,
    /// It is refused.
    Refuse,
}

/// One exclusion: what rules leave alone in some requests until some day.
#[derive(Debug)]
pub struct Exclusion {
    /// What is left alone.
    pub what: poort_waf::Exclusion,
    /// Which rules that concerns, as the file has it.
    pub rule: Arc<str>,
    /// In requests for these paths; none: in all.
    pub path: Option<PathPattern>,
    /// Until then.
    pub ends: SystemTime,
}

impl Exclusion {
    /// Whether it holds for a path, in one of its readings, at a time.
    pub(super) fn holds(&self, readings: &[std::borrow::Cow<'_, str>], now: SystemTime) -> bool {
        // SECURITY: every reading must match: one that does not is a request that the exclusion was not meant for.
        let meant = |path: &PathPattern| readings.iter().all(|reading| path.matches(reading));
        now < self.ends && self.path.as_ref().is_none_or(meant)
    }
}
