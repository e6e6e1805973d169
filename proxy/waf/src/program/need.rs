//! What a match needs, settled for each condition: a bit of the gate, kinds of bytes, a length.

use std::collections::HashMap;

use super::kinds::{KindSets, KindTable};
use super::rule::{Need, Rule};
use super::{Builder, is_request};
use crate::bytes::ByteSet;
use crate::operator::{Operator, Requirement};

/// The bytes that a match needs: some of each of these sets, without the gate's bit of each in one of those, and of each in one of
/// the choices.
#[derive(Default)]
pub(super) struct Wanted {
    sets: Vec<ByteSet>,
    instead: Vec<Vec<ByteSet>>,
    choices: Vec<Vec<ByteSet>>,
}

impl Builder<'_> {
    /// What a value must have; the bit of the gate only where values are kept long enough to scan them.
    pub(super) fn need(&mut self, operator: &Operator, group: u32, phase: u8, negated: bool) -> Need {
        let requirement = operator.requirement();
        if negated && !requirement.is_exact {
            self.wanted.push(Wanted::default());
            return Need::NOTHING;
        }
        let mut bit = None;
        // Where the literals of a response are long, its large body is scanned at few places; expressions with short ones
        // find these fast by themselves.
        if !requirement.literals.is_empty()
            && (is_request(phase) || requirement.has_long_literals())
            && !self.groups.columns_of(group).any(|column| column.count || column.variable.is_volatile())
        {
            let gate = self.gates.get_mut(usize::from(phase > 2));
            bit = gate.map(|gate| gate.bit(&requirement.literals));
        }
        let Requirement { sets, instead, choices, .. } = requirement;
        self.wanted.push(Wanted {
            sets: any_case(&sets),
            instead: instead.iter().map(|sets| any_case(sets)).collect(),
            choices: choices.iter().map(|sets| any_case(sets)).collect(),
        });
        Need {
            bit,
            is_exact: requirement.is_exact,
            len: u32::try_from(requirement.len).unwrap_or(u32::MAX),
            ..Need::NOTHING
        }
    }

    /// Chooses the kinds of bytes, and says of each condition which it needs.
    pub(super) fn settle_kinds(&mut self, rules: &mut [Rule]) -> KindTable {
        // Without a bit, the sets are all that keeps an operator from being asked.
        const BITLESS: u32 = 8;
        let wanted = std::mem::take(&mut self.wanted);
        let needs = || rules.iter().flat_map(|rule| &rule.links).map(|link| &link.need);
        let mut weights: HashMap<ByteSet, u32> = HashMap::new();
        for (need, wanted) in needs().zip(&wanted) {
            let weight = if need.bit.is_none() { BITLESS } else { 1 };
            wanted.sets.iter().for_each(|set| *weights.entry(*set).or_default() += weight);
            let others = wanted.instead.iter().chain(&wanted.choices).flatten();
            others.for_each(|set| *weights.entry(*set).or_default() += BITLESS);
        }
        let sets = KindSets::new(weights);
        let needs = rules.iter_mut().flat_map(|rule| &mut rule.links).map(|link| &mut link.need);
        for (need, wanted) in needs.zip(&wanted) {
            need.kinds = sets.of(&wanted.sets);
            need.instead = wanted.instead.iter().map(|needed| sets.of(needed)).collect();
            need.choices = sets.choices(&wanted.choices);
        }
        sets.table()
    }
}

/// Sets that do not tell upper from lower case: hardly more values have their bytes, and there are fewer of them.
fn any_case(sets: &[ByteSet]) -> Vec<ByteSet> {
    sets.iter().map(|set| set.any_case()).collect()
}
