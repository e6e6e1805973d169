//! The record: what is written down of every request, and when a request may rely on it.
//!
//! A Decision is appended before anything is forwarded, an Outcome at the end. [`Audit::append`] only queues; a thread of its own
//! takes what has gathered, writes it in one piece, syncs once and wakes everybody who waits. If that fails, their requests are
//! refused, and so is every further decision until the disk works again, which is tried without a restart.
//!
//! - [`writer`] is the door: [`Audit`]; behind it `queue`, `batch` (the shared wait) and `commit` (the thread);
//! - `wal` is where a batch is durable first;
//! - `reserve` is space held back for a full disk;
//! - `spill` is the second disk, while the first fails; `late` says where its lines go then;
//! - `journal` is the form on disk, OCSF JSON lines in one file a day: the one place to change for another form;
//!   `recovery` reads it back after a crash;
//! - [`tlog`] proves that no line was changed, removed or put elsewhere since it was written;
//! - [`search`] reads the record back: who consulted whom, and why; [`questions`]: what policies were asked;
//! - [`explained`] says what recorded decisions rest on;
//! - [`retire`] removes what was kept for long enough, so that everybody sees why;
//! - [`ocsf`] turns a record into its line;
//! - [`reviews`] are the broken glasses that nobody has looked into yet;
//! - `findings` counts what a SOC looks into, `unusual` what is only so taken together;
//! - [`strangers`] counts refusals of callers that nobody knows, in a bounded log of their own.

mod access;
mod access_ended;
mod authentication;
mod batch;
mod change;
mod commit;
mod day;
mod disk;
pub mod explained;
mod findings;
mod glass;
mod health;
mod journal;
mod late;
pub mod ocsf;
pub mod questions;
mod queue;
mod record;
mod recovery;
mod reserve;
mod retention;
pub mod retire;
mod retirement;
pub mod reviews;
pub mod search;
mod settings;
pub(crate) mod spill;
pub mod strangers;
#[cfg(test)]
mod tests;
pub mod tlog;
mod unusual;
mod wal;
pub mod writer;

pub use access::{Access, Looker};
pub use access_ended::{AccessEnded, Became};
pub use authentication::{Act, Authentication, Who};
pub use batch::{Ticket, Unwritable};
pub use change::{Change, Changed};
pub use findings::{About, Detector, Finding};
pub use glass::{BrokenGlass, Review};
pub use health::{Health, Space};
pub use record::{Digests, Record};
pub use recovery::Recovered;
pub use retention::Retention;
pub use retirement::{Retirement, Rule};
pub use reviews::{ReviewFault, Reviews};
pub use settings::{AuditFault, AuditSettings};
pub use strangers::Strangers;
pub use unusual::Usual;
pub use writer::Audit;
