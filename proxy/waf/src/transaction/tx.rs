//! `TX`: the variables that rules write. Those that rules name have slots; names made at run time are found by hash.

use std::collections::HashMap;

use super::values::{ValueId, Values};
use crate::bytes::integer;
use crate::program::Names;

/// Names made at run time that a transaction may have.
const MADE_NAMES: usize = 100_000;

/// The members of `TX`.
#[derive(Default)]
pub(crate) struct Tx {
    slots: Vec<Option<(ValueId, i64)>>,
    made: Vec<(Vec<u8>, Option<ValueId>)>,
    index: HashMap<Vec<u8>, usize>,
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

    /// Sets a slot to a value that spells `number`.
    pub(super) fn set_number(&mut self, slot: u32, value: ValueId, number: i64) {
        if let Some(place) = self.slots.get_mut(slot as usize) {
            *place = Some((value, number));
        }
    }

    /// The value of a name that may have a slot.
    pub(super) fn find(&self, name: &[u8], names: &Names) -> Option<ValueId> {
        let slot = std::str::from_utf8(name).ok().and_then(|name| names.find(name));
        match slot {
            Some(slot) => self.get(slot),
            None => self.made.get(*self.index.get(name)?)?.1,
        }
    }

    /// Sets a name (in lower case) that may have a slot.
    pub(super) fn put(&mut self, name: &[u8], value: Option<ValueId>, names: &Names, values: &Values) {
        if let Some(slot) = std::str::from_utf8(name).ok().and_then(|name| names.find(name)) {
            return self.set(slot, value, values);
        }
        if let Some(made) = self.index.get(name).and_then(|at| self.made.get_mut(*at)) {
            made.1 = value;
        } else if value.is_some() && self.made.len() < MADE_NAMES {
            self.index.insert(name.to_vec(), self.made.len());
            self.made.push((name.to_vec(), value));
        }
    }

    /// Members made at run time.
    pub(super) fn made(&self) -> impl Iterator<Item = (&[u8], ValueId)> {
        self.made.iter().filter_map(|(name, value)| Some((name.as_slice(), (*value)?)))
    }

    /// Members with slots.
    pub(super) fn slots(&self) -> impl Iterator<Item = (u32, ValueId)> {
        (0..).zip(&self.slots).filter_map(|(slot, value)| Some((slot, (*value)?.0)))
    }
}
