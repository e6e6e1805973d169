//! Surveys: what the values of a group of columns have in common, so that most rules are passed over without a look at any.

use super::State;
use super::columns::Common;
use crate::bytes::ByteSet;
use crate::program::{Hint, Link, Program};

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
        let Common { set, longest } = survey.common;
        if longest < hint.len || hint.set.is_some_and(|needed| !needed.meets(set)) {
            return false;
        }
        let Some(bit) = hint.bit else { return true };
        if survey.bits_time == survey.time {
            return has_bit(&survey.bits, bit);
        }
        has_bit(self.unite_bits(program, at), bit)
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
        if !need.sets.iter().all(|set| set.meets(survey.common.set)) {
            return false;
        }
        let bit = need.bit.filter(|_| !need.is_met_instead(survey.common.set));
        self.have_values(program, &Hint { group, len: need.len, bit, set: None })
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
        if group.plain != at && group.touches != ByteSet::ALL {
            let plain = self.surveyed(program, group.plain);
            let common = self.surveys.get(plain).map(|survey| survey.common).unwrap_or_default();
            if !common.set.meets(group.touches) {
                return self.surveys.put(at, plain, common, self.store.time);
            }
        }
        let mut all = Common::default();
        for stages in group.columns.chunks(group.stages) {
            for column in self.stages(program, stages) {
                let column = self.column(program, *column);
                let common = self.columns.common(column);
                all.set = all.set.union(common.set);
                all.longest = all.longest.max(common.longest);
            }
        }
        self.surveys.put(at, at, all, self.store.time)
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
