//! SecLang as written: files cut into directives, directives into targets, operators and actions, each with its place.
//! Nothing is resolved here; `program` does that.

mod action;
mod directive;
mod include;
mod line;
mod operator;
mod target;
mod variable;

pub(crate) use action::Action;
pub(crate) use directive::{DirectiveKind, RuleSyntax};
pub(crate) use include::{Loaded, load};
pub(crate) use operator::OperatorSyntax;
pub(crate) use target::{Selector, Target};
pub use variable::Variable;
