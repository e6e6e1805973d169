//! Surveys: what the values of a group of columns have in common, so that most rules are passed over without a look at any.

use super::State;
use super::columns::Common;
use crate::operator::contains_spaced;
use crate::program::{Before, Group, Kinds, Program};

/// Per group, its survey.
pub(crate) struct Surveys(Vec<Survey>);

#[derive(Default)]
struct Survey {
    /// When it was made; it holds for a phase.
    time: u64,
    /// The group whose values these are: often the transformations change nothing.
    same_as: u32,
    common: Common,
    /// Where the values are: most targets have none.
    present: Vec<Present>,
}

/// A column with values.
#[derive(Clone, Copy)]
pub(super) struct Present {
    /// Which of the group's targets it belongs to.
    target: u32,
    /// The column whose values these are.
    pub(super) column: u32,
    pub(super) common: Common,
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

    /// A column with values of group `at`, by number.
    #[inline]
    pub(super) fn present(&self, at: u32, index: usize) -> Option<Present> {
        self.get(at)?.present.get(index).copied()
    }

    /// What the values of group `at` have in common.
    pub(super) fn common(&self, at: u32) -> Common {
        self.get(at).map(|survey| survey.common).unwrap_or_default()
    }

    /// The columns with values of group `at`.
    pub(super) fn all_present(&self, at: u32) -> &[Present] {
        self.get(at).map_or(&[], |survey| &survey.present)
    }

    /// Notes that group `at` has the values of another; that one.
    fn alias(&mut self, at: u32, same_as: u32, time: u64) -> u32 {
        if let Some(survey) = self.get_mut(at) {
            (survey.time, survey.same_as) = (time, same_as);
        }
        same_as
    }
}

impl State {
    /// Whether any value of a group holds a text, white space and case apart.
    #[inline(never)]
    pub(super) fn have_before(&mut self, program: &Program, before: &Before) -> bool {
        let at = self.surveyed(program, before.group);
        let mut index = 0;
        while let Some(Present { column, .. }) = self.surveys.present(at, index) {
            for item in self.columns.items(column) {
                let is_worth_it = self.values.spend(item.len as usize);
                if !is_worth_it || contains_spaced(self.values.get(item.value), &before.text) {
                    return true;
                }
            }
            index += 1;
        }
        false
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
        let mut made_of = None;
        for (other, touches) in &group.made_of {
            let other = self.surveyed(program, *other);
            if *touches != Kinds::ALL && !self.surveys.common(other).kinds.meets(*touches) {
                return self.surveys.alias(at, other, self.store.time);
            }
            made_of = Some((made_of.map_or(other, |(plain, _)| plain), other));
        }
        let mut present = self.surveys.get_mut(at).map(|survey| std::mem::take(&mut survey.present));
        let mut present = present.take().unwrap_or_default();
        present.clear();
        let is_same = match made_of {
            None => self.present_members(program, group, &mut present),
            Some((plain, before)) if group.stages == 1 => {
                self.present_of(program, group, plain, before, &mut present)
            }
            Some((plain, _)) => self.present_stages(program, group, plain, &mut present),
        };
        let same_as = made_of.filter(|_| is_same).map_or(at, |(_, before)| before);
        let Some(survey) = self.surveys.get_mut(at) else { return at };
        (survey.time, survey.same_as) = (self.store.time, same_as);
        survey.common = present.iter().fold(Common::default(), |all, more| all.union(more.common));
        survey.present = present;
        same_as
    }

    /// Finds the columns of members that there are.
    fn present_members(&mut self, program: &Program, group: &Group, present: &mut Vec<Present>) -> bool {
        for (target, column) in (0..).zip(&group.columns) {
            self.members(program, *column);
            let common = self.columns.common_of_any(*column);
            present.extend(common.map(|common| Present { target, column: *column, common }));
        }
        false
    }

    /// Finds the columns with values of a group that is made of others: what has no members has no values. `before` is the group
    /// before the last transformation, or that of the members; whether all is the same there.
    fn present_of(
        &mut self,
        program: &Program,
        group: &Group,
        plain: u32,
        before: u32,
        present: &mut Vec<Present>,
    ) -> bool {
        let mut is_same = true;
        let mut index = 0;
        while let Some(members) = self.surveys.present(plain, index) {
            let target = members.target as usize;
            let Some((column, touches)) = group.columns.get(target).zip(group.touches.get(target)) else {
                break;
            };
            // Most values hold no byte that a transformation acts on.
            let found = if *touches != Kinds::ALL && !members.common.kinds.meets(*touches) {
                members
            } else {
                let column = self.touched_column(program, *column);
                Present { column, common: self.columns.common(column), ..members }
            };
            present.push(found);
            let other = self.surveys.present(before, index);
            is_same = is_same && other.is_some_and(|other| other.column == found.column);
            index += 1;
        }
        is_same
    }

    /// The same of a group with stages.
    fn present_stages(
        &mut self,
        program: &Program,
        group: &Group,
        plain: u32,
        present: &mut Vec<Present>,
    ) -> bool {
        let mut index = 0;
        while let Some(members) = self.surveys.present(plain, index) {
            let start = members.target as usize * group.stages;
            let stages = group.columns.get(start..start + group.stages).unwrap_or_default();
            let first = present.len();
            for column in self.stages(program, stages) {
                let column = self.column(program, *column);
                // What changes nothing adds no values.
                if present.get(first..).is_none_or(|found| found.iter().all(|found| found.column != column)) {
                    present.push(Present { column, common: self.columns.common(column), ..members });
                }
            }
            index += 1;
        }
        false
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
}

/// Whether a bit is set.
pub(super) fn has_bit(bits: &[u64], bit: u32) -> bool {
    bits.get((bit >> 6) as usize).is_some_and(|word| word >> (bit & 63) & 1 == 1)
}
