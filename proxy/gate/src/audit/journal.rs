//! The form on disk: one JSON line a record, one file a UTC day, `audit-YYYYMMDD.jsonl`.
//!
//! This is the one module that knows it. It owns the end of the newest file: everything up to `good` is whole lines that were written
//! (and synced), everything beyond is the rest of a failure and is cut.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

use super::{
    day::Day,
    disk::{Disk, DiskFile},
    reserve::Reserve,
    settings::{AuditFault, AuditSettings},
    tlog::{AGE, Keeper, Log, LogFault, LogSettings, Standing},
    wal::{self, Wal},
};

/// How files are named.
pub(super) const PREFIX: &str = "audit";

/// What is written, and cut again, to see whether a disk takes records. It has no line end: if the gate dies over it, it is a torn line.
const PROBE: [u8; 4096] = [b' '; 4096];

/// So many of the newest bytes stay in memory, for those who follow the record.
const AT_HAND: u64 = 1 << 20;
/// So many at once are let go: new lines then go where the processor's caches still have the memory, and nothing else is displaced.
const LET_GO: u64 = 256 << 10;

/// The open end of the record.
pub(super) struct Journal {
    disk: Arc<dyn Disk>,
    directory: PathBuf,
    durable: bool,
    day: Day,
    path: PathBuf,
    file: Box<dyn DiskFile>,
    good: u64,
    /// Until here, the system need not keep the file in memory.
    let_go: u64,
    reserve: Reserve,
    /// Where lines are durable before the file is.
    wal: Option<Wal>,
    wal_bytes: u64,
    /// The file could not be synced, so that of what the write-ahead log holds, any part of it may be missing.
    doubtful: bool,
    /// What proves that no line was changed since.
    log: Option<Keeper>,
}

impl Journal {
    /// Opens the file of the day `since` which there are records to write, or of a later one if there is one. Its content, and that of the
    /// write-ahead log, has been through `recovery`.
    pub(super) fn open(
        disk: Arc<dyn Disk>,
        settings: &AuditSettings,
        (since, now): (SystemTime, SystemTime),
    ) -> io::Result<Self> {
        let AuditSettings { directory, durable, reserve_bytes, wal_bytes, .. } = settings;
        let today = Day::of(now);
        let day = newest(directory)?.into_iter().fold(Day::of(since), Day::max);
        if day > today {
            tracing::error!(%day, %today, "the newest file is of a later day than the clock says; it is gone on with until that day is over");
        }
        let path = directory.join(day.file(PREFIX));
        let (file, good) = open(&*disk, directory, &path, *durable)?;
        let reserve = Reserve::new(directory, *reserve_bytes);
        let mut journal = Self {
            disk,
            directory: directory.clone(),
            durable: *durable,
            day,
            path,
            file,
            good,
            let_go: good,
            reserve,
            wal: None,
            wal_bytes: if *durable { *wal_bytes } else { 0 },
            doubtful: false,
            log: None,
        };
        journal.make_wal();
        Ok(journal)
    }

    /// Makes the write-ahead log. Without one, each batch waits until its file is synced.
    fn make_wal(&mut self) {
        let path = self.directory.join(wal::FILE);
        let made = match self.wal_bytes {
            0 => Ok(None),
            bytes => Wal::make(&*self.disk, &self.directory, bytes).map(Some),
        };
        if let Err(error) = &made {
            tracing::warn!(%error, file = %path.display(), "no write-ahead log can be kept, so that each batch takes longer");
        }
        self.wal = made.ok().flatten();
        if self.wal.is_none() {
            // It would be held against files that went on without it.
            let _ = fs::remove_file(&path);
        }
    }

    /// From now on every line goes into a log too, those that are in the record's files already first. `told` is called with
    /// how far that log is whenever this changes, and whether it cannot be kept.
    pub(super) fn keep_log(
        &mut self,
        log: LogSettings,
        told: impl Fn(Standing, bool) + Send + 'static,
    ) -> Result<(), AuditFault> {
        let mut log = Log::open(log)?;
        let fault = |cause| LogFault::File { path: self.directory.clone(), cause };
        log.resume(&files(&self.directory).map_err(fault)?)?;
        self.log = Some(Keeper::start(log, AGE, told).map_err(AuditFault::Thread)?);
        Ok(())
    }

    /// The log, if one is kept.
    pub(super) fn log(&self) -> Option<&Keeper> {
        self.log.as_ref()
    }

    /// Ends the log, with a checkpoint over all there is, and leaves nothing in the write-ahead log.
    pub(super) fn close(&mut self) -> io::Result<()> {
        let closed = self.log.as_mut().map_or(Ok(()), Keeper::close);
        closed.and(self.settle())
    }

    /// Whether a write-ahead log is kept.
    pub(super) fn has_wal(&self) -> bool {
        self.wal.is_some()
    }

    /// The file that is written now.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes whole lines, in one piece, and syncs once. If that fails, the file ends where it ended before.
    pub(super) fn commit(&mut self, lines: &[u8], now: SystemTime) -> io::Result<()> {
        self.follow(now)?;
        let mut written = self.write(lines);
        if written.as_ref().is_err_and(is_full) && self.cut().is_ok() && self.reserve.give_up() {
            written = self.write(lines);
        }
        match written {
            Ok(()) => {
                self.good += u64::try_from(lines.len()).unwrap_or(u64::MAX);
                if let Some(log) = &self.log {
                    log.append(lines);
                }
            }
            // After a failed sync, the kernel may hold the pages for clean and never write them: they must be written anew, so they are
            // cut. If cutting fails too, `mend` does it before anything else is written.
            Err(_) => self.cut().unwrap_or(()),
        }
        written
    }

