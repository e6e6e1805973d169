//! Poort's policy decision point: Cedar policies over one fixed vocabulary.
//!
//! The crate is synchronous and reads no file, socket or clock. A [`Corpus`] of texts is loaded into an [`Engine`]
//! once; [`Engine::prepare`] builds what one token on one device needs; [`Engine::decide`] answers a [`Question`].
//!
//! What is asked and answered: [`question`], [`operation`], [`time`], [`shift`], [`decision`]. What an engine is made from:
//! [`corpus`], and [`fault`] for why it is not. The [`engine`] itself is built in three steps:
//!
//! - `bounds`, `parse` (with [`annotations`]), `schema` (held against `examples`, see `misfits`) and `registry` turn the corpus into policies, a vocabulary and closed
//!   hierarchies; `load` joins them and collects the faults;
//! - `slices` finds the policies of each source and operation, `specialise` evaluates what is already known of their
//!   conditions, `plan` splits the rest by when it can be known (`facts`, `reads`);
//! - `prepared` and `circumstances` build the entities of a principal and, where Cedar is asked, its context.
//!
//! Who may look at a gate's [`console`] is said by policies apart. What a change of the policies does, before it is made: [`workbench`].

pub mod annotations;
mod bounds;
mod circumstances;
pub mod console;
pub mod corpus;
pub mod decision;
mod digest;
pub mod engine;
mod examples;
mod facts;
pub mod fault;
mod load;
mod misfits;
mod names;
pub mod operation;
mod parse;
mod plan;
mod prepared;
pub mod question;
mod reads;
mod registry;
mod schema;
pub mod shift;
mod slices;
mod specialise;
pub mod time;
pub mod workbench;

pub use corpus::{Corpus, Demand, Group, Place, PolicyFile, SourceFacts};
pub use decision::{Decision, Disagreement, Mode, Obligation};
pub use engine::Engine;
pub use fault::Fault;
pub use operation::{Operation, UnknownOperation};
pub use prepared::Prepared;
pub use question::{
    Actor, BreakGlass, Context, DeviceFacts, Inspection, Principal, PrincipalKind, Question, RequestContext,
    SessionFacts,
};
pub use shift::{ShiftCount, ShiftFacts};
pub use time::TimeFacts;
