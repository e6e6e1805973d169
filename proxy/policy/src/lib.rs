//! Poort's policy decision point: Cedar policies over one fixed vocabulary.
//!
//! The crate is synchronous and reads no file, socket or clock. A [`Corpus`] of texts is loaded into an [`Engine`]
//! once; [`Engine::prepare`] builds what one token on one device needs; [`Engine::decide`] answers a [`Question`].
//!
//! - [`question`]: what is asked, serialisable whole;
//! - [`corpus`]: what an engine is loaded from, [`fault`]: why it does not load;
//! - [`decision`]: the answer;
//! - [`engine`]: load, prepare, decide.

pub mod corpus;
pub mod decision;
pub mod engine;
pub mod fault;
pub mod operation;
pub mod question;
pub mod time;

pub use corpus::{Corpus, Group, Place, PolicyFile, SourceFacts};
pub use decision::{Decision, Obligation};
pub use engine::{Engine, Prepared};
pub use fault::Fault;
pub use operation::{Operation, UnknownOperation};
pub use question::{
    Actor, BreakGlass, Context, DeviceFacts, Inspection, Principal, PrincipalKind, Question, RequestContext,
    SessionFacts,
};
pub use time::TimeFacts;
