//! The state of one gate alone, in its memory: a restart signs everybody out, and nobody in.

use std::{
    collections::HashMap,
    time::{Duration, SystemTime},
};

use parking_lot::Mutex;
use poort_identity::session::SessionId;

use super::state::{Full, HandOver, Kept, State, Waiting};

/// Most sessions that are kept.
const SESSIONS: usize = 200_000;
/// Most of anything that waits for a few minutes.
const MOMENTARY: usize = 50_000;
/// How exactly it is known when a session was used last.
const SEEN: Duration = Duration::from_secs(60);

/// State that is kept nowhere else.
#[derive(Debug, Default)]
pub struct Memory {
    waiting: Mutex<Moments<Waiting>>,
    on_their_way: Mutex<Moments<HandOver>>,
    names: Mutex<Moments<()>>,
    sessions: Mutex<HashMap<SessionId, Entry>>,
}

#[derive(Debug)]
struct Entry {
    kept: Kept,
    leased_until: SystemTime,
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
    /// How much is kept now.
    #[must_use]
    pub fn count(&self, now: SystemTime) -> Count {
        let sessions = self.sessions.lock();
        let is_open = |entry: &&Entry| !entry.kept.ended && now < entry.kept.subject.expires;
        let open = sessions.values().filter(is_open).count();
        let ended = sessions.len() - open;
        drop(sessions);
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
        let mut sessions = self.sessions.lock();
        if sessions.len() >= SESSIONS {
            let now = kept.seen;
            sessions.retain(|_, entry| entry.kept.subject.expires > now);
        }
        if sessions.len() >= SESSIONS {
            return Err(Full);
        }
        sessions.insert(id, Entry { kept, leased_until: SystemTime::UNIX_EPOCH });
        Ok(())
    }

    async fn find(&self, id: SessionId) -> Option<Kept> {
        self.sessions.lock().get(&id).map(|entry| entry.kept.clone())
    }

    async fn used(&self, id: SessionId, now: SystemTime) {
        if let Some(entry) = self.sessions.lock().get_mut(&id)
            && now.duration_since(entry.kept.seen).is_ok_and(|since| since >= SEEN)
        {
            entry.kept.seen = now;
        }
    }

    async fn change(&self, id: SessionId, change: impl FnOnce(&mut Kept) + Send) -> bool {
        let mut sessions = self.sessions.lock();
        let open = sessions.get_mut(&id).filter(|entry| !entry.kept.ended);
        open.map(|entry| change(&mut entry.kept)).is_some()
    }

    async fn lease(&self, id: SessionId, now: SystemTime, length: Duration) -> bool {
        let mut sessions = self.sessions.lock();
        let free = sessions.get_mut(&id).filter(|entry| !entry.kept.ended && entry.leased_until <= now);
        free.map(|entry| entry.leased_until = now + length).is_some()
    }

    async fn end(&self, which: impl Fn(&Kept) -> bool + Send) -> usize {
        let mut sessions = self.sessions.lock();
        let open = sessions.values_mut().filter(|entry| !entry.kept.ended && which(&entry.kept));
        open.map(|entry| {
            entry.kept.ended = true;
            // What could still ask the issuer in this person's name goes at once.
            entry.kept.refresh = None;
        })
        .count()
    }
}
