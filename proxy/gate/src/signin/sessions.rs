//! Sessions by every name that they are ended by: nothing is searched for, however many are open.

use std::{
    collections::{HashMap, HashSet},
    hash::Hash,
    sync::Arc,
    time::{Duration, SystemTime},
};

use poort_identity::session::SessionId;

use super::state::{Kept, Unkept, Whose};

/// Most sessions that are kept.
const LIMIT: usize = 200_000;
/// How exactly it is known when a session was used last.
pub(super) const SEEN: Duration = Duration::from_secs(60);

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
    pub(super) fn keep(&mut self, id: SessionId, kept: Kept) -> Result<(), Unkept> {
        if self.entries.len() >= LIMIT && !self.entries.contains_key(&id) {
            self.sweep(kept.seen);
        }
        if self.entries.len() >= LIMIT && !self.entries.contains_key(&id) {
            return Err(Unkept::Full);
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

    /// Changes a session that is open; whether there was one.
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
        let ids = match whose {
            Whose::Session(id) => HashSet::from([id]),
            Whose::User(user) | Whose::UserOnDevice { user, .. } => of(&self.by_user, user),
            Whose::Device(device) | Whose::OthersOnDevice { device, .. } => of(&self.by_device, device),
            Whose::SignIn { issuer, sid, .. } => {
                let key = (Arc::from(issuer), Arc::from(sid));
                self.by_sign_in.0.get(&key).unwrap_or(&none).clone()
            }
        };
        let meant = |id: &SessionId| self.find(*id).is_some_and(|kept| !kept.ended && whose.means(kept));
        ids.into_iter().filter(meant).collect()
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

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::signin::laws::{at, kept};

    /// Three sessions: An on two devices, Bo on one of them.
    fn three() -> (Sessions, [SessionId; 3]) {
        let mut sessions = Sessions::default();
        let ids = [0; 3].map(|_| SessionId::random().unwrap());
        for (id, user, device, sid) in [
            (ids[0], "zone|an", "car-12", Some("s-1")),
            (ids[1], "zone|an", "car-13", Some("s-2")),
            (ids[2], "zone|bo", "car-12", None),
        ] {
            sessions.keep(id, kept(user, device, sid)).unwrap();
        }
        (sessions, ids)
    }

    #[test]
    fn sessions_end_by_every_name_and_once() {
        let sign_in = |sid, user| Whose::SignIn { issuer: "zone", sid, user };
        let (_, ids) = three();
        for (whose, ended) in [
            (Whose::Session(ids[0]), &[0][..]),
            (Whose::User("zone|an"), &[0, 1]),
            (Whose::User("zone|a"), &[]),
            (Whose::Device("car-12"), &[0, 2]),
            (Whose::UserOnDevice { user: "zone|an", device: "car-13" }, &[1]),
            (Whose::OthersOnDevice { user: "zone|an", device: "car-12" }, &[2]),
            (sign_in("s-1", None), &[0]),
            (sign_in("s-1", Some("zone|an")), &[0]),
            (sign_in("s-1", Some("zone|bo")), &[]),
            (Whose::SignIn { issuer: "federal", sid: "s-1", user: None }, &[]),
        ] {
            let (mut sessions, ids) = three();
            let whose = if let Whose::Session(_) = whose { Whose::Session(ids[0]) } else { whose };
            let mut came: Vec<_> = sessions
                .end(whose)
                .iter()
                .map(|id| ids.iter().position(|known| known == id).unwrap())
                .collect();
            came.sort_unstable();
            assert_eq!(came, ended, "{whose:?}");
            for (place, id) in ids.iter().enumerate() {
                let kept = sessions.find(*id).unwrap();
                assert_eq!(kept.ended, ended.contains(&place), "{whose:?}");
                assert_eq!(kept.refresh.is_none(), kept.ended, "what could still ask the issuer goes too");
            }
            assert_eq!(sessions.end(whose), [], "once: {whose:?}");
        }
    }

    #[test]
    fn a_session_that_is_kept_again_or_forgotten_is_under_no_old_name() {
        let (mut sessions, [id, other, _]) = three();
        sessions.keep(id, kept("zone|an", "car-14", Some("s-9"))).unwrap();
        assert!(sessions.open(Whose::SignIn { issuer: "zone", sid: "s-1", user: None }).is_empty());
        assert_eq!(sessions.open(Whose::Device("car-14")), [id]);
        assert!(sessions.change(other, |kept| kept.sid = Some("s-3".to_owned())));
        assert!(sessions.open(Whose::SignIn { issuer: "zone", sid: "s-2", user: None }).is_empty());
        assert_eq!(sessions.sweep(at(600)).len(), 3);
        assert!(sessions.entries.is_empty());
        assert!(sessions.by_user.0.is_empty() && sessions.by_device.0.is_empty());
        assert!(sessions.by_sign_in.0.is_empty(), "nothing is left behind");
    }

    /// Says what ending costs among many; nothing is searched for.
    #[test]
    fn ending_one_of_many_costs_no_more_than_one_of_few() {
        let mut sessions = Sessions::default();
        for number in 0..10_000 {
            let id = SessionId::random().unwrap();
            sessions.keep(id, kept(&format!("zone|{number}"), &format!("car-{number}"), None)).unwrap();
        }
        let begin = Instant::now();
        assert_eq!(sessions.end(Whose::User("zone|5000")).len(), 1);
        assert_eq!(sessions.end(Whose::Device("car-5001")).len(), 1);
        println!("two of 10,000 open sessions were ended in {:?}", begin.elapsed());
        assert_eq!(sessions.count(at(1)), (9_998, 2));
    }
}
