//! The simplest conditions on a request, answered from the question itself.
//!
//! Cedar's interpreter takes some 50 ns a node and needs a context built as Cedar values first. Most of what policies ask
//! of a request is one of a few shapes: is a purpose stated, was the sign-in strong, does the path look like this, is it
//! before six. Those are answered here; whatever has another shape is left to Cedar, and so is a fact that turns out to be
//! absent, so that errors are Cedar's own.

use std::collections::BTreeSet;

use cedar_policy_core::ast::{BinaryOp, Expr, ExprKind, Literal, Pattern, Var};
use smol_str::SmolStr;

use crate::question::Context;
use crate::reads::chain;
use crate::shift::ShiftCount;

/// A condition on a request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Fact {
    /// Something that may be absent is there.
    Has(Part),
    /// The sign-in was strong.
    Strong,
    /// The sign-in used this method.
    SignedInBy(SmolStr),
    /// A number compared with a fixed one.
    Compare { number: Number, relation: Relation, bound: i64 },
    /// A text is one of these.
    OneOf(Text, Vec<SmolStr>),
    /// A text looks like this.
    Like(Text, Pattern),
}

/// What may be absent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Purpose,
    Case,
    BreakGlass,
    Acr,
    AuthAge,
    ShiftCount(ShiftCount),
    Capture(SmolStr),
}

/// The numbers of a context.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Number {
    Score,
    AuthAge,
    ShiftCount(ShiftCount),
    Epoch,
    Hour,
    Minute,
    Weekday,
}

/// The texts of a context.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Text {
    Method,
    Host,
    Path,
    Purpose,
    Case,
    Acr,
    Capture(SmolStr),
}

/// How a number of the context, on the left, compares with a fixed one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Relation {
    Equal,
    Less,
    AtMost,
    More,
    AtLeast,
}

impl Fact {
    /// The fact that an expression is about, if it is of a known shape. `captures` are those the schema declares.
    pub(crate) fn of(expr: &Expr, captures: &BTreeSet<SmolStr>) -> Option<Self> {
        match expr.expr_kind() {
            ExprKind::HasAttr { .. } | ExprKind::ExtHasAttr { .. } => part(expr, captures).map(Self::Has),
            ExprKind::GetAttr { .. } => {
                (path(expr)?.as_slice() == ["strong", "session"]).then_some(Self::Strong)
            }
            ExprKind::Like { expr, pattern } => Some(Self::Like(text(expr, captures)?, pattern.clone())),
            ExprKind::BinaryApp { op: BinaryOp::Contains, arg1, arg2 } => contains(arg1, arg2, captures),
            ExprKind::BinaryApp { op, arg1, arg2 } => compare(*op, arg1, arg2)
                .or_else(|| equal(*op, arg1, arg2, captures))
                .or_else(|| equal(*op, arg2, arg1, captures)),
            _ => None,
        }
    }

    /// Whether it holds; nothing when what it is about is absent.
    pub(crate) fn holds(&self, context: &Context) -> Option<bool> {
        match self {
            Self::Has(part) => Some(part.is_in(context)),
            Self::Strong => Some(context.session.strong),
            Self::SignedInBy(method) => Some(context.session.amr.iter().any(|used| used == method)),
            Self::Compare { number, relation, bound } => Some(relation.holds(number.of(context)?, *bound)),
            Self::OneOf(text, all) => text.of(context).map(|text| all.iter().any(|one| one == text)),
            Self::Like(text, pattern) => text.of(context).map(|text| pattern.wildcard_match(text)),
        }
    }
}

impl Part {
    fn is_in(&self, context: &Context) -> bool {
        match self {
            Self::Purpose => context.purpose.is_some(),
            Self::Case => context.case.is_some(),
            Self::BreakGlass => context.break_glass.is_some(),
            Self::Acr => context.session.acr.is_some(),
            Self::AuthAge => context.session.auth_age.is_some(),
            Self::ShiftCount(kind) => context.shift.of(*kind).is_some(),
            Self::Capture(name) => context.request.captures.contains_key(name.as_str()),
        }
    }
}

impl Number {
    fn of(self, context: &Context) -> Option<i64> {
        Some(match self {
            Self::Score => context.inspection.score.into(),
            Self::AuthAge => i64::try_from(context.session.auth_age?).unwrap_or(i64::MAX),
            Self::ShiftCount(kind) => context.shift.of(kind)?.into(),
            Self::Epoch => context.time.epoch,
            Self::Hour => context.time.hour.into(),
            Self::Minute => context.time.minute.into(),
            Self::Weekday => context.time.weekday.into(),
        })
    }
}

