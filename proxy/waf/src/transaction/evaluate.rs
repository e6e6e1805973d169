//! The rule loop.

use super::outcome::{Interruption, InterruptionKind, Match};
use super::values::{ValueId, Values};
use super::{State, expand};
use crate::bytes::ByteSet;
use crate::operator::Captures;
use crate::program::{
    Allowed, Argument, Disruption, Engine, Gate, Group, Guard, Link, Program, Rule, Select, TargetPlace,
};
use crate::syntax::Variable;

/// What a group looks at, found once as long as nothing of it changes.
#[derive(Default)]
pub(crate) struct Found {
    /// When it was found.
    time: u32,
    items: Vec<Item>,
    /// Whether `items` is filled; what is known of all of them together often suffices.
    is_itemized: bool,
    /// Per gate, the bits that any value sets, and when that was found.
    union: [Vec<u64>; 2],
    union_time: [u32; 2],
    /// Bytes that occur in any value.
    set: ByteSet,
    /// Length of the longest value.
    longest: u32,
}

/// The name of a member.
#[derive(Clone, Copy)]
pub(crate) enum Key {
    Value(ValueId),
    /// A member of `TX`, by slot.
    Slot(u32),
}

/// One value of a group.
#[derive(Clone, Copy)]
struct Item {
    variable: Variable,
    count: bool,
    key: Key,
    raw: ValueId,
    /// After the chain.
    value: ValueId,
}

/// The variable that matched.
#[derive(Clone, Copy)]
pub(crate) struct Matched {
    pub(super) variable: Variable,
    pub(super) key: Key,
    pub(super) value: ValueId,
}

/// Where evaluation of a phase goes on.
enum Flow {
    Next,
    To(usize),
    Stop(Option<Interruption>),
}

impl State {
    /// Runs the rules of `phase` (1 to 5).
    pub(super) fn run(&mut self, program: &Program, phase: u8) -> Option<Interruption> {
        self.phase = phase;
        self.store.time += 1;
        if self.engine == Engine::Off || self.is_allowed(phase) {
            return None;
        }
        let list = program.phases.get(usize::from(phase) - 1).map_or(&[][..], Vec::as_slice);
        let mut position = 0;
        while let Some(&at) = list.get(position) {
            position += 1;
            let Some(rule) = program.rules.get(at as usize) else { continue };
            if self.is_removed(at) {
                continue;
            }
            match self.rule(program, at, rule, position) {
                Flow::Next => {}
                Flow::To(next) => position = next.max(position),
                Flow::Stop(interruption) => return interruption,
            }
            if self.values.fuel == 0 {
                return Some(self.limit_reached(InterruptionKind::Exhausted, 503));
            }
            if self.engine == Engine::Off {
                return None;
            }
        }
        None
    }

    pub(super) fn limit_reached(&self, kind: InterruptionKind, status: u16) -> Interruption {
        Interruption { kind, status, rule: None, phase: self.phase }
    }

    fn is_allowed(&self, phase: u8) -> bool {
        match self.allowed {
            None | Some(Allowed::Phase) => false,
            Some(Allowed::Request) => phase <= 2,
            Some(Allowed::All) => phase <= 4,
        }
    }

    fn is_removed(&self, rule: u32) -> bool {
        self.removed.get((rule >> 6) as usize).is_some_and(|word| word >> (rule & 63) & 1 == 1)
    }

    fn rule(&mut self, program: &Program, at: u32, rule: &Rule, position: usize) -> Flow {
        if let Some(guard) = rule.guard {
            return if self.guard_holds(guard) { after(rule, position) } else { Flow::Next };
        }
        self.current = at;
        for link in &rule.links {
            self.matched_now.clear();
            if !self.link(program, at, link) {
                self.matched_before.clear();
                return Flow::Next;
            }
            std::mem::swap(&mut self.matched_before, &mut self.matched_now);
        }
        let flow = self.conclude(program, rule, position);
        self.matched_before.clear();
        flow
    }

    fn guard_holds(&self, guard: Guard) -> bool {
        let number = self.tx.number(guard.slot);
        let number = if guard.count { Some(i64::from(number.is_some())) } else { number };
        number.is_some_and(|number| guard.comparison.compares(number, guard.number) != guard.negated)
    }

