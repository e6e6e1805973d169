//! Kinds of bytes: the sets that transformations act on and that matches need, numbered, so that which of them occur in a
//! value is a few bits, learnt in one look at each byte.

use std::collections::HashMap;

use crate::bytes::ByteSet;
use crate::transform::Transform;

/// A set of kinds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub(crate) struct Kinds([u64; 2]);

impl Kinds {
    pub(crate) const NONE: Self = Self([0; 2]);
    pub(crate) const ALL: Self = Self([u64::MAX; 2]);
    /// Kinds there may be.
    const COUNT: usize = 128;

    fn one(number: usize) -> Self {
        let bit = 1 << (number & 63);
        if number < 64 { Self([bit, 0]) } else { Self([0, bit]) }
    }

    #[inline]
    pub(crate) fn union(self, other: Self) -> Self {
        let ([a, b], [c, d]) = (self.0, other.0);
        Self([a | c, b | d])
    }

    #[inline]
    pub(crate) fn intersection(self, other: Self) -> Self {
        let ([a, b], [c, d]) = (self.0, other.0);
        Self([a & c, b & d])
    }

    #[inline]
    pub(crate) fn meets(self, other: Self) -> bool {
        let ([a, b], [c, d]) = (self.0, other.0);
        (a & c) | (b & d) != 0
    }

    /// Whether all of `needed` are among these.
    #[inline]
    pub(crate) fn have(self, needed: Self) -> bool {
        let ([a, b], [c, d]) = (self.0, needed.0);
        (c & !a) | (d & !b) == 0
    }
}

/// The kinds that each byte is of.
pub(crate) struct KindTable(Box<[Kinds; 256]>);

impl KindTable {
    /// The kinds that occur in `bytes`.
    pub(crate) fn of(&self, bytes: &[u8]) -> Kinds {
        let kinds = bytes.iter().filter_map(|byte| self.0.get(usize::from(*byte)));
        kinds.fold(Kinds::NONE, |all, kinds| all.union(*kinds))
    }
}

/// The sets of bytes that are kinds.
pub(crate) struct KindSets(Vec<ByteSet>);

impl KindSets {
    /// Of what transformations act on, and so many of the sets in `wanted`, those that weigh most first, as there is room for.
    pub(super) fn new(wanted: HashMap<ByteSet, u32>) -> Self {
        let mut sets = Vec::new();
        for touches in Transform::ALL.map(Transform::touches) {
            if touches != ByteSet::ALL && !sets.contains(&touches) {
                sets.push(touches);
            }
        }
        let mut wanted: Vec<_> = wanted.into_iter().filter(|(set, _)| !sets.contains(set)).collect();
        wanted.sort_unstable_by_key(|(set, weight)| (std::cmp::Reverse(*weight), set.len(), *set));
        sets.extend(wanted.into_iter().map(|(set, _)| set));
        sets.truncate(Kinds::COUNT);
        Self(sets)
    }

    /// The kinds that a transformation acts on; of one that acts on any byte, and on the empty value, all.
    pub(super) fn touches(&self, transform: Transform) -> Kinds {
        let touches = transform.touches();
        self.0.iter().position(|set| *set == touches).map_or(Kinds::ALL, Kinds::one)
    }

    /// The kinds of which a value with a byte of each of `sets` has bytes: of each, or of a larger one when it is no kind.
    pub(super) fn of(&self, sets: &[ByteSet]) -> Kinds {
        let smallest = |needed: &ByteSet| {
            let larger = self.0.iter().enumerate().filter(|(_, set)| needed.is_within(**set));
            larger.min_by_key(|(_, set)| set.len()).map(|(number, _)| Kinds::one(number))
        };
        sets.iter().filter_map(smallest).fold(Kinds::NONE, Kinds::union)
    }

