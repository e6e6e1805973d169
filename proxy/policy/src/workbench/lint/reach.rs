//! Policies that never decide anything.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use crate::annotations::{REASON, language};
use crate::operation::Operation;
use crate::plan::Plan;
use crate::slices::{Rule, Slice};

use super::super::Sheet;
use super::scope::includes;
use super::{Lint, Surroundings, Workbench};

/// What became of a policy in the slices.
#[derive(Default)]
struct Use {
    slices: usize,
    asked: usize,
    overruled: usize,
    redundant: usize,
    /// By which policy; of several, the first.
    overruled_by: Option<usize>,
    redundant_by: Option<usize>,
}

pub(super) fn policies(bench: &Workbench, around: &Surroundings, found: &mut Vec<Lint>) {
    let numbers: HashMap<&str, usize> = bench.sheets.iter().map(|sheet| &*sheet.id).zip(0..).collect();
    let mut uses: Vec<Use> = bench.sheets.iter().map(|_| Use::default()).collect();
    let asked = asked(around);
    for (source, operation, slice) in bench.engine.slices.all() {
        let is_asked = asked.as_ref().is_none_or(|asked| asked.contains(&(source, operation)));
        count(bench, &numbers, slice, is_asked, &mut uses);
    }
    for (sheet, used) in bench.sheets.iter().zip(&uses) {
        found.extend(verdict(bench, sheet, used));
    }
}

/// What requests can be; none where no source's file is known.
fn asked(around: &Surroundings) -> Option<HashSet<(&str, Operation)>> {
    let sources = around.sources.iter();
    let pairs = sources.flat_map(|source| source.operations.iter().map(|(one, _)| (&*source.id, *one)));
    (!around.sources.is_empty()).then(|| pairs.collect())
}

fn verdict(bench: &Workbench, sheet: &Sheet, used: &Use) -> Option<Lint> {
    let lint = |name, message: String, help: &str| {
        let (place, help) = (sheet.place.clone(), help.to_owned());
        Some(Lint { place, length: 0, name, message, help })
    };
    let id = &sheet.id;
    let other = |by: Option<usize>| by.and_then(|by| bench.sheets.get(by));
    match (used, other(used.overruled_by), other(used.redundant_by)) {
        (Use { slices: 0, .. }, ..) => lint(
            "no-source",
            format!(
                "policy `{id}` applies to no source: no source and operation fit both its scope and its conditions"
            ),
            "correct the scope, or what it says of `resource` and `action`, or remove it",
        ),
        (Use { asked: 0, .. }, ..) => lint(
            "never-asked",
            format!("policy `{id}` is about operations that no request to its sources is"),
            "map requests to them under `operations:` in the source's file, or remove the policy",
        ),
        (Use { slices, overruled, .. }, Some(other), _) if slices == overruled => lint(
            "overruled",
            format!("permit `{id}` never allows anything: forbid `{}` always overrules it", other.id),
            "give the forbid an `unless`, or remove the permit",
        ),
        (Use { slices, redundant, .. }, _, Some(other)) if slices == redundant => lint(
            "redundant",
            format!(
                "policy `{id}` decides nothing that `{}` does not ({}:{})",
                other.id, other.place.file, other.place.line
            ),
            // The broader one is the suspect: whoever removes the narrow one keeps what opens too much.
            &format!(
                "see whether `{}` is meant to be so broad, and narrow it; otherwise remove one of the two",
                other.id
            ),
        ),
        _ => None,
    }
}

/// Rules of one slice that can make another one idle: those without a condition, and those with each condition.
#[derive(Default)]
struct Strong<'r> {
    always: BTreeMap<(bool, u32), &'r Rule>,
    alike: HashMap<(*const Plan, bool), BTreeMap<u32, &'r Rule>>,
}