    /// Asks one condition; whether any value matched.
    fn link(&mut self, program: &Program, at: u32, link: &Link) -> bool {
        let Some((group_at, group)) =
            link.group.and_then(|at| Some((at as usize, program.groups.get(at as usize)?)))
        else {
            self.apply_effects(program, &link.effects);
            return true;
        };
        let Some(slot) = self.found.get_mut(group_at) else { return false };
        // Taken out while rules change the rest of the state, and put back.
        let mut found = slot.take().unwrap_or_default();
        if group.is_volatile || !self.is_fresh(group, found.time) {
            self.survey(program, group, &mut found);
        }
        let mut matched = self.may_match(program, link, group, &mut found);
        if matched {
            if !found.is_itemized {
                self.find(program, group, &mut found);
            }
            matched = self.ask(program, at, link, group, &found);
        }
        if let Some(slot) = self.found.get_mut(group_at) {
            *slot = Some(found);
        }
        matched
    }

    fn is_fresh(&self, group: &Group, time: u32) -> bool {
        // INVARIANT: within a phase only volatile variables change.
        time == self.store.time
            || time > 0 && group.targets.iter().all(|place| self.store.changed(place.variable) < time)
    }

    /// Whether any value of the group has what a match needs.
    fn may_match(&mut self, program: &Program, link: &Link, group: &Group, found: &mut Found) -> bool {
        if link.negated || group.multi {
            return true;
        }
        let need = &link.need;
        if found.longest < need.len || !need.sets.iter().all(|set| set.meets(found.set)) {
            return false;
        }
        let Some(bit) = need.bit else { return true };
        if need.is_met_instead(found.set) {
            return true;
        }
        let side = usize::from(self.phase > 2);
        let Some(gate) = program.gates.get(side) else { return true };
        self.unite_bits(group, gate, side, found);
        let word = found.union.get(side).and_then(|union| union.get((bit >> 6) as usize));
        word.is_some_and(|word| word >> (bit & 63) & 1 == 1)
    }

    fn unite_bits(&mut self, group: &Group, gate: &Gate, side: usize, found: &mut Found) {
        let Found { items, is_itemized, union, union_time, time, .. } = found;
        let (Some(union), Some(united)) = (union.get_mut(side), union_time.get_mut(side)) else { return };
        if *united == *time {
            return;
        }
        *united = *time;
        union.clear();
        union.resize(gate.words, 0);
        for item in items {
            if let Some(place) = self.values.gate_bits(item.value, gate, side) {
                self.values.collect_bits(place, union);
            }
        }
        if *is_itemized {
            return;
        }
        for place in &group.targets {
            if !self.is_surveyed(group, place) {
                continue;
            }
            let mut summary = self.store.take_summary(place.variable);
            summary.unite_bits(self.store.entries(place.variable), &mut self.values, gate, side);
            for (word, more) in union.iter_mut().zip(summary.bits(side)) {
                *word |= more;
            }
            self.store.put_summary(place.variable, summary);
        }
    }

    /// Whether all members of a place are as the summary of its variable says: it takes them all, and the chain changes
    /// none. What is left out only makes it less.
    fn is_surveyed(&self, group: &Group, place: &TargetPlace) -> bool {
        !group.is_volatile
            && !group.multi
            && !place.count
            && matches!(place.select, Select::All)
            && (group.chain.is_empty()
                || (group.touches != ByteSet::ALL
                    && !self.store.summary_set(place.variable).meets(group.touches)))
    }

    /// Learns what the values of a group have in common, from summaries of whole variables where that can be.
    fn survey(&mut self, program: &Program, group: &Group, found: &mut Found) {
        if group.is_volatile || group.multi {
            return self.find(program, group, found);
        }
        for place in &group.targets {
            let Some(mut summary) = self.store.stale_summary(place.variable) else { continue };
            summary.renew(self.store.entries(place.variable), &mut self.values);
            self.store.put_summary(place.variable, summary);
        }
        found.items.clear();
        found.time = self.store.time;
        found.set = ByteSet::NONE;
        found.longest = 0;
        found.is_itemized = true;
        for place in &group.targets {
            if self.is_surveyed(group, place) {
                found.is_itemized = false;
                found.set = found.set.union(self.store.summary_set(place.variable));
                found.longest = found.longest.max(self.store.summary_longest(place.variable));
            } else {
                self.find_or_count(program, group, place, &mut found.items);
            }
        }
        self.sum_up(found);
    }

