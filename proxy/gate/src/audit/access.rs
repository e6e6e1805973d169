//! A look at the record, which is a record itself.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};

/// Somebody searched the record, or took a part of it along.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Access {
    /// When.
    pub time: SystemTime,
    /// With which command, such as `audit export`.
    pub command: String,
    /// The user of the machine, as its kernel says.
    pub uid: u32,
    /// What that user is called.
    pub user: Option<String>,
    /// Why, in the user's own words.
    pub reason: Option<String>,
    /// What was looked for, by name; of a data subject only what stands for it.
    pub wanted: Vec<(String, String)>,
    /// How many consultations were shown.
    pub shown: u64,
}

impl Access {
    /// The longest text of any part, in bytes.
    pub const LIMIT_BYTES: usize = 512;
}
