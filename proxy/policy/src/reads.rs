//! Which parts of the context a condition can look at.
//!
//! Building the whole context costs more than evaluating a handful of policies, and most policies look at two or three
//! facts of it. So each slice knows what its policies can read, and only that is built. Where in doubt, everything is.

use cedar_policy_core::ast::{Expr, ExprKind, Var};

use crate::shift::ShiftCount;

/// A set of parts of the context.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Reads(u32);

macro_rules! parts {
    ($($name:ident = $bit:literal),+ $(,)?) => {
        impl Reads {
            $(pub(crate) const $name: Self = Self(1 << $bit);)+
        }
    };
}

parts! {
    DEVICE = 0, ACTOR = 1, METHOD = 2, HOST = 3, PATH = 4, ADDRESS = 5, CAPTURES = 6, PURPOSE = 7, CASE = 8,
    BREAK_GLASS = 9, INSPECTION = 10, ACR = 11, AMR = 12, AUTH_AGE = 13, STRONG = 14, EPOCH = 15, CLOCK = 16,
    SUBJECTS = 17, DEVICES = 18, OFFICERS = 19,
}

impl Reads {
    pub(crate) const ALL: Self = Self(u32::MAX);
    pub(crate) const NOTHING: Self = Self(0);
    pub(crate) const REQUEST: Self =
        Self(Self::METHOD.0 | Self::HOST.0 | Self::PATH.0 | Self::ADDRESS.0 | Self::CAPTURES.0);
    /// Of the time, the moment, and what a clock on the wall shows.
    pub(crate) const TIME: Self = Self(Self::EPOCH.0 | Self::CLOCK.0);
    pub(crate) const SESSION: Self = Self(Self::ACR.0 | Self::AMR.0 | Self::AUTH_AGE.0 | Self::STRONG.0);

    /// What is counted in a shift.
    pub(crate) const SHIFT: Self = Self(Self::SUBJECTS.0 | Self::DEVICES.0 | Self::OFFICERS.0);

    /// What an expression can read.
    pub(crate) fn of(expr: &Expr) -> Self {
        let mut attributes = Vec::new();
        let root = chain(expr, &mut attributes);
        match (root.expr_kind(), attributes.is_empty()) {
            (ExprKind::Var(Var::Context), _) => Self::at(&attributes),
            (_, false) => Self::of(root),
            (_, true) => {
                children(root).into_iter().fold(Self::NOTHING, |reads, child| reads.and(Self::of(child)))
            }
        }
    }

    pub(crate) const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) const fn any(self, of: Self) -> bool {
        self.0 & of.0 != 0
    }

    /// Where a number of a shift is read.
    pub(crate) const fn counted(kind: ShiftCount) -> Self {
        match kind {
            ShiftCount::Subjects => Self::SUBJECTS,
            ShiftCount::Devices => Self::DEVICES,
            ShiftCount::Officers => Self::OFFICERS,
        }
    }

    /// Whether there is anything in it that is not in `other`.
    pub(crate) const fn beyond(self, other: Self) -> bool {
        self.0 & !other.0 != 0
    }

    /// What lies at a path of attributes from the context, outermost last.
    fn at(attributes: &[&str]) -> Self {
        match attributes {
            [.., "device"] => Self::DEVICE,
            [.., "actor"] => Self::ACTOR,
            [.., "method", "request"] => Self::METHOD,
            [.., "host", "request"] => Self::HOST,
            [.., "path", "request"] => Self::PATH,
            [.., "address", "request"] => Self::ADDRESS,
            [.., "captures", "request"] => Self::CAPTURES,
            [.., "request"] => Self::REQUEST,
            [.., "purpose"] => Self::PURPOSE,
            [.., "case"] => Self::CASE,
            [.., "break_glass"] => Self::BREAK_GLASS,
            [.., "inspection"] => Self::INSPECTION,
            [.., "acr", "session"] => Self::ACR,
            [.., "amr", "session"] => Self::AMR,
            [.., "auth_age", "session"] => Self::AUTH_AGE,
            [.., "strong", "session"] => Self::STRONG,
            [.., "session"] => Self::SESSION,
            [.., "subjects", "shift"] => Self::SUBJECTS,
            [.., "devices", "shift"] => Self::DEVICES,
            [.., "officers", "shift"] => Self::OFFICERS,
            [.., "shift"] => Self::SHIFT,
            [.., "epoch", "time"] => Self::EPOCH,
            [.., "hour" | "minute" | "weekday", "time"] => Self::CLOCK,
            [.., "time"] => Self::TIME,
            _ => Self::ALL,
        }
    }
}

