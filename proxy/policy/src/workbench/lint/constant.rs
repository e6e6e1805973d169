//! Conditions that always or never hold.

use std::collections::BTreeSet;

use cedar_policy_core::ast::{
    BinaryOp, EntityReference, EntityUID, Expr, ExprKind, Literal, PrincipalOrResourceConstraint, UnaryOp,
    Var,
};
use smol_str::SmolStr;

use crate::facts::{Fact, Number, Relation};
use crate::names::Kind;
use crate::operation::Operation;
use crate::reads::chain;
use crate::shift::ShiftFacts;
use crate::slices::{action_fits, covers, is_in};
use crate::specialise::{Specialiser, boolean, depends_on};

use super::super::Sheet;
use super::super::condition::{Clause, Condition};
use super::{Lint, Workbench};

/// What every context and device has, so that `has` says nothing.
const ALWAYS_THERE: [&[&str]; 17] = [
    &["request"],
    &["method", "request"],
    &["host", "request"],
    &["path", "request"],
    &["address", "request"],
    &["captures", "request"],
    &["inspection"],
    &["score", "inspection"],
    &["session"],
    &["amr", "session"],
    &["strong", "session"],
    &["shift"],
    &["time"],
    &["epoch", "time"],
    &["hour", "time"],
    &["minute", "time"],
    &["weekday", "time"],
];

pub(super) fn conditions(bench: &Workbench, found: &mut Vec<Lint>) {
    for sheet in &bench.sheets {
        let reader = Reader { bench, sheet, captures: &bench.engine.vocabulary.captures };
        for condition in &sheet.conditions {
            if let Some((holds, why)) = reader.constant(condition) {
                found.push(lint(condition, holds, &why));
            }
        }
        if let Some(clause) = &sheet.clause {
            reader.chains(clause, found);
        }
    }
}

fn lint(condition: &Condition, holds: bool, why: &str) -> Lint {
    Lint {
        place: condition.place.clone(),
        length: condition.length,
        name: if holds { "always-true" } else { "always-false" },
        message: format!("`{}` {} holds: {why}", condition.text, if holds { "always" } else { "never" }),
        help: if holds { "remove it" } else { "correct it, or remove what depends on it" }.to_owned(),
    }
}

struct Reader<'b> {
    bench: &'b Workbench,
    sheet: &'b Sheet,
    captures: &'b BTreeSet<SmolStr>,
}

