//! The thread that keeps a log: what is in the record is proved soon after, and nobody who waits for the record waits for that.

use std::{
    io, mem,
    sync::Arc,
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use parking_lot::{Condvar, Mutex, MutexGuard};

use super::log::{Log, Reach};

/// A checkpoint is made after so many entries, over those that fill bundles.
const ENTRIES: u64 = 1_000;
/// But not sooner than this after the last: beyond 50,000 entries a second, a checkpoint is over more.
const PACE: Duration = Duration::from_millis(20);
/// Or after so long, when there are new ones.
pub(in crate::audit) const AGE: Duration = Duration::from_secs(10);
/// So many bytes may wait for the log; beyond, the record waits for it.
const ROOM: usize = 16 << 20;
/// Lines are held in pieces of this size. Such memory is used again, so that the system need not find new.
const PIECE: usize = 1 << 20;
/// So many pieces are held on to.
const SPARE: usize = 16;

/// A log, and the thread that keeps it.
pub(in crate::audit) struct Keeper {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// How far a log is, in entries.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::audit) struct Standing {
    /// Those that it was given.
    pub(in crate::audit) entries: u64,
    /// Those under a checkpoint.
    pub(in crate::audit) checked: u64,
    /// Those under a checkpoint that the anchor has.
    pub(in crate::audit) anchored: u64,
}

#[derive(Default)]
struct Shared {
    desk: Mutex<Desk>,
    /// There is something to do.
    work: Condvar,
    /// Something was done.
    done: Condvar,
}

#[derive(Default)]
struct Desk {
    given: Vec<Given>,
    /// What held lines that were taken, for the next.
    spare: Vec<Vec<u8>>,
    bytes: usize,
    standing: Standing,
    /// Since when there are entries under no checkpoint.
    since: Option<Instant>,
    /// When the last checkpoint was begun.
    made: Option<Instant>,
    /// The thread has taken what was given.
    at_work: bool,
    /// A checkpoint is wanted now.
    wanted: bool,
    /// Why the last one could not be made.
    fault: Option<io::Error>,
    closed: bool,
}

/// What the log is to take, in order.
enum Given {
    /// Whole lines, an entry each.
    Lines(Vec<u8>),
    /// The next entry begins this file of the record.
    File(String),
}

/// What is to be done next.
enum Work {
    Checkpoint(Reach),
    /// Nothing for so long; none: until somebody says so.
    Rest(Option<Duration>),
}

/// What the thread took from the desk.
struct Task {
    given: Vec<Given>,
    reach: Reach,
    taken: Instant,
    last: bool,
}

impl Desk {
    /// Copies whole lines into pieces.
    fn take(&mut self, mut lines: &[u8]) {
        while !lines.is_empty() {
            if let Some(Given::Lines(piece)) = self.given.last_mut() {
                let (whole, rest) = lines.split_at(whole_lines(lines, piece.capacity() - piece.len()));
                piece.extend_from_slice(whole);
                lines = rest;
            }
            if !lines.is_empty() {
                let piece = self.spare.pop().unwrap_or_else(|| Vec::with_capacity(PIECE));
                self.given.push(Given::Lines(piece));
            }
        }
    }

    fn work(&self, age: Duration, now: Instant) -> Work {
        if self.closed || self.wanted {
            return Work::Checkpoint(Reach::All);
        }
        // What has failed is tried again when that is asked for.
        let Some(since) = self.since.filter(|_| self.fault.is_none()) else { return Work::Rest(None) };
        let left = |time: Duration, since| time.saturating_sub(now.saturating_duration_since(since));
        let rest = left(age, since);
        if rest.is_zero() {
            return Work::Checkpoint(Reach::All);
        }
        if self.standing.entries - self.standing.checked < ENTRIES {
            return Work::Rest(Some(rest));
        }
        match self.made.map_or(Duration::ZERO, |made| left(PACE, made)) {
            Duration::ZERO => Work::Checkpoint(Reach::Bundles),
            pause => Work::Rest(Some(pause.min(rest))),
        }
    }
}

/// How many of the bytes are whole lines within so much room; a line that has no room in a whole piece gets what it needs.
fn whole_lines(lines: &[u8], room: usize) -> usize {
    let within = lines
        .get(..room)
        .map_or(lines.len(), |within| memchr::memrchr(b'\n', within).map_or(0, |end| end + 1));
    if within == 0 && room >= PIECE {
        memchr::memchr(b'\n', lines).map_or(lines.len(), |end| end + 1)
    } else {
        within
    }
}

impl Keeper {
    /// Keeps a log, which may have entries under no checkpoint: those get one after `age` ([`AGE`]), if it does not come before. `told` is called whenever a checkpoint was made, or, with `true`, could
    /// not be.
    pub(in crate::audit) fn start(
        log: Log,
        age: Duration,
        told: impl Fn(Standing, bool) + Send + 'static,
    ) -> io::Result<Self> {
        let shared = Arc::<Shared>::default();
        let standing = log.standing();
        {
            let mut desk = shared.desk.lock();
            desk.since = (standing.entries > standing.checked).then(Instant::now);
            desk.standing = standing;
        }
        told(standing, false);
        let worker = Worker { log, shared: Arc::clone(&shared), age, told };
        let thread = thread::Builder::new().name("audit-log".into()).spawn(move || worker.run())?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Gives it whole lines that are on the disk. Waits only where the log is far behind.
    pub(in crate::audit) fn append(&self, lines: &[u8]) {
        let mut desk = self.shared.desk.lock();
        while desk.bytes > ROOM && desk.fault.is_none() {
            self.shared.done.wait(&mut desk);
        }
        desk.take(lines);
        desk.bytes += lines.len();
        let before = desk.standing.entries;
        desk.standing.entries += memchr::memchr_iter(b'\n', lines).count() as u64;
        let begins = desk.since.is_none();
        if begins {
            desk.since = Some(Instant::now());
        }
        let due = |entries: u64| entries - desk.standing.checked >= ENTRIES;
        // The thread sleeps until it is due anyway, and need not hear of every line.
        let tell = begins || (due(desk.standing.entries) && !due(before));
        drop(desk);
        if tell {
            self.shared.work.notify_one();
        }
    }

    /// The next line begins a file of the record.
    pub(in crate::audit) fn begin_file(&self, name: &str) {
        self.shared.desk.lock().given.push(Given::File(name.to_owned()));
    }

    /// How far it is, and why no checkpoint can be made, if so.
    pub(in crate::audit) fn look(&self) -> (Standing, Option<io::Error>) {
        let desk = self.shared.desk.lock();
        (desk.standing, desk.fault.as_ref().map(copy))
    }

    /// Tries again what has failed, and waits for it.
    pub(in crate::audit) fn retry(&self) -> io::Result<()> {
        let desk = self.shared.desk.lock();
        if desk.fault.is_none() { Ok(()) } else { self.checkpoint(desk) }
    }

    fn checkpoint(&self, mut desk: MutexGuard<'_, Desk>) -> io::Result<()> {
        desk.wanted = true;
        self.shared.work.notify_one();
        while (desk.wanted || desk.at_work) && !desk.closed {
            self.shared.done.wait(&mut desk);
        }
        desk.fault.as_ref().map_or(Ok(()), |fault| Err(copy(fault)))
    }

    /// Signs a checkpoint over all there is, and ends.
    pub(in crate::audit) fn close(&mut self) -> io::Result<()> {
        let Some(thread) = self.thread.take() else { return Ok(()) };
        self.shared.desk.lock().closed = true;
        self.shared.work.notify_one();
        thread.join().map_err(|_| io::Error::other(GONE))?;
        self.look().1.map_or(Ok(()), Err)
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        // Whoever wants to know what became of it has closed it.
        let _ = self.close();
    }
}

const GONE: &str = "the thread that keeps the log has failed";

fn copy(error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), error.to_string())
}

