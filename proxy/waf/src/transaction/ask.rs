//! Asking one condition of a rule.

use super::columns::{Common, Item, Key};
use super::survey::has_bit;
use super::values::{ValueId, Values};
use super::{State, expand};
use crate::program::{Argument, Group, Guard, Link, Program};
use crate::syntax::Variable;

/// The variable that matched.
#[derive(Clone, Copy)]
pub(crate) struct Matched {
    pub(super) variable: Variable,
    pub(super) key: Key,
    pub(super) value: ValueId,
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

    /// Asks about each value of a group.
    fn ask(&mut self, question: &Question<'_>, rule: u32, group: &Group) -> bool {
        let mut any = false;
        self.values.next_question();
        for stages in group.columns.chunks(group.stages) {
            let stages = self.stages(question.program, stages);
            let first = stages.first().and_then(|at| question.program.columns.get(*at as usize));
            let Some(variable) = first.map(|column| column.variable) else { continue };
            match stages {
                [only] => any |= self.ask_column(question, rule, variable, *only),
                stages => any |= self.ask_stages(question, rule, variable, stages),
            }
        }
        any
    }

    /// Asks about the values of a column.
    fn ask_column(&mut self, question: &Question<'_>, rule: u32, variable: Variable, at: u32) -> bool {
        let at = self.column(question.program, at);
        if !self.column_may_match(question, at) {
            return false;
        }
        let (mut any, mut index) = (false, 0);
        let Link { need, negated, .. } = question.link;
        loop {
            let Self { columns, values, .. } = self;
            let rest = columns.items(at).get(index..).unwrap_or_default();
            let next = rest.iter().position(|item| *negated || values.may_match(item, need));
            let Some((skipped, item)) = next.and_then(|next| Some((next, *rest.get(next)?))) else {
                return any;
            };
            index += skipped + 1;
            any |= self.ask_one(question, rule, variable, item);
        }
    }

    /// Asks about each value of a target what each transformation that changes something makes of it (`multiMatch`).
    fn ask_stages(&mut self, question: &Question<'_>, rule: u32, variable: Variable, stages: &[u32]) -> bool {
        let (mut any, mut index) = (false, 0);
        loop {
            let mut before = None;
            for at in stages {
                let at = self.column(question.program, *at);
                self.column_may_match(question, at);
                let Some(item) = self.columns.items(at).get(index).copied() else { return any };
                if before != Some(item.value) {
                    before = Some(item.value);
                    any |= self.ask_one(question, rule, variable, item);
                }
            }
            index += 1;
        }
    }

    /// Whether any value of a column has what a match needs.
    fn column_may_match(&mut self, question: &Question<'_>, at: u32) -> bool {
        let Question { program, link, .. } = *question;
        let (need, Common { kinds, longest }) = (&link.need, self.columns.common(at));
        // Also finds the bits of each value.
        let has_bit = need.bit.is_none_or(|bit| {
            let side = usize::from(self.phase > 2);
            program
                .gates
                .get(side)
                .is_none_or(|gate| has_bit(self.columns.bits(at, &mut self.values, gate, side), bit))
        });
        link.negated
            || (longest >= need.len && kinds.have(need.kinds) && (has_bit || need.is_met_instead(kinds)))
    }

    fn ask_one(&mut self, question: &Question<'_>, rule: u32, variable: Variable, item: Item) -> bool {
        let Question { program, link, argument } = *question;
        let value = item.value;
        let may_hold = self.values.may_match(&item, &link.need);
        // Equal values share a number: what one was refused for, the others are too.
        if (!may_hold && !link.negated)
            || self.values.is_answered(value)
            || self.is_excluded(program, rule, variable, item)
        {
            return false;
        }
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
        self.match_found(program, link, Matched { variable, key: item.key, value });
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

    fn is_excluded(&self, program: &Program, rule: u32, variable: Variable, item: Item) -> bool {
        self.exclusions.iter().any(|(rules, place)| {
            let place = &place.0;
            place.variable == variable
                && rules.binary_search(&rule).is_ok()
                && place.select.takes(self.key(program, item.key), &program.names)
        })
    }
}
