//! The state of one gate alone, in its memory: a restart signs everybody out, and nobody in.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, SystemTime},
};

use parking_lot::Mutex;
use poort_identity::session::SessionId;

use super::{
    sessions::Sessions,
    state::{Full, HandOver, Kept, State, Waiting, Whose},
};
use crate::ending::{Notices, Whom};

/// Most of anything that waits for a few minutes.
const MOMENTARY: usize = 50_000;

/// State that is kept nowhere else.
#[derive(Debug, Default)]
pub struct Memory {
    waiting: Mutex<Moments<Waiting>>,
    on_their_way: Mutex<Moments<HandOver>>,
    names: Mutex<Moments<()>>,
    sessions: Mutex<Sessions>,
    /// Hears of every session that is ended.
    notices: Arc<Notices>,
}

/// Things that are kept for a while, bounded in number.
#[derive(Debug)]
struct Moments<T>(HashMap<String, (T, SystemTime)>);

impl<T> Default for Moments<T> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<T> Moments<T> {
    fn keep(&mut self, name: &str, value: T, until: SystemTime) -> Result<(), Full> {
        if self.0.len() >= MOMENTARY {
            let now = SystemTime::now();
            self.0.retain(|_, (_, until)| *until > now);
        }
        if self.0.len() >= MOMENTARY {
            return Err(Full);
        }
        self.0.insert(name.to_owned(), (value, until));
        Ok(())
    }

    fn take(&mut self, name: &str, now: SystemTime) -> Option<T> {
        self.0.remove(name).filter(|(_, until)| now < *until).map(|(value, _)| value)
    }
}

/// How much is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Sessions that are open.
    pub open: usize,
    /// Sessions that were ended, or whose time is over.
    pub ended: usize,
    /// Sign-ins that are under way.
    pub waiting: usize,
}

impl Memory {
    /// Nothing yet. `notices` hears of every session that is ended.
    #[must_use]
    pub fn new(notices: Arc<Notices>) -> Self {
        Self { notices, ..Self::default() }
    }

    /// How much is kept now.
    #[must_use]
    pub fn count(&self, now: SystemTime) -> Count {
        let (open, ended) = self.sessions.lock().count(now);
        let waiting = self.waiting.lock().0.values().filter(|(_, until)| now < *until).count();
        Count { open, ended, waiting }
    }
}

impl State for Memory {
    async fn wait_for(&self, state: &str, waiting: Waiting, until: SystemTime) -> Result<(), Full> {
        self.waiting.lock().keep(state, waiting, until)
    }

    async fn arrived(&self, state: &str, now: SystemTime) -> Option<Waiting> {
        self.waiting.lock().take(state, now)
    }

    async fn hand_over(&self, code: &str, hand_over: HandOver, until: SystemTime) -> Result<(), Full> {
        self.on_their_way.lock().keep(code, hand_over, until)
    }

    async fn take_over(&self, code: &str, now: SystemTime) -> Option<HandOver> {
        self.on_their_way.lock().take(code, now)
    }

    async fn is_first(&self, name: &str, until: SystemTime, now: SystemTime) -> Result<bool, Full> {
        let mut names = self.names.lock();
        if names.0.get(name).is_some_and(|(_, until)| now < *until) {
            return Ok(false);
        }
        names.keep(name, (), until).map(|()| true)
    }

    async fn keep(&self, id: SessionId, kept: Kept) -> Result<(), Full> {
        self.sessions.lock().keep(id, kept)
    }

    async fn find(&self, id: SessionId) -> Option<Kept> {
        self.sessions.lock().find(id).cloned()
    }

    async fn used(&self, id: SessionId, now: SystemTime) {
        self.sessions.lock().used(id, now);
    }

    async fn change(&self, id: SessionId, change: impl FnOnce(&mut Kept) + Send) -> bool {
        self.sessions.lock().change(id, change)
    }

    async fn lease(&self, id: SessionId, now: SystemTime, length: Duration) -> bool {
        self.sessions.lock().lease(id, now, length)
    }

    async fn end(&self, whose: Whose<'_>) -> usize {
        let ended = self.sessions.lock().end(whose);
        self.notices.tell(ended.iter().copied().map(Whom::Session));
        ended.len()
    }
}
