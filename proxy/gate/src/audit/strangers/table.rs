//! Counts, bounded in number.

use std::{collections::HashMap, mem, time::SystemTime};

use crate::audit::ocsf::{Cause, Stranger};

/// How many pairs of prefix and reason are counted apart.
pub(super) const LIMIT: usize = 4096;

/// The prefix of what found no place.
pub(super) const OTHER: &str = "other";

/// Counts by prefix and reason since the last look. It holds at most [`LIMIT`] of them, and one more for each reason there is.
#[derive(Debug, Default)]
pub(super) struct Table {
    counted: HashMap<Box<str>, Vec<Count>>,
    other: Vec<Count>,
    length: usize,
}

#[derive(Clone, Copy, Debug)]
struct Count {
    cause: Cause,
    count: u64,
    first: SystemTime,
    last: SystemTime,
}

impl Table {
    pub(super) fn count(&mut self, prefix: &str, cause: Cause, at: SystemTime) {
        let full = self.length >= LIMIT;
        let counts = match self.counted.get_mut(prefix) {
            Some(counts) if !full || counts.iter().any(|count| count.cause.code == cause.code) => counts,
            _ if full => &mut self.other,
            _ => self.counted.entry(prefix.into()).or_default(),
        };
        match counts.iter_mut().find(|count| count.cause.code == cause.code) {
            Some(count) => count.add(at),
            None => {
                counts.push(Count { cause, count: 1, first: at, last: at });
                self.length += usize::from(!full);
            }
        }
    }

    /// What was counted; the table is empty afterwards.
    pub(super) fn take(&mut self) -> Self {
        mem::take(self)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// All counts together.
    pub(super) fn total(&self) -> u64 {
        self.iter().fold(0, |total, stranger| total.saturating_add(stranger.count))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Stranger<'_>> {
        let counted = self
            .counted
            .iter()
            .flat_map(|(prefix, counts)| counts.iter().map(move |count| (&**prefix, count)));
        let other = self.other.iter().map(|count| (OTHER, count));
        counted.chain(other).map(|(prefix, count)| Stranger {
            prefix,
            cause: count.cause,
            count: count.count,
            first: count.first,
            last: count.last,
        })
    }
}

impl Count {
    fn add(&mut self, at: SystemTime) {
        self.count = self.count.saturating_add(1);
        self.first = self.first.min(at);
        self.last = self.last.max(at);
    }
}
