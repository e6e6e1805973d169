//! Asking one condition of a rule.

use super::columns::{Item, Key};
use super::survey::{Present, has_bit};
use super::values::{ValueId, Values};
use super::{State, expand};
use crate::program::{Argument, Guard, Link, Names, Program};
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
    /// Whose condition it is.
    rule: u32,
    link: &'a Link,
    /// The operator's argument, expanded.
    argument: &'a [u8],
}

impl State {
    /// Asks one condition of a rule; whether any value matched.
    pub(super) fn link(&mut self, program: &Program, rule: u32, link: &Link) -> bool {
        if let Some(guard) = link.guard
            && !self.excludes_tx
        {
            return self.guard_holds(guard) && self.pass_guard(program, link, guard);
        }
        let Some(group_at) = link.group else {
            self.apply_effects(program, &link.effects);
            return true;
        };
        let Some(group) = program.groups.get(group_at as usize) else { return false };
        let mut at = group_at;
        if group.is_volatile {
            // All of it now, whatever effects the matches have.
            self.columns.start_moment();
            for column in &group.columns {
                self.column(program, *column);
            }
        } else {
            at = self.surveyed(program, group_at);
            if !link.negated && !self.surveys.common(at).may_meet(&link.need) {
                return false;
            }
        }
        let Argument::Template(template) = &link.argument else {
            let Argument::Literal(argument) = &link.argument else { return false };
            return self.ask(&Question { program, link, argument, rule }, at);
        };
        let mut argument = std::mem::take(&mut self.argument);
        argument.clear();
        expand::expand(self, program, template, &mut argument);
        let matched = self.ask(&Question { program, link, argument: &argument, rule }, at);
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

    /// Asks about each value of group `at`.
    fn ask(&mut self, question: &Question<'_>, at: u32) -> bool {
        let program = question.program;
        let Some(group) = program.groups.get(at as usize) else { return false };
        self.values.next_question();
        if group.stages == 1 && !group.is_volatile {
            return self.ask_present(question, at);
        }
        let mut any = false;
        for stages in group.columns.chunks(group.stages) {
            match self.stages(program, stages) {
                [only] => {
                    let column = self.column(program, *only);
                    any |= self.ask_column(question, column);
                }
                stages => any |= self.ask_stages(question, stages),
            }
        }
        any
    }

    /// The same of a group that is surveyed: only where there are values.
    fn ask_present(&mut self, question: &Question<'_>, at: u32) -> bool {
        let (mut any, mut index) = (false, 0);
        while let Some(Present { column, common, .. }) = self.surveys.present(at, index) {
            if question.link.negated || common.may_meet(&question.link.need) {
                any |= self.ask_column(question, column);
            }
            index += 1;
        }
        any
    }

    /// Asks about the values of a column, which has values of its own.
    fn ask_column(&mut self, question: &Question<'_>, at: u32) -> bool {
        if !self.column_may_match(question, at) {
            return false;
        }
        let Some(variable) = variable(question, at) else { return false };
        let (mut any, mut index) = (false, 0);
        let Link { need, negated, .. } = question.link;
        let gate = question.program.gate(self.phase);
        loop {
            let Self { columns, values, .. } = self;
            let rest = columns.items(at).get(index..).unwrap_or_default();
            let next = rest.iter().position(|item| *negated || values.may_match(item, need, gate));
            let Some((skipped, item)) = next.and_then(|next| Some((next, *rest.get(next)?))) else {
                return any;
            };
            index += skipped + 1;
            // Of a condition that is turned round, no value is passed over.
            let may_hold = !*negated || self.values.may_match(&item, need, gate);
            any |= self.ask_one(question, variable, item, may_hold);
        }
    }

    /// Asks about each value of a target what each transformation that changes something makes of it (`multiMatch`).
    fn ask_stages(&mut self, question: &Question<'_>, stages: &[u32]) -> bool {
        let Some(variable) = stages.first().and_then(|at| variable(question, *at)) else { return false };
        let (mut any, mut index) = (false, 0);
        loop {
            let mut before = None;
            for at in stages {
                let at = self.column(question.program, *at);
                let Some(item) = self.columns.items(at).get(index).copied() else { return any };
                if before != Some(item.value) {
                    before = Some(item.value);
                    let Question { program, link, .. } = *question;
                    let may_hold = self.values.may_match(&item, &link.need, program.gate(self.phase));
                    any |= self.ask_one(question, variable, item, may_hold);
                }
            }
            index += 1;
        }
    }

    /// Whether any value of a column has what a match needs.
    fn column_may_match(&self, question: &Question<'_>, at: u32) -> bool {
        let Question { program, link, .. } = *question;
        let (need, common) = (&link.need, self.columns.common(at));
        let may_have_bit = |bit| {
            let known = self.columns.known_bits(at, program.gate(self.phase));
            known.is_none_or(|bits| has_bit(bits, bit))
        };
        link.negated
            || (common.may_meet(need)
                && need.bit.is_none_or(|bit| need.is_met_instead(common.kinds) || may_have_bit(bit)))
    }

    /// Asks about a value, of which it is known whether the operator may hold.
    fn ask_one(&mut self, question: &Question<'_>, variable: Variable, item: Item, may_hold: bool) -> bool {
        let Question { program, rule, link, argument } = *question;
        let value = item.value;
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
        tx.clear_captures();
        if let Some(text) = &captures.text {
            let whole = values.add(text);
            return tx.set(0, Some(whole), values);
        }
        for (slot, span) in (0..Names::CAPTURES).zip(&captures.spans) {
            if let Some((start, end)) = *span {
                let part = values.part(value, start, end);
                tx.set(slot, Some(part), values);
            }
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

/// The variable that the values of a column are members of.
fn variable(question: &Question<'_>, at: u32) -> Option<Variable> {
    question.program.columns.get(at as usize).map(|column| column.variable)
}
