//! The door to the record.

use std::{
    fs::{File, TryLockError},
    path::{Path, PathBuf},
    sync::{Arc, atomic::Ordering},
    thread::{self, JoinHandle},
    time::Duration,
};

use parking_lot::Mutex;
use poort_enforce::ports::Clock;

use super::{
    batch::{Ticket, Unwritable},
    commit::{Committer, Kept},
    disk::{self, Disk, LocalDisk},
    findings::Findings,
    health::{Counts, Health},
    journal::Journal,
    queue::Queue,
    record::Record,
    recovery::{self, Recovered},
    settings::{AuditFault, AuditSettings},
    spill::Spill,
    strangers::Strangers,
    unusual::Usual,
};
use crate::machine_users;

/// Held for as long as the record is open.
const LOCK: &str = "audit.lock";

/// A clock that threads share.
pub(super) type SharedClock = Arc<dyn Clock + Send + Sync>;

/// The record of one gate. It is shared by reference; closing it, or dropping it, writes what is queued.
pub struct Audit {
    queue: Arc<Queue>,
    counts: Arc<Counts>,
    /// Whether checkpoints are anchored.
    anchors: bool,
    clock: SharedClock,
    directory: PathBuf,
    strangers: Strangers,
    findings: Findings,
    thread: Mutex<Option<JoinHandle<()>>>,
    /// The lock on the directory, let go after everything else.
    _lock: File,
}

impl Audit {
    /// Opens the record: brings back what a power cut took, reads back the newest files, cuts a torn last line, closes decisions without
    /// an outcome, starts the thread. This blocks; with a large file of today it takes its time (some 2 s a GB).
    ///
    /// # Errors
    /// [`AuditFault`] if the directory is not ours to write, another gate writes there, or a complete line is no record.
    pub fn open(
        settings: AuditSettings,
        clock: impl Clock + Send + Sync + 'static,
    ) -> Result<(Self, Recovered), AuditFault> {
        Self::open_on(&(Arc::new(LocalDisk) as Arc<dyn Disk>), settings, Arc::new(clock))
    }

    pub(super) fn open_on(
        disk: &Arc<dyn Disk>,
        settings: AuditSettings,
        clock: SharedClock,
    ) -> Result<(Self, Recovered), AuditFault> {
        let directory = settings.directory.clone();
        disk::make_directory(&directory)
            .map_err(|cause| AuditFault::Directory { path: directory.clone(), cause })?;
        if let Some(owner) = machine_users::owner_beside_root(&directory) {
            return Err(AuditFault::NotRoots { path: directory, owner });
        }
        let lock = lock(&directory, LOCK)?;
        let mut spill = settings.spill.as_deref().map(Spill::open).transpose()?;
        let mut reading = recovery::read(&directory)?;
        let now = clock.now();
        // Where records wait, the file of their day is gone on with first.
        let since = spill.as_ref().and_then(|spill| spill.since(now)).unwrap_or(now);
        let journal = Journal::open(Arc::clone(disk), &settings, (since, now));
        let anchors = settings.log.as_ref().is_some_and(|log| log.anchor.is_some());
        let mut journal = journal.map_err(|cause| AuditFault::File { path: directory.clone(), cause })?;
        let queue = Arc::new(Queue::new(settings.queue_bytes, settings.linger));
        let counts = Arc::new(Counts::default());
        if let Some(log) = settings.log {
            let (queue, counts) = (Arc::clone(&queue), Arc::clone(&counts));
            journal.keep_log(log, move |standing, failed| {
                counts.proved(standing);
                if failed {
                    queue.nudge();
                }
            })?;
        }
        if let Some(spill) = &mut spill {
            spill.resume(&mut reading)?;
        }
        let (recovered, closing) = reading.close(clock.now());
        let strangers = Strangers::open(&directory, settings.strangers_bytes, Arc::clone(&clock))?;
        let mut committer = Committer {
            queue: Arc::clone(&queue),
            counts: Arc::clone(&counts),
            journal,
            spill,
            clock: Arc::clone(&clock),
            kept_bytes: settings.kept_bytes,
            retry: settings.retry,
            lines: Vec::new(),
            kept: Kept::new(closing, recovered.orphans),
            again: None,
        };
        committer.begin()?;
        let thread = thread::Builder::new().name("audit".into()).spawn(move || committer.run());
        let thread = Mutex::new(Some(thread.map_err(AuditFault::Thread)?));
        Ok((
            Self {
                queue,
                counts,
                anchors,
                clock,
                directory,
                strangers,
                findings: Findings::default(),
                thread,
                _lock: lock,
            },
            recovered,
        ))
    }

