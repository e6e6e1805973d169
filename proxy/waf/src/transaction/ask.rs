//! Asking one condition of a rule.

use super::columns::{Common, Item, Key};
use super::values::{Standing, ValueId, Values};
use super::{State, expand};
use crate::bytes::ByteSet;
use crate::program::{Argument, Column, Group, Guard, Hint, Link, Program};
use crate::syntax::Variable;

/// The variable that matched.
#[derive(Clone, Copy)]
pub(crate) struct Matched {
    pub(super) variable: Variable,
    pub(super) key: Key,
    pub(super) value: ValueId,
}

/// Per group, what its values have in common.
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

    /// Notes what the values of `at` have in common, and which group has the same; that one.
    fn put(&mut self, at: u32, same_as: u32, common: Common, time: u32) -> u32 {
        if let Some(survey) = self.0.get_mut(at as usize) {
            (survey.time, survey.same_as, survey.common) = (time, same_as, common);
        }
        same_as
    }
}

/// A condition being asked.
struct Question<'a> {
    program: &'a Program,
    link: &'a Link,
    /// The operator's argument, expanded.
    argument: &'a [u8],
}

impl State {
    /// Asks one condition of rule `at`; whether any value matched.
    pub(super) fn link(&mut self, program: &Program, at: u32, link: &Link) -> bool {
        if let Some(guard) = link.guard
            && !self.excludes_tx
        {
            return self.guard_holds(guard) && self.pass_guard(program, link, guard);
        }
        let Some(group_at) = link.group else {
            self.apply_effects(program, &link.effects);
            return true;
        };
        let Some(mut group) = program.groups.get(group_at as usize) else { return false };
        if group.is_volatile {
            // All of it now, whatever effects the matches have.
            self.columns.start_moment();
            for column in &group.columns {
                self.column(program, *column);
            }
        } else {
            if !self.may_match(program, link, group_at) {
                return false;
            }
            let same = self.surveyed(program, group_at);
            group = program.groups.get(same as usize).unwrap_or(group);
        }
        let Argument::Template(template) = &link.argument else {
            let Argument::Literal(argument) = &link.argument else { return false };
            return self.ask(&Question { program, link, argument }, at, group);
        };
        let mut argument = std::mem::take(&mut self.argument);
        argument.clear();
        expand::expand(self, program, template, &mut argument);
        let matched = self.ask(&Question { program, link, argument: &argument }, at, group);
        self.argument = argument;
        matched
    }

    pub(super) fn guard_holds(&self, guard: Guard) -> bool {
        let number = self.tx.number(guard.slot);
        let number = if guard.count { Some(i64::from(number.is_some())) } else { number };
        let other = self.number(guard.number);
        number.is_some_and(|number| guard.comparison.compares(number, other) != guard.negated)
    }

    /// Carries out the match of a guard.
    fn pass_guard(&mut self, program: &Program, link: &Link, guard: Guard) -> bool {
        let value = self.tx.get(guard.slot);
        let (key, value) = if guard.count {
            (Key::Value(Values::EMPTY), self.values.add_number(i64::from(value.is_some())))
        } else {
            (Key::Slot(guard.slot), value.unwrap_or(Values::EMPTY))
        };
        self.match_found(program, link, Matched { variable: Variable::Tx, key, value });
        true
    }

