//! What waits to be written, bounded in bytes.

use std::{
    mem,
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::{Condvar, Mutex};

use super::{
    batch::{Batch, Ticket, Unwritable},
    record::Record,
};

/// The queue between requests and the thread that writes.
#[derive(Debug)]
pub(super) struct Queue {
    state: Mutex<State>,
    wake: Condvar,
    limit_bytes: usize,
    linger: Duration,
}

#[derive(Debug, Default)]
struct State {
    records: Vec<Record>,
    bytes: usize,
    since: Option<Instant>,
    batch: Arc<Batch>,
    in_flight: Option<(Arc<Batch>, Instant)>,
    /// Decisions among the records: so many wait for the disk.
    decisions: usize,
    /// Decisions in the batch that was taken last.
    taken: usize,
    /// Decisions that are worth gathering before the next batch is taken.
    expected: usize,
    /// The thread waits without a time, so that even an outcome must wake it.
    asleep: bool,
    /// Somebody wants the thread to look around.
    nudged: bool,
    failing: bool,
    closed: bool,
}

/// What the thread gets to do.
#[derive(Debug)]
pub(super) enum Work {
    /// Records to write, and who waits for them.
    Batch(Arc<Batch>),
    /// Nothing came for the time given, or somebody wants the thread to look around.
    Nothing,
    /// The queue is closed and empty.
    End,
}

/// How full the queue is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fill {
    pub(super) records: usize,
    pub(super) bytes: usize,
    pub(super) since: Option<Instant>,
    pub(super) failing: bool,
}

impl Queue {
    pub(super) fn new(limit_bytes: usize, linger: Duration) -> Self {
        Self { state: Mutex::default(), wake: Condvar::new(), limit_bytes, linger }
    }

    /// Queues a record. The lock is held for a push only; waking the thread costs a system call, and only where it sleeps.
    pub(super) fn append(&self, record: Record, now: impl FnOnce() -> Instant) -> Result<Ticket, Unwritable> {
        let (weight, decides) = (record.weight(), record.is_waited_for());
        // A refused decision is a refused request; a lost outcome is a hole. So outcomes have a share to themselves.
        let limit = if decides { self.limit_bytes - self.limit_bytes / 8 } else { self.limit_bytes };
        let mut state = self.state.lock();
        if state.closed {
            return Err(Unwritable::Closed);
        }
        if state.failing && decides {
            return Err(Unwritable::Failing);
        }
        if state.bytes.saturating_add(weight) > limit {
            return Err(Unwritable::Full);
        }
        if state.records.is_empty() {
            state.since = Some(now());
        }
        state.bytes += weight;
        state.records.push(record);
        state.decisions += usize::from(decides);
        let awaited = state.decisions == 1 || state.decisions == state.expected;
        let wake = state.asleep || (decides && awaited);
        state.asleep = false;
        let ticket = Ticket(Arc::clone(&state.batch));
        drop(state);
        if wake {
            self.wake.notify_one();
        }
        Ok(ticket)
    }

    /// Waits for work and takes all of it. Outcomes linger, so that they share a sync with the next decision; with `retry` the wait for
    /// the first record ends after that time.
    ///
    /// Under load, those who were just answered are about to ask again. So a batch gathers, for at most `gather`, as many decisions as
    /// were written last and came meanwhile: one sync then serves all who are busy, where two halves would otherwise take turns. A
    /// caller on his own never waits for others.
    pub(super) fn take(
        &self,
        records: &mut Vec<Record>,
        gather: Duration,
        retry: Option<Duration>,
        now: impl FnOnce() -> Instant,
    ) -> Work {
        let mut state = self.state.lock();
        state.in_flight = None;
        state.expected = state.taken + state.decisions;
        while state.decisions == 0 && !state.closed {
            if mem::take(&mut state.nudged) && state.records.is_empty() {
                return Work::Nothing;
            }
            let timed_out = self.wake.wait_for(&mut state, self.linger).timed_out();
            if !timed_out || state.decisions > 0 || state.closed {
                continue;
            }
            if !state.records.is_empty() {
                break;
            }
            state.asleep = true;
            match retry {
                None => self.wake.wait(&mut state),
                Some(retry) => {
                    if self.wake.wait_for(&mut state, retry).timed_out() && state.records.is_empty() {
                        state.asleep = false;
                        return Work::Nothing;
                    }
                }
            }
            state.asleep = false;
        }
        if state.decisions > 0 {
            let few = |state: &mut State| state.decisions < state.expected && !state.closed;
            self.wake.wait_while_for(&mut state, few, gather);
        }
        if state.records.is_empty() {
            return Work::End;
        }
        mem::swap(&mut state.records, records);
        state.bytes = 0;
        state.taken = mem::take(&mut state.decisions);
        let batch = mem::take(&mut state.batch);
        let since = state.since.take().unwrap_or_else(now);
        state.in_flight = Some((Arc::clone(&batch), since));
        Work::Batch(batch)
    }

    /// Makes the thread look around, though nothing may have come.
    pub(super) fn nudge(&self) {
        self.state.lock().nudged = true;
        self.wake.notify_one();
    }

    /// Says whether the disk takes records. While it does not, decisions are refused at once.
    pub(super) fn set_failing(&self, failing: bool) {
        self.state.lock().failing = failing;
    }

    /// Takes no more. What is queued is still written.
    pub(super) fn close(&self) {
        self.state.lock().closed = true;
        self.wake.notify_one();
    }

    /// Takes no more, and fails everybody who waits: nobody writes any more.
    pub(super) fn abandon(&self) {
        let mut state = self.state.lock();
        state.closed = true;
        state.batch.settle(false);
        if let Some((batch, _)) = state.in_flight.take() {
            batch.settle(false);
        }
    }

    pub(super) fn fill(&self) -> Fill {
        let state = self.state.lock();
        let since = state.in_flight.as_ref().map(|(_, since)| *since).or(state.since);
        Fill { records: state.records.len(), bytes: state.bytes, since, failing: state.failing }
    }
}
