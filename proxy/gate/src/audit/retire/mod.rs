//! Retiring records: what was kept for as long as its source's file says loses its content, and everybody can see that this is why.
//!
//! An entry cannot be taken out of a Merkle tree. So its content is replaced by a tombstone with its hash, in the log's bundle and in the
//! record's file alike, and the tree and every proof over it stay what they were. First a record in the same log says which entries that
//! will be, under which rules and by whom; `audit verify` takes a tombstone without one for what it is: somebody removed a record.
//!
//! - [`plan`] finds what has been kept for long enough; [`sweep`] removes it. A sweep that was stopped is gone on with by the next.

mod plan;
mod sweep;
#[cfg(test)]
mod tests;

use std::{io, path::PathBuf};

pub(in crate::audit) use plan::joined;
pub use plan::{Plan, Rules, said};
pub use sweep::{lock, sweep};

use super::{search::SearchFault, settings::AuditFault, tlog};

/// Why nothing, or not everything, was retired.
#[derive(Debug, thiserror::Error)]
pub enum RetireFault {
    /// The record.
    #[error(transparent)]
    Record(#[from] SearchFault),
    /// The log.
    #[error(transparent)]
    Log(#[from] tlog::Doubt),
    /// Somebody else is at it, or a directory is not ours.
    #[error(transparent)]
    Audit(#[from] AuditFault),
    /// A line that is not what the log has: it is evidence, and nothing is retired beside it.
    #[error("{path}:{line}: this line is not what entry {index} of the log is; find out who changed it with `poort audit verify` first", path = path.display())]
    Altered {
        /// The record's file.
        path: PathBuf,
        /// Which line, from 1.
        line: u64,
        /// The entry.
        index: u64,
    },
    /// A file that cannot be written.
    #[error("{path}: {cause}; run `poort audit retire` again when this is mended", path = path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
}

/// Joins numbers that come in order to ranges, both ends included.
fn push(ranges: &mut Vec<(u64, u64)>, index: u64) {
    match ranges.last_mut() {
        Some((_, last)) if *last + 1 == index => *last = index,
        _ => ranges.push((index, index)),
    }
}

/// Whether one of some ranges in order has a number.
pub(in crate::audit) fn covers(ranges: &[(u64, u64)], index: u64) -> bool {
    let after = ranges.partition_point(|(first, _)| *first <= index);
    after.checked_sub(1).and_then(|at| ranges.get(at)).is_some_and(|(_, last)| index <= *last)
}
