//! What would make a refusal an allow.
//!
//! Nothing is derived: likely changes are read from the policies that were weighed, and every small set of them is tried on the
//! question. What is reported was allowed.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use cedar_policy_core::ast::{BinaryOp, EntityUID, Expr, ExprKind, Literal};

use crate::facts::{Fact, Number, Relation, Text};
use crate::names::Kind;
use crate::question::{BreakGlass, DeviceFacts, PrincipalKind, Question};
use crate::reads::Reads;

use super::explain::is_private;
use super::{Stage, Trace, Workbench};

/// How many things may have to change at once.
const LARGEST: usize = 4;
/// How many sets are tried.
const TRIES: usize = 30_000;
/// How many are reported.
const REPORTED: usize = 5;
/// The id of a device that is made up. Ids of devices are names in certificates, and this is none.
const SOME_DEVICE: &str = "some device";

/// Things that have to change together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Each of them, for people; never empty.
    pub steps: Vec<Step>,
}

/// One thing that has to change.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// A strong sign-in.
    Strong,
    /// A sign-in of at most so many seconds ago.
    Fresh(u64),
    /// A sign-in by this method.
    Method(String),
    /// A stated purpose, perhaps a certain one.
    Purpose(Option<String>),
    /// A stated case.
    Case,
    /// The case that the request is about.
    CaseOf(String),
    /// The device is brought up to the zone's rules.
    Compliant,
    /// The device is taken under management.
    Managed,
    /// A device that is known, managed and compliant.
    Device,
    /// A device of this fleet.
    Fleet(Arc<str>),
    /// A device of one's own unit.
    OwnDevice,
    /// The hour of the day.
    Hour(u8),
    /// The day of the week, from 1 (Monday).
    Weekday(u8),
    /// The next shift, in which the count begins anew.
    NextShift,
    /// Nothing that inspection finds.
    Harmless,
    /// No application in between.
    Directly,
    /// A broken glass.
    Glass,
    /// This unit.
    Unit(Arc<str>),
    /// This role.
    Role(Arc<str>),
}

impl fmt::Display for Step {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Strong => out.write_str("a strong sign-in"),
            Self::Fresh(age) => write!(out, "a sign-in at most {age} s ago"),
            Self::Method(method) => write!(out, "a sign-in with `{method}`"),
            Self::Purpose(None) => out.write_str("a stated purpose"),
            Self::Purpose(Some(purpose)) => write!(out, "the purpose `{purpose}`"),
            Self::Case => out.write_str("a stated case"),
            Self::CaseOf(name) => write!(out, "the case of the mission is the one asked for (`{name}`)"),
            Self::Compliant => out.write_str("the device meets the zone's rules again"),
            Self::Managed => out.write_str("the device is managed by the zone"),
            Self::Device => out.write_str("a known device that is managed and compliant"),
            Self::Fleet(fleet) => write!(out, "a device of the fleet `{fleet}`"),
            Self::OwnDevice => out.write_str("a device of one's own unit"),
            Self::Hour(hour) => write!(out, "another time of day, such as {hour:02}:30"),
            Self::Weekday(day) => write!(out, "another day of the week, such as day {day}"),
            Self::NextShift => out.write_str("the next shift, in which the count begins anew"),
            Self::Harmless => out.write_str("a request in which inspection finds nothing"),
            Self::Directly => out.write_str("to ask without an application in between"),
            Self::Glass => out.write_str("to break the glass"),
            Self::Unit(unit) => write!(out, "to belong to the unit `{unit}`"),
            Self::Role(role) => write!(out, "the role `{role}`"),
        }
    }
}

impl Step {
    /// What two steps of one set may not both be about.
    const fn subject(&self) -> u8 {
        match self {
            Self::Strong => 0,
            Self::Fresh(_) => 1,
            Self::Method(_) => 2,
            Self::Purpose(_) => 3,
            Self::Case | Self::CaseOf(_) => 4,
            Self::Compliant => 5,
            Self::Managed => 6,
            Self::Device => 7,
            Self::Fleet(_) => 8,
            Self::OwnDevice => 9,
            Self::Hour(_) => 10,
            Self::Weekday(_) => 11,
            Self::Harmless => 12,
            Self::Directly => 13,
            Self::Glass => 14,
            Self::Unit(_) => 15,
            Self::Role(_) => 16,
            Self::NextShift => 17,
        }
    }

