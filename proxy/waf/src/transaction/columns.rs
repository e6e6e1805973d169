//! What rules look at, found once as long as nothing of it changes: members of variables, and what transformations make
//! of them.

use super::State;
use super::store::Entry;
use super::values::{Known, Place, ValueId, Values};
use crate::program::{Column, Gate, Kinds, Need, Program, Select, Source};
use crate::syntax::Variable;
use crate::transform::Transform;

/// Values of a column that outlive the transaction that needed room for them: as many as a request may have arguments.
const KEPT: usize = 1024;

/// The columns of a program, as far as a transaction has filled them.
pub(crate) struct Columns {
    list: Vec<Filled>,
    /// Whether any has room for more than is kept.
    are_large: bool,
    /// Counts the questions about what changes while a phase runs.
    moment: u32,
}

/// A column's values, and what they have in common.
#[derive(Default)]
struct Filled {
    /// When it was filled: the time of the store, which holds for a phase, and the moment, for what changes within.
    time: u64,
    moment: u32,
    /// The column whose values these are: often a transformation changes nothing.
    same_as: u32,
    items: Vec<Item>,
    common: Common,
    /// The gate bits that any value sets, and for which gate that is known.
    bits: Vec<u64>,
    bits_side: Option<usize>,
}

/// What values have in common.
#[derive(Clone, Copy, Default)]
pub(super) struct Common {
    /// Kinds of bytes that occur in any.
    pub(super) kinds: Kinds,
    /// Length of the longest.
    pub(super) longest: u32,
}

/// One value of a column.
#[derive(Clone, Copy)]
pub(crate) struct Item {
    pub(super) key: Key,
    pub(super) value: ValueId,
    /// Of the value.
    pub(super) len: u32,
    pub(super) kinds: Kinds,
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
        Self { list: (0..count).map(|_| Filled::default()).collect(), are_large: false, moment: 0 }
    }

    /// Gives back what a costly transaction blew up.
    pub(super) fn shrink(&mut self) {
        if std::mem::take(&mut self.are_large) {
            for column in &mut self.list {
                column.items.clear();
                column.items.shrink_to(KEPT);
            }
        }
    }

    /// Makes what changes while a phase runs stale.
    pub(super) fn start_moment(&mut self) {
        self.moment = self.moment.wrapping_add(1);
    }

    fn get(&self, at: u32) -> Option<&Filled> {
        self.list.get(at as usize)
    }

    /// The values of a column.
    #[inline]
    pub(super) fn items(&self, at: u32) -> &[Item] {
        self.get(at).map_or(&[], |column| &column.items)
    }

    #[inline]
    pub(super) fn common(&self, at: u32) -> Common {
        self.get(at).map(|column| column.common).unwrap_or_default()
    }

    /// The same, if there are values.
    #[inline]
    pub(super) fn common_of_any(&self, at: u32) -> Option<Common> {
        self.get(at).filter(|column| !column.items.is_empty()).map(|column| column.common)
    }

    /// The gate bits that any value of the column sets, if that is known; of none, no words.
    pub(super) fn known_bits(&self, at: u32, gate: &Gate) -> Option<&[u64]> {
        self.get(at).filter(|column| column.bits_side == Some(gate.side)).map(|column| column.bits.as_slice())
    }

    /// Adds to `union` the gate bits that those values of a column set that are as long as `least` and have its kinds of bytes, or
    /// those of all.
    pub(super) fn add_bits(
        &mut self,
        at: u32,
        values: &mut Values,
        gate: &Gate,
        least: Common,
        union: &mut [u64],
    ) {
        let Some(column) = self.list.get_mut(at as usize) else { return };
        if least.kinds == Kinds::NONE && column.bits_side != Some(gate.side) {
            column.bits_side = Some(gate.side);
            column.bits.clear();
            for item in &column.items {
                let place = values.gate_bits(item.value, gate);
                if place != Place::NOWHERE {
                    column.bits.resize(gate.words, 0);
                    values.add_bits(place, &mut column.bits);
                }
            }
        }
        if column.bits_side == Some(gate.side) {
            return union.iter_mut().zip(&column.bits).for_each(|(word, more)| *word |= more);
        }
        for item in column.items.iter().filter(|item| item.common().reaches(least)) {
            let place = values.gate_bits(item.value, gate);
            values.add_bits(place, union);
        }
    }

    /// Makes `at` the same as `of`; `of`.
    fn alias(&mut self, at: u32, of: u32, time: u64) -> u32 {
        if let Some(column) = self.list.get_mut(at as usize) {
            column.time = time;
            column.moment = self.moment;
            column.same_as = of;
        }
        of
    }

    fn take_items(&mut self, at: u32) -> Vec<Item> {
        self.list.get_mut(at as usize).map(|column| std::mem::take(&mut column.items)).unwrap_or_default()
    }

    fn put_items(&mut self, at: u32, items: Vec<Item>) {
        if let Some(column) = self.list.get_mut(at as usize) {
            column.items = items;
        }
    }

    /// Gives `at` values of its own.
    fn filled(&mut self, at: u32, items: Vec<Item>, common: Common, time: u64) {
        let Some(column) = self.list.get_mut(at as usize) else { return };
        self.are_large |= items.capacity() > KEPT;
        column.items = items;
        column.time = time;
        column.moment = self.moment;
        column.same_as = at;
        column.common = common;
        column.bits_side = None;
    }
}