    /// The same of choices; none where a value of any kind has one.
    pub(super) fn choices(&self, choices: &[Vec<ByteSet>]) -> Vec<Kinds> {
        let mut all: Vec<Kinds> = choices.iter().map(|sets| self.of(sets)).collect();
        let needed = all.clone();
        // What needs more than another choice adds nothing.
        let is_more = |kinds: Kinds, other: Kinds| kinds != other && kinds.have(other);
        all.retain(|kinds| !needed.iter().any(|other| is_more(*kinds, *other)));
        all.sort_unstable();
        all.dedup();
        if all.contains(&Kinds::NONE) { Vec::new() } else { all }
    }

    pub(super) fn table(&self) -> KindTable {
        let mut table = Box::new([Kinds::NONE; 256]);
        for (byte, kinds) in (0..=255).zip(table.iter_mut()) {
            let sets = self.0.iter().enumerate().filter(|(_, set)| set.contains(byte));
            *kinds = sets.fold(Kinds::NONE, |all, (number, _)| all.union(Kinds::one(number)));
        }
        KindTable(table)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{KindSets, Kinds};
    use crate::bytes::ByteSet;
    use crate::transform::Transform;

    proptest! {
        /// A value with a byte of each set has the kinds that stand for them, however many sets there are.
        #[test]
        fn what_is_needed_is_found(
            sets in prop::collection::vec("[a-p]{1,6}", 1..300),
            needed in prop::collection::vec(any::<prop::sample::Index>(), 1..4),
            value in "[a-p]{0,12}",
        ) {
            let sets: Vec<ByteSet> = sets.iter().map(|set| ByteSet::of(set.as_bytes())).collect();
            let kinds = KindSets::new(sets.iter().map(|set| (*set, 1)).collect());
            let needed: Vec<ByteSet> = needed.iter().map(|at| *at.get(&sets)).collect();
            let has = needed.iter().all(|set| value.bytes().any(|byte| set.contains(byte)));
            let found = kinds.table().of(value.as_bytes()).have(kinds.of(&needed));
            prop_assert!(found || !has);
            if sets.len() < 100 {
                prop_assert_eq!(found, has);
            }
        }
    }

    proptest! {
        /// A value that has a byte of each set of a choice has a choice of kinds.
        #[test]
        fn what_has_a_choice_is_found(
            sets in prop::collection::vec("[a-p]{1,6}", 1..200),
            choices in prop::collection::vec(prop::collection::vec(any::<prop::sample::Index>(), 1..4), 1..6),
            value in "[a-p]{0,12}",
        ) {
            let sets: Vec<ByteSet> = sets.iter().map(|set| ByteSet::of(set.as_bytes())).collect();
            let kinds = KindSets::new(sets.iter().map(|set| (*set, 1)).collect());
            let choices: Vec<Vec<ByteSet>> =
                choices.iter().map(|choice| choice.iter().map(|at| *at.get(&sets)).collect()).collect();
            let bytes = ByteSet::of(value.as_bytes());
            let has = choices.iter().any(|choice| choice.iter().all(|set| set.meets(bytes)));
            let found = kinds.choices(&choices);
            let may = found.is_empty() || found.iter().any(|needed| kinds.table().of(value.as_bytes()).have(*needed));
            prop_assert!(may || !has);
            if sets.len() < 100 {
                prop_assert_eq!(may, has || found.is_empty());
            }
        }
    }

    #[test]
    fn transformations_act_on_kinds_of_their_own() {
        let kinds = KindSets::new((0..200).map(|byte| (ByteSet::of(&[byte, 255]), 9)).collect());
        for transform in Transform::ALL {
            let (touches, kind) = (transform.touches(), kinds.touches(transform));
            assert_eq!(touches == ByteSet::ALL, kind == Kinds::ALL, "{transform:?}");
            for byte in (0..=255).filter(|_| kind != Kinds::ALL) {
                assert_eq!(
                    kinds.table().of(&[byte]).meets(kind),
                    touches.contains(byte),
                    "{transform:?} {byte}"
                );
            }
        }
    }
}
