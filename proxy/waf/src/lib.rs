//! x
#![allow(dead_code)]
mod body;
mod bytes;
mod collections;
pub mod detect;
mod fault;
mod limits;
mod operator;
mod program;
mod source;
mod syntax;
mod transaction;
mod transform;
pub use collections::{Collections, Member, Members};
pub use fault::Fault;
pub use limits::{LoadLimits, TransactionLimits};
pub use program::{Engine, Meta, OverLimit, Program, Settings};
pub use source::{Files, RuleSource};
pub use syntax::Variable;
pub use transaction::{Interruption, InterruptionKind, Match, Opening, Scores, Transaction, Verdict};