impl Text {
    fn of<'c>(&self, context: &'c Context) -> Option<&'c str> {
        match self {
            Self::Method => Some(&context.request.method),
            Self::Host => Some(&context.request.host),
            Self::Path => Some(&context.request.path),
            Self::Purpose => context.purpose.as_deref(),
            Self::Case => context.case.as_deref(),
            Self::Acr => context.session.acr.as_deref(),
            Self::Capture(name) => context.request.captures.get(name.as_str()).map(String::as_str),
        }
    }
}

impl Relation {
    /// What holds where this one does not.
    pub(crate) const fn opposite(self) -> Option<Self> {
        match self {
            Self::Equal => None,
            Self::Less => Some(Self::AtLeast),
            Self::AtMost => Some(Self::More),
            Self::More => Some(Self::AtMost),
            Self::AtLeast => Some(Self::Less),
        }
    }

    fn holds(self, number: i64, bound: i64) -> bool {
        match self {
            Self::Equal => number == bound,
            Self::Less => number < bound,
            Self::AtMost => number <= bound,
            Self::More => number > bound,
            Self::AtLeast => number >= bound,
        }
    }
}

/// The attributes from the context to a value, the last one first.
fn path(expr: &Expr) -> Option<Vec<&str>> {
    let mut attributes = Vec::new();
    let root = chain(expr, &mut attributes);
    matches!(root.expr_kind(), ExprKind::Var(Var::Context)).then_some(attributes)
}

fn part(expr: &Expr, captures: &BTreeSet<SmolStr>) -> Option<Part> {
    Some(match path(expr)?.as_slice() {
        ["purpose"] => Part::Purpose,
        ["case"] => Part::Case,
        ["break_glass"] => Part::BreakGlass,
        ["acr", "session"] => Part::Acr,
        ["auth_age", "session"] => Part::AuthAge,
        [name, "shift"] => Part::ShiftCount(shift_count(name)?),
        [name, "captures", "request"] => Part::Capture(captures.get(*name)?.clone()),
        _ => return None,
    })
}

fn shift_count(name: &str) -> Option<ShiftCount> {
    ShiftCount::ALL.into_iter().find(|kind| kind.as_str() == name)
}

fn number(expr: &Expr) -> Option<Number> {
    if !matches!(expr.expr_kind(), ExprKind::GetAttr { .. }) {
        return None;
    }
    Some(match path(expr)?.as_slice() {
        ["score", "inspection"] => Number::Score,
        ["auth_age", "session"] => Number::AuthAge,
        [name, "shift"] => Number::ShiftCount(shift_count(name)?),
        ["epoch", "time"] => Number::Epoch,
        ["hour", "time"] => Number::Hour,
        ["minute", "time"] => Number::Minute,
        ["weekday", "time"] => Number::Weekday,
        _ => return None,
    })
}

fn text(expr: &Expr, captures: &BTreeSet<SmolStr>) -> Option<Text> {
    if !matches!(expr.expr_kind(), ExprKind::GetAttr { .. }) {
        return None;
    }
    Some(match path(expr)?.as_slice() {
        ["method", "request"] => Text::Method,
        ["host", "request"] => Text::Host,
        ["path", "request"] => Text::Path,
        ["purpose"] => Text::Purpose,
        ["case"] => Text::Case,
        ["acr", "session"] => Text::Acr,
        [name, "captures", "request"] => Text::Capture(captures.get(*name)?.clone()),
        _ => return None,
    })
}

fn contains(set: &Expr, item: &Expr, captures: &BTreeSet<SmolStr>) -> Option<Fact> {
    if let ExprKind::Set(items) = set.expr_kind() {
        let all: Option<Vec<SmolStr>> = items.iter().map(string).collect();
        return Some(Fact::OneOf(text(item, captures)?, all?));
    }
    let methods =
        matches!(set.expr_kind(), ExprKind::GetAttr { .. }) && path(set)?.as_slice() == ["amr", "session"];
    methods.then(|| string(item).map(Fact::SignedInBy)).flatten()
}