    /// Asks the operator about each value.
    fn ask(&mut self, program: &Program, at: u32, link: &Link, group: &Group, found: &Found) -> bool {
        let mut argument = std::mem::take(&mut self.argument);
        let literal = match &link.argument {
            Argument::Literal(literal) => Some(literal.as_slice()),
            Argument::Template(template) => {
                argument.clear();
                expand::expand(self, program, template, &mut argument);
                None
            }
        };
        let mut any = false;
        self.values.next_question();
        for item in &found.items {
            if self.has_exclusions && self.is_excluded(program, at, item) {
                continue;
            }
            let text = literal.unwrap_or(&argument);
            any |= if group.multi && !item.count {
                self.ask_steps(program, link, group, *item, text)
            } else {
                self.ask_one(program, link, *item, item.value, text)
            };
        }
        self.argument = argument;
        any
    }

    /// `multiMatch`: asks before the chain and after each step that changes something.
    fn ask_steps(
        &mut self,
        program: &Program,
        link: &Link,
        group: &Group,
        item: Item,
        argument: &[u8],
    ) -> bool {
        let mut value = item.raw;
        let mut any = self.ask_one(program, link, item, value, argument);
        for transform in &group.chain {
            let next = self.values.step(value, *transform);
            if next != value {
                value = next;
                any |= self.ask_one(program, link, item, value, argument);
            }
        }
        any
    }

