//! Surveys: what the values of a group of columns have in common, so that most rules are passed over without a look at any.

use super::State;
use super::columns::Common;
use crate::program::{Hint, Kinds, Link, Program};

/// Per group, its survey.
pub(crate) struct Surveys(Vec<Survey>);

#[derive(Default)]
struct Survey {
    /// When it was made; it holds for a phase.
    time: u32,
    /// The group whose values these are: often the transformations change nothing.
    same_as: u32,
    common: Common,
    /// The gate bits that any value sets, and when that was found.
    bits: Vec<u64>,
    bits_time: u32,
}

impl Surveys {
    pub(super) fn new(count: usize) -> Self {
        Self((0..count).map(|_| Survey::default()).collect())
    }

    fn get(&self, at: u32) -> Option<&Survey> {
        self.0.get(at as usize)
    }

    fn get_mut(&mut self, at: u32) -> Option<&mut Survey> {
        self.0.get_mut(at as usize)
    }

    /// Notes what the values of `at` have in common, and which group has the same; that one.
    fn put(&mut self, at: u32, same_as: u32, common: Common, time: u32) -> u32 {
        if let Some(survey) = self.get_mut(at) {
            (survey.time, survey.same_as, survey.common) = (time, same_as, common);
        }
        same_as
    }
}

impl State {
    /// Whether any value of the group has what the hint says.
    #[inline]
    pub(super) fn have_values(&mut self, program: &Program, hint: &Hint) -> bool {
        let at = self.surveyed(program, hint.group);
        let Some(survey) = self.surveys.get(at) else { return true };
        // Most lack the bit.
        let are_bits_known = survey.bits_time == survey.time;
        if are_bits_known && hint.bit.is_some_and(|bit| !has_bit(&survey.bits, bit)) {
            return false;
        }
        if survey.common.longest < hint.len || !survey.common.kinds.have(hint.kinds) {
            return false;
        }
        are_bits_known || hint.bit.is_none_or(|bit| has_bit(self.unite_bits(program, at), bit))
    }

    /// Whether any value of the group has what a match needs.
    pub(super) fn may_match(&mut self, program: &Program, link: &Link, at: u32) -> bool {
        let need = &link.need;
        // Fills the columns.
        let group = self.surveyed(program, at);
        if link.negated {
            return true;
        }
        let Some(survey) = self.surveys.get(group) else { return true };
        let bit = need.bit.filter(|_| !need.is_met_instead(survey.common.kinds));
        self.have_values(program, &Hint { group, len: need.len, bit, kinds: need.kinds })
    }

    /// Surveys a group unless that is done; the group whose values it has.
    #[inline]
    pub(super) fn surveyed(&mut self, program: &Program, at: u32) -> u32 {
        match self.surveys.get(at) {
            Some(survey) if survey.time == self.store.time => survey.same_as,
            _ => self.survey(program, at),
        }
    }

    /// Fills the columns of a group, and learns what their values have in common.
    #[inline(never)]
    fn survey(&mut self, program: &Program, at: u32) -> u32 {
        let Some(group) = program.groups.get(at as usize) else { return at };
        let time = self.store.time;
        let mut before = None;
        for (made_of, touches) in &group.made_of {
            let other = self.surveyed(program, *made_of);
            let common = self.surveys.get(other).map(|survey| survey.common).unwrap_or_default();
            if *touches != Kinds::ALL && !common.kinds.meets(*touches) {
                return self.surveys.put(at, other, common, time);
            }
            before = Some(other);
        }
        let before = before.and_then(|at| Some((at, program.groups.get(at as usize)?)));
        let before = before.filter(|(_, other)| other.stages == group.stages);
        let mut is_same = before.is_some();
        let mut all = Common::default();
        for (index, stages) in group.columns.chunks(group.stages).enumerate() {
            for column in self.stages(program, stages) {
                let column = self.column(program, *column);
                let common = self.columns.common(column);
                all.kinds = all.kinds.union(common.kinds);
                all.longest = all.longest.max(common.longest);
                is_same = is_same
                    && before
                        .and_then(|(_, other)| other.columns.get(index))
                        .is_some_and(|other| self.column(program, *other) == column);
            }
        }
        let same_as = before.filter(|_| is_same).map_or(at, |(other, _)| other);
        self.surveys.put(at, same_as, all, time)
    }

    /// The stages of a target that are worth looking at: the first, when the others are the same.
    #[inline]
    pub(super) fn stages<'a>(&mut self, program: &Program, stages: &'a [u32]) -> &'a [u32] {
        match stages {
            [first, .., last] if self.column(program, *first) == self.column(program, *last) => {
                stages.get(..1).unwrap_or(stages)
            }
            _ => stages,
        }
    }

    /// The gate bits that any value of a group sets.
    #[inline(never)]
    fn unite_bits(&mut self, program: &Program, at: u32) -> &[u64] {
        let side = usize::from(self.phase > 2);
        let (Some(gate), Some(group)) = (program.gates.get(side), program.groups.get(at as usize)) else {
            return &[];
        };
        let mut bits = self.surveys.get_mut(at).map(|survey| std::mem::take(&mut survey.bits));
        let mut bits = bits.take().unwrap_or_default();
        bits.clear();
        bits.resize(gate.words, 0);
        for stages in group.columns.chunks(group.stages) {
            for column in self.stages(program, stages) {
                let column = self.column(program, *column);
                if self.columns.items(column).is_empty() {
                    continue;
                }
                let more = self.columns.bits(column, &mut self.values, gate, side);
                bits.iter_mut().zip(more).for_each(|(word, more)| *word |= more);
            }
        }
        let Some(survey) = self.surveys.get_mut(at) else { return &[] };
        survey.bits_time = survey.time;
        survey.bits = bits;
        &survey.bits
    }
}

/// Whether a bit is set.
pub(super) fn has_bit(bits: &[u64], bit: u32) -> bool {
    bits.get((bit >> 6) as usize).is_some_and(|word| word >> (bit & 63) & 1 == 1)
}
