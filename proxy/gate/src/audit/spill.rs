//! A second directory, on another disk, that takes the record while the first does not: nobody in a car is refused for a full disk.
//!
//! Its one file holds lines in their order, durable, until they are moved into the record; then it is empty again. Lines are moved whole and
//! in order, so that after a crash in between the last line of the record tells how far that went.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use super::{
    day::Day,
    disk::{self, Disk as _, DiskFile, LocalDisk},
    journal::Journal,
    late,
    recovery::Reading,
    search::{Doubt, Lines, Place, SearchFault},
    settings::AuditFault,
    writer::lock,
};

const FILE: &str = "audit.spill";
/// Held for as long as the record is open: two gates would take each other's lines.
const LOCK: &str = "audit.spill.lock";
/// So much is moved with one sync, in bytes.
const PIECE: usize = 1 << 20;
/// And so much before those who wait have their turn.
const TURN: u64 = 16 << 20;

/// What is wrong with a record of which lines wait in a second directory.
///
/// # Errors
/// [`SearchFault`] if the file there cannot be read.
pub(crate) fn waiting(directory: &Path) -> Result<Option<Doubt>, SearchFault> {
    let path = directory.join(FILE);
    if !path.exists() {
        return Ok(None);
    }
    let (mut lines, mut last) = (Lines::open(&path)?, 0);
    while let Some((number, _)) = lines.next()? {
        last = number;
    }
    let what = format!(
        "{last} records wait here while the disk of the record takes none, and were not looked at: ask again when they are moved, \
         `poort_audit_spilled_records` is 0 then"
    );
    Ok((last > 0).then_some(Doubt { place: Place { file: path, line: 0 }, what }))
}

/// The second directory.
pub(super) struct Spill {
    path: PathBuf,
    file: Option<Box<dyn DiskFile>>,
    /// Where the last whole line ends.
    good: u64,
    /// Records in it.
    records: usize,
    /// Lines of it that were moved into the record already, and where the last of them ends.
    moved: (u64, u64),
    /// What lies beyond may be the rest of a write that failed.
    torn: bool,
    _lock: File,
}

impl Spill {
    /// Opens the directory, which is made if it is missing.
    pub(super) fn open(directory: &Path) -> Result<Self, AuditFault> {
        disk::make_directory(directory)
            .map_err(|cause| AuditFault::Directory { path: directory.to_owned(), cause })?;
        let lock = lock(directory, LOCK)?;
        let path = directory.join(FILE);
        Ok(Self { path, file: None, good: 0, records: 0, moved: (0, 0), torn: false, _lock: lock })
    }

    /// Records that wait here to be moved into the record.
    pub(super) fn records(&self) -> usize {
        self.records
    }

    /// Takes whole lines, durably. If that fails, the file ends where it ended before.
    pub(super) fn append(&mut self, lines: &[u8], records: usize) -> io::Result<()> {
        if self.file.as_ref().is_none_or(|file| !file.is_at(&self.path)) {
            let file = LocalDisk.open(&self.path)?;
            self.good = self.good.min(file.length()?);
            LocalDisk.sync_directory(self.path.parent().unwrap_or(Path::new(".")))?;
            self.file = Some(file);
        }
        let Some(file) = &mut self.file else { return Err(io::ErrorKind::NotFound.into()) };
        if file.length()? > self.good {
            is_rest(&self.path, self.good, self.torn)?;
            file.cut(self.good)?;
        }
        self.torn = false;
        let written = file.append(lines).and_then(|()| file.sync());
        if written.is_err() {
            // If this fails too, it is cut before anything else is written or moved.
            self.torn = file.cut(self.good).is_err();
            return written;
        }
        self.good += u64::try_from(lines.len()).unwrap_or(u64::MAX);
        self.records += records;
        Ok(())
    }

    /// Moves a turn's worth into the record; whether it is empty now. After a failure the next call goes on where this one stopped.
    pub(super) fn drain(&mut self, journal: &mut Journal, now: SystemTime) -> io::Result<bool> {
        let cut = self.cut_rest();
        if self.records == 0 {
            // Nothing of this gate's is there.
            return Ok(true);
        }
        cut?;
        let mut lines = Lines::open(&self.path).map_err(io::Error::other)?;
        let (first, begin) = self.moved;
        lines.skip_to(first, begin).map_err(io::Error::other)?;
        let (mut piece, mut read, mut time) = (Vec::new(), first, UNIX_EPOCH);
        while self.moved.1 - begin < TURN {
            let line = lines.next().map_err(io::Error::other)?;
            let line = line.map(|(number, line)| (number, line, late::time(line, now)));
            let is_of_day = line.is_some_and(|(_, _, at)| Day::of(at) <= Day::of(time));
            if !piece.is_empty() && (!is_of_day || piece.len() >= PIECE) {
                journal.commit(&piece, time)?;
                self.moved = (read, self.moved.1 + piece.len() as u64);
                piece.clear();
            }
            let Some((number, line, at)) = line else { return self.clear().map(|()| true) };
            (read, time) = (number, time.max(at));
            piece.extend_from_slice(line);
            piece.push(b'\n');
        }
        Ok(false)
    }

    /// When the first record that waits here says that it happened.
    pub(super) fn since(&self, now: SystemTime) -> Option<SystemTime> {
        let mut lines = Lines::open(&self.path).ok()?;
        let (first, begin) = self.moved;
        lines.skip_to(first, begin).ok()?;
        lines.next().ok()?.map(|(_, line)| late::time(line, now))
    }

