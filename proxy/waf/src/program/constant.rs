//! Constants: members of `TX` that hold one number in every transaction of a program, such as the paranoia level. What depends on them
//! alone is decided at load, and rules that no transaction comes to are not there: their literals are not looked for.

use super::draft::{Draft, Drafts};
use super::group::Groups;
use super::rule::{Change, Effect, Guard, Number, Rule, Slot};
use super::{Builder, PHASES};
use crate::program::Piece;
use crate::syntax::Variable;

/// What rules that never run are compiled into, so that nothing of theirs is in the program.
pub(super) struct Aside {
    groups: Groups,
    gates: [super::gate::GateBuilder; 2],
    uses: [bool; Variable::COUNT],
}

impl Aside {
    pub(super) fn new(regex_bytes: usize) -> Self {
        Self { groups: Groups::new(regex_bytes), gates: Default::default(), uses: [false; Variable::COUNT] }
    }
}

impl Builder<'_> {
    /// Compiles the rules. Those that no transaction comes to are compiled for their faults only.
    pub(super) fn rules(&mut self, drafts: &Drafts) -> Vec<Rule> {
        // Per phase, where a jump that is always taken goes on: the order of a rule.
        let mut resumes = [0; PHASES];
        let mut rules = Vec::with_capacity(drafts.rules.len());
        for (at, draft) in drafts.rules.iter().enumerate() {
            let wanted = self.wanted.len();
            let resume = resumes.get_mut(usize::from(draft.phase) - 1);
            let is_passed = resume.as_ref().is_some_and(|order| draft.order < **order);
            let mut rule = if is_passed { self.aside(draft) } else { self.rule(draft) };
            let outcome = if is_passed { Some(false) } else { self.outcome(&rule) };
            let target = drafts.target(at).and_then(Result::ok);
            if let (Some(true), true, Some(resume), Some(target)) = (outcome, rule.is_jump, resume, target) {
                *resume = target;
            }
            if outcome == Some(false) || (outcome == Some(true) && rule.is_jump) {
                rule.links.clear();
                self.wanted.truncate(wanted);
            }
            self.keep_constants(&mut rule, draft);
            rules.push(rule);
        }
        rules
    }

    /// Compiles a rule of which nothing is to stay.
    fn aside(&mut self, draft: &Draft) -> Rule {
        self.swap_aside();
        let rule = self.rule(draft);
        self.swap_aside();
        rule
    }

    fn swap_aside(&mut self) {
        std::mem::swap(&mut self.groups, &mut self.aside.groups);
        std::mem::swap(&mut self.gates, &mut self.aside.gates);
        std::mem::swap(&mut self.uses, &mut self.aside.uses);
    }

    /// Whether a rule always matches (`true`) or never, as far as constants tell.
    fn outcome(&self, rule: &Rule) -> Option<bool> {
        let mut outcomes = rule.links.iter().map(|link| self.decide(link.guard?));
        if outcomes.clone().any(|outcome| outcome == Some(false)) {
            return Some(false);
        }
        outcomes.all(|outcome| outcome == Some(true)).then_some(true)
    }

    fn decide(&self, guard: Guard) -> Option<bool> {
        let number = self.names.constant(guard.slot)?;
        let number = if guard.count { 1 } else { number };
        Some(guard.comparison.compares(number, self.known(guard.number)?) != guard.negated)
    }

    fn known(&self, number: Number) -> Option<i64> {
        match number {
            Number::Fixed(number) => Some(number),
            Number::Tx(slot) => self.names.constant(slot),
        }
    }

    /// Takes out of a rule what sets constants to what they are; anything else is a fault.
    fn keep_constants(&mut self, rule: &mut Rule, draft: &Draft) {
        for link in &mut rule.links {
            link.effects.retain(|effect| {
                let Effect::Set { place: Slot::Tx(slot), change } = effect else { return true };
                let Some(number) = self.names.constant(*slot) else { return true };
                if self.result(change) != Some(number) {
                    let name = self.names.name(*slot);
                    let place = draft.parts.first().map(|part| &part.place);
                    let message = format!(
                        "`tx.{name}` is `{number}` in all of these rules, as whoever loads them says; remove what sets it"
                    );
                    self.faults.extend(place.map(|place| place.fault(message)));
                }
                false
            });
        }
    }

    /// What a change makes of any number.
    fn result(&self, change: &Change) -> Option<i64> {
        match change {
            Change::To(template) => match template.pieces.as_slice() {
                [Piece::Tx(slot)] => self.names.constant(*slot),
                _ => None,
            },
            Change::Text(_, number) => Some(*number),
            Change::Add(_) | Change::Subtract(_) | Change::Unset => None,
        }
    }
}
