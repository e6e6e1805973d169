//! Members of `TX` that the rules name: each has a slot, so that no name is looked up while a request waits.

use std::collections::HashMap;

use crate::bytes::BuildFnv;

/// The names with their slots. The first ten are `0` to `9`, where captures go; constants follow.
pub(crate) struct Names {
    slots: HashMap<Box<str>, u32, BuildFnv>,
    names: Vec<Box<str>>,
    constants: Vec<i64>,
}

impl Names {
    /// Slots for captures.
    pub(crate) const CAPTURES: u32 = 10;

    /// With constants: names in lower case, each once, and their numbers.
    pub(crate) fn new(constants: &[(&str, i64)]) -> Self {
        let mut names = Self { slots: HashMap::default(), names: Vec::new(), constants: Vec::new() };
        for digit in 0..Self::CAPTURES {
            names.slot(&digit.to_string());
        }
        for (name, number) in constants {
            names.slot(name);
            names.constants.push(*number);
        }
        names
    }

    /// The number that a slot always holds, if it does.
    pub(crate) fn constant(&self, slot: u32) -> Option<i64> {
        self.constants.get(slot.checked_sub(Self::CAPTURES)? as usize).copied()
    }

    /// Slots and numbers of all constants.
    pub(crate) fn constants(&self) -> impl Iterator<Item = (u32, i64)> {
        (Self::CAPTURES..).zip(self.constants.iter().copied())
    }

    /// The slot of `name` (in lower case), new when there is none yet.
    pub(crate) fn slot(&mut self, name: &str) -> u32 {
        if let Some(slot) = self.slots.get(name) {
            return *slot;
        }
        let slot = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        self.names.push(name.into());
        self.slots.insert(name.into(), slot);
        slot
    }

    pub(crate) fn find(&self, name: &str) -> Option<u32> {
        self.slots.get(name).copied()
    }

    pub(crate) fn name(&self, slot: u32) -> &str {
        self.names.get(slot as usize).map_or("", |name| name)
    }

    pub(crate) fn len(&self) -> usize {
        self.names.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &str)> {
        (0..).zip(self.names.iter().map(|name| &**name))
    }
}
