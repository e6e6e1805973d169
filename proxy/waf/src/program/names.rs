//! Members of `TX` that the rules name: each has a slot, so that no name is looked up while a request waits.

use std::collections::HashMap;

use crate::bytes::BuildFnv;

/// The names with their slots. The first ten are `0` to `9`, where captures go.
pub(crate) struct Names {
    slots: HashMap<Box<str>, u32, BuildFnv>,
    names: Vec<Box<str>>,
}

impl Names {
    /// Slots for captures.
    pub(crate) const CAPTURES: u32 = 10;

    pub(crate) fn new() -> Self {
        let mut names = Self { slots: HashMap::default(), names: Vec::new() };
        for digit in 0..Self::CAPTURES {
            names.slot(&digit.to_string());
        }
        names
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