    /// After a start: what is to be moved, and says of requests what it does as the record itself would.
    pub(super) fn resume(&mut self, reading: &mut Reading) -> Result<(), AuditFault> {
        let path = self.path.clone();
        let fault = |cause| AuditFault::File { path: path.clone(), cause };
        if !path.exists() {
            return Ok(());
        }
        let damaged = |line, what| AuditFault::Damaged { path: path.clone(), line, what };
        let open = || Lines::open(&path).map_err(|error| fault(io::Error::other(error)));
        let mut lines = open()?;
        while let Some((number, line)) = lines.next().map_err(|error| fault(io::Error::other(error)))? {
            self.records += 1;
            self.good += line.len() as u64 + 1;
            if line == reading.last() {
                self.moved = (number, self.good);
            }
        }
        let mut lines = open()?;
        lines.skip_to(self.moved.0, self.moved.1).map_err(|error| fault(io::Error::other(error)))?;
        while let Some((number, line)) = lines.next().map_err(|error| fault(io::Error::other(error)))? {
            reading.line(line).map_err(|what| damaged(number, what))?;
        }
        Ok(())
    }

    /// Cuts what lies beyond the last whole line that was taken: it is kept elsewhere.
    fn cut_rest(&mut self) -> io::Result<()> {
        if !self.path.exists() {
            return Ok(());
        }
        let mut file = LocalDisk.open(&self.path)?;
        if file.length()? > self.good {
            is_rest(&self.path, self.good, self.torn)?;
            file.cut(self.good)?;
            file.sync()?;
        }
        self.torn = false;
        Ok(())
    }

    fn clear(&mut self) -> io::Result<()> {
        self.file = None;
        let mut file = LocalDisk.open(&self.path)?;
        file.cut(0)?;
        // Even if the sync fails: of what is taken from now on nothing was moved.
        (self.good, self.records, self.moved) = (0, 0, (0, 0));
        file.sync()
    }
}

/// Whether what lies beyond the last good line may be cut. Whole lines that this gate did not write are records: the disk was not there
/// when it started.
fn is_rest(path: &Path, good: u64, torn: bool) -> io::Result<()> {
    let mut lines = Lines::open(path).map_err(io::Error::other)?;
    lines.skip_to(0, good).map_err(io::Error::other)?;
    if torn || lines.next().map_err(io::Error::other)?.is_none() {
        return Ok(());
    }
    Err(io::Error::other(format!(
        "{} has records of before: it was not there when this gate started; start it again, and they are moved into the record",
        path.display()
    )))
}

#[cfg(test)]
mod tests {
    use std::ops::Range;

    use super::*;
    use crate::audit::tests::material::{at, directory, file, settings};

    /// A file that takes half of what it is given.
    struct Full(Box<dyn DiskFile>);

    impl DiskFile for Full {
        fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
            self.0.append(&bytes[..bytes.len() / 2])?;
            Err(io::ErrorKind::StorageFull.into())
        }

        fn sync(&mut self) -> io::Result<()> {
            self.0.sync()
        }

        fn let_go(&self, bytes: Range<u64>) {
            self.0.let_go(bytes);
        }

        fn length(&self) -> io::Result<u64> {
            self.0.length()
        }

        fn cut(&mut self, _: u64) -> io::Result<()> {
            Err(io::ErrorKind::StorageFull.into())
        }

        fn is_at(&self, path: &Path) -> bool {
            self.0.is_at(path)
        }
    }

    #[test]
    fn what_a_full_second_disk_took_of_a_batch_is_not_moved() {
        let (first, second) = (directory(), directory());
        let mut spill = Spill::open(second.path()).unwrap();
        spill.append(b"one\n", 1).unwrap();
        spill.file = spill.file.take().map(|file| Box::new(Full(file)) as Box<dyn DiskFile>);
        spill.append(b"two\nthree\nfour\n", 3).unwrap_err();
        let left = std::fs::read(&spill.path).unwrap();
        assert!(left.starts_with(b"one\ntwo\n"), "a whole line of it is there");
        let mut journal =
            Journal::open(std::sync::Arc::new(LocalDisk), &settings(first.path()), (at(0), at(0))).unwrap();
        spill.drain(&mut journal, at(0)).unwrap();
        assert_eq!(std::fs::read(file(first.path())).unwrap(), b"one\n", "it is kept elsewhere");
        assert_eq!(std::fs::read(&spill.path).unwrap(), b"");
    }

    #[test]
    fn what_takes_more_than_a_turn_is_moved_in_order_and_once() {
        let (first, second) = (directory(), directory());
        let mut spill = Spill::open(second.path()).unwrap();
        let lines: Vec<u8> =
            (0..20_000).flat_map(|number| format!("{number:01000}\n").into_bytes()).collect();
        spill.append(&lines, 20_000).unwrap();
        let mut journal =
            Journal::open(std::sync::Arc::new(LocalDisk), &settings(first.path()), (at(0), at(0))).unwrap();
        assert!(!spill.drain(&mut journal, at(0)).unwrap(), "others have their turn");
        spill.append(b"and what came meanwhile\n", 1).unwrap();
        assert!(spill.drain(&mut journal, at(0)).unwrap());
        let moved = std::fs::read(file(first.path())).unwrap();
        assert!(moved == [&*lines, b"and what came meanwhile\n"].concat());
        assert!(spill.drain(&mut journal, at(0)).unwrap(), "there is no more");
    }
}
