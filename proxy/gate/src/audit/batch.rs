//! What is written together shares one fate, and everybody who waits for it shares one [`Batch`].

use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
};

use tokio::sync::Notify;

/// Why a record could not be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unwritable {
    /// More records wait than may: the disk is too slow.
    #[error("too many records wait for the disk; look at its latency")]
    Full,
    /// The disk does not take records now. It is tried again all the time.
    #[error("the disk does not take records; look at its free space, its mount and the kernel's log")]
    Failing,
    /// The record was closed.
    #[error("the record is closed, since the gate is going down")]
    Closed,
}

const WAITING: u8 = 0;
const WRITTEN: u8 = 1;
const FAILED: u8 = 2;

/// The fate of the records that are written together.
#[derive(Debug, Default)]
pub(super) struct Batch {
    fate: AtomicU8,
    settled: Notify,
}

impl Batch {
    /// Settles it, once: what comes later changes nothing.
    pub(super) fn settle(&self, written: bool) {
        let fate = if written { WRITTEN } else { FAILED };
        let _ = self.fate.compare_exchange(WAITING, fate, Ordering::AcqRel, Ordering::Acquire);
        self.settled.notify_waiters();
    }

    fn fate(&self) -> Option<Result<(), Unwritable>> {
        match self.fate.load(Ordering::Acquire) {
            WAITING => None,
            WRITTEN => Some(Ok(())),
            _ => Some(Err(Unwritable::Failing)),
        }
    }
}

/// A place in a batch. Dropping it is fine: the record is written all the same.
#[derive(Debug)]
pub struct Ticket(pub(super) Arc<Batch>);

impl Ticket {
    /// Waits until the record is written, and on the disk if the record is durable. There is no time-out in it: bound it by what the
    /// client can wait.
    ///
    /// # Errors
    /// [`Unwritable::Failing`] if it could not be written. The request must be refused then.
    pub async fn durable(self) -> Result<(), Unwritable> {
        let mut settled = pin!(self.0.settled.notified());
        loop {
            // Enabled before the look: a settling in between would otherwise wake nobody.
            settled.as_mut().enable();
            if let Some(fate) = self.0.fate() {
                return fate;
            }
            settled.as_mut().await;
            settled.set(self.0.settled.notified());
        }
    }

    /// What is known without waiting; none while it is still to be written.
    #[must_use]
    pub fn fate(&self) -> Option<Result<(), Unwritable>> {
        self.0.fate()
    }
}
