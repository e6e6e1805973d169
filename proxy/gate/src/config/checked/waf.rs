//! How a source is inspected.

use std::{sync::Arc, time::SystemTime};

use poort_enforce::{
    inspect::{AnswerRules, Mode, Thresholds, Unframed},
    operations::PathPattern,
};
use poort_policy::Place;

/// How one source is inspected, the zone's defaults filled in.
#[derive(Clone, Debug)]
pub struct Waf {
    /// Where that is said.
    pub place: Place,
    /// What is done with what is found.
    pub mode: Mode,
    /// Since when it only detects.
    pub since: Option<SystemTime>,
    /// The paranoia level, 1 to 4.
    pub level: u8,
    /// From which scores on something is refused.
    pub thresholds: Thresholds,
    /// The largest request body that is inspected, in bytes.
    pub body: u64,
    /// What becomes of a body without an announced length.
    pub unframed: Unframed,
    /// Answers; none: they are not inspected.
    pub answer: Option<AnswerRules>,
    /// Whether streams pass, of which only the heads are inspected.
    pub streams: bool,
    /// Whether the record holds what matched.
    pub records_data: bool,
    /// The rules. Sources with the same files share them.
    pub rules: Arc<RuleFiles>,
    /// What the rules leave alone.
    pub exclusions: Vec<Exclusion>,
}

/// Rule files as they were read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuleFiles {
    /// Those that are loaded, in order, by name.
    pub entries: Vec<String>,
    /// All files that they may name, by name.
    pub files: poort_waf::Files,
}

/// What rules leave alone. Whether there are such rules is for the engine to say.
#[derive(Clone, Debug)]
pub struct Exclusion {
    /// Where it is written.
    pub place: Place,
    /// Rules by id or range.
    pub rule: String,
    /// What they do not look at; none: they do not run.
    pub target: Option<String>,
    /// In requests for these paths; none: in all.
    pub path: Option<PathPattern>,
    /// Why, for people.
    pub reason: String,
    /// Its last moment.
    pub ends: SystemTime,
}