    fn ask_one(
        &mut self,
        program: &Program,
        link: &Link,
        item: Item,
        value: ValueId,
        argument: &[u8],
    ) -> bool {
        // Equal values share a number: what one was refused for, the others are too.
        if self.values.is_answered(value) {
            return false;
        }
        let may_hold = self.has_needs(program, link, value);
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
            self.note_match(
                program,
                link,
                Matched { variable: item.variable, key: item.key, value },
                &captures,
            );
        }
        self.captures = captures;
        if !matched {
            self.values.answer(value);
        }
        matched
    }

    /// Whether a value has what a match of the operator needs.
    fn has_needs(&mut self, program: &Program, link: &Link, value: ValueId) -> bool {
        let need = &link.need;
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
        let Some(gate) = program.gates.get(side) else { return true };
        self.values.gate_bits(value, gate, side).is_some_and(|place| self.values.has_bit(place, bit))
    }

    fn note_match(&mut self, program: &Program, link: &Link, matched: Matched, captures: &Captures) {
        self.matched_now.push(matched);
        self.matched = Some(matched);
        if link.capture && !link.negated {
            self.capture(matched.value, captures);
        }
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

    fn is_excluded(&self, program: &Program, rule: u32, item: &Item) -> bool {
        self.exclusions.iter().any(|(rules, place)| {
            let place = &place.0;
            place.variable == item.variable
                && rules.binary_search(&rule).is_ok()
                && place.select.takes(self.key(program, item.key), &program.names)
        })
    }

    /// Finds what a group looks at.
    fn find(&mut self, program: &Program, group: &Group, found: &mut Found) {
        found.items.clear();
        found.is_itemized = true;
        found.time = self.store.time;
        found.set = ByteSet::NONE;
        found.longest = 0;
        for place in &group.targets {
            if place.variable.is_volatile() {
                self.refresh(program, place.variable);
            }
            self.find_or_count(program, group, place, &mut found.items);
        }
        self.sum_up(found);
    }

    /// Adds what the items found have in common.
    fn sum_up(&mut self, found: &mut Found) {
        for item in &found.items {
            found.set = found.set.union(self.values.set(item.value));
            found.longest = found.longest.max(self.values.len(item.value));
        }
    }

    fn find_or_count(
        &mut self,
        program: &Program,
        group: &Group,
        place: &TargetPlace,
        items: &mut Vec<Item>,
    ) {
        let first = items.len();
        self.find_place(program, group, place, items);
        if place.count {
            let count = items.len() - first;
            items.truncate(first);
            let value = self.values.add_number(i64::try_from(count).unwrap_or(i64::MAX));
            let value = self.values.chain(value, group);
            items.push(Item {
                variable: place.variable,
                count: true,
                key: Key::Value(Values::EMPTY),
                raw: value,
                value,
            });
        }
    }

    fn find_place(&mut self, program: &Program, group: &Group, place: &TargetPlace, items: &mut Vec<Item>) {
        if place.variable == Variable::Tx {
            return self.find_tx(program, group, place, items);
        }
        let mut at = 0;
        while let Some(entry) = self.store.entries(place.variable).get(at).copied() {
            at += 1;
            let key = self.values.get(entry.key);
            let left_out = |excluded: &TargetPlace| {
                excluded.variable == place.variable && excluded.select.takes(key, &program.names)
            };
            if !place.select.takes(key, &program.names) || group.excluded.iter().any(left_out) {
                continue;
            }
            let value =
                if place.count || group.multi { entry.value } else { self.values.chain(entry.value, group) };
            items.push(Item {
                variable: place.variable,
                count: false,
                key: Key::Value(entry.key),
                raw: entry.value,
                value,
            });
        }
    }

    fn find_tx(&mut self, program: &Program, group: &Group, place: &TargetPlace, items: &mut Vec<Item>) {
        let mut chosen = std::mem::take(&mut self.chosen);
        chosen.clear();
        match &place.select {
            Select::Slot(slot) => chosen.extend(self.tx.get(*slot).map(|value| (Key::Slot(*slot), value))),
            Select::All => chosen.extend(self.tx.slots().map(|(slot, value)| (Key::Slot(slot), value))),
            Select::Pattern(_, slots) => {
                chosen.extend(slots.iter().filter_map(|slot| Some((Key::Slot(*slot), self.tx.get(*slot)?))));
            }
            Select::Name(_) => {}
        }
        if matches!(place.select, Select::All | Select::Pattern(..)) {
            for (name, value) in self.tx.made().filter(|(name, _)| place.select.takes(name, &program.names)) {
                chosen.push((Key::Value(self.values.add(name)), value));
            }
        }
        for (key, raw) in chosen.iter().copied() {
            let name = self.key(program, key);
            if group
                .excluded
                .iter()
                .any(|place| place.variable == Variable::Tx && place.select.takes(name, &program.names))
            {
                continue;
            }
            let value = if place.count || group.multi { raw } else { self.values.chain(raw, group) };
            items.push(Item { variable: Variable::Tx, count: false, key, raw, value });
        }
        self.chosen = chosen;
    }

    /// The bytes of a member's name.
    pub(super) fn key<'a>(&'a self, program: &'a Program, key: Key) -> &'a [u8] {
        match key {
            Key::Value(value) => self.values.get(value),
            Key::Slot(slot) => program.names.name(slot).as_bytes(),
        }
    }

    /// All conditions of a rule matched.
    fn conclude(&mut self, program: &Program, rule: &Rule, position: usize) -> Flow {
        if let Some(severity) = rule.meta.severity {
            self.highest_severity =
                Some(self.highest_severity.map_or(severity, |highest| highest.min(severity)));
        }
        if rule.log {
            self.log(program, rule);
        }
        let acts = self.engine == Engine::On;
        let (kind, status) = match &rule.disruption {
            Disruption::Allow(reach) if acts => {
                self.allowed = Some(*reach);
                return Flow::Stop(None);
            }
            Disruption::Deny if acts => (InterruptionKind::Deny, rule.status),
            Disruption::Drop if acts => (InterruptionKind::Drop, rule.status),
            Disruption::Redirect(location) if acts => {
                let status = if (300..400).contains(&rule.status) { rule.status } else { 302 };
                (InterruptionKind::Redirect(expand::text(self, program, location)), status)
            }
            _ => return after(rule, position),
        };
        Flow::Stop(Some(Interruption { kind, status, rule: Some(rule.meta.id), phase: self.phase }))
    }

    fn log(&mut self, program: &Program, rule: &Rule) {
        if self.matches.len() >= self.limit_matches {
            self.dropped_matches += 1;
            return;
        }
        let message =
            rule.message.as_ref().map(|template| expand::text(self, program, template)).unwrap_or_default();
        let data =
            rule.data.as_ref().map(|template| expand::text(self, program, template)).unwrap_or_default();
        let mut variable = Vec::new();
        expand::matched_name(self, program, &mut variable);
        self.matches.push(Match {
            rule: rule.meta.clone(),
            phase: self.phase,
            message,
            data,
            variable: String::from_utf8_lossy(&variable).into_owned(),
            disruptive: matches!(
                rule.disruption,
                Disruption::Deny | Disruption::Drop | Disruption::Redirect(_)
            ),
        });
    }
}

fn after(rule: &Rule, position: usize) -> Flow {
    match (rule.jump, rule.skip) {
        (Some(jump), _) => Flow::To(jump as usize),
        (None, 0) => Flow::Next,
        (None, skip) => Flow::To(position.saturating_add(skip as usize)),
    }
}
