//! Asking one condition of a rule.

use super::columns::{Item, Key};
use super::values::{ValueId, Values};
use super::{State, expand};
use crate::bytes::ByteSet;
use crate::operator::Captures;
use crate::program::{Argument, Column, Group, Guard, Link, Need, Number, Program};
use crate::syntax::Variable;
use crate::transform::Transform;

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
    set: ByteSet,
    longest: u32,
    /// The gate bits that any value sets, and when that was found.
    bits: Vec<u64>,
    bits_time: u32,
}

impl Surveys {
    pub(super) fn new(count: usize) -> Self {
        Self((0..count).map(|_| Survey::default()).collect())
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
            && !self.has_exclusions
        {
            return self.guard_holds(guard) && self.pass_guard(program, link, guard);
        }
        let Some(group_at) = link.group else {
            self.apply_effects(program, &link.effects);
            return true;
        };
        let Some(group) = program.groups.get(group_at as usize) else { return false };
        if group.is_volatile {
            for column in &group.columns {
                self.column(program, *column);
            }
        } else if !self.may_match(program, link, group_at, group) {
            return false;
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
        let other = match guard.number {
            Number::Fixed(other) => other,
            Number::Tx(slot) => self.tx.number(slot).unwrap_or(0),
        };
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

    /// Whether any value of the group has what a match needs.
    fn may_match(&mut self, program: &Program, link: &Link, at: u32, group: &Group) -> bool {
        let Some(mut survey) = self.surveys.0.get_mut(at as usize) else { return true };
        if survey.time != self.store.time {
            self.survey(program, at, group);
            let Some(renewed) = self.surveys.0.get_mut(at as usize) else { return true };
            survey = renewed;
        }
        if link.negated || group.steps.is_some() {
            return true;
        }
        let need = &link.need;
        if survey.longest < need.len || !need.sets.iter().all(|set| set.meets(survey.set)) {
            return false;
        }
        let Some(bit) = need.bit else { return true };
        if need.is_met_instead(survey.set) {
            return true;
        }
        if survey.bits_time != survey.time {
            self.unite_bits(program, at, group);
        }
        self.surveys.0.get(at as usize).is_some_and(|survey| has_bit(&survey.bits, bit))
    }

    /// Fills the columns of a group, and learns what their values have in common.
    fn survey(&mut self, program: &Program, at: u32, group: &Group) {
        let (mut set, mut longest) = (ByteSet::NONE, 0);
        for column in &group.columns {
            let column = self.column(program, *column);
            set = set.union(self.columns.set(column));
            longest = longest.max(self.columns.longest(column));
        }
        if let Some(survey) = self.surveys.0.get_mut(at as usize) {
            (survey.time, survey.set, survey.longest) = (self.store.time, set, longest);
        }
    }

    fn unite_bits(&mut self, program: &Program, at: u32, group: &Group) {
        let side = usize::from(self.phase > 2);
        let Some(gate) = program.gates.get(side) else { return };
        let Some(survey) = self.surveys.0.get_mut(at as usize) else { return };
        survey.bits_time = survey.time;
        survey.bits.clear();
        survey.bits.resize(gate.words, 0);
        for column in &group.columns {
            let column = self.columns.source_of(*column);
            let bits = self.columns.bits(column, &mut self.values, gate, side);
            for (word, more) in survey.bits.iter_mut().zip(bits) {
                *word |= more;
            }
        }
    }

    /// Asks about each value of a group.
    fn ask(&mut self, question: &Question<'_>, at: u32, group: &Group) -> bool {
        let mut any = false;
        self.values.next_question();
        for column_at in &group.columns {
            let Some(column) = question.program.columns.get(*column_at as usize) else { continue };
            let source = self.columns.source_of(*column_at);
            let steps = group.steps.as_ref().filter(|_| !column.count);
            if steps.is_none() && !group.is_volatile && !self.column_may_match(question, source) {
                continue;
            }
            let mut index = 0;
            while let Some(item) = self.columns.item(source, index) {
                index += 1;
                if self.has_exclusions && self.is_excluded(question.program, at, column, item) {
                    continue;
                }
                any |= match steps {
                    Some(steps) => self.ask_steps(question, column, item, steps),
                    None => self.ask_one(question, column, item),
                };
            }
        }
        any
    }

    /// Whether any value of a column has what a match needs.
    fn column_may_match(&mut self, question: &Question<'_>, at: u32) -> bool {
        let Question { program, link, .. } = *question;
        let (need, set) = (&link.need, self.columns.set(at));
        if link.negated {
            return true;
        }
        if self.columns.longest(at) < need.len || !need.sets.iter().all(|needed| needed.meets(set)) {
            return false;
        }
        let Some(bit) = need.bit else { return true };
        let side = usize::from(self.phase > 2);
        let Some(gate) = program.gates.get(side) else { return true };
        need.is_met_instead(set) || has_bit(self.columns.bits(at, &mut self.values, gate, side), bit)
    }

    /// `multiMatch`: asks before the chain and after each step that changes something.
    fn ask_steps(
        &mut self,
        question: &Question<'_>,
        column: &Column,
        item: Item,
        steps: &[Transform],
    ) -> bool {
        let mut any = self.ask_one(question, column, item);
        let mut value = item.value;
        for transform in steps {
            let next = self.values.step(value, *transform);
            if next != value {
                value = next;
                any |= self.ask_one(question, column, Item { value, ..item });
            }
        }
        any
    }

    fn ask_one(&mut self, question: &Question<'_>, column: &Column, item: Item) -> bool {
        let Question { program, link, argument } = *question;
        let value = item.value;
        // Equal values share a number: what one was refused for, the others are too.
        if self.values.is_answered(value) {
            return false;
        }
        let may_hold = self.has_needs(program, &link.need, value);
        if !may_hold && !link.negated {
            self.values.answer(value);
            return false;
        }
        let mut captures = std::mem::take(&mut self.captures);
        captures.clear();
        let is_known = !may_hold || (link.need.is_exact && link.need.bit.is_some() && !link.capture);
        let holds = if is_known {
            may_hold
        } else {
            self.values.spend(self.values.len(value) as usize)
                && link.operator.matches(
                    self.values.get(value),
                    argument,
                    link.capture.then_some(&mut captures),
                )
        };
        let matched = holds != link.negated && self.values.fuel > 0;
        if matched {
            if link.capture && !link.negated {
                self.capture(value, &captures);
            }
            self.match_found(program, link, Matched { variable: column.variable, key: item.key, value });
        }
        self.captures = captures;
        if !matched {
            self.values.answer(value);
        }
        matched
    }

    /// Whether a value has what a match of the operator needs.
    fn has_needs(&mut self, program: &Program, need: &Need, value: ValueId) -> bool {
        if self.values.len(value) < need.len {
            return false;
        }
        if !need.sets.is_empty() || !need.instead.is_empty() {
            let set = self.values.set(value);
            if !need.sets.iter().all(|needed| needed.meets(set)) {
                return false;
            }
            if need.is_met_instead(set) {
                return true;
            }
        }
        let Some(bit) = need.bit else { return true };
        let side = usize::from(self.phase > 2);
        program.gates.get(side).is_none_or(|gate| self.values.has_gate_bit(value, gate, side, bit))
    }

    fn match_found(&mut self, program: &Program, link: &Link, matched: Matched) {
        self.matched_now.push(matched);
        self.matched = Some(matched);
        self.apply_effects(program, &link.effects);
    }

    /// Sets `TX:0` to `TX:9`.
    fn capture(&mut self, value: ValueId, captures: &Captures) {
        for slot in 0..10_u32 {
            let part = match (&captures.text, slot) {
                (Some(text), 0) => Some(self.values.add(text)),
                _ => captures
                    .spans
                    .get(slot as usize)
                    .copied()
                    .flatten()
                    .map(|(start, end)| self.values.part(value, start, end)),
            };
            self.tx.set(slot, part, &self.values);
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
