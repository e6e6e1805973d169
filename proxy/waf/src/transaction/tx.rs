//! `TX`: the variables that rules write. Those that rules name have slots; names made at run time are found by hash.

use std::collections::HashMap;
use std::hash::BuildHasher as _;

use super::values::{ValueId, Values};
use crate::bytes::integer;
use crate::program::Names;

/// Names made at run time that a transaction may have.
const MADE_NAMES: usize = 100_000;
/// So many are found faster without an index.
const FEW_NAMES: usize = 12;

/// The members of `TX`.
#[derive(Default)]
pub(crate) struct Tx {
    slots: Vec<Option<(ValueId, i64)>>,
    made: Vec<Made>,
    /// Once there are more than a few: the last made name of each hash. The names are a client's to choose, so the hash has a
    /// secret key.
    index: HashMap<u64, usize>,
}

/// A member whose name was made at run time.
struct Made {
    name: ValueId,
    value: Option<ValueId>,
    /// The one made before it that has the same hash.
    next: Option<usize>,
}

impl Tx {
    pub(super) fn clear(&mut self, names: &Names) {
        self.slots.clear();
        self.slots.resize(names.len(), None);
        if !self.made.is_empty() {
            self.made.clear();
            self.index.clear();
        }
    }

    pub(super) fn get(&self, slot: u32) -> Option<ValueId> {
        self.slots.get(slot as usize).copied().flatten().map(|(value, _)| value)
    }

    /// The number a slot holds.
    pub(super) fn number(&self, slot: u32) -> Option<i64> {
        self.slots.get(slot as usize).copied().flatten().map(|(_, number)| number)
    }

    pub(super) fn set(&mut self, slot: u32, value: Option<ValueId>, values: &Values) {
        if let Some(place) = self.slots.get_mut(slot as usize) {
            *place = value.map(|value| (value, integer(values.get(value))));
        }
    }

    /// Empties the slots of captures.
    pub(super) fn clear_captures(&mut self) {
        self.slots.iter_mut().take(Names::CAPTURES as usize).for_each(|slot| *slot = None);
    }

    /// Sets a slot to a value that spells `number`.
    pub(super) fn set_number(&mut self, slot: u32, value: ValueId, number: i64) {
        if let Some(place) = self.slots.get_mut(slot as usize) {
            *place = Some((value, number));
        }
    }

    /// The value of a name that may have a slot.
    pub(super) fn find(&self, name: &[u8], names: &Names, values: &Values) -> Option<ValueId> {
        let slot = std::str::from_utf8(name).ok().and_then(|name| names.find(name));
        match slot {
            Some(slot) => self.get(slot),
            None => self.made.get(self.position(name, values)?)?.value,
        }
    }

    fn position(&self, name: &[u8], values: &Values) -> Option<usize> {
        if self.made.len() <= FEW_NAMES {
            return self.made.iter().position(|made| values.get(made.name) == name);
        }
        let mut at = self.index.get(&self.index.hasher().hash_one(name)).copied();
        while let Some(made) = at.and_then(|at| self.made.get(at)) {
            if values.get(made.name) == name {
                return at;
            }
            at = made.next;
        }
        None
    }

    /// Sets a name (in lower case) that may have a slot; not a constant.
    pub(super) fn put(&mut self, name: &[u8], value: Option<ValueId>, names: &Names, values: &mut Values) {
        if let Some(slot) = std::str::from_utf8(name).ok().and_then(|name| names.find(name)) {
            if names.constant(slot).is_none() {
                self.set(slot, value, values);
            }
            return;
        }
        if let Some(made) = self.position(name, values).and_then(|at| self.made.get_mut(at)) {
            made.value = value;
        } else if value.is_some() && self.made.len() < MADE_NAMES {
            self.made.push(Made { name: values.add(name), value, next: None });
            match self.made.len() - 1 {
                FEW_NAMES => (0..=FEW_NAMES).for_each(|at| self.enter(at, values)),
                last if last > FEW_NAMES => self.enter(last, values),
                _ => {}
            }
        }
    }

    /// Enters a made name into the index.
    fn enter(&mut self, at: usize, values: &Values) {
        if let Some(made) = self.made.get_mut(at) {
            made.next = self.index.insert(self.index.hasher().hash_one(values.get(made.name)), at);
        }
    }

    /// Members made at run time.
    pub(super) fn made(&self) -> impl Iterator<Item = (ValueId, ValueId)> {
        self.made.iter().filter_map(|made| Some((made.name, made.value?)))
    }

    /// Members with slots.
    pub(super) fn slots(&self) -> impl Iterator<Item = (u32, ValueId)> {
        (0..).zip(&self.slots).filter_map(|(slot, value)| Some((slot, (*value)?.0)))
    }
}