fn count(bench: &Workbench, numbers: &HashMap<&str, usize>, slice: &Slice, is_asked: bool, uses: &mut [Use]) {
    let mut strong = Strong::default();
    for rule in &slice.rules {
        match &rule.condition {
            None => drop(strong.always.entry((rule.permits, rule.principal)).or_insert(rule)),
            Some(plan) => {
                let alike = strong.alike.entry((Arc::as_ptr(plan), rule.permits)).or_default();
                alike.entry(rule.principal).or_insert(rule);
            }
        }
    }
    let counting =
        slice.rules.iter().map(|rule| (rule, true)).chain(slice.shadow.iter().map(|rule| (rule, false)));
    for (rule, counts) in counting {
        let Some(number) = numbers.get(&*rule.label.id) else { continue };
        let overruling = rule.permits.then(|| strong.forbid(bench, rule)).flatten();
        // One in shadow is there to be compared with others.
        let double = counts.then(|| strong.double(bench, rule)).flatten();
        let Some(used) = uses.get_mut(*number) else { continue };
        used.slices += 1;
        used.asked += usize::from(is_asked);
        used.overruled += usize::from(overruling.is_some());
        used.redundant += usize::from(double.is_some());
        let first = |known: Option<usize>, by: Option<&Rule>| {
            let by = by.and_then(|by| numbers.get(&*by.label.id).copied());
            known.into_iter().chain(by).min()
        };
        used.overruled_by = first(used.overruled_by, overruling);
        used.redundant_by = first(used.redundant_by, double);
    }
}

impl<'r> Strong<'r> {
    /// A forbid that always applies where this permit does.
    fn forbid(&self, bench: &Workbench, rule: &Rule) -> Option<&'r Rule> {
        let forbids = self.always.iter().filter(|((permits, _), _)| !permits);
        forbids.map(|(_, forbid)| *forbid).find(|forbid| holds(bench, forbid, rule))
    }

    /// Another policy of the same kind that applies wherever this one does, and asks for as much.
    fn double(&self, bench: &Workbench, rule: &Rule) -> Option<&'r Rule> {
        let always = self.always.iter().filter(|((permits, _), _)| *permits == rule.permits);
        let alike =
            rule.condition.as_ref().and_then(|plan| self.alike.get(&(Arc::as_ptr(plan), rule.permits)));
        let others =
            always.map(|(_, other)| *other).chain(alike.into_iter().flat_map(|map| map.values().copied()));
        others.into_iter().find(|other| {
            let mutual = holds(bench, rule, other) && is_as_bold(rule, other);
            // Of two that say the same, the first one stays.
            other.label.id != rule.label.id
                && holds(bench, other, rule)
                && asks_for_as_much(other, rule)
                && (!mutual || std::ptr::from_ref::<Rule>(other) < std::ptr::from_ref(rule))
        })
    }
}

/// Whether `wide` fits everybody whom `narrow` fits.
fn holds(bench: &Workbench, wide: &Rule, narrow: &Rule) -> bool {
    let principals = bench.engine.slices.principals();
    let of = |rule: &Rule| principals.get(rule.principal as usize);
    of(wide).zip(of(narrow)).is_some_and(|(wide, narrow)| includes(&bench.engine.registry, wide, narrow))
}

fn is_as_bold(rule: &Rule, other: &Rule) -> bool {
    match (&rule.condition, &other.condition) {
        (None, _) => true,
        (Some(one), Some(other)) => Arc::ptr_eq(one, other),
        (Some(_), None) => false,
    }
}

/// Whether an annotation is for people alone.
fn is_words(key: &str) -> bool {
    key == REASON || language(key).is_some()
}

/// Whether every obligation of a rule but its reason is one of the other's too.
fn asks_for_as_much(other: &Rule, rule: &Rule) -> bool {
    let known = |key: &str, value: &str| {
        other.label.obligations.iter().any(|one| &*one.key == key && &*one.value == value)
    };
    let obligations = rule.label.obligations.iter();
    obligations.filter(|one| !is_words(&one.key)).all(|one| known(&one.key, &one.value))
}