impl Reader<'_> {
    /// What a condition always says, and why.
    fn constant(&self, condition: &Condition) -> Option<(bool, String)> {
        let (expr, negated) = match condition.expr.expr_kind() {
            ExprKind::UnaryApp { op: UnaryOp::Not, arg } => (arg.as_ref(), true),
            _ => (&condition.expr, false),
        };
        let found = self
            .of_scope(expr)
            .or_else(|| there(expr))
            .or_else(|| same(expr))
            .or_else(|| self.range(expr))
            .or_else(|| self.specialised(expr));
        found.map(|(holds, why)| (holds != negated, why))
    }

    /// What the scope says already.
    fn of_scope(&self, expr: &Expr) -> Option<(bool, String)> {
        use PrincipalOrResourceConstraint::{Eq, In, Is, IsIn};
        let constraint = self.sheet.parsed.policy.principal_constraint();
        let scope = constraint.as_inner();
        let holds = match expr.expr_kind() {
            ExprKind::Is { expr, entity_type } if is_principal(expr) => match scope {
                Is(kind) | IsIn(kind, _) => kind.as_ref() == entity_type,
                _ => false,
            },
            ExprKind::BinaryApp { op: BinaryOp::In, arg1, arg2 } if is_principal(arg1) => {
                let group = literal(arg2)?;
                match scope {
                    In(EntityReference::EUID(scope))
                    | IsIn(_, EntityReference::EUID(scope))
                    | Eq(EntityReference::EUID(scope)) => {
                        scope.as_ref() == group || is_in(&self.bench.engine.registry, scope, group)
                    }
                    _ => false,
                }
            }
            _ => false,
        };
        holds.then(|| (true, "the scope of the policy says so".to_owned()))
    }

    /// Numbers have bounds.
    fn range(&self, expr: &Expr) -> Option<(bool, String)> {
        let Fact::Compare { number, relation, bound } = Fact::of(expr, self.captures)? else { return None };
        let (low, high) = bounds(number)?;
        let why = if high == i64::MAX {
            format!("it is never below {low}")
        } else {
            format!("it is from {low} to {high}")
        };
        let (least, most) = span(relation, bound);
        if least <= low && high <= most {
            return Some((true, why));
        }
        (most < low || high < least).then_some((false, why))
    }

    /// What it says of `resource` and `action`, where it says the same for all that the scope fits.
    fn specialised(&self, expr: &Expr) -> Option<(bool, String)> {
        if !depends_on(expr, Var::Resource) && !depends_on(expr, Var::Action) {
            return None;
        }
        let registry = &self.bench.engine.registry;
        let policy = &self.sheet.parsed.policy;
        let resource = policy.resource_constraint();
        let mut all: Option<bool> = None;
        for source in &self.bench.corpus.sources {
            let source = Kind::Source.uid(&source.id);
            if !covers(resource.as_inner(), &source, |group| is_in(registry, &source, group)) {
                continue;
            }
            for operation in Operation::ALL {
                let action = Kind::Action.uid(operation.as_str());
                if !action_fits(registry, policy.action_constraint(), &action) {
                    continue;
                }
                let holds = boolean(&Specialiser::new(&action, &source, &self.bench.entities).apply(expr))?;
                if *all.get_or_insert(holds) != holds {
                    return None;
                }
            }
        }
        all.map(|holds| (holds, "for every source and operation that the policy is about".to_owned()))
    }

    /// Conditions that are joined by `&&` and cannot hold together, or of which one says what another said.
    fn chains(&self, clause: &Clause, found: &mut Vec<Lint>) {
        let mut links = Vec::new();
        flatten(clause, false, &mut links);
        for (place, (index, negated)) in links.iter().enumerate() {
            let Some(later) = self.sheet.conditions.get(*index) else { continue };
            let before = links.get(..place).unwrap_or_default();
            let verdict = before.iter().find_map(|(first, first_negated)| {
                let first = self.sheet.conditions.get(*first)?;
                self.clash(first, *first_negated, later, *negated)
            });
            if let Some((holds, why)) = verdict {
                found.push(lint(later, holds != *negated, &why));
            }
        }
        // What is joined in other ways has chains of its own inside.
        inner(clause, &mut |clause| self.chains(clause, found));
    }

    /// What the first of two joined conditions makes of the second.
    fn clash(
        &self,
        first: &Condition,
        first_negated: bool,
        later: &Condition,
        negated: bool,
    ) -> Option<(bool, String)> {
        let place = format!("after `{}` on line {}", first.text, first.place.line);
        if first.expr == later.expr {
            return Some((first_negated == negated, place));
        }
        let facts = (self.fact(first, first_negated)?, self.fact(later, negated)?);
        let never = match facts {
            (
                Fact::Compare { number, relation, bound },
                Fact::Compare { number: other, relation: with, bound: to },
            ) if number == other => {
                let ((low, high), (least, most)) = (span(relation, bound), span(with, to));
                high < least || most < low
            }
            (Fact::OneOf(text, words), Fact::OneOf(other, others)) if text == other => {
                words.iter().all(|word| !others.contains(word))
            }
            _ => false,
        };
        never.then_some((false, place))
    }

    /// What a condition says, `!` around and within it taken in; none where that has no simple shape.
    fn fact(&self, condition: &Condition, negated: bool) -> Option<Fact> {
        let (expr, negated) = match condition.expr.expr_kind() {
            ExprKind::UnaryApp { op: UnaryOp::Not, arg } => (arg.as_ref(), !negated),
            _ => (&condition.expr, negated),
        };
        let fact = Fact::of(expr, self.captures)?;
        match fact {
            fact if !negated => Some(fact),
            Fact::Compare { number, relation, bound } => {
                Some(Fact::Compare { number, relation: relation.opposite()?, bound })
            }
            _ => None,
        }
    }
}