    /// Lets go of what is on the disk and nobody is about to read.
    pub(super) fn let_go(&mut self) {
        let until = self.good.saturating_sub(AT_HAND);
        if until.saturating_sub(self.let_go) >= LET_GO {
            // What is not on the disk yet, Linux begins to write when it is told to let go of it; it does so the next time.
            self.file.let_go(self.let_go.saturating_sub(LET_GO)..until);
            self.let_go = until;
        }
    }

    fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        self.file.append(lines)?;
        match &mut self.wal {
            _ if !self.durable => Ok(()),
            Some(wal) if wal.has_room(lines.len()) => wal.put(&self.day.file(PREFIX), self.good, lines),
            Some(_) => self.settle(),
            None => self.file.sync(),
        }
    }

    /// Syncs the file, so that the write-ahead log can begin anew.
    fn settle(&mut self) -> io::Result<()> {
        let Some(wal) = &mut self.wal else { return Ok(()) };
        self.doubtful = true;
        self.file.sync()?;
        self.doubtful = false;
        wal.clear()
    }

    /// Syncs the file, and does without the write-ahead log: its descriptor may belong to a mount that is gone, too.
    fn leave_wal(&mut self) -> io::Result<()> {
        let settled = self.settle();
        if self.doubtful {
            return settled;
        }
        self.wal = None;
        Ok(())
    }

    /// Gives up what is held back, where a failure is that the disk is full; whether there was any.
    pub(super) fn make_room(&self, failed: &io::Error) -> bool {
        is_full(failed) && self.reserve.give_up()
    }

    /// Brings the end back after a failure, and proves that the disk takes records again.
    pub(super) fn mend(&mut self, now: SystemTime) -> io::Result<()> {
        // The old descriptor may belong to a mount that is gone.
        self.file = self.disk.open(&self.path)?;
        self.write_anew()?;
        self.cut()?;
        self.leave_wal()?;
        self.follow(now)?;
        let proof = self.file.append(&PROBE).and_then(|()| self.file.sync());
        self.cut()?;
        proof?;
        self.make_wal();
        Ok(())
    }

    /// Writes once more what is durable in the write-ahead log alone. After a failed sync, the kernel may hold it for written.
    fn write_anew(&mut self) -> io::Result<()> {
        let Some(wal) = self.wal.as_ref().filter(|_| self.doubtful) else { return Ok(()) };
        let held = wal.held(&self.directory)?.filter(|held| held.file == self.day.file(PREFIX));
        if let Some(held) = held
            && self.file.length()? >= held.offset
        {
            self.file.cut(held.offset)?;
            self.file.append(&held.lines)?;
            self.good = held.end();
        }
        Ok(())
    }

    /// Cuts what lies beyond the last good line. A file that is shorter was cut by somebody else, and is not made longer.
    fn cut(&mut self) -> io::Result<()> {
        let length = self.file.length()?;
        if length > self.good {
            return self.file.cut(self.good);
        }
        self.good = length;
        Ok(())
    }

    /// Turns to the file of the day, or back to the one that was moved away. A clock that is set back turns to no earlier day: lines
    /// would come before others that the log has before them.
    fn follow(&mut self, now: SystemTime) -> io::Result<()> {
        let day = Day::of(now).max(self.day);
        if self.wal.as_ref().is_some_and(|wal| !wal.is_in(&self.directory)) {
            tracing::error!("the write-ahead log was moved or removed; a new one is begun");
            self.leave_wal()?;
            self.make_wal();
        }
        if day == self.day && self.file.is_at(&self.path) {
            return Ok(());
        }
        self.settle()?;
        let path = self.directory.join(day.file(PREFIX));
        let (file, good) = open(&*self.disk, &self.directory, &path, self.durable)?;
        if good == 0
            && let Some(log) = &self.log
        {
            log.begin_file(&day.file(PREFIX));
        }
        self.reserve.refill();
        if day == self.day {
            tracing::error!(file = %path.display(), "the audit file was moved or removed; a new one was begun");
        }
        (self.day, self.path, self.file, self.good, self.let_go) = (day, path, file, good, good);
        Ok(())
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

fn open(
    disk: &dyn Disk,
    directory: &Path,
    path: &Path,
    durable: bool,
) -> io::Result<(Box<dyn DiskFile>, u64)> {
    let file = disk.open(path)?;
    let good = file.length()?;
    if durable {
        // A new file's name must survive a power cut as its content does.
        disk.sync_directory(directory)?;
    }
    Ok((file, good))
}

/// The day of the newest file.
fn newest(directory: &Path) -> io::Result<Option<Day>> {
    Ok(days(directory)?.pop().map(|(day, _)| day))
}

/// The record's files, oldest first.
pub(super) fn files(directory: &Path) -> io::Result<Vec<PathBuf>> {
    Ok(days(directory)?.into_iter().map(|(_, path)| path).collect())
}

fn days(directory: &Path) -> io::Result<Vec<(Day, PathBuf)>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if let Some(day) = entry.file_name().to_str().and_then(|name| Day::of_file(name, PREFIX)) {
            files.push((day, entry.path()));
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::tests::material::{at, directory, settings};

    #[test]
    fn room_is_made_once_and_only_on_a_full_disk() {
        let directory = directory();
        let disk = Arc::new(super::super::disk::LocalDisk);
        let settings = AuditSettings { reserve_bytes: 1 << 20, ..settings(directory.path()) };
        let journal = Journal::open(disk, &settings, (at(0), at(0))).unwrap();
        assert!(!journal.make_room(&io::ErrorKind::PermissionDenied.into()));
        assert!(journal.make_room(&io::ErrorKind::StorageFull.into()));
        assert!(!journal.make_room(&io::ErrorKind::StorageFull.into()), "there is no more");
    }
}