    /// Changes a question; false where there was nothing to change.
    fn apply(&self, question: &mut Question) -> bool {
        let before = question.clone();
        let context = &mut question.context;
        match self {
            Self::Strong => context.session.strong = true,
            Self::Fresh(age) => context.session.auth_age = Some(*age),
            Self::Method(method) => context.session.amr.push(method.clone()),
            Self::Purpose(purpose) => {
                context.purpose = Some(purpose.clone().unwrap_or_else(|| "stated".to_owned()));
            }
            Self::Case => context.case = Some("stated".to_owned()),
            Self::CaseOf(name) => context.case = context.request.captures.get(name).cloned(),
            Self::Compliant => each_device(question, |device| device.compliant = true),
            Self::Managed => each_device(question, |device| device.managed = true),
            Self::Device => {
                let id = SOME_DEVICE.to_owned();
                question.device =
                    Some(DeviceFacts { id, fleet: None, unit: None, managed: true, compliant: true });
            }
            Self::Fleet(fleet) => each_device(question, |device| device.fleet = Some(Arc::clone(fleet))),
            Self::OwnDevice => {
                let unit = question.principal.units.first().cloned();
                each_device(question, |device| device.unit.clone_from(&unit));
            }
            Self::Hour(hour) => (context.time.hour, context.time.minute) = (*hour, 30),
            Self::Weekday(day) => context.time.weekday = *day,
            Self::NextShift => context.shift = context.shift.at_first(),
            Self::Harmless => context.inspection.score = 0,
            Self::Directly => question.actor = None,
            Self::Glass => {
                let words = || "stated".to_owned();
                context.break_glass = Some(BreakGlass { reason: words(), case: words() });
            }
            Self::Unit(unit) => question.principal.units.push(Arc::clone(unit)),
            Self::Role(role) => question.principal.roles.push(Arc::clone(role)),
        }
        *question != before
    }
}

fn each_device(question: &mut Question, change: impl Fn(&mut DeviceFacts)) {
    question.device.iter_mut().for_each(change);
}

/// The smallest sets of changes that make a refusal an allow.
pub(super) fn find(bench: &Workbench, question: &Question, trace: &Trace) -> Vec<Change> {
    let steps = candidates(bench, question, trace);
    let mut found: Vec<Vec<usize>> = Vec::new();
    let mut tries = 0;
    for size in 1..=LARGEST {
        let mut chosen = Vec::new();
        try_all(
            &mut Search { bench, question, steps: &steps, found: &mut found, tries: &mut tries },
            size,
            0,
            &mut chosen,
        );
    }
    let change = |set: Vec<usize>| Change {
        steps: set.iter().filter_map(|index| steps.get(*index)).cloned().collect(),
    };
    let mut changes: Vec<Change> = found.into_iter().map(change).collect();
    // What somebody can do at once comes before what others have to grant.
    changes.sort_by_key(|change| (change.steps.iter().map(effort).sum::<u32>(), change.steps.clone()));
    changes.truncate(REPORTED);
    changes
}

/// How much it takes.
const fn effort(step: &Step) -> u32 {
    match step {
        Step::Strong | Step::Fresh(_) | Step::Method(_) | Step::Purpose(_) | Step::Case | Step::CaseOf(_) => {
            1
        }
        Step::Directly | Step::Harmless => 2,
        Step::Device | Step::Compliant | Step::Fleet(_) | Step::OwnDevice => 3,
        Step::Managed | Step::Hour(_) | Step::Weekday(_) | Step::NextShift => 4,
        Step::Glass => 6,
        Step::Unit(_) | Step::Role(_) => 10,
    }
}

struct Search<'s> {
    bench: &'s Workbench,
    question: &'s Question,
    steps: &'s [Step],
    found: &'s mut Vec<Vec<usize>>,
    tries: &'s mut usize,
}

fn try_all(search: &mut Search<'_>, size: usize, from: usize, chosen: &mut Vec<usize>) {
    if chosen.len() == size {
        if is_enough(search, chosen) {
            search.found.push(chosen.clone());
        }
        return;
    }
    for index in from..search.steps.len() {
        let Some(step) = search.steps.get(index) else { return };
        let clash =
            |other: &usize| search.steps.get(*other).is_some_and(|other| other.subject() == step.subject());
        if *search.tries >= TRIES || chosen.iter().any(clash) {
            continue;
        }
        chosen.push(index);
        // A set that holds one that is enough is no news.
        if !search.found.iter().any(|known| known.iter().all(|one| chosen.contains(one))) {
            try_all(search, size, index + 1, chosen);
        }
        chosen.pop();
    }
}

fn is_enough(search: &mut Search<'_>, chosen: &[usize]) -> bool {
    *search.tries += 1;
    let mut changed = search.question.clone();
    // In the order of the steps, so that a device is there before its fleet is set.
    for index in chosen {
        if !search.steps.get(*index).is_some_and(|step| step.apply(&mut changed)) {
            return false;
        }
    }
    let engine = &search.bench.engine;
    let prepared = engine.prepare(&changed.principal, changed.device.as_ref(), changed.actor.as_ref());
    engine.decide_alone(&changed, &prepared).allow
}

