//! Policies as they stand in their files: conditions, and how they are joined.

use std::sync::Arc;

use cedar_policy_core::ast::{Effect, Expr, ExprKind, Literal, UnaryOp};
use cedar_policy_core::parser::Loc;

use crate::corpus::Place;
use crate::parse::{Lines, Parsed};

/// A policy as its author sees it.
#[derive(Debug)]
pub struct Sheet {
    /// Its `@id`; without one, its file and line.
    pub id: Arc<str>,
    /// Whether it permits; otherwise it forbids.
    pub permits: bool,
    /// Whether it is in shadow: asked, and of no account.
    pub shadow: bool,
    /// Where it begins.
    pub place: Place,
    /// What is asked in `when` and `unless`, one by one, in the order of the file.
    pub conditions: Vec<Condition>,
    /// Whether it has an `@id` of its own.
    pub named: bool,
    /// Its other annotations.
    pub annotations: Vec<(Arc<str>, Arc<str>)>,
    pub(crate) parsed: Parsed,
    /// How the conditions are joined; nothing when there is none.
    pub(crate) clause: Option<Clause>,
}

/// One question that a policy asks: what stands between `&&`, `||`, `!` and `if`.
#[derive(Debug)]
pub struct Condition {
    /// Where it begins.
    pub place: Place,
    /// How many bytes of the file it takes.
    pub length: usize,
    /// Its text, on one line.
    pub text: String,
    pub(crate) expr: Expr,
}

/// How conditions are joined.
#[derive(Debug)]
pub(crate) enum Clause {
    /// An index into [`Sheet::conditions`].
    Condition(usize),
    /// `true` or `false`, written out.
    Fixed(bool),
    Not(Box<Clause>),
    And(Box<[Clause; 2]>),
    Or(Box<[Clause; 2]>),
    If(Box<[Clause; 3]>),
}

impl Sheet {
    pub(crate) fn new(lines: &Lines<'_>, parsed: Parsed) -> Self {
        let mut reader = Reader { lines, fallback: &parsed.place, conditions: Vec::new() };
        let clause = parsed.policy.non_scope_constraints().map(|expr| reader.clause(expr));
        let conditions = reader.conditions;
        let unnamed = format!("{}:{}", parsed.place.file, parsed.place.line);
        Self {
            id: Arc::clone(&parsed.id),
            permits: parsed.policy.effect() == Effect::Permit,
            shadow: parsed.shadow,
            place: parsed.place.clone(),
            named: *parsed.id != *unnamed,
            annotations: parsed.annotations.clone(),
            conditions,
            clause,
            parsed,
        }
    }

    /// The value of an annotation.
    #[must_use]
    pub fn annotation(&self, key: &str) -> Option<&str> {
        self.annotations.iter().find(|(known, _)| &**known == key).map(|(_, value)| &**value)
    }
}

struct Reader<'r> {
    lines: &'r Lines<'r>,
    fallback: &'r Place,
    conditions: Vec<Condition>,
}

impl Reader<'_> {
    fn clause(&mut self, expr: &Expr) -> Clause {
        match expr.expr_kind() {
            ExprKind::Lit(Literal::Bool(value)) => Clause::Fixed(*value),
            // `a != b` and `a > b` are read as `!(a == b)` and `!(a <= b)`; in the file they are one condition.
            ExprKind::UnaryApp { op: UnaryOp::Not, arg } if !is_same_text(expr, arg) => {
                Clause::Not(Box::new(self.clause(arg)))
            }
            ExprKind::And { left, right } => Clause::And(Box::new([self.clause(left), self.clause(right)])),
            ExprKind::Or { left, right } => Clause::Or(Box::new([self.clause(left), self.clause(right)])),
            ExprKind::If { test_expr, then_expr, else_expr } => {
                Clause::If(Box::new([self.clause(test_expr), self.clause(then_expr), self.clause(else_expr)]))
            }
            _ => self.condition(expr),
        }
    }

    fn condition(&mut self, expr: &Expr) -> Clause {
        let loc = expr.source_loc();
        let text = loc.and_then(Loc::snippet).map_or_else(|| expr.to_string(), one_line);
        self.conditions.push(Condition {
            place: loc.map_or_else(|| self.fallback.clone(), |loc| self.lines.place(loc.start())),
            length: loc.map_or(0, |loc| loc.end().saturating_sub(loc.start())),
            text,
            expr: expr.clone(),
        });
        Clause::Condition(self.conditions.len() - 1)
    }
}

fn is_same_text(expr: &Expr, other: &Expr) -> bool {
    match (expr.source_loc(), other.source_loc()) {
        (Some(one), Some(other)) => one.span == other.span,
        (None, _) => false,
        // Made up by the parser, so not in the file.
        (Some(_), None) => true,
    }
}

/// A text with every run of blanks and line breaks made one blank.
pub(super) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus::PolicyFile;
    use crate::parse;

    fn sheet(text: &str) -> Sheet {
        let file = PolicyFile { name: "a.cedar".to_owned(), text: text.to_owned(), shadow: false };
        let lines = [Lines::new(&file)];
        let mut faults = Vec::new();
        let mut parsed = parse::policies(&lines, &mut faults);
        assert_eq!(faults, []);
        Sheet::new(&lines[0], parsed.pop().unwrap())
    }

    #[test]
    fn conditions_are_what_stands_between_the_joints() {
        let sheet = sheet(
            "@id(\"x\") permit (principal, action, resource)\nwhen { context has device &&\n  (context.device.managed || !(1 < 2)) }\n\
             when { context.time.hour > 6 && context.purpose != \"a //\" }\nunless { if true then context has case else 1 == 2 };",
        );
        let found: Vec<_> = sheet
            .conditions
            .iter()
            .map(|one| (one.place.line, one.place.column, one.text.as_str()))
            .collect();
        assert_eq!(
            found,
            [
                (2, 8, "context has device"),
                (3, 4, "context.device.managed"),
                (3, 32, "1 < 2"),
                (4, 8, "context.time.hour > 6"),
                (4, 33, "context.purpose != \"a //\""),
                (5, 23, "context has case"),
                (5, 45, "1 == 2"),
            ]
        );
        assert!(sheet.permits && sheet.named);
    }
}
