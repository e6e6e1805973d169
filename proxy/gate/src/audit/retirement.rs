//! The record of which records were retired, and why that was their time.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::{access::Looker, retention::Retention};

/// The content of records was removed, since it had been kept for as long as it was to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retirement {
    /// When.
    pub time: SystemTime,
    /// Names it among others.
    pub id: String,
    /// Who had it done.
    pub by: Looker,
    /// By which rules.
    pub rules: Vec<Rule>,
    /// Which entries of the log: from and to, both included, in order and apart.
    pub ranges: Vec<(u64, u64)>,
}

/// How long records of a source are kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Of which source; none: of what belongs to no source.
    pub source: Option<String>,
    /// As the file has it, such as `5y`.
    pub retention: String,
    /// What was written before was retired, in milliseconds since 1970.
    pub before: i64,
}

impl Rule {
    /// Whether what it retires has been kept for long enough by then.
    #[must_use]
    pub fn has_passed(&self, now: SystemTime) -> bool {
        self.retention.parse::<Retention>().is_ok_and(|retention| self.before <= retention.cutoff(now))
    }
}

impl Retirement {
    /// So many ranges at most are in one record: more do not fit a line.
    pub const RANGES: usize = 1_500;
}