/// Changes that the policies at hand could make something of, in an order in which they can be applied.
fn candidates(bench: &Workbench, question: &Question, trace: &Trace) -> Vec<Step> {
    let mut steps = BTreeSet::new();
    let mut reads = Reads::NOTHING;
    for weighed in &trace.weighed {
        let Some(sheet) = bench.sheets.get(weighed.sheet) else { continue };
        if sheet.shadow {
            continue;
        }
        // A permit for somebody else is for another role; a forbid of somebody else is no concern.
        if weighed.stage == Stage::OtherPrincipal && !sheet.permits {
            continue;
        }
        let condition = sheet.parsed.policy.condition();
        for part in condition.subexpressions() {
            of_entities(part, question, &mut steps);
            of_facts(bench, part, &mut steps);
            of_pairs(part, question, &mut steps);
        }
        reads = reads.and(Reads::of(&condition));
    }
    steps.extend(of_reads(question, reads));
    steps.into_iter().collect()
}

fn of_entities(part: &Expr, question: &Question, steps: &mut BTreeSet<Step>) {
    let ExprKind::Lit(Literal::EntityUID(uid)) = part.expr_kind() else { return };
    let name = |uid: &EntityUID| -> Arc<str> { Arc::from(uid.eid().as_ref() as &str) };
    let person = question.principal.kind != PrincipalKind::Device;
    match Kind::of(uid) {
        Some(Kind::Role) if person => drop(steps.insert(Step::Role(name(uid)))),
        Some(Kind::Unit) if person => drop(steps.insert(Step::Unit(name(uid)))),
        Some(Kind::Fleet) => drop(steps.insert(Step::Fleet(name(uid)))),
        _ => {}
    }
}

/// A condition on the sign-in, the purpose or the time says itself what would meet it.
fn of_facts(bench: &Workbench, part: &Expr, steps: &mut BTreeSet<Step>) {
    match Fact::of(part, &bench.engine.vocabulary.captures) {
        Some(Fact::SignedInBy(method)) => drop(steps.insert(Step::Method(method.to_string()))),
        Some(Fact::OneOf(Text::Purpose, words)) => {
            steps.extend(words.iter().map(|word| Step::Purpose(Some(word.to_string()))));
        }
        Some(Fact::Compare { number, relation, bound }) => {
            let around = match relation {
                Relation::Equal => vec![bound, bound.saturating_add(1)],
                Relation::Less | Relation::AtLeast => vec![bound.saturating_sub(1), bound],
                Relation::AtMost | Relation::More => vec![bound, bound.saturating_add(1)],
            };
            for value in around {
                let small = |most: u8| u8::try_from(value).ok().filter(|value| *value <= most);
                match number {
                    Number::AuthAge => steps.extend(u64::try_from(value).ok().map(Step::Fresh)),
                    Number::Hour => steps.extend(small(23).map(Step::Hour)),
                    Number::Weekday => steps.extend(small(7).filter(|day| *day > 0).map(Step::Weekday)),
                    _ => {}
                }
            }
        }
        _ => {}
    }
}

/// `context.case == context.request.captures.x`: one's own case.
fn of_pairs(part: &Expr, question: &Question, steps: &mut BTreeSet<Step>) {
    let ExprKind::BinaryApp { op: BinaryOp::Eq, .. } = part.expr_kind() else { return };
    if is_private(part) {
        let text = part.to_string();
        let named = question.context.request.captures.keys().filter(|name| text.contains(name.as_str()));
        steps.extend(named.cloned().map(Step::CaseOf));
    }
}

fn of_reads(question: &Question, reads: Reads) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut add = |part: Reads, wanted: bool, step: Step| {
        if reads.any(part) && wanted {
            steps.push(step);
        }
    };
    let context = &question.context;
    let posture = question.device.as_ref();
    add(Reads::STRONG, !context.session.strong, Step::Strong);
    add(Reads::PURPOSE, context.purpose.is_none(), Step::Purpose(None));
    add(Reads::CASE, context.case.is_none(), Step::Case);
    add(Reads::BREAK_GLASS, context.break_glass.is_none(), Step::Glass);
    add(Reads::INSPECTION, context.inspection.score > 0, Step::Harmless);
    add(Reads::SHIFT, !context.shift.is_empty(), Step::NextShift);
    add(Reads::ACTOR, question.actor.is_some(), Step::Directly);
    add(Reads::DEVICE, posture.is_none(), Step::Device);
    add(Reads::DEVICE, posture.is_some_and(|device| !device.managed), Step::Managed);
    add(Reads::DEVICE, posture.is_some_and(|device| !device.compliant), Step::Compliant);
    add(Reads::DEVICE, !question.principal.units.is_empty(), Step::OwnDevice);
    steps
}
