//! Conditions, specialised to one source and one operation.
//!
//! What a condition says of `resource` and `action` alone is known at load: `resource in Classification::"secret"` is
//! true or false for a given source. Those parts are evaluated once, with Cedar's own evaluator, and replaced by their
//! value; what errs is left as it stands, to err when it is asked. So the source's entity is rarely needed in a request,
//! and a condition that is false for a source drops the whole policy from that source's slice.

use std::collections::HashMap;
use std::sync::Arc;

use cedar_policy_core::ast::{
    BinaryOp, Context, EntityUID, EntityUIDEntry, Expr, ExprKind, Literal, Request, UnaryOp, Value,
    ValueKind, Var,
};
use cedar_policy_core::entities::Entities;
use cedar_policy_core::evaluator::Evaluator;
use cedar_policy_core::extensions::Extensions;

use crate::names::entry;
use crate::reads::children;

/// Evaluates what does not depend on the request.
pub(crate) struct Specialiser<'e> {
    evaluator: Evaluator<'e>,
}

impl<'e> Specialiser<'e> {
    /// For requests on `source` and `action`; `entities` holds all that is known at load.
    pub(crate) fn new(action: &EntityUID, source: &EntityUID, entities: &'e Entities) -> Self {
        let nobody = EntityUIDEntry::unknown();
        let request = Request::new_unchecked(
            nobody,
            entry(action),
            entry(source),
            Some(Context::Value(Arc::default())),
        );
        Self { evaluator: Evaluator::new(request, entities, Extensions::all_available()) }
    }

    /// The same condition with everything known put in, and without source locations, which cost a reference count at
    /// every step of an evaluation.
    pub(crate) fn apply(&self, expr: &Expr) -> Expr {
        if !is_open(expr)
            && let Some(literal) = self.value(expr)
        {
            return Expr::val(literal);
        }
        match expr.expr_kind() {
            ExprKind::And { left, right } => and(self.apply(left), right, |right| self.apply(right)),
            ExprKind::Or { left, right } => or(self.apply(left), right, |right| self.apply(right)),
            ExprKind::If { test_expr, then_expr, else_expr } => {
                let test = self.apply(test_expr);
                match boolean(&test) {
                    Some(true) => self.apply(then_expr),
                    Some(false) => self.apply(else_expr),
                    None => Expr::ite(test, self.apply(then_expr), self.apply(else_expr)),
                }
            }
            _ => self.rebuild(expr),
        }
    }

    fn rebuild(&self, expr: &Expr) -> Expr {
        match expr.expr_kind() {
            ExprKind::UnaryApp { op, arg } => Expr::unary_app(*op, self.apply(arg)),
            ExprKind::BinaryApp { op, arg1, arg2 } => {
                Expr::binary_app(*op, self.apply(arg1), self.apply(arg2))
            }
            ExprKind::GetAttr { expr, attr } => Expr::get_attr(self.apply(expr), attr.clone()),
            ExprKind::HasAttr { expr, attr } => Expr::has_attr(self.apply(expr), attr.clone()),
            ExprKind::ExtHasAttr { expr, attrs } => Expr::extended_has_attr(self.apply(expr), attrs.clone()),
            ExprKind::Like { expr, pattern } => Expr::like(self.apply(expr), pattern.clone()),
            ExprKind::Is { expr, entity_type } => Expr::is_entity_type(self.apply(expr), entity_type.clone()),
            ExprKind::Set(items) => Expr::set(items.iter().map(|item| self.apply(item))),
            ExprKind::ExtensionFunctionApp { fn_name, args } => {
                Expr::call_extension_fn(fn_name.clone(), args.iter().map(|arg| self.apply(arg)).collect())
            }
            ExprKind::Record(fields) => Expr::record_arc(Arc::new(
                fields.iter().map(|(name, value)| (name.clone(), self.apply(value))).collect(),
            )),
            _ => expr.clone().with_maybe_source_loc(None),
        }
    }

    fn value(&self, expr: &Expr) -> Option<Literal> {
        match self.evaluator.interpret(expr, &HashMap::new()) {
            Ok(Value { value: ValueKind::Lit(literal), .. }) => Some(literal),
            _ => None,
        }
    }
}

/// Whether a value depends on the request.
fn is_open(expr: &Expr) -> bool {
    expr.subexpressions().any(|part| {
        matches!(
            part.expr_kind(),
            ExprKind::Var(Var::Principal | Var::Context) | ExprKind::Slot(_) | ExprKind::Unknown(_)
        )
    })
}

/// Whether a condition looks at the source or the action.
pub(crate) fn depends_on(expr: &Expr, var: Var) -> bool {
    expr.subexpressions().any(|part| matches!(part.expr_kind(), ExprKind::Var(found) if *found == var))
}

/// The value of a condition that is already decided.
pub(crate) fn boolean(expr: &Expr) -> Option<bool> {
    match expr.expr_kind() {
        ExprKind::Lit(Literal::Bool(value)) => Some(*value),
        _ => None,
    }
}

fn and(left: Expr, right: &Expr, apply: impl Fn(&Expr) -> Expr) -> Expr {
    match boolean(&left) {
        Some(false) => left,
        Some(true) if is_boolean(right) => apply(right),
        _ => Expr::and(left, apply(right)),
    }
}

fn or(left: Expr, right: &Expr, apply: impl Fn(&Expr) -> Expr) -> Expr {
    match boolean(&left) {
        Some(true) => left,
        Some(false) if is_boolean(right) => apply(right),
        _ => Expr::or(left, apply(right)),
    }
}

