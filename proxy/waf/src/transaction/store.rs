//! The variables of a transaction: per variable its members, in order of arrival.

use super::values::ValueId;
use crate::syntax::Variable;

/// A member: its name and its value.
#[derive(Clone, Copy)]
pub(crate) struct Entry {
    pub(crate) key: ValueId,
    pub(crate) value: ValueId,
}

/// All variables.
pub(crate) struct Store {
    entries: Vec<Vec<Entry>>,
    /// Per variable, the time of its last change; times count up through all transactions.
    changed: Vec<u64>,
    pub(super) time: u64,
}

impl Store {
    pub(super) fn new() -> Self {
        Self {
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

    /// When a variable last changed.
    #[inline]
    pub(super) fn changed(&self, variable: Variable) -> u64 {
        self.changed.get(variable as usize).copied().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::Store;

    /// A few times for each request: 32 bits last for weeks.
    #[test]
    fn time_goes_on_for_as_long_as_a_gate_runs() {
        let mut store = Store::new();
        store.time = u32::MAX.into();
        store.clear();
        assert!(store.time > u32::MAX.into());
    }
}