/// What the thread owns.
struct Worker<F: Fn(Standing, bool)> {
    log: Log,
    shared: Arc<Shared>,
    age: Duration,
    told: F,
}

impl<F: Fn(Standing, bool)> Worker<F> {
    fn run(mut self) {
        loop {
            let Task { given, reach, taken, last } = self.next();
            for given in given {
                match given {
                    Given::Lines(mut lines) => {
                        self.log.append(&lines);
                        lines.clear();
                        self.give_back(lines);
                    }
                    Given::File(name) => self.log.begin_file(&name),
                }
            }
            let made = self.log.checkpoint(reach);
            self.tell(made, taken);
            if last {
                return;
            }
        }
    }

    /// Waits for something to do.
    fn next(&self) -> Task {
        let mut desk = self.shared.desk.lock();
        let (reach, now) = loop {
            let now = Instant::now();
            match desk.work(self.age, now) {
                Work::Checkpoint(reach) => break (reach, now),
                Work::Rest(Some(rest)) => drop(self.shared.work.wait_for(&mut desk, rest)),
                Work::Rest(None) => self.shared.work.wait(&mut desk),
            }
        };
        (desk.at_work, desk.bytes, desk.since, desk.wanted, desk.made) = (true, 0, None, false, Some(now));
        Task { given: mem::take(&mut desk.given), reach, taken: now, last: desk.closed }
    }

    fn give_back(&self, piece: Vec<u8>) {
        let mut desk = self.shared.desk.lock();
        if desk.spare.len() < SPARE && piece.capacity() <= PIECE {
            desk.spare.push(piece);
        }
    }

    fn tell(&self, made: io::Result<()>, taken: Instant) {
        let failed = made.is_err();
        let now = self.log.standing();
        let mut desk = self.shared.desk.lock();
        if now.entries > now.checked {
            desk.since = Some(taken);
        }
        (desk.standing.checked, desk.standing.anchored) = (now.checked, now.anchored);
        (desk.at_work, desk.fault) = (false, made.err());
        let standing = desk.standing;
        self.shared.done.notify_all();
        drop(desk);
        (self.told)(standing, failed);
    }
}

/// Nothing is proved by a thread that is gone.
impl<F: Fn(Standing, bool)> Drop for Worker<F> {
    fn drop(&mut self) {
        self.shared.desk.lock().closed = true;
        if thread::panicking() {
            self.tell(Err(io::Error::other(GONE)), Instant::now());
        }
        self.shared.done.notify_all();
    }
}
