//! Removing the content of records. It may be killed at any moment: whatever is there is whole, and the next sweep goes on.

use std::{
    fs::{self, File},
    io::{BufWriter, Write as _},
    path::Path,
};

use super::{
    RetireFault, covers,
    plan::{Expired, Plan},
};
use crate::audit::{
    disk,
    search::Lines,
    settings::AuditFault,
    tlog::{Bundles, LOG_DIRECTORY, tombstone},
    writer,
};

/// Held while records are retired.
const LOCK: &str = "retire.lock";

/// Keeps others from retiring records of a directory, for as long as it is held.
///
/// # Errors
/// [`AuditFault`] if somebody does already.
pub fn lock(directory: &Path) -> Result<File, AuditFault> {
    writer::lock(directory, LOCK)
}

/// Removes the content of what is planned. The record of it must be under a checkpoint. `done` is told of each file.
///
/// # Errors
/// [`RetireFault`] if something cannot be read or written; what was not done yet is done by the next sweep.
pub fn sweep(directory: &Path, plan: &Plan, mut done: impl FnMut(&Path)) -> Result<(), RetireFault> {
    let bundles = Bundles::new(&directory.join(LOG_DIRECTORY));
    for file in &plan.files {
        // The log first: what a file still has is found again by the next plan, and what only the log has would not be.
        bundles.retire(&file.ranges).map_err(|(path, cause)| RetireFault::File { path, cause })?;
        rewrite(file)?;
        done(&file.path);
    }
    Ok(())
}

/// Writes a file of the record anew, aside, with tombstones in the place of what is retired: as many lines as before.
fn rewrite(file: &Expired) -> Result<(), RetireFault> {
    let fault = |cause| RetireFault::File { path: file.path.clone(), cause };
    let aside = file.path.with_added_extension("new");
    let mut lines = Lines::open(&file.path)?;
    // What an earlier sweep left there, when it was killed.
    let _ = fs::remove_file(&aside);
    let mut new = BufWriter::with_capacity(1 << 18, disk::open_lines(&aside).map_err(fault)?);
    while let Some((number, line)) = lines.next()? {
        let retired = covers(&file.ranges, file.first + number - 1);
        let tombstone = retired.then(|| tombstone::of_entry(line));
        new.write_all(tombstone.as_deref().unwrap_or(line))
            .and_then(|()| new.write_all(b"\n"))
            .map_err(fault)?;
    }
    let new = new.into_inner().map_err(|error| fault(error.into_error()))?;
    new.sync_all().map_err(fault)?;
    fs::rename(&aside, &file.path).map_err(fault)?;
    let directory = file.path.parent().unwrap_or(Path::new("."));
    File::open(directory).and_then(|directory| directory.sync_all()).map_err(fault)
}