impl Item {
    /// A value of a column that is being filled.
    fn new(key: Key, value: ValueId) -> Self {
        Self { key, value, len: 0, kinds: Kinds::NONE }
    }

    fn learn(&mut self, known: Known) {
        (self.len, self.kinds) = (known.len, known.kinds);
    }

    pub(super) fn common(&self) -> Common {
        Common { kinds: self.kinds, longest: self.len }
    }
}

impl Filled {
    /// Whether what acts on the bytes `touches` changes no value.
    #[inline]
    fn is_untouched_by(&self, touches: Kinds) -> bool {
        // What digests or encodes touches every byte, and even the empty value.
        self.items.is_empty() || (touches != Kinds::ALL && !self.common.kinds.meets(touches))
    }
}

impl Common {
    #[inline]
    pub(super) fn union(self, other: Self) -> Self {
        Self { kinds: self.kinds.union(other.kinds), longest: self.longest.max(other.longest) }
    }

    /// What reaches either, reaches this.
    #[inline]
    pub(super) fn intersection(self, other: Self) -> Self {
        Self { kinds: self.kinds.intersection(other.kinds), longest: self.longest.min(other.longest) }
    }

    /// Whether a value may have what a match needs, gate bits apart.
    #[inline]
    pub(super) fn may_meet(self, need: &Need) -> bool {
        self.reaches(Self { kinds: need.kinds, longest: need.len })
    }

    /// Whether a value may be as long as `least` and have all its kinds of bytes.
    #[inline]
    pub(super) fn reaches(self, least: Self) -> bool {
        self.longest >= least.longest && self.kinds.have(least.kinds)
    }
}

impl State {
    /// Fills column `at` unless that is done; the column whose values it has.
    #[inline]
    pub(super) fn column(&mut self, program: &Program, at: u32) -> u32 {
        let Some(column) = program.columns.get(at as usize) else { return at };
        match self.columns.get(column.members) {
            Some(members) if self.is_fresh(column, members) => {
                // Most values hold no byte that a transformation acts on.
                if members.is_untouched_by(column.touches) {
                    return column.members;
                }
            }
            _ => return self.fill_column(program, at, column),
        }
        self.touched_column(program, at)
    }

    /// Fills column `at`, of members, unless that is done.
    #[inline]
    pub(super) fn members(&mut self, program: &Program, at: u32) {
        let Some(column) = program.columns.get(at as usize) else { return };
        if !self.columns.get(at).is_some_and(|filled| self.is_fresh(column, filled)) {
            self.fill_column(program, at, column);
        }
    }

    /// The same of a column whose members are filled, and have bytes that its transformations act on.
    #[inline]
    pub(super) fn touched_column(&mut self, program: &Program, at: u32) -> u32 {
        let Some(column) = program.columns.get(at as usize) else { return at };
        match self.columns.get(at) {
            Some(filled) if self.is_fresh(column, filled) => filled.same_as,
            _ => self.fill_column(program, at, column),
        }
    }

    #[inline]
    fn is_fresh(&self, column: &Column, filled: &Filled) -> bool {
        // INVARIANT: within a phase only volatile variables change.
        match column.is_volatile {
            true => filled.moment == self.columns.moment,
            false => filled.time > self.store.changed(column.variable),
        }
    }

