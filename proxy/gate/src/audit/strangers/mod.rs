//! Refusals of callers without a device certificate and without a verified subject, of rejected devices that ask too often, and handshakes
//! that failed.
//!
//! Anybody can cause them, as many as they like. So they are not written one by one: they are counted by address prefix and reason in a
//! table that is bounded, written once a minute to a log that is bounded, by a thread that nothing else waits for. If that log cannot be
//! written, the counts are lost and the gate goes on: strangers can neither fill the disk nor stop the gate.

mod file;
mod recent;
mod table;
#[cfg(test)]
mod tests;

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use parking_lot::{Condvar, Mutex};
use poort_enforce::{
    arrival::DeviceState,
    reason::Reason,
    record::{Decision, Verdict},
};

pub use recent::{Did, Summary, recent};

use self::{file::Log, table::Table};
use super::{
    ocsf::{self, Cause},
    settings::AuditFault,
    writer::SharedClock,
};

/// How often the counts are written.
const INTERVAL: Duration = Duration::from_secs(60);

/// The log of strangers.
pub struct Strangers {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

struct Shared {
    table: Mutex<Table>,
    log: Mutex<Log>,
    clock: SharedClock,
    lost: AtomicU64,
    closed: Mutex<bool>,
    close: Condvar,
}

impl Strangers {
    /// Whether a decision belongs here, and not into the record: its caller has neither certificate nor subject, and got nothing from
    /// a source. It then has no outcome either. A device that was rejected is known, and is recorded in full for as long as its address
    /// is within its budget: what comes beyond that is as much as it likes to send.
    #[must_use]
    pub fn concern(decision: &Decision) -> bool {
        let stranger = match decision.connection.device {
            DeviceState::Absent => true,
            DeviceState::Rejected(_) => matches!(decision.verdict, Verdict::Refuse(Reason::Limit(_))),
            DeviceState::Accepted(_) => false,
        };
        stranger && decision.subject.is_none() && decision.verdict != Verdict::Allow
    }

    pub(super) fn open(directory: &Path, limit_bytes: u64, clock: SharedClock) -> Result<Self, AuditFault> {
        let shared = Arc::new(Shared {
            table: Mutex::default(),
            log: Mutex::new(Log::new(directory, limit_bytes)),
            clock,
            lost: AtomicU64::new(0),
            closed: Mutex::new(false),
            close: Condvar::new(),
        });
        let worker = Arc::clone(&shared);
        let thread = thread::Builder::new().name("strangers".into()).spawn(move || worker.run());
        Ok(Self { shared, thread: Mutex::new(Some(thread.map_err(AuditFault::Thread)?)) })
    }

    /// Counts one verdict on a caller from an address prefix (such as `2001:db8:1:2::/64`). It never waits for the disk. An allowed
    /// request is not counted.
    pub fn count(&self, prefix: &str, verdict: &Verdict, at: SystemTime) {
        if let Some(cause) = Cause::of(verdict) {
            self.shared.table.lock().count(prefix, cause, at);
        }
    }

    /// Counts a handshake of an address prefix that failed with this code.
    pub fn count_handshake(&self, prefix: &str, code: &'static str, at: SystemTime) {
        self.shared.table.lock().count(prefix, Cause::handshake(code), at);
    }

    /// Writes the counts now. This blocks.
    pub fn flush(&self) {
        self.shared.flush();
    }

    /// How many were counted and could not be written.
    pub(super) fn lost(&self) -> u64 {
        self.shared.lost.load(Ordering::Relaxed)
    }

    pub(super) fn close(&self) {
        *self.shared.closed.lock() = true;
        self.shared.close.notify_all();
        if let Some(thread) = self.thread.lock().take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Strangers {
    fn drop(&mut self) {
        self.close();
    }
}

impl Shared {
    fn run(&self) {
        let mut closed = false;
        while !closed {
            let mut guard = self.closed.lock();
            if !*guard {
                self.close.wait_for(&mut guard, until_the_minute_ends(self.clock.now()));
            }
            closed = *guard;
            drop(guard);
            self.flush();
        }
    }

    fn flush(&self) {
        let counted = self.table.lock().take();
        if counted.is_empty() {
            return;
        }
        let mut lines = Vec::new();
        for stranger in counted.iter() {
            ocsf::encode_stranger(&stranger, &mut lines);
        }
        if let Err(error) = self.log.lock().append(&lines, self.clock.now()) {
            self.lost.fetch_add(counted.total(), Ordering::Relaxed);
            tracing::warn!(%error, "the log of strangers cannot be written; the counts of a minute are lost");
        }
    }
}

fn until_the_minute_ends(now: SystemTime) -> Duration {
    let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    let gone = Duration::new(since.as_secs() % INTERVAL.as_secs(), since.subsec_nanos());
    INTERVAL.saturating_sub(gone)
}