    /// Queues a record and returns at once: it neither waits for the disk nor awaits, so a drop guard may call it.
    ///
    /// A request whose decision is refused here must not pass. An outcome that is refused is lost, and its decision is closed as
    /// `unknown` at the next start.
    ///
    /// # Errors
    /// [`Unwritable`] if the queue is full, the record closed, or, for a decision, the disk failing.
    pub fn append(&self, record: Record) -> Result<Ticket, Unwritable> {
        let decides = record.is_waited_for();
        self.findings.see(&record);
        let ticket = self.queue.append(record, || self.clock.ticks());
        if ticket.is_err() && !decides {
            self.counts.lost.fetch_add(1, Ordering::Relaxed);
        }
        ticket
    }

    /// From now on this is usual in a shift; with none, nothing is watched.
    pub fn expect(&self, usual: Option<Usual>) {
        self.findings.expect(usual);
    }

    /// Writes down what was found since the last time, counted. Findings that are refused are lost, and are in the decisions all the same.
    pub fn report_findings(&self) {
        for finding in self.findings.take() {
            if self.append(Record::Finding(Box::new(finding))).is_err() {
                return;
            }
        }
    }

    /// The log of callers that nobody knows. What belongs there is not appended here, and has no outcome.
    #[must_use]
    pub fn strangers(&self) -> &Strangers {
        &self.strangers
    }

    /// How the record is doing. It asks the file system for its free space.
    #[must_use]
    pub fn health(&self) -> Health {
        let fill = self.queue.fill();
        let counts = &self.counts;
        Health {
            failing: fill.failing,
            queued: fill.records,
            queued_bytes: fill.bytes,
            head_age: fill.since.map(|since| self.clock.ticks().saturating_duration_since(since)),
            records: counts.records.load(Ordering::Relaxed),
            batches: counts.batches.load(Ordering::Relaxed),
            last_commit: Duration::from_micros(counts.last_commit_micros.load(Ordering::Relaxed)),
            write_ahead: counts.write_ahead.load(Ordering::Relaxed),
            failures: counts.failures.load(Ordering::Relaxed),
            kept: counts.kept.load(Ordering::Relaxed),
            spilled: counts.spilled.load(Ordering::Relaxed),
            lost: counts.lost.load(Ordering::Relaxed),
            log_entries: counts.log_entries.load(Ordering::Relaxed),
            checked_entries: counts.checked_entries.load(Ordering::Relaxed),
            anchored_entries: self.anchors.then(|| counts.anchored_entries.load(Ordering::Relaxed)),
            space: disk::space(&self.directory),
            unusual: self.findings.unusual(),
            strangers_lost: self.strangers.lost(),
        }
    }

    /// Takes no more records, and returns when all that were queued are written. This blocks: call it where blocking is fine.
    pub fn close(&self) {
        self.report_findings();
        self.queue.close();
        let thread = self.thread.lock().take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread that writes the record had failed");
        }
        self.strangers.close();
    }
}

impl Drop for Audit {
    fn drop(&mut self) {
        self.close();
    }
}

/// Two gates that write to one directory would cut each other's lines and close each other's requests.
pub(super) fn lock(directory: &Path, name: &str) -> Result<File, AuditFault> {
    let path = directory.join(name);
    let file = disk::open_private(&path).map_err(|cause| AuditFault::File { path: path.clone(), cause })?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(AuditFault::InUse { path: directory.to_owned() }),
        Err(TryLockError::Error(cause)) => Err(AuditFault::File { path, cause }),
    }
}
