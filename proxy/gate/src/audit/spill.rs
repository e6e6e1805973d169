//! A second directory, on another disk, that takes the record while the first does not: nobody in a car is refused for a full disk.
//!
//! Its one file holds lines in their order, durable, until they are moved into the record; then it is empty again. Lines are moved whole and
//! in order, so that after a crash in between the last line of the record tells how far that went.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
    time::SystemTime,
};

use super::{
    disk::{self, Disk as _, DiskFile, LocalDisk},
    journal::Journal,
    recovery::Reading,
    search::Lines,
    settings::AuditFault,
    writer::lock,
};

const FILE: &str = "audit.spill";
/// Held for as long as the record is open: two gates would take each other's lines.
const LOCK: &str = "audit.spill.lock";
/// So much is moved with one sync, in bytes.
const PIECE: usize = 1 << 20;

/// The second directory.
pub(super) struct Spill {
    path: PathBuf,
    file: Option<Box<dyn DiskFile>>,
    /// Where the last whole line ends.
    good: u64,
    /// Records in it.
    records: usize,
    /// Lines of it that were moved into the record already.
    moved: u64,
    _lock: File,
}

impl Spill {
    /// Opens the directory, which is made if it is missing.
    pub(super) fn open(directory: &Path) -> Result<Self, AuditFault> {
        disk::make_directory(directory)
            .map_err(|cause| AuditFault::Directory { path: directory.to_owned(), cause })?;
        let lock = lock(directory, LOCK)?;
        Ok(Self { path: directory.join(FILE), file: None, good: 0, records: 0, moved: 0, _lock: lock })
    }

    /// Records that wait here to be moved into the record.
    pub(super) fn records(&self) -> usize {
        self.records
    }

    /// Takes whole lines, durably. If that fails, the file ends where it ended before.
    pub(super) fn append(&mut self, lines: &[u8], records: usize) -> io::Result<()> {
        if self.file.as_ref().is_none_or(|file| !file.is_at(&self.path)) {
            let file = LocalDisk.open(&self.path)?;
            // What lies beyond is the rest of a failure.
            self.good = self.good.min(file.length()?);
            LocalDisk.sync_directory(self.path.parent().unwrap_or(Path::new(".")))?;
            self.file = Some(file);
        }
        let Some(file) = &mut self.file else { return Err(io::ErrorKind::NotFound.into()) };
        if file.length()? > self.good {
            file.cut(self.good)?;
        }
        file.append(lines).and_then(|()| file.sync())?;
        self.good += u64::try_from(lines.len()).unwrap_or(u64::MAX);
        self.records += records;
        Ok(())
    }

    /// Moves everything into the record, and is empty then. On a failure the next call goes on where this one stopped.
    pub(super) fn drain(&mut self, journal: &mut Journal, now: SystemTime) -> io::Result<()> {
        if self.records == 0 {
            return Ok(());
        }
        let mut lines = Lines::open(&self.path).map_err(io::Error::other)?;
        let (mut piece, mut read) = (Vec::new(), 0);
        loop {
            let line = lines.next().map_err(io::Error::other)?;
            if let Some((number, line)) = line {
                read = number;
                if number > self.moved {
                    piece.extend_from_slice(line);
                    piece.push(b'\n');
                }
            }
            let is_last = line.is_none();
            if !piece.is_empty() && (is_last || piece.len() >= PIECE) {
                journal.commit(&piece, now)?;
                self.moved = read;
                piece.clear();
            }
            if is_last {
                return self.clear();
            }
        }
    }

    /// After a start: moves what the record does not have yet. What it says of requests is `read` as the record was.
    pub(super) fn resume(
        &mut self,
        journal: &mut Journal,
        reading: &mut Reading,
        now: SystemTime,
    ) -> Result<(), AuditFault> {
        let path = self.path.clone();
        let fault = |cause| AuditFault::File { path: path.clone(), cause };
        if !path.exists() {
            return Ok(());
        }
        let mut lines = Lines::open(&path).map_err(|error| fault(io::Error::other(error)))?;
        let mut known = vec![];
        while let Some((number, line)) = lines.next().map_err(|error| fault(io::Error::other(error)))? {
            if line == reading.last() {
                self.moved = number;
                known.clear();
            } else {
                known.push(line.to_vec());
            }
            self.records += 1;
        }
        for (number, line) in (self.moved + 1..).zip(&known) {
            reading.line(line).map_err(|what| AuditFault::Damaged {
                path: path.clone(),
                line: number,
                what,
            })?;
        }
        self.drain(journal, now).map_err(fault)
    }

    fn clear(&mut self) -> io::Result<()> {
        self.file = None;
        let mut file = LocalDisk.open(&self.path)?;
        file.cut(0)?;
        file.sync()?;
        (self.good, self.records, self.moved) = (0, 0, 0);
        Ok(())
    }
}
