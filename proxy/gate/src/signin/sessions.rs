//! Sessions by every name that they are ended by: nothing is searched for, however many are open.

use std::{
    collections::{HashMap, HashSet},
    hash::Hash,
    sync::Arc,
    time::{Duration, SystemTime},
};

use poort_identity::session::SessionId;

use super::state::{Full, Kept, Whose};

/// Most sessions that are kept.
const LIMIT: usize = 200_000;
/// How exactly it is known when a session was used last.
const SEEN: Duration = Duration::from_secs(60);

/// Sessions, open and ended.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    entries: HashMap<SessionId, Entry>,
    /// Of those that are open.
    by_user: Index<Arc<str>>,
    by_device: Index<Arc<str>>,
    /// By their issuer's alias and its name for the sign-in.
    by_sign_in: Index<(Arc<str>, Arc<str>)>,
}

#[derive(Debug)]
struct Entry {
    kept: Kept,
    leased_until: SystemTime,
}

#[derive(Debug)]
struct Index<K>(HashMap<K, HashSet<SessionId>>);

impl<K> Default for Index<K> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: Eq + Hash> Index<K> {
    fn add(&mut self, key: K, id: SessionId) {
        self.0.entry(key).or_default().insert(id);
    }

    fn remove(&mut self, key: &K, id: SessionId) {
        if let Some(ids) = self.0.get_mut(key) {
            ids.remove(&id);
            if ids.is_empty() {
                self.0.remove(key);
            }
        }
    }
}

impl Sessions {
    /// Keeps a session, or what became of it.
    pub(super) fn keep(&mut self, id: SessionId, kept: Kept) -> Result<(), Full> {
        if self.entries.len() >= LIMIT && !self.entries.contains_key(&id) {
            self.sweep(kept.seen);
        }
        if self.entries.len() >= LIMIT && !self.entries.contains_key(&id) {
            return Err(Full);
        }
        self.forget(id);
        self.index(id, &kept);
        self.entries.insert(id, Entry { kept, leased_until: SystemTime::UNIX_EPOCH });
        Ok(())
    }

    /// What is kept of a session.
    pub(super) fn find(&self, id: SessionId) -> Option<&Kept> {
        self.entries.get(&id).map(|entry| &entry.kept)
    }

    /// Forgets a session.
    pub(super) fn forget(&mut self, id: SessionId) {
        if let Some(entry) = self.entries.remove(&id) {
            self.unindex(id, &entry.kept);
        }
    }

    /// Notes that a session is used now; whether that was worth noting.
    pub(super) fn used(&mut self, id: SessionId, now: SystemTime) -> bool {
        let entry = self.entries.get_mut(&id);
        let entry =
            entry.filter(|entry| now.duration_since(entry.kept.seen).is_ok_and(|since| since >= SEEN));
        entry.map(|entry| entry.kept.seen = now).is_some()
    }

    /// Changes a session that is open.
    pub(super) fn change(&mut self, id: SessionId, change: impl FnOnce(&mut Kept)) -> bool {
        let Some(entry) = self.entries.get_mut(&id).filter(|entry| !entry.kept.ended) else { return false };
        let before = entry.kept.clone();
        change(&mut entry.kept);
        let after = entry.kept.clone();
        self.unindex(id, &before);
        self.index(id, &after);
        true
    }

    /// Leave to ask a session's issuer again.
    pub(super) fn lease(&mut self, id: SessionId, now: SystemTime, length: Duration) -> bool {
        let free = self.entries.get_mut(&id).filter(|entry| !entry.kept.ended && entry.leased_until <= now);
        free.map(|entry| entry.leased_until = now + length).is_some()
    }

    /// Ends open sessions; which.
    pub(super) fn end(&mut self, whose: Whose<'_>) -> Vec<SessionId> {
        let ids = self.open(whose);
        for id in &ids {
            let Some(entry) = self.entries.get_mut(id) else { continue };
            let kept = entry.kept.clone();
            entry.kept.ended = true;
            // What could still ask the issuer in this person's name goes at once.
            entry.kept.refresh = None;
            self.unindex(*id, &kept);
        }
        ids
    }

    /// Those that are meant among the open ones.
    pub(super) fn open(&self, whose: Whose<'_>) -> Vec<SessionId> {
        let none = HashSet::new();
        let of = |index: &'_ Index<Arc<str>>, name: &str| index.0.get(name).unwrap_or(&none).clone();
        let is = |id: &SessionId, fits: &dyn Fn(&Kept) -> bool| self.find(*id).is_some_and(fits);
        let (ids, fits): (_, &dyn Fn(&Kept) -> bool) = match &whose {
            Whose::Session(id) => (HashSet::from([*id]), &|kept| !kept.ended),
            Whose::User(user) => (of(&self.by_user, user), &|_| true),
            Whose::Device(device) => (of(&self.by_device, device), &|_| true),
            Whose::UserOnDevice { user, device } => {
                (of(&self.by_user, user), &move |kept| kept.device == *device)
            }
            Whose::OthersOnDevice { user, device } => {
                (of(&self.by_device, device), &move |kept| kept.subject.id != *user)
            }
            Whose::SignIn { issuer, sid, user } => {
                let key = (Arc::from(*issuer), Arc::from(*sid));
                let ids = self.by_sign_in.0.get(&key).unwrap_or(&none).clone();
                (ids, &move |kept| user.is_none_or(|user| kept.subject.id == user))
            }
        };
        ids.into_iter().filter(|id| is(id, fits)).collect()
    }

    /// How many are open, and how many are over.
    pub(super) fn count(&self, now: SystemTime) -> (usize, usize) {
        let is_open = |entry: &&Entry| !entry.kept.ended && now < entry.kept.subject.expires;
        let open = self.entries.values().filter(is_open).count();
        (open, self.entries.len() - open)
    }

    /// Forgets those whose time is over; which.
    pub(super) fn sweep(&mut self, now: SystemTime) -> Vec<SessionId> {
        let over = self.entries.iter().filter(|(_, entry)| entry.kept.subject.expires <= now);
        let over: Vec<_> = over.map(|(id, _)| *id).collect();
        over.iter().for_each(|id| self.forget(*id));
        over
    }

    fn index(&mut self, id: SessionId, kept: &Kept) {
        if kept.ended {
            return;
        }
        self.by_user.add(kept.subject.id.as_str().into(), id);
        self.by_device.add(kept.device.as_str().into(), id);
        if let Some(sid) = &kept.sid {
            self.by_sign_in.add((Arc::clone(&kept.subject.issuer), sid.as_str().into()), id);
        }
    }

    fn unindex(&mut self, id: SessionId, kept: &Kept) {
        self.by_user.remove(&kept.subject.id.as_str().into(), id);
        self.by_device.remove(&kept.device.as_str().into(), id);
        if let Some(sid) = &kept.sid {
            self.by_sign_in.remove(&(Arc::clone(&kept.subject.issuer), sid.as_str().into()), id);
        }
    }
}