/// Follows `a.b.c`, `a.b has c` and `a has b.c` down to `a`, and notes the attributes, the last one first.
pub(crate) fn chain<'e>(expr: &'e Expr, attributes: &mut Vec<&'e str>) -> &'e Expr {
    match expr.expr_kind() {
        ExprKind::GetAttr { expr, attr } | ExprKind::HasAttr { expr, attr } => {
            attributes.push(attr);
            chain(expr, attributes)
        }
        ExprKind::ExtHasAttr { expr, attrs } => {
            let from = attributes.len();
            attributes.extend(attrs.iter().map(AsRef::<str>::as_ref));
            if let Some(added) = attributes.get_mut(from..) {
                added.reverse();
            }
            chain(expr, attributes)
        }
        _ => expr,
    }
}

/// The direct sub-expressions.
pub(crate) fn children(expr: &Expr) -> Vec<&Expr> {
    match expr.expr_kind() {
        ExprKind::Lit(_) | ExprKind::Var(_) | ExprKind::Slot(_) | ExprKind::Unknown(_) => vec![],
        ExprKind::If { test_expr, then_expr, else_expr } => vec![test_expr, then_expr, else_expr],
        ExprKind::And { left, right } | ExprKind::Or { left, right } => vec![left, right],
        ExprKind::BinaryApp { arg1, arg2, .. } => vec![arg1, arg2],
        ExprKind::UnaryApp { arg: expr, .. }
        | ExprKind::GetAttr { expr, .. }
        | ExprKind::HasAttr { expr, .. }
        | ExprKind::ExtHasAttr { expr, .. }
        | ExprKind::Like { expr, .. }
        | ExprKind::Is { expr, .. } => vec![expr],
        ExprKind::ExtensionFunctionApp { args, .. } | ExprKind::Set(args) => args.iter().collect(),
        ExprKind::Record(fields) => fields.values().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_expression_reads() {
        let device_and_strong = Reads::DEVICE.and(Reads::STRONG);
        let cases = [
            ("1 < 2", Reads::NOTHING),
            ("principal in Poort::Role::\"officer\"", Reads::NOTHING),
            ("context has device", Reads::DEVICE),
            ("context.device.managed && context.session.strong", device_and_strong),
            ("context has device.unit", Reads::DEVICE),
            ("context has request.captures.plate", Reads::CAPTURES),
            ("context.request has captures.plate", Reads::CAPTURES),
            ("context.request.captures has plate", Reads::CAPTURES),
            ("context.request.path like \"/a/*\"", Reads::PATH),
            ("context.request == context.request", Reads::REQUEST),
            ("{a: context.request}.a.path == \"x\"", Reads::REQUEST),
            ("[context.session].contains(context.session)", Reads::SESSION),
            ("(if true then context else context).purpose == \"x\"", Reads::ALL),
            ("context == context", Reads::ALL),
            ("context.unheard_of == 1", Reads::ALL),
            ("context.request.address.isInRange(ip(\"10.0.0.0/8\"))", Reads::ADDRESS),
            ("principal.issuer == context.case", Reads::CASE),
            ("context.shift has subjects && 9 < context.shift.subjects", Reads::SUBJECTS),
            ("context.shift == context.shift", Reads::SHIFT),
            ("context.time.epoch < 1", Reads::EPOCH),
            ("context.time.hour < context.time.weekday", Reads::CLOCK),
            ("context.time == context.time", Reads::TIME),
        ];
        for (text, expected) in cases {
            let expr: Expr = text.parse().unwrap();
            assert_eq!(Reads::of(&expr), expected, "{text}");
        }
    }
}
