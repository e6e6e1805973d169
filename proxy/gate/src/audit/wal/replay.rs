//! Bringing back what a power cut took from the record's file.

use std::{
    fs::File,
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    path::Path,
};

use super::{FILE, Held, held};
use crate::audit::{day::Day, disk, journal::PREFIX, settings::AuditFault};

/// Writes what the write-ahead log of a directory holds and the record's file does not have, and syncs that file; how many bytes
/// that were.
///
/// A file that was not synced may end early, and may have zeros where its end had not been written. Anything else in it that is not what
/// was written is somebody's work, and so is an end before what was synced.
pub(in crate::audit) fn replay(directory: &Path) -> Result<u64, AuditFault> {
    let wal = directory.join(FILE);
    let fault = |path: &Path| {
        let path = path.to_owned();
        |cause| AuditFault::File { path, cause }
    };
    let Some(held) = held(&wal).map_err(fault(&wal))?.filter(|held| !held.lines.is_empty()) else {
        return Ok(0);
    };
    if Day::of_file(&held.file, PREFIX).is_none() {
        return Err(fault(&wal)(io::Error::new(
            io::ErrorKind::InvalidData,
            "it names no file of the record",
        )));
    }
    let path = directory.join(&held.file);
    let mut file = disk::open_private(&path).map_err(fault(&path))?;
    let length = file.metadata().map_err(fault(&path))?.len();
    if length < held.offset {
        return Err(AuditFault::Cut { path, length, known: held.offset, wal });
    }
    let there = read(&mut file, &held).map_err(fault(&path))?;
    let same = there.iter().zip(&held.lines).take_while(|(there, held)| there == held).count();
    if there.get(same).is_some_and(|byte| *byte != 0) {
        return Err(AuditFault::Changed { path, at: held.offset + same as u64, wal });
    }
    let missing = held.lines.get(same..).unwrap_or_default();
    if !missing.is_empty() {
        file.set_len(held.offset + same as u64).map_err(fault(&path))?;
        file.write_all(missing).map_err(fault(&path))?;
    }
    file.sync_all().map_err(fault(&path))?;
    Ok(missing.len() as u64)
}

/// What the record's file has where the lines should be.
fn read(file: &mut File, held: &Held) -> io::Result<Vec<u8>> {
    let mut there = Vec::new();
    file.seek(SeekFrom::Start(held.offset))?;
    file.take(held.lines.len() as u64).read_to_end(&mut there)?;
    Ok(there)
}