/// The conditions joined by `&&` at the top of a clause, and whether each is negated.
fn flatten(clause: &Clause, negated: bool, links: &mut Vec<(usize, bool)>) {
    match (clause, negated) {
        (Clause::Condition(index), _) => links.push((*index, negated)),
        (Clause::Not(inner), _) => flatten(inner, !negated, links),
        (Clause::And(parts), false) | (Clause::Or(parts), true) => {
            parts.iter().for_each(|part| flatten(part, negated, links));
        }
        _ => {}
    }
}

/// Goes into what [`flatten`] leaves out.
fn inner(clause: &Clause, visit: &mut impl FnMut(&Clause)) {
    fn walk(clause: &Clause, negated: bool, visit: &mut impl FnMut(&Clause)) {
        match (clause, negated) {
            (Clause::Condition(_) | Clause::Fixed(_), _) => {}
            (Clause::Not(inner), _) => walk(inner, !negated, visit),
            (Clause::And(parts), false) | (Clause::Or(parts), true) => {
                parts.iter().for_each(|part| walk(part, negated, visit));
            }
            (Clause::And(parts) | Clause::Or(parts), _) => parts.iter().for_each(&mut *visit),
            (Clause::If(parts), _) => parts.iter().for_each(&mut *visit),
        }
    }
    walk(clause, false, visit);
}

fn is_principal(expr: &Expr) -> bool {
    matches!(expr.expr_kind(), ExprKind::Var(Var::Principal))
}

fn literal(expr: &Expr) -> Option<&EntityUID> {
    match expr.expr_kind() {
        ExprKind::Lit(Literal::EntityUID(uid)) => Some(uid),
        _ => None,
    }
}

fn there(expr: &Expr) -> Option<(bool, String)> {
    if !matches!(expr.expr_kind(), ExprKind::HasAttr { .. } | ExprKind::ExtHasAttr { .. }) {
        return None;
    }
    let mut attributes = Vec::new();
    let root = chain(expr, &mut attributes);
    let ours = matches!(root.expr_kind(), ExprKind::Var(Var::Context));
    (ours && ALWAYS_THERE.contains(&attributes.as_slice())).then(|| (true, "every request has it".to_owned()))
}

fn same(expr: &Expr) -> Option<(bool, String)> {
    match expr.expr_kind() {
        ExprKind::BinaryApp { op: BinaryOp::Eq | BinaryOp::LessEq, arg1, arg2 } if arg1 == arg2 => {
            Some((true, "both sides are the same".to_owned()))
        }
        ExprKind::BinaryApp { op: BinaryOp::Less, arg1, arg2 } if arg1 == arg2 => {
            Some((false, "both sides are the same".to_owned()))
        }
        _ => None,
    }
}

/// The least and the most that a number can be; none where it can be anything.
const fn bounds(number: Number) -> Option<(i64, i64)> {
    match number {
        Number::Score => Some((0, u32::MAX as i64)),
        Number::AuthAge => Some((0, i64::MAX)),
        Number::ShiftCount(_) => Some((0, ShiftFacts::MOST as i64)),
        Number::Hour => Some((0, 23)),
        Number::Minute => Some((0, 59)),
        Number::Weekday => Some((1, 7)),
        Number::Epoch => None,
    }
}

/// The numbers for which a comparison holds, both ends included.
const fn span(relation: Relation, bound: i64) -> (i64, i64) {
    match relation {
        Relation::Equal => (bound, bound),
        Relation::Less => (i64::MIN, bound.saturating_sub(1)),
        Relation::AtMost => (i64::MIN, bound),
        Relation::More => (bound.saturating_add(1), i64::MAX),
        Relation::AtLeast => (bound, i64::MAX),
    }
}