    /// Whether any value of the group has what the hint says.
    #[inline]
    pub(super) fn have_values(&mut self, program: &Program, hint: &Hint) -> bool {
        let at = self.surveyed(program, hint.group);
        let Some(survey) = self.surveys.0.get(at as usize) else { return true };
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
    fn may_match(&mut self, program: &Program, link: &Link, at: u32) -> bool {
        let need = &link.need;
        // Fills the columns.
        let group = self.surveyed(program, at);
        if link.negated {
            return true;
        }
        let Some(survey) = self.surveys.0.get(group as usize) else { return true };
        if !need.sets.iter().all(|set| set.meets(survey.common.set)) {
            return false;
        }
        let bit = need.bit.filter(|_| !need.is_met_instead(survey.common.set));
        self.have_values(program, &Hint { group, len: need.len, bit, set: None })
    }

    /// Surveys a group unless that is done; the group whose values it has.
    #[inline]
    fn surveyed(&mut self, program: &Program, at: u32) -> u32 {
        match self.surveys.0.get(at as usize) {
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
            let common = self.surveys.0.get(plain as usize).map(|survey| survey.common).unwrap_or_default();
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
    fn stages<'a>(&mut self, program: &Program, stages: &'a [u32]) -> &'a [u32] {
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
        let mut bits = self.surveys.0.get_mut(at as usize).map(|survey| std::mem::take(&mut survey.bits));
        let mut bits = bits.take().unwrap_or_default();
        bits.clear();
        bits.resize(gate.words, 0);
        for stages in group.columns.chunks(group.stages) {
            for column in self.stages(program, stages) {
                let column = self.column(program, *column);
                let more = self.columns.bits(column, &mut self.values, gate, side);
                bits.iter_mut().zip(more).for_each(|(word, more)| *word |= more);
            }
        }
        let Some(survey) = self.surveys.0.get_mut(at as usize) else { return &[] };
        survey.bits_time = survey.time;
        survey.bits = bits;
        &survey.bits
    }

    /// Asks about each value of a group.
    fn ask(&mut self, question: &Question<'_>, at: u32, group: &Group) -> bool {
        let mut any = false;
        self.values.next_question();
        for stages in group.columns.chunks(group.stages) {
            let stages = self.stages(question.program, stages);
            let Some((first, column)) =
                stages.first().and_then(|at| Some((*at, question.program.columns.get(*at as usize)?)))
            else {
                continue;
            };
            if !group.is_volatile && !stages.iter().any(|at| self.column_may_match(question, *at)) {
                continue;
            }
            let is_filtered = self.exclusions.iter().any(|(_, place)| place.0.variable == column.variable);
            let first = self.column(question.program, first);
            let mut index = 0;
            while let Some(item) = self.columns.item(first, index) {
                if !(is_filtered && self.is_excluded(question.program, at, column, item)) {
                    any |= self.ask_stages(question, column, stages, index);
                }
                index += 1;
            }
        }
        any
    }

    /// Asks about a value, or with `multiMatch` about what each transformation that changes something makes of it.
    fn ask_stages(&mut self, question: &Question<'_>, column: &Column, stages: &[u32], index: usize) -> bool {
        let (mut any, mut before) = (false, None);
        for at in stages {
            let at = self.column(question.program, *at);
            let Some(item) = self.columns.item(at, index) else { break };
            if before != Some(item.value) {
                before = Some(item.value);
                any |= self.ask_one(question, column, item);
            }
        }
        any
    }

    /// Whether any value of a column has what a match needs.
    fn column_may_match(&mut self, question: &Question<'_>, at: u32) -> bool {
        let Question { program, link, .. } = *question;
        if link.negated {
            return true;
        }
        let at = self.column(program, at);
        let (need, Common { set, longest }) = (&link.need, self.columns.common(at));
        if longest < need.len || !need.sets.iter().all(|needed| needed.meets(set)) {
            return false;
        }
        let Some(bit) = need.bit else { return true };
        let side = usize::from(self.phase > 2);
        let Some(gate) = program.gates.get(side) else { return true };
        need.is_met_instead(set) || has_bit(self.columns.bits(at, &mut self.values, gate, side), bit)
    }

    fn ask_one(&mut self, question: &Question<'_>, column: &Column, item: Item) -> bool {
        let Question { program, link, argument } = *question;
        let value = item.value;
        let side = usize::from(self.phase > 2);
        let Some(gate) = program.gates.get(side) else { return false };
        // Equal values share a number: what one was refused for, the others are too.
        let may_hold = match self.values.standing(value, &link.need, gate, side) {
            Standing::Answered => return false,
            Standing::Lacks if !link.negated => {
                self.values.answer(value);
                return false;
            }
            standing => standing == Standing::May,
        };
        let is_known = !may_hold || (link.need.is_exact && link.need.bit.is_some() && !link.capture);
        let holds = if is_known { may_hold } else { self.holds(link, value, argument) };
        let matched = holds != link.negated && self.values.fuel > 0;
        if !matched {
            self.values.answer(value);
            return false;
        }
        if link.capture && !link.negated {
            self.capture(value);
        }
        self.match_found(program, link, Matched { variable: column.variable, key: item.key, value });
        true
    }

    /// Asks the operator.
    fn holds(&mut self, link: &Link, value: ValueId, argument: &[u8]) -> bool {
        let Self { values, captures, .. } = self;
        if !values.spend(values.len(value) as usize) {
            return false;
        }
        captures.clear();
        link.operator.matches(values.get(value), argument, link.capture.then_some(captures))
    }

    fn match_found(&mut self, program: &Program, link: &Link, matched: Matched) {
        self.matched_now.push(matched);
        self.matched = Some(matched);
        self.apply_effects(program, &link.effects);
    }

    /// Sets `TX:0` to `TX:9`.
    fn capture(&mut self, value: ValueId) {
        let Self { values, captures, tx, .. } = self;
        for slot in 0..10_u32 {
            let part = match (&captures.text, slot) {
                (Some(text), 0) => Some(values.add(text)),
                _ => {
                    let span = captures.spans.get(slot as usize).copied().flatten();
                    span.map(|(start, end)| values.part(value, start, end))
                }
            };
            tx.set(slot, part, values);
        }
    }

    fn is_excluded(&self, program: &Program, rule: u32, column: &Column, item: Item) -> bool {
        self.exclusions.iter().any(|(rules, place)| {
            let place = &place.0;
            place.variable == column.variable
                && rules.binary_search(&rule).is_ok()
                && place.select.takes(self.key(program, item.key), &program.names)
        })
    }
}

fn has_bit(bits: &[u64], bit: u32) -> bool {
    bits.get((bit >> 6) as usize).is_some_and(|word| word >> (bit & 63) & 1 == 1)
}
