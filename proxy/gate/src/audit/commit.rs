//! The thread that writes: group commit, and recovery from a failing disk without a restart.

use std::{
    io,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant, SystemTime},
};

use super::{
    batch::Batch,
    health::{Counts, add},
    journal::Journal,
    late, ocsf,
    queue::{Queue, Work},
    record::Record,
    settings::AuditFault,
    spill::Spill,
    tlog::Keeper,
    writer::SharedClock,
};

/// A buffer that a rare large batch has blown up is given back.
const BUFFER_BYTES: usize = 16 << 20;

/// A batch gathers for as long as the last commit took, and for no longer than this.
const GATHER: Duration = Duration::from_millis(1);

/// What the thread owns.
pub(super) struct Committer {
    pub(super) queue: Arc<Queue>,
    pub(super) counts: Arc<Counts>,
    pub(super) journal: Journal,
    /// What takes the record while the journal cannot.
    pub(super) spill: Option<Spill>,
    pub(super) clock: SharedClock,
    pub(super) kept_bytes: usize,
    pub(super) retry: Duration,
    pub(super) lines: Vec<u8>,
    pub(super) kept: Kept,
    /// When the disk is tried again; none while it works.
    pub(super) again: Option<Instant>,
}

/// Lines that could not be written, in order, for when the disk works again.
#[derive(Debug, Default)]
pub(super) struct Kept {
    lines: Vec<u8>,
    records: usize,
}

impl Kept {
    pub(super) fn new(lines: Vec<u8>, records: usize) -> Self {
        Self { lines, records }
    }

    /// Writes them. After a failure, what was not written is still here.
    fn move_back(&mut self, journal: &mut Journal, now: SystemTime) -> io::Result<()> {
        while let Some((length, time)) = late::first(&self.lines, now) {
            let lines = self.lines.get(..length).unwrap_or_default();
            journal.commit(lines, time)?;
            self.records = self.records.saturating_sub(memchr::memchr_iter(b'\n', lines).count());
            self.lines.drain(..length);
        }
        Ok(())
    }
}

/// Nobody may wait for a thread that is gone.
struct Watch(Arc<Queue>);

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

impl Committer {
    /// Writes what was left before the start. Where the disk does not take it, the second one stands in, and without one nothing starts.
    pub(super) fn begin(&mut self) -> Result<(), AuditFault> {
        match self.move_back() {
            Ok(true) => self.kept = Kept::default(),
            Ok(false) => self.again = Some(self.clock.ticks()),
            Err(cause) => {
                self.fail(&cause);
                if !self.spill(0) {
                    return Err(AuditFault::File { path: self.journal.path().to_owned(), cause });
                }
            }
        }
        Ok(())
    }

    /// Works until the queue is closed and empty.
    pub(super) fn run(mut self) {
        let _watch = Watch(Arc::clone(&self.queue));
        let mut records = Vec::new();
        self.look_at_log();
        loop {
            self.counts.write_ahead.store(self.journal.has_wal(), Ordering::Relaxed);
            let retry = self.again.map(|_| self.retry);
            let gather = Duration::from_micros(self.counts.last_commit_micros.load(Ordering::Relaxed));
            match self.queue.take(&mut records, gather.min(GATHER), retry, || self.clock.ticks()) {
                Work::Batch(batch) => {
                    self.commit(&records, &batch);
                    records.clear();
                }
                Work::Nothing => self.recover(),
                Work::End => return self.end(),
            }
            self.look_at_log();
        }
    }

    fn commit(&mut self, records: &[Record], batch: &Batch) {
        let start = self.clock.ticks();
        self.lines.clear();
        for record in records {
            ocsf::encode(record, &mut self.lines);
        }
        if self.again.is_some_and(|again| start >= again) {
            self.recover();
        }
        let count = records.len();
        let written = self.again.is_none() && self.write(start, count);
        let written = written || self.spill(count);
        if !written {
            self.keep(count);
        }
        // Known before anybody of the batch is woken.
        self.queue.set_failing(!written);
        batch.settle(written);
        self.journal.let_go();
        self.lines.shrink_to(BUFFER_BYTES);
    }

    fn write(&mut self, start: Instant, records: usize) -> bool {
        match self.journal.commit(&self.lines, self.clock.now()) {
            Ok(()) => {
                add(&self.counts.batches, 1);
                add(&self.counts.records, records);
                let took = self.clock.ticks().saturating_duration_since(start).as_micros();
                let took = u64::try_from(took).unwrap_or(u64::MAX);
                self.counts.last_commit_micros.store(took, Ordering::Relaxed);
                true
            }
            Err(error) => {
                self.fail(&error);
                false
            }
        }
    }

