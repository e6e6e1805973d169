//! What rules look at, found once as long as nothing of it changes: members of variables, and what transformations make
//! of them.

use super::State;
use super::values::{ValueId, Values};
use crate::bytes::ByteSet;
use crate::program::{Column, Gate, Program, Select, Source};
use crate::syntax::Variable;

/// The columns of a program, as far as a transaction has filled them.
pub(crate) struct Columns {
    list: Vec<Filled>,
}

/// A column's values, and what they have in common.
#[derive(Default)]
struct Filled {
    /// When it was filled.
    time: u32,
    /// The column whose values these are: often a transformation changes nothing.
    same_as: u32,
    items: Vec<Item>,
    /// Bytes that occur in any value.
    set: ByteSet,
    /// Length of the longest value.
    longest: u32,
    /// Per gate, the bits that any value sets, and whether that is known.
    bits: [Vec<u64>; 2],
    has_bits: [bool; 2],
}

/// One value of a column.
#[derive(Clone, Copy)]
pub(crate) struct Item {
    pub(super) key: Key,
    pub(super) value: ValueId,
}

/// The name of a member.
#[derive(Clone, Copy)]
pub(crate) enum Key {
    Value(ValueId),
    /// A member of `TX`, by slot.
    Slot(u32),
}

impl Columns {
    pub(super) fn new(count: usize) -> Self {
        Self { list: (0..count).map(|_| Filled::default()).collect() }
    }

    fn get(&self, at: u32) -> Option<&Filled> {
        self.list.get(at as usize)
    }

    /// The column whose values `at` has.
    pub(super) fn source_of(&self, at: u32) -> u32 {
        self.get(at).map_or(at, |column| column.same_as)
    }

    pub(super) fn item(&self, at: u32, index: usize) -> Option<Item> {
        self.get(at)?.items.get(index).copied()
    }

    pub(super) fn set(&self, at: u32) -> ByteSet {
        self.get(at).map_or(ByteSet::ALL, |column| column.set)
    }

    pub(super) fn longest(&self, at: u32) -> u32 {
        self.get(at).map_or(0, |column| column.longest)
    }

    /// The gate bits that any value of the column sets.
    pub(super) fn bits(&mut self, at: u32, values: &mut Values, gate: &Gate, side: usize) -> &[u64] {
        let Some(Filled { items, bits, has_bits, .. }) = self.list.get_mut(at as usize) else { return &[] };
        let (Some(bits), Some(has_bits)) = (bits.get_mut(side), has_bits.get_mut(side)) else { return &[] };
        if !*has_bits {
            *has_bits = true;
            bits.clear();
            bits.resize(gate.words, 0);
            for item in items {
                values.add_gate_bits(item.value, gate, side, bits);
            }
        }
        bits
    }

    /// Makes `at` the same as `of`.
    fn alias(&mut self, at: u32, of: u32, time: u32) {
        if let Some(column) = self.list.get_mut(at as usize) {
            column.time = time;
            column.same_as = of;
        }
    }

    fn take_items(&mut self, at: u32) -> Vec<Item> {
        self.list.get_mut(at as usize).map(|column| std::mem::take(&mut column.items)).unwrap_or_default()
    }

    fn fill(&mut self, at: u32, items: Vec<Item>, time: u32, values: &mut Values) {
        let Some(column) = self.list.get_mut(at as usize) else { return };
        column.time = time;
        column.same_as = at;
        column.has_bits = [false; 2];
        column.set = ByteSet::NONE;
        column.longest = 0;
        for item in &items {
            column.set = column.set.union(values.set(item.value));
            column.longest = column.longest.max(values.len(item.value));
        }
        column.items = items;
    }
}

impl State {
    /// Fills column `at` unless that is done; the column whose values it has.
    pub(super) fn column(&mut self, program: &Program, at: u32) -> u32 {
        let Some(column) = program.columns.get(at as usize) else { return at };
        // INVARIANT: within a phase only volatile variables change.
        let is_kept = |filled: &&Filled| filled.time > self.store.changed(column.variable);
        if !column.variable.is_volatile()
            && let Some(filled) = self.columns.get(at).filter(is_kept)
        {
            return filled.same_as;
        }
        match &column.source {
            Source::Members { select, excluded } => self.collect(program, at, column, select, excluded),
            Source::Step { of, transform, touches } => {
                let of = self.column(program, *of);
                let is_empty = self.columns.item(of, 0).is_none();
                // What digests or encodes touches every byte, and even the empty value.
                if is_empty || (!self.columns.set(of).meets(*touches) && *touches != ByteSet::ALL) {
                    self.columns.alias(at, of, self.store.time);
                    return of;
                }
                let mut items = self.columns.take_items(at);
                items.clear();
                let mut index = 0;
                let mut is_changed = false;
                while let Some(item) = self.columns.item(of, index) {
                    index += 1;
                    let value = self.values.step(item.value, *transform);
                    is_changed |= value != item.value;
                    items.push(Item { value, ..item });
                }
                self.columns.fill(at, items, self.store.time, &mut self.values);
                if !is_changed {
                    self.columns.alias(at, of, self.store.time);
                    return of;
                }
            }
        }
        at
    }

    /// Fills a column of members.
    fn collect(&mut self, program: &Program, at: u32, column: &Column, select: &Select, excluded: &[Select]) {
        let mut items = self.columns.take_items(at);
        items.clear();
        if column.variable == Variable::Tx {
            self.collect_tx(program, select, &mut items);
        } else {
            if column.variable.is_volatile() {
                self.refresh(program, column.variable);
            }
            let entries = self.store.entries(column.variable).iter();
            let meant = entries.filter(|entry| select.takes(self.values.get(entry.key), &program.names));
            items.extend(meant.map(|entry| Item { key: Key::Value(entry.key), value: entry.value }));
        }
        if !excluded.is_empty() {
            items.retain(|item| {
                let name = self.key(program, item.key);
                !excluded.iter().any(|select| select.takes(name, &program.names))
            });
        }
        if column.count {
            let value = self.values.add_number(i64::try_from(items.len()).unwrap_or(i64::MAX));
            items.clear();
            items.push(Item { key: Key::Value(Values::EMPTY), value });
        }
        self.columns.fill(at, items, self.store.time, &mut self.values);
    }

    fn collect_tx(&mut self, program: &Program, select: &Select, items: &mut Vec<Item>) {
        let slot = |(slot, value)| Item { key: Key::Slot(slot), value };
        match select {
            Select::Slot(at) => return items.extend(self.tx.get(*at).map(|value| slot((*at, value)))),
            Select::All => items.extend(self.tx.slots().map(slot)),
            Select::Pattern(_, slots) => {
                items.extend(slots.iter().filter_map(|at| Some(slot((*at, self.tx.get(*at)?)))));
            }
            Select::Name(_) => return,
        }
        for (name, value) in self.tx.made().filter(|(name, _)| select.takes(name, &program.names)) {
            items.push(Item { key: Key::Value(self.values.add(name)), value });
        }
    }

    /// The bytes of a member's name.
    pub(super) fn key<'a>(&'a self, program: &'a Program, key: Key) -> &'a [u8] {
        match key {
            Key::Value(value) => self.values.get(value),
            Key::Slot(slot) => program.names.name(slot).as_bytes(),
        }
    }
}
