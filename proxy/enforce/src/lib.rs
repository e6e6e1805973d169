//! The decision of the Poort gate.
//!
//! A request [arrives](arrival), becomes an [`exchange::Exchange`], meets the eight checks of the [`pipeline`], and leaves
//! as a [`pipeline::Permit`], an answer or a refusal. The crate is async but has no runtime: no socket, file or clock. What it needs
//! of the world are the traits in [`ports`].
//!
//! In the order in which a request meets them:
//! - [`arrival`], [`facts`], [`normal`]: the head as it came, and its one normal form;
//! - [`exchange`]: what is known of it so far;
//! - [`pipeline`]: the checks in order, and the only maker of permits;
//! - [`routes`], [`source`], [`operations`], [`gauge`], [`subject`]: what the checks consult;
//! - [`sign_in`]: the gate's own pages and cookies; [`stated`]: purpose, case and a broken glass;
//! - [`inspect`]: the rules of a source, and one exchange under their inspection;
//! - [`data_subject`]: whom a request is about, under a pseudonym;
//! - [`reason`], [`reply`]: why it was refused, and what the client is told, in its [`language`];
//! - [`record`]: what is written down; [`hex`]: ids as it has them.

pub mod arrival;
mod checks;
pub mod data_subject;
pub mod exchange;
pub mod facts;
pub mod gauge;
pub mod hex;
pub mod inspect;
pub mod language;
pub mod normal;
pub mod operations;
pub mod pipeline;
pub mod ports;
pub mod reason;
pub mod record;
pub mod reply;
pub mod routes;
pub mod sign_in;
pub mod source;
pub mod stated;
pub mod subject;
mod words;

pub use checks::subject::signs_in_connection;
