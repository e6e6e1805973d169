//! How the record is doing, for metrics and alarms.

use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::Duration,
};

use super::tlog::Standing;

/// How the record is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// Whether the disk takes no records now, so that nothing passes.
    pub failing: bool,
    /// Records that wait.
    pub queued: usize,
    /// Roughly their size, in bytes.
    pub queued_bytes: usize,
    /// For how long the oldest record has waited that is not written yet.
    pub head_age: Option<Duration>,
    /// Records written since the start.
    pub records: u64,
    /// Batches written since the start; each was one write and, if durable, one sync.
    pub batches: u64,
    /// How long the last batch took, sync included.
    pub last_commit: Duration,
    /// Whether batches are durable in a write-ahead log before their own file is synced.
    pub write_ahead: bool,
    /// Batches and attempts to recover that failed, since the start.
    pub failures: u64,
    /// Records that could not be written and wait for the disk to recover.
    pub kept: u64,
    /// Records that were neither written nor kept, since the start.
    pub lost: u64,
    /// Records in the second directory, which wait for the disk of the first.
    pub spilled: u64,
    /// The space where the files are; none if the file system does not say. Asked for each time.
    pub space: Option<Space>,
    /// Entries of the log that proves the record; 0 when none is kept.
    pub log_entries: u64,
    /// How many of them are under a signed checkpoint.
    pub checked_entries: u64,
    /// How many of those the anchor has; none without one.
    pub anchored_entries: Option<u64>,
    /// How often there was more than is usual in a shift, by kind ([`poort_policy::ShiftCount::ALL`]).
    pub unusual: [u64; 3],
    /// Strangers' refusals that were counted but could not be written, since the start.
    pub strangers_lost: u64,
}

/// How much space there is where the files are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    /// Bytes that this user may still write.
    pub free: u64,
    /// Bytes in all that this user may write.
    pub total: u64,
}

impl Space {
    /// From this share on it is time to make room.
    const ALARM: (u64, u64) = (4, 5);

    /// Whether four fifths are used.
    #[must_use]
    pub fn is_short(&self) -> bool {
        let (part, whole) = Self::ALARM;
        self.total.saturating_sub(self.free).saturating_mul(whole) >= self.total.saturating_mul(part)
    }
}

/// The counts that the thread keeps.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) records: AtomicU64,
    pub(super) batches: AtomicU64,
    pub(super) last_commit_micros: AtomicU64,
    pub(super) write_ahead: AtomicBool,
    pub(super) failures: AtomicU64,
    pub(super) kept: AtomicU64,
    pub(super) spilled: AtomicU64,
    pub(super) lost: AtomicU64,
    pub(super) log_entries: AtomicU64,
    pub(super) checked_entries: AtomicU64,
    pub(super) anchored_entries: AtomicU64,
}

impl Counts {
    /// How far the log is under a checkpoint.
    pub(super) fn proved(&self, log: Standing) {
        self.checked_entries.store(log.checked, Ordering::Relaxed);
        self.anchored_entries.store(log.anchored, Ordering::Relaxed);
    }
}

pub(super) fn add(counter: &AtomicU64, by: usize) {
    counter.fetch_add(u64::try_from(by).unwrap_or(u64::MAX), Ordering::Relaxed);
}
