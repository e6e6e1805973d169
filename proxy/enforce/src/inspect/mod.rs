//! Inspection: what a source's rules are, and what they make of one exchange.
//!
//! - [`inspector`]: how the requests and answers of one source are inspected, as its file says;
//! - [`rules`]: compiled rules, shared by sources, with transactions that are used again;
//! - [`inspection`]: one exchange under inspection: its head, its body, its answer;
//! - [`report`]: what was found, for the record;
//! - [`room`]: how many bytes of bodies are held at once.

pub mod inspection;
pub mod inspector;
pub mod report;
pub mod room;
pub mod rules;

pub use inspection::Inspection;
pub use inspector::{AnswerRules, BodyRules, Exclusion, Inspector, Mode, Pass, Thresholds, Unframed};
pub use report::{BodySeen, Finding, Matched, Report};
pub use room::{Held, Room};
pub use rules::RuleSet;