/// Whether an expression gives a boolean or errs: only then is `true && x` the same as `x` in every place.
fn is_boolean(expr: &Expr) -> bool {
    match expr.expr_kind() {
        ExprKind::And { .. }
        | ExprKind::Or { .. }
        | ExprKind::HasAttr { .. }
        | ExprKind::ExtHasAttr { .. }
        | ExprKind::Like { .. }
        | ExprKind::Is { .. }
        | ExprKind::Lit(Literal::Bool(_)) => true,
        ExprKind::UnaryApp { op, .. } => !matches!(op, UnaryOp::Neg),
        ExprKind::BinaryApp { op, .. } => {
            !matches!(op, BinaryOp::Add | BinaryOp::Sub | BinaryOp::Mul | BinaryOp::GetTag)
        }
        _ => false,
    }
}

/// The entities that evaluating a condition may look into, other than those the request brings.
///
/// The right side of `in` and both sides of `==` are compared, not looked into; any other mention counts. `resource` and
/// `action` are names by now.
pub(crate) fn looked_into(expr: &Expr, found: &mut Vec<EntityUID>) {
    match expr.expr_kind() {
        ExprKind::Lit(Literal::EntityUID(uid)) => found.push(uid.as_ref().clone()),
        ExprKind::BinaryApp { op: BinaryOp::In, arg1, arg2 } => {
            looked_into(arg1, found);
            if !is_name(arg2) {
                looked_into(arg2, found);
            }
        }
        ExprKind::BinaryApp { op: BinaryOp::Eq, arg1, arg2 } => {
            for side in [arg1, arg2].into_iter().filter(|side| !is_name(side)) {
                looked_into(side, found);
            }
        }
        _ => {
            for child in children(expr) {
                looked_into(child, found);
            }
        }
    }
}

fn is_name(expr: &Expr) -> bool {
    match expr.expr_kind() {
        ExprKind::Lit(_) | ExprKind::Var(_) => true,
        ExprKind::Set(items) => items.iter().all(is_name),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use cedar_policy_core::entities::{NoEntitiesSchema, TCComputation};

    use super::*;
    use crate::names::{Kind, entity};

    fn world() -> Entities {
        let secret = Kind::Classification.uid("secret");
        let owner = Value::from("desk");
        let source = entity(
            Kind::Source.uid("firearms"),
            [("owner".into(), owner.into())],
            [secret].into_iter().collect(),
        );
        Entities::new()
            .add_entities(
                [source],
                None::<&NoEntitiesSchema>,
                TCComputation::AssumeAlreadyComputed,
                Extensions::all_available(),
            )
            .unwrap()
    }

    #[test]
    fn what_is_known_is_put_in() {
        let cases = [
            ("resource in Poort::Classification::\"secret\"", "true"),
            ("resource == Poort::Source::\"persons\"", "false"),
            ("action == Poort::Action::\"consult\" && context has device", "context has device"),
            ("action == Poort::Action::\"erase\" && context has device", "false"),
            (
                "context has device && resource in Poort::Classification::\"public\"",
                "(context has device) && false",
            ),
            ("resource.owner == \"desk\" || principal has x", "true"),
            ("principal.unit == resource.owner", "(principal[\"unit\"]) == \"desk\""),
            ("if 1 < 2 then context.a else context.b", "context[\"a\"]"),
            ("if context.a then resource.owner else \"\"", "if (context[\"a\"]) then \"desk\" else \"\""),
            ("true && context.a", "true && (context[\"a\"])"),
            ("resource.missing == 1", "Poort::Source::\"firearms\".missing == 1"),
            ("resource.missing == principal", "Poort::Source::\"firearms\".missing == principal"),
            ("action in principal.x", "Poort::Action::\"consult\" in principal.x"),
            ("[resource, principal].isEmpty()", "[Poort::Source::\"firearms\", principal].isEmpty()"),
        ];
        let world = world();
        let special = Specialiser::new(&Kind::Action.uid("consult"), &Kind::Source.uid("firearms"), &world);
        for (text, expected) in cases {
            let (expr, expected): (Expr, Expr) = (text.parse().unwrap(), expected.parse().unwrap());
            let found = special.apply(&expr);
            assert_eq!(found, expected, "{text} became {found}");
            assert!(
                found.subexpressions().all(|part| part.source_loc().is_none()),
                "{text} keeps a location"
            );
        }
    }

    #[test]
    fn what_is_looked_into() {
        let cases: [(&str, &[EntityUID]); 7] = [
            ("principal in Poort::Unit::\"a\"", &[]),
            ("principal in [Poort::Unit::\"a\", Poort::Unit::\"b\"]", &[]),
            ("context.device == Poort::Device::\"a\"", &[]),
            ("Poort::Unit::\"a\" in principal.unit", &[Kind::Unit.uid("a")]),
            ("Poort::Source::\"a\".owner == principal.x", &[Kind::Source.uid("a")]),
            ("[Poort::Source::\"a\"].contains(principal)", &[Kind::Source.uid("a")]),
            ("(if context.a then Poort::Unit::\"a\" else principal).x", &[Kind::Unit.uid("a")]),
        ];
        for (text, expected) in cases {
            let mut found = Vec::new();
            looked_into(&text.parse().unwrap(), &mut found);
            assert_eq!(found, expected, "{text}");
        }
    }
}
