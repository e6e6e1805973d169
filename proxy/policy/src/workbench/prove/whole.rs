//! All policies as one: what the engine allows, said in Cedar.
//!
//! Cedar leaves a policy out that errs; the engine refuses then ([`crate::Engine::decide`]). One `permit` that looks at every
//! condition says the same as the engine does: it errs where any of them would, and then it permits nothing. So what is proved of it
//! is proved of the gate's own way to decide.

use cedar_policy::Policy;
use cedar_policy_core::ast::{BinaryOp, Effect, Expr, ExprKind, PolicyID, UnaryOp};

use super::super::{Sheet, Workbench};
use super::deciding;

/// A policy that permits what the engine allows.
pub(super) fn engine(bench: &Workbench) -> Policy {
    let of = |permits: bool| {
        let sheets = deciding(bench).filter(|sheet| sheet.permits == permits);
        joined(sheets.map(|sheet| sheet.parsed.policy.condition()).collect(), Expr::or, false)
    };
    let allowed = Expr::and(of(true), Expr::not(of(false)));
    permit(Expr::and(evaluates(bench), allowed))
}

/// A policy that permits whatever makes no policy of these err.
pub(super) fn sound(benches: [&Workbench; 2]) -> Policy {
    permit(joined(benches.map(evaluates).into(), Expr::and, true))
}

/// A condition that holds where every condition can be evaluated, and errs elsewhere.
fn evaluates(bench: &Workbench) -> Expr {
    let conditions =
        deciding(bench).filter(|sheet| may_err(sheet)).map(|sheet| sheet.parsed.policy.condition());
    let each = conditions.map(|condition| Expr::ite(condition, Expr::val(true), Expr::val(true)));
    joined(each.collect(), Expr::and, true)
}

/// Whether a policy may err for all that strict validation says. It rules out everything but numbers that grow too large and functions
/// of extensions; that it does is a theorem of Cedar's own Lean model, over entities that are all there, as a question's are.
pub(super) fn may_err(sheet: &Sheet) -> bool {
    sheet.parsed.policy.condition().subexpressions().any(|part| match part.expr_kind() {
        ExprKind::BinaryApp { op, .. } => matches!(op, BinaryOp::Add | BinaryOp::Sub | BinaryOp::Mul),
        ExprKind::UnaryApp { op, .. } => *op == UnaryOp::Neg,
        ExprKind::ExtensionFunctionApp { .. } => true,
        _ => false,
    })
}

/// Joined in a tree and not in a row: Cedar recurses over conditions, and there may be thousands.
fn joined(mut all: Vec<Expr>, join: fn(Expr, Expr) -> Expr, empty: bool) -> Expr {
    while all.len() > 1 {
        let mut pairs = Vec::with_capacity(all.len().div_ceil(2));
        let mut rest = all.into_iter();
        while let Some(one) = rest.next() {
            pairs.push(match rest.next() {
                Some(other) => join(one, other),
                None => one,
            });
        }
        all = pairs;
    }
    all.pop().unwrap_or_else(|| Expr::val(empty))
}

fn permit(condition: Expr) -> Policy {
    let id = PolicyID::from_string("whole");
    cedar_policy_core::ast::Policy::from_when_clause(Effect::Permit, condition, id, None).into()
}
