//! A log that nobody can rewrite unseen: the record's lines as the entries of a C2SP tlog-tiles log
//! (<https://c2sp.org/tlog-tiles>), an RFC 6962 Merkle tree under signed checkpoints.
//!
//! Its directory can be served by any web server, and checked by any implementation of the specification. One gate writes one log; the
//! name of its key is the log's origin.
//!
//! - [`merkle`], [`tile`]: hashes, and what they are stored in; [`tree`] reads any part of a stored tree;
//! - [`note`], [`checkpoint`]: keys and signatures;
//! - [`log`] grows, and puts its checkpoints to an [`anchor`], by [`keeper`]'s thread and through [`unsynced`] files; [`resume`] goes on after a stop;
//! - [`bundles`] puts a [`tombstone`] in the place of an entry that is retired; [`retired`] proves that this was its time;
//! - [`verify`] proves the whole, [`proof`] one entry.

mod anchor;
mod bundles;
mod checkpoint;
mod keeper;
mod log;
mod merkle;
mod note;
mod proof;
mod resume;
mod retired;
#[cfg(test)]
mod tests;
mod tile;
pub(super) mod tombstone;
mod tree;
mod unsynced;
mod verify;

/// The log's directory below that of the record.
pub const LOG_DIRECTORY: &str = "log";

pub(super) use bundles::Bundles;
pub(super) use keeper::{AGE, Keeper, Standing};
pub(super) use log::Log;
pub use log::{LogFault, LogSettings, beginnings};
pub use note::{Keys, NoteFault, Signer, Verifier};
pub use proof::{Checked, Found, find};
pub use tree::TileFault;
pub use verify::{Doubt, Proved, verify};
