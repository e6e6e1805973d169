//! What an answer rests on.
//!
//! An explanation is for whoever was refused, too. So it says nothing of others: names of other people, services and devices, and
//! what policies compare case numbers and captured words with, are left out of the text of conditions unless they are the
//! asker's own.

use std::collections::BTreeSet;
use std::sync::Arc;

use cedar_policy_core::ast::{
    EntityReference, EntityUID, Expr, ExprKind, Literal, PrincipalOrResourceConstraint, Value, ValueKind,
};

use crate::corpus::Place;
use crate::decision::Decision;
use crate::names::Kind;
use crate::question::Question;
use crate::reads::Reads;

use super::change::{self, Change};
use super::condition::one_line;
use super::trace::Scene;
use super::{Condition, Sheet, Stage, Weighed, Workbench};

/// What stands for what is not told.
const HIDDEN: &str = "…";

/// What an answer rests on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// The answer.
    pub decision: Decision,
    /// Every policy that is about this source and operation, in the order of the corpus.
    pub policies: Vec<Reasoned>,
    /// What would make a refusal an allow, the easiest first; each was tried.
    pub changes: Vec<Change>,
}

/// What one policy says, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reasoned {
    /// Its id.
    pub id: Arc<str>,
    /// Whether it permits; otherwise it forbids.
    pub permits: bool,
    /// Whether it is in shadow: asked, and of no account.
    pub shadow: bool,
    /// Where it stands.
    pub place: Place,
    /// Its `@reason`.
    pub reason: Option<String>,
    /// How far it got.
    pub standing: Standing,
    /// The conditions that were asked.
    pub answers: Vec<Answer>,
}

/// How far a policy got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It is about somebody else: whom, as its scope says.
    OtherPrincipal(String),
    /// Its conditions do not hold.
    Fails,
    /// It applies.
    Applies,
    /// It errs, so everything is refused.
    Errs(String),
}

/// What a condition said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Where it stands.
    pub place: Place,
    /// Its text.
    pub text: String,
    /// Whether it held.
    pub holds: bool,
    /// Whether the policy fails because of it.
    pub decisive: bool,
    /// The parts of the question that it looked at, and what was there; none: nothing.
    pub values: Vec<(String, Option<String>)>,
}

impl Workbench {
    /// Asks a question, and says what the answer rests on.
    #[must_use]
    pub fn explain(&self, question: &Question) -> Explanation {
        let trace = self.trace(question);
        let scene = Scene::new(self, question);
        let own = own(question);
        let reasoned = |weighed: &Weighed| {
            let sheet = self.sheets.get(weighed.sheet)?;
            Some(reasoned(scene.as_ref()?, sheet, weighed, &own))
        };
        let policies = trace.weighed.iter().filter_map(reasoned).collect();
        let changes = if trace.decision.allow { Vec::new() } else { change::find(self, question, &trace) };
        Explanation { decision: trace.decision, policies, changes }
    }
}

fn reasoned(scene: &Scene<'_>, sheet: &Sheet, weighed: &Weighed, own: &BTreeSet<&str>) -> Reasoned {
    let (standing, blame) = match &weighed.stage {
        Stage::OtherPrincipal => (Standing::OtherPrincipal(whom(sheet, own)), &[][..]),
        Stage::Fails(blame) => (Standing::Fails, blame.as_slice()),
        Stage::Applies => (Standing::Applies, &[][..]),
        Stage::Errs(_, error) => (Standing::Errs(error.clone()), &[][..]),
    };
    let answer = |(index, holds): (&usize, &bool)| {
        let condition = sheet.conditions.get(*index)?;
        let values = scene.values(&condition.expr).into_iter();
        Some(Answer {
            place: condition.place.clone(),
            text: told(condition, own),
            holds: *holds,
            decisive: blame.contains(index),
            values: values.map(|(text, value)| (text, value.map(|value| shown(scene, &value)))).collect(),
        })
    };
    Reasoned {
        id: Arc::clone(&sheet.id),
        permits: sheet.permits,
        shadow: sheet.shadow,
        place: sheet.place.clone(),
        reason: sheet.annotation("reason").map(str::to_owned),
        standing,
        answers: weighed.answers.iter().filter_map(answer).collect(),
    }
}

/// What the asker knows already.
fn own(question: &Question) -> BTreeSet<&str> {
    let Question { principal, device, actor, context, .. } = question;
    let devices = device.iter().chain(actor.iter().map(|actor| &actor.device));
    let services = actor.iter().filter_map(|actor| actor.service.as_deref());
    let words = [&context.purpose, &context.case].into_iter().flatten();
    let glass = context.break_glass.iter().flat_map(|glass| [glass.reason.as_str(), glass.case.as_str()]);
    std::iter::once(principal.id.as_str())
        .chain(devices.map(|device| device.id.as_str()))
        .chain(services)
        .chain(words.map(String::as_str))
        .chain(glass)
        .chain(context.request.captures.values().map(String::as_str))
        .collect()
}

