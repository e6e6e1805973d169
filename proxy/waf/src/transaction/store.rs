//! The variables of a transaction: per variable its members, in order of arrival.

use super::values::{ValueId, Values};
use crate::bytes::ByteSet;
use crate::program::Gate;
use crate::syntax::Variable;

/// A member: its name and its value.
#[derive(Clone, Copy)]
pub(crate) struct Entry {
    pub(crate) key: ValueId,
    pub(crate) value: ValueId,
}

/// What the values of a variable have in common.
#[derive(Default)]
pub(crate) struct Summary {
    time: u32,
    set: ByteSet,
    longest: u32,
    /// Per gate, the bits that any value sets, and whether that is known.
    bits: [Vec<u64>; 2],
    has_bits: [bool; 2],
}

impl Summary {
    pub(super) fn renew(&mut self, entries: &[Entry], values: &mut Values) {
        self.set = ByteSet::NONE;
        self.longest = 0;
        self.has_bits = [false; 2];
        for entry in entries {
            self.set = self.set.union(values.set(entry.value));
            self.longest = self.longest.max(values.len(entry.value));
        }
    }

    pub(super) fn unite_bits(&mut self, entries: &[Entry], values: &mut Values, gate: &Gate, side: usize) {
        let (Some(bits), Some(has_bits)) = (self.bits.get_mut(side), self.has_bits.get_mut(side)) else {
            return;
        };
        if *has_bits {
            return;
        }
        *has_bits = true;
        bits.clear();
        bits.resize(gate.words, 0);
        for entry in entries {
            if let Some(place) = values.gate_bits(entry.value, gate, side) {
                values.collect_bits(place, bits);
            }
        }
    }

    pub(super) fn bits(&self, side: usize) -> &[u64] {
        self.bits.get(side).map_or(&[], Vec::as_slice)
    }
}

/// All variables.
pub(crate) struct Store {
    summaries: Vec<Summary>,
    entries: Vec<Vec<Entry>>,
    /// Per variable, the time of its last change; times count up through the transaction.
    changed: Vec<u32>,
    pub(super) time: u32,
}

impl Store {
    pub(super) fn new() -> Self {
        Self {
            summaries: (0..Variable::COUNT).map(|_| Summary::default()).collect(),
            entries: (0..Variable::COUNT).map(|_| Vec::new()).collect(),
            changed: vec![0; Variable::COUNT],
            time: 1,
        }
    }

    /// Drops all members; time goes on, so that nothing kept from before passes for fresh.
    pub(super) fn clear(&mut self) {
        self.time += 1;
        for (entries, changed) in self.entries.iter_mut().zip(&mut self.changed) {
            entries.clear();
            *changed = self.time;
        }
    }

    pub(crate) fn entries(&self, variable: Variable) -> &[Entry] {
        self.entries.get(variable as usize).map_or(&[], Vec::as_slice)
    }

    pub(super) fn push(&mut self, variable: Variable, key: ValueId, value: ValueId) {
        if let Some(entries) = self.entries.get_mut(variable as usize) {
            entries.push(Entry { key, value });
        }
        self.touch(variable);
    }

    pub(super) fn empty(&mut self, variable: Variable) {
        if let Some(entries) = self.entries.get_mut(variable as usize) {
            entries.clear();
        }
        self.touch(variable);
    }

    fn touch(&mut self, variable: Variable) {
        if let Some(changed) = self.changed.get_mut(variable as usize) {
            *changed = self.time;
        }
    }

    /// The summary of a variable, taken out to be renewed, when something changed since.
    pub(super) fn stale_summary(&mut self, variable: Variable) -> Option<Summary> {
        let changed = self.changed(variable);
        let now = self.time;
        let summary = self.summaries.get_mut(variable as usize)?;
        if summary.time > changed {
            return None;
        }
        summary.time = now;
        Some(std::mem::take(summary)).map(|summary| Summary { time: now, ..summary })
    }

    pub(super) fn take_summary(&mut self, variable: Variable) -> Summary {
        self.summaries.get_mut(variable as usize).map(std::mem::take).unwrap_or_default()
    }

    pub(super) fn put_summary(&mut self, variable: Variable, summary: Summary) {
        if let Some(slot) = self.summaries.get_mut(variable as usize) {
            *slot = summary;
        }
    }

    pub(super) fn summary_set(&self, variable: Variable) -> ByteSet {
        self.summaries.get(variable as usize).map_or(ByteSet::ALL, |summary| summary.set)
    }

    pub(super) fn summary_longest(&self, variable: Variable) -> u32 {
        self.summaries.get(variable as usize).map_or(0, |summary| summary.longest)
    }

    /// When a variable last changed.
    pub(super) fn changed(&self, variable: Variable) -> u32 {
        self.changed.get(variable as usize).copied().unwrap_or(0)
    }
}
