//! Editions of the policies: what `access/` held each time it came into force, numbered and kept on disk.
//!
//! The directory is the truth, with two exceptions, and both are said loudly. While an edition waits to be confirmed, it is in force whatever
//! the directory holds. And what was not confirmed is never started from: where the directory still holds it, the last confirmed edition
//! is in force until somebody changes the files or applies them again. So a gate that stops between apply and confirm comes back
//! with what was confirmed.

mod files;
mod ledger;

use std::path::Path;

pub use files::AccessFiles;
pub(crate) use files::new as new_file;
pub use ledger::{Edition, Ledger, Pending};

use crate::{
    config::{self, Checked, Faults},
    live::one_fault,
};

/// Which policies a configuration is loaded with.
#[derive(Debug)]
pub enum Choice {
    /// Those in the directory.
    Directory,
    /// An edition that was kept, and why, for people.
    Kept(AccessFiles, String),
}

/// Loads a configuration with the policies that the ledger lets be in force. Inside: why those are others than the directory's.
///
/// # Errors
/// Every fault of every file.
pub fn load(file: &Path, ledger: &Ledger) -> Result<(Checked, Option<String>), Faults> {
    let Some(access) = config::access_directory(file) else { return Ok((config::load(file)?, None)) };
    // A directory that cannot be read is for the load to complain of.
    let unread = |fault: std::io::Error| {
        one_fault(format!(
            "the policies that are to be in force are those of an edition that was kept, and it cannot be read: {fault}; \
             `poort policy rollback` what waits, or correct `access/`"
        ))
    };
    match ledger.choose(AccessFiles::read(&access).ok().as_ref()).map_err(unread)? {
        Choice::Directory => Ok((config::load(file)?, None)),
        Choice::Kept(files, why) => Ok((config::load_with(file, &access, &files)?, Some(why))),
    }
}
