//! Each line held against the log.

use std::{collections::HashMap, path::Path};

use crate::audit::tlog::{self, Checked, Keys};

/// Where a line is in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// It is this entry, unchanged, under the newest checkpoint.
    Proved(u64),
    /// It was written after the newest checkpoint.
    Waiting,
    /// Something else is in its place.
    Altered,
}

/// A log, and which of its entries each file begins with.
pub struct Evidence {
    /// None before its first checkpoint.
    log: Option<Checked>,
    beginnings: HashMap<String, u64>,
}

impl Evidence {
    /// Opens a log by its newest checkpoint.
    ///
    /// # Errors
    /// [`tlog::Doubt`] if it was not signed with these keys.
    pub fn open(directory: &Path, keys: &Keys) -> Result<Self, tlog::Doubt> {
        let log = match Checked::open(directory, keys) {
            Ok(log) => Some(log),
            Err(tlog::Doubt::NoCheckpoint(_)) => None,
            Err(doubt) => return Err(doubt),
        };
        let beginnings = tlog::beginnings(directory)?.into_iter().collect();
        Ok(Self { log, beginnings })
    }

    /// The log's origin, and how many entries are under its newest checkpoint; none if it has no checkpoint yet.
    #[must_use]
    pub fn checkpoint(&self) -> Option<(&str, u64)> {
        self.log.as_ref().map(|log| (log.origin(), log.size()))
    }

    /// The entry that a file's line, from 1, is.
    pub(super) fn entry(&self, file: &Path, line: u64, text: &[u8]) -> Result<Entry, tlog::Doubt> {
        let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let (Some(log), Some(first)) = (&self.log, self.beginnings.get(name)) else {
            return Ok(Entry::Waiting);
        };
        let index = first + line.saturating_sub(1);
        Ok(match log.holds(index, text)? {
            None => Entry::Waiting,
            Some(true) => Entry::Proved(index),
            Some(false) => Entry::Altered,
        })
    }
}
