//! A broken glass, and its review: two records that no one person writes alone.

use std::time::SystemTime;

use poort_enforce::stated::Glass;
use serde::{Deserialize, Serialize};

use super::{access::Looker, authentication::Who};

/// An officer broke the glass.
#[derive(Clone, Debug)]
pub struct BrokenGlass {
    /// When.
    pub time: SystemTime,
    /// What was granted; its request names it.
    pub glass: Glass,
    /// Who.
    pub who: Who,
    /// On which device.
    pub device: String,
    /// In which session.
    pub session: String,
}

/// Somebody looked into it, and says what they found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Review {
    /// When.
    pub time: SystemTime,
    /// The id of the request in which the glass was broken.
    pub request: String,
    /// Its code.
    pub code: String,
    /// Who had broken it: `issuer-alias|sub`.
    pub officer: String,
    /// What was found.
    pub finding: String,
    /// Who says so, by their own word.
    pub reviewer: String,
    /// Who it was, as the machine's kernel or the console's certificate says.
    pub by: Looker,
}

impl Review {
    /// The longest finding, in bytes: the 1,000 characters that the console's form takes, whatever their accents.
    pub const LIMIT_BYTES: usize = 3 * 1000;
}