fn equal(op: BinaryOp, side: &Expr, other: &Expr, captures: &BTreeSet<SmolStr>) -> Option<Fact> {
    (op == BinaryOp::Eq).then(|| Some(Fact::OneOf(text(side, captures)?, vec![string(other)?]))).flatten()
}

fn compare(op: BinaryOp, left: &Expr, right: &Expr) -> Option<Fact> {
    let (left_is, right_is) = match op {
        BinaryOp::Eq => (Relation::Equal, Relation::Equal),
        BinaryOp::Less => (Relation::Less, Relation::More),
        BinaryOp::LessEq => (Relation::AtMost, Relation::AtLeast),
        _ => return None,
    };
    let fact = |number, relation, bound| Some(Fact::Compare { number, relation, bound });
    match (number(left), long(right), long(left), number(right)) {
        (Some(number), Some(bound), ..) => fact(number, left_is, bound),
        (_, _, Some(bound), Some(number)) => fact(number, right_is, bound),
        _ => None,
    }
}

fn string(expr: &Expr) -> Option<SmolStr> {
    match expr.expr_kind() {
        ExprKind::Lit(Literal::String(text)) => Some(text.clone()),
        _ => None,
    }
}

fn long(expr: &Expr) -> Option<i64> {
    match expr.expr_kind() {
        ExprKind::Lit(Literal::Long(number)) => Some(*number),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::examples;

    #[test]
    fn shapes_that_need_no_cedar() {
        let captures = BTreeSet::from([SmolStr::new("plate")]);
        let [full, bare] = examples::all(&captures).unwrap().contexts;
        let (yes, no, absent) = (Some(true), Some(false), None);
        // What is said of the full example, where every text is `example`, and of the bare one.
        let cases = [
            ("context has purpose", yes, no),
            ("context has case", yes, no),
            ("context has break_glass", yes, no),
            ("context.session has acr", yes, no),
            ("context has session.auth_age", yes, no),
            ("context.request.captures has plate", yes, no),
            ("context.session.strong", yes, no),
            ("context.session.amr.contains(\"mfa\")", yes, no),
            ("context.session.amr.contains(\"pwd\")", no, no),
            ("context.purpose == \"example\"", yes, absent),
            ("\"other\" == context.case", no, absent),
            ("[\"other\", \"example\"].contains(context.session.acr)", yes, absent),
            ("context.request.captures.plate like \"ex*\"", yes, absent),
            ("context.request.method == \"GET\"", yes, yes),
            ("context.request.host like \"*.example\"", no, no),
            ("context.request.path like \"/*\"", yes, yes),
            ("context.inspection.score <= 0", yes, yes),
            ("context.session.auth_age < 1", no, absent),
            ("1 <= context.session.auth_age", yes, absent),
            ("0 < context.session.auth_age", yes, absent),
            ("1 < context.session.auth_age", no, absent),
            ("context.shift has subjects", yes, no),
            ("context has shift.officers", yes, no),
            ("context.shift.devices <= 1", yes, absent),
            ("1 < context.shift.subjects", no, absent),
            ("context.time.hour == 0", yes, yes),
            ("context.time.minute < 1", yes, yes),
            ("4 == context.time.weekday", yes, yes),
            ("context.time.epoch <= -1", no, no),
        ];
        for (expr, on_full, on_bare) in cases {
            let fact =
                Fact::of(&expr.parse().unwrap(), &captures).unwrap_or_else(|| panic!("{expr}: no fact"));
            assert_eq!((fact.holds(&full), fact.holds(&bare)), (on_full, on_bare), "{expr}");
        }
    }

    #[test]
    fn shapes_that_are_left_to_cedar() {
        let captures = BTreeSet::from([SmolStr::new("plate")]);
        let cases = [
            "context has break_glass.reason",
            "context has shift",
            "context.shift has colours",
            "context.request.captures has colour",
            "context.request.captures.colour == \"red\"",
            "context.request.captures",
            "context.purpose == context.case",
            "(context has purpose) == true",
            "(context has purpose) like \"x\"",
            "context.session.auth_age + 1 < 5",
            "context.time.hour == \"5\"",
            "context.purpose == 5",
            "context.session.amr == [\"mfa\"]",
            "principal.issuer == \"zone\"",
            "[context.case].contains(context.purpose)",
        ];
        for expr in cases {
            assert_eq!(Fact::of(&expr.parse().unwrap(), &captures), None, "{expr}");
        }
    }
}
