//! The state of one gate alone, in its memory: a restart signs everybody out, and nobody in.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, SystemTime},
};

use parking_lot::Mutex;
use poort_identity::session::SessionId;

use super::{
    arrivals::Arrivals,
    forms::{Forms, KeptForm},
    sessions::Sessions,
    state::{HandOver, Kept, State, Unkept, Waiting, Whose},
};
use crate::ending::{Notices, Whom};

/// Most of anything that waits for a few minutes.
const MOMENTARY: usize = 50_000;

/// State that is kept nowhere else.
#[derive(Debug, Default)]
pub struct Memory {
    pub(super) waiting: Mutex<Arrivals>,
    pub(super) on_their_way: Mutex<Moments<HandOver>>,
    pub(super) names: Mutex<Moments<()>>,
    pub(super) pins: Mutex<Moments<String>>,
    pub(super) forms: Mutex<Forms>,
    pub(super) sessions: Mutex<Sessions>,
    /// Hears of every session that is ended.
    notices: Arc<Notices>,
}

/// Things that are kept for a while, bounded in number.
#[derive(Debug)]
pub(super) struct Moments<T>(HashMap<String, (T, SystemTime)>);

impl<T> Default for Moments<T> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<T> Moments<T> {
    pub(super) fn keep(&mut self, name: &str, value: T, until: SystemTime) -> Result<(), Unkept> {
        if self.0.len() >= MOMENTARY {
            let now = SystemTime::now();
            self.0.retain(|_, (_, until)| *until > now);
        }
        if self.0.len() >= MOMENTARY {
            return Err(Unkept::Full);
        }
        self.0.insert(name.to_owned(), (value, until));
        Ok(())
    }

    pub(super) fn take(&mut self, name: &str, now: SystemTime) -> Option<T> {
        self.0.remove(name).filter(|(_, until)| now < *until).map(|(value, _)| value)
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &T> {
        self.0.values().map(|(value, _)| value)
    }

    pub(super) fn forget(&mut self, name: &str) {
        self.0.remove(name);
    }

    /// Forgets those whose time is over; which.
    pub(super) fn sweep(&mut self, now: SystemTime) -> Vec<String> {
        let over = |(_, (_, until)): &(&String, &(T, SystemTime))| *until <= now;
        let over: Vec<_> = self.0.iter().filter(over).map(|(name, _)| name.clone()).collect();
        over.iter().for_each(|name| drop(self.0.remove(name)));
        over
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

    /// Tells whatever is open in these sessions that they are over.
    pub(super) fn tell(&self, ended: &[SessionId]) {
        self.notices.tell(ended.iter().copied().map(Whom::Session));
    }

    /// Forgets whatever is over.
    pub(super) fn sweep(&self, now: SystemTime) {
        self.sessions.lock().sweep(now);
        self.waiting.lock().sweep(now);
        self.on_their_way.lock().sweep(now);
        self.names.lock().sweep(now);
        self.pins.lock().sweep(now);
        self.forms.lock().sweep(now);
    }

    /// How much is kept now.
    #[must_use]
    pub fn count(&self, now: SystemTime) -> Count {
        let (open, ended) = self.sessions.lock().count(now);
        Count { open, ended, waiting: self.waiting.lock().count(now) }
    }
}

impl State for Memory {
    async fn wait_for(&self, state: &str, waiting: Waiting, until: SystemTime) -> Result<(), Unkept> {
        self.waiting.lock().keep(state, waiting, until).map(drop)
    }

    async fn arrived(&self, state: &str, now: SystemTime) -> Result<Option<Waiting>, Unkept> {
        Ok(self.waiting.lock().take(state, now))
    }

    async fn hand_over(&self, code: &str, hand_over: HandOver, until: SystemTime) -> Result<(), Unkept> {
        self.on_their_way.lock().keep(code, hand_over, until)
    }

    async fn take_over(&self, code: &str, now: SystemTime) -> Result<Option<HandOver>, Unkept> {
        Ok(self.on_their_way.lock().take(code, now))
    }

    async fn is_known(&self, name: &str, now: SystemTime) -> Result<bool, Unkept> {
        Ok(self.names.lock().0.get(name).is_some_and(|(_, until)| now < *until))
    }

    async fn is_first(&self, name: &str, until: SystemTime, now: SystemTime) -> Result<bool, Unkept> {
        let mut names = self.names.lock();
        if names.0.get(name).is_some_and(|(_, until)| now < *until) {
            return Ok(false);
        }
        names.keep(name, (), until).map(|()| true)
    }

    async fn first(
        &self,
        name: &str,
        value: &str,
        until: SystemTime,
        now: SystemTime,
    ) -> Result<String, Unkept> {
        let mut pins = self.pins.lock();
        if let Some((first, _)) = pins.0.get(name).filter(|(_, until)| now < *until) {
            return Ok(first.clone());
        }
        pins.keep(name, value.to_owned(), until).map(|()| value.to_owned())
    }

    async fn keep(&self, id: SessionId, kept: Kept) -> Result<(), Unkept> {
        self.sessions.lock().keep(id, kept)
    }

    async fn find(&self, id: SessionId) -> Result<Option<Kept>, Unkept> {
        Ok(self.sessions.lock().find(id).cloned())
    }

    async fn used(&self, id: SessionId, now: SystemTime) {
        self.sessions.lock().used(id, now);
    }

    async fn change(&self, id: SessionId, change: impl Fn(&mut Kept) + Send + Sync) -> Result<bool, Unkept> {
        Ok(self.sessions.lock().change(id, change))
    }

    async fn lease(&self, id: SessionId, now: SystemTime, length: Duration) -> Result<bool, Unkept> {
        Ok(self.sessions.lock().lease(id, now, length))
    }

    async fn keep_form(&self, name: &str, form: KeptForm, now: SystemTime) -> Result<(), Unkept> {
        self.forms.lock().keep(name, form, now).map(drop)
    }

    async fn form(&self, name: &str, now: SystemTime) -> Result<Option<Arc<KeptForm>>, Unkept> {
        Ok(self.forms.lock().find(name, now))
    }

    async fn take_form(
        &self,
        name: &str,
        _: &KeptForm,
        now: SystemTime,
    ) -> Result<Option<Arc<KeptForm>>, Unkept> {
        Ok(self.forms.lock().take(name, now))
    }

    async fn end(&self, whose: Whose<'_>) -> Result<usize, Unkept> {
        let ended = self.sessions.lock().end(whose);
        self.tell(&ended);
        Ok(ended.len())
    }
}