/// The text of a condition, without what is about others.
fn told(condition: &Condition, own: &BTreeSet<&str>) -> String {
    let whole = condition.expr.source_loc();
    let Some((start, text)) = whole.and_then(|loc| Some((loc.start(), loc.snippet()?))) else {
        return HIDDEN.to_owned();
    };
    let mut hidden: Vec<(std::ops::Range<usize>, String)> = Vec::new();
    let private = is_private(&condition.expr);
    for part in condition.expr.subexpressions() {
        let Some(loc) = part.source_loc() else { continue };
        let range = loc.start().saturating_sub(start)..loc.end().saturating_sub(start);
        match part.expr_kind() {
            ExprKind::Lit(Literal::EntityUID(uid)) if is_somebody_else(uid, own) => {
                hidden.push((range, format!("{}::\"{HIDDEN}\"", uid.entity_type())));
            }
            ExprKind::Lit(Literal::String(word)) if private && !own.contains(word.as_str()) => {
                hidden.push((range, format!("\"{HIDDEN}\"")));
            }
            ExprKind::Like { expr, .. } if private => {
                let from = expr.source_loc().map_or(range.start, |loc| loc.end().saturating_sub(start));
                hidden.push((from..range.end, format!(" like \"{HIDDEN}\"")));
            }
            _ => {}
        }
    }
    hidden.sort_by_key(|(range, _)| std::cmp::Reverse(range.start));
    let mut text = text.to_owned();
    for (range, instead) in hidden {
        // A part whose place is unknown would show what it hides.
        if text.get(range.clone()).is_none() {
            return HIDDEN.to_owned();
        }
        text.replace_range(range, &instead);
    }
    one_line(&text)
}

fn is_somebody_else(uid: &EntityUID, own: &BTreeSet<&str>) -> bool {
    let name: &str = uid.eid().as_ref();
    matches!(Kind::of(uid), Some(Kind::User | Kind::Service | Kind::Device)) && !own.contains(name)
}

/// Whom a policy is about.
fn whom(sheet: &Sheet, own: &BTreeSet<&str>) -> String {
    use PrincipalOrResourceConstraint::{Any, Eq, In, Is, IsIn};
    let group = |reference: &EntityReference| match reference {
        EntityReference::EUID(uid) => match Kind::of(uid) {
            Some(kind @ (Kind::Role | Kind::Unit | Kind::Fleet)) => {
                format!("with the {} `{}`", kind.word(), uid.eid().as_ref() as &str)
            }
            _ if is_somebody_else(uid, own) => "who is somebody else".to_owned(),
            _ => format!("in `{uid}`"),
        },
        EntityReference::Slot(_) => String::new(),
    };
    let kind = |kind: &cedar_policy_core::ast::EntityType| {
        let known = Kind::ALL.into_iter().find(|known| known.entity_type() == kind);
        known.map_or_else(|| kind.to_string(), |kind| kind.word().to_owned())
    };
    let constraint = sheet.parsed.policy.principal_constraint();
    match constraint.as_inner() {
        Any => "anybody".to_owned(),
        Is(one) => format!("a {}", kind(one)),
        Eq(one) => group(one).replace("who is somebody else", "somebody else"),
        In(one) => format!("somebody {}", group(one)),
        IsIn(one, of) => format!("a {} {}", kind(one), group(of)),
    }
}

/// A value for people: an entity with what it is in.
fn shown(scene: &Scene<'_>, value: &Value) -> String {
    let ValueKind::Lit(Literal::EntityUID(uid)) = value.value_kind() else { return value.to_string() };
    let name: &str = uid.eid().as_ref();
    let mut groups: Vec<String> = scene
        .entity(uid)
        .into_iter()
        .flat_map(cedar_policy_core::ast::Entity::ancestors)
        .map(|group| {
            let kind = Kind::of(group).map_or("group", Kind::word);
            format!("{kind} `{}`", group.eid().as_ref() as &str)
        })
        .collect();
    groups.sort();
    if groups.is_empty() {
        format!("`{name}`, in nothing")
    } else {
        format!("`{name}`, in {}", groups.join(", "))
    }
}

/// Whether a condition looks at what may be about others.
pub(super) fn is_private(expr: &Expr) -> bool {
    Reads::of(expr).any(Reads::CAPTURES.and(Reads::CASE).and(Reads::BREAK_GLASS))
}