    #[inline(never)]
    fn fill_column(&mut self, program: &Program, at: u32, column: &Column) -> u32 {
        match &column.source {
            Source::Members { select, excluded } => self.collect(program, at, column, select, excluded),
            Source::Step { of, transform, touches } => {
                let of = self.column(program, *of);
                let is_untouched = self.columns.get(of).is_none_or(|of| of.is_untouched_by(*touches));
                if is_untouched || !self.transform(program, at, of, *transform, *touches) {
                    return self.columns.alias(at, of, self.store.time);
                }
            }
        }
        at
    }

    /// Fills column `at` with what a transformation makes of column `of`; whether anything differs.
    fn transform(
        &mut self,
        program: &Program,
        at: u32,
        of: u32,
        transform: Transform,
        touches: Kinds,
    ) -> bool {
        let from = self.columns.take_items(of);
        let (values, page) = (&mut self.values, program.code_page.as_ref());
        let step = |values: &mut Values, item: &Item| {
            let is_touched = touches == Kinds::ALL || item.kinds.meets(touches);
            if is_touched { values.step(item.value, transform, page) } else { item.value }
        };
        let first = from.iter().position(|item| step(values, item) != item.value);
        let first = first.filter(|_| values.take_room(size_of_val(from.as_slice())));
        if let Some(first) = first {
            let mut items = self.columns.take_items(at);
            items.clear();
            items.extend_from_slice(&from);
            for item in items.iter_mut().skip(first) {
                let value = step(values, item);
                if value != item.value {
                    item.value = value;
                    item.learn(values.known(value, &program.kinds));
                }
            }
            let common = items.iter().fold(Common::default(), |all, item| all.union(item.common()));
            self.columns.filled(at, items, common, self.store.time);
        }
        self.columns.put_items(of, from);
        first.is_some()
    }

    /// Fills a column of members.
    fn collect(&mut self, program: &Program, at: u32, column: &Column, select: &Select, excluded: &[Select]) {
        let mut items = self.columns.take_items(at);
        items.clear();
        if column.variable == Variable::Tx {
            self.collect_tx(program, select, &mut items);
        } else {
            if column.is_volatile {
                self.refresh(program, column.variable);
            }
            let entries = self.store.entries(column.variable);
            let item = |entry: &Entry| Item::new(Key::Value(entry.key), entry.value);
            match select {
                Select::All => items.extend(entries.iter().map(item)),
                select => {
                    let is_meant = |entry: &&Entry| select.takes(self.values.get(entry.key), &program.names);
                    items.extend(entries.iter().filter(is_meant).map(item));
                }
            }
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
            items.push(Item::new(Key::Value(Values::EMPTY), value));
        }
        // A client chooses how many there are, and many columns may have them.
        if !self.values.take_room(size_of_val(items.as_slice())) {
            items.clear();
        }
        let mut common = Common::default();
        for item in &mut items {
            item.learn(self.values.known(item.value, &program.kinds));
            common = common.union(item.common());
        }
        self.columns.filled(at, items, common, self.store.time);
    }

    fn collect_tx(&mut self, program: &Program, select: &Select, items: &mut Vec<Item>) {
        let slot = |(slot, value)| Item::new(Key::Slot(slot), value);
        match select {
            Select::Slot(at) => return items.extend(self.tx.get(*at).map(|value| slot((*at, value)))),
            Select::All => items.extend(self.tx.slots().map(slot)),
            Select::Pattern(_, slots) => {
                items.extend(slots.iter().filter_map(|at| Some(slot((*at, self.tx.get(*at)?)))));
            }
            Select::Name(_) => return,
        }
        let meant = self.tx.made().filter(|(name, _)| select.takes(self.values.get(*name), &program.names));
        items.extend(meant.map(|(name, value)| Item::new(Key::Value(name), value)));
    }

    /// The bytes of a member's name.
    pub(super) fn key<'a>(&'a self, program: &'a Program, key: Key) -> &'a [u8] {
        match key {
            Key::Value(value) => self.values.get(value),
            Key::Slot(slot) => program.names.name(slot).as_bytes(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Columns, Common, Item, KEPT, Key, Values};

    #[test]
    fn a_costly_transaction_leaves_no_large_columns() {
        let mut columns = Columns::new(2);
        let item = Item::new(Key::Value(Values::EMPTY), Values::EMPTY);
        columns.filled(0, vec![item; 100 * KEPT], Common::default(), 1);
        columns.filled(1, vec![item; 10], Common::default(), 1);
        columns.shrink();
        assert!(columns.list.iter().all(|column| column.items.capacity() <= KEPT));
    }
}