    /// What proves the record is part of it: while it cannot be written, the disk does not take the record.
    fn look_at_log(&mut self) {
        let Some(log) = self.journal.log() else { return };
        let (standing, fault) = log.look();
        self.counts.log_entries.store(standing.entries, Ordering::Relaxed);
        if let Some(error) = fault.filter(|_| self.again.is_none()) {
            self.fail(&error);
            self.stand_in();
        }
    }

    /// The disk is tried again later. Until then the second one takes the record, or decisions are refused at the door.
    fn fail(&mut self, error: &io::Error) {
        add(&self.counts.failures, 1);
        if self.again.is_none() {
            let file = self.journal.path().display();
            match &self.spill {
                Some(_) => {
                    tracing::error!(%error, %file, "the record cannot be written; the second directory takes it");
                }
                None => tracing::error!(%error, %file, "the record cannot be written; nothing passes"),
            }
        }
        self.again = Some(self.clock.ticks() + self.retry);
    }

    /// Asks whether the second directory takes the record: it may have come back meanwhile, or gone too.
    fn stand_in(&mut self) {
        let failing = !self.spill(0);
        self.queue.set_failing(failing);
    }

    /// Gives the batch to the second directory, after what was kept before.
    fn spill(&mut self, records: usize) -> bool {
        let Some(spill) = &mut self.spill else { return false };
        let kept = match self.kept.records {
            0 => Ok(()),
            kept => spill.append(&self.kept.lines, kept),
        };
        let spilled = kept.and_then(|()| {
            self.counts.kept.store(0, Ordering::Relaxed);
            self.kept = Kept::default();
            spill.append(if records == 0 { &[] } else { &self.lines }, records)
        });
        self.counts.spilled.store(spill.records() as u64, Ordering::Relaxed);
        if let Err(error) = &spilled {
            tracing::error!(%error, "the second directory does not take the record either; nothing passes");
        }
        spilled.is_ok()
    }

    /// Keeps a failed batch. Its decisions too: a source may have seen a request whose answer was then withheld.
    fn keep(&mut self, records: usize) {
        if self.kept.lines.len() + self.lines.len() > self.kept_bytes {
            return add(&self.counts.lost, records);
        }
        self.kept.lines.extend_from_slice(&self.lines);
        self.kept.records += records;
        add(&self.counts.kept, records);
    }

    /// Tries the disk, and writes first what was kept.
    fn recover(&mut self) {
        if self.again.is_none() {
            return;
        }
        let waiting = self.kept.records + self.spill.as_ref().map_or(0, Spill::records);
        let mut mended = self.mend();
        // The log may have met the full disk first.
        if mended.as_ref().is_err_and(|error| self.journal.make_room(error)) {
            mended = self.mend();
        }
        match mended {
            Err(error) => {
                self.fail(&error);
                self.stand_in();
            }
            // The second disk goes on until all of it is moved.
            Ok(false) => self.again = Some(self.clock.ticks()),
            Ok(true) => {
                tracing::info!(records = waiting, "the record is written again");
                add(&self.counts.records, waiting);
                self.counts.spilled.store(0, Ordering::Relaxed);
                self.counts.kept.store(0, Ordering::Relaxed);
                self.kept = Kept::default();
                self.again = None;
                self.queue.set_failing(false);
            }
        }
    }

    fn mend(&mut self) -> io::Result<bool> {
        let now = self.clock.now();
        let spilled = self.spill.as_ref().and_then(|spill| spill.since(now));
        let kept = || Some(late::first(&self.kept.lines, now)?.1);
        self.journal.mend(spilled.or_else(kept).unwrap_or(now))?;
        self.journal.log().map_or(Ok(()), Keeper::retry)?;
        self.move_back()
    }

    /// Writes what could not be written before, in its order; whether that is all of it.
    fn move_back(&mut self) -> io::Result<bool> {
        let now = self.clock.now();
        if let Some(spill) = &mut self.spill
            && !spill.drain(&mut self.journal, now)?
        {
            return Ok(false);
        }
        self.kept.move_back(&mut self.journal, now)?;
        Ok(true)
    }

    fn end(&mut self) {
        self.recover();
        if self.kept.records > 0 {
            add(&self.counts.lost, self.kept.records);
            tracing::error!(records = self.kept.records, "records are lost: the disk failed until the end");
        }
        if let Err(error) = self.journal.close() {
            tracing::error!(%error, "the record could not be closed in order; the next start makes up for it");
        }
    }
}
