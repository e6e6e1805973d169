//! What was ended lately, told to whatever is open.

use std::{
    collections::VecDeque,
    sync::atomic::{AtomicU64, Ordering},
};

use parking_lot::Mutex;
use poort_identity::session::SessionId;
use tokio::sync::watch;

use super::Whom;

/// Most that are remembered. Whoever has not looked for longer than that takes it for their own.
const LIMIT: usize = 65_536;

/// In whose name something is open.
#[derive(Clone, Copy, Debug, Default)]
pub struct Party<'a> {
    /// The session it came in.
    pub session: Option<SessionId>,
    /// The person or service, `issuer-alias|sub`.
    pub user: Option<&'a str>,
    /// The device, by the name in its certificate.
    pub device: Option<&'a str>,
}

impl Party<'_> {
    fn is(&self, whom: &Whom) -> bool {
        match whom {
            Whom::Session(id) => self.session == Some(*id),
            Whom::User(name) => self.user == Some(name),
            Whom::Device(name) => self.device == Some(name),
        }
    }
}

/// Tells what was ended. To look whether anything was costs one load.
#[derive(Debug)]
pub struct Notices {
    /// How many there were since the gate began.
    count: AtomicU64,
    recent: Mutex<VecDeque<Whom>>,
    changed: watch::Sender<u64>,
    /// Sessions, users, devices.
    ended: [AtomicU64; 3],
}

impl Default for Notices {
    fn default() -> Self {
        Self {
            count: AtomicU64::new(0),
            recent: Mutex::default(),
            changed: watch::Sender::new(0),
            ended: Default::default(),
        }
    }
}

impl Notices {
    /// Tells everything that is open. Whoever asks from now on is refused already.
    pub fn tell(&self, whom: impl IntoIterator<Item = Whom>) {
        let mut recent = self.recent.lock();
        let before = self.count();
        for one in whom {
            let [sessions, users, devices] = &self.ended;
            let ended = match one {
                Whom::Session(_) => sessions,
                Whom::User(_) => users,
                Whom::Device(_) => devices,
            };
            ended.fetch_add(1, Ordering::Relaxed);
            if recent.len() == LIMIT {
                recent.pop_front();
            }
            recent.push_back(one);
            self.count.fetch_add(1, Ordering::Release);
        }
        let count = self.count();
        if count != before {
            self.changed.send_replace(count);
        }
    }

    /// How many there were. Taken before somebody is admitted, it is from where they look on.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count.load(Ordering::Acquire)
    }

    /// How many there were of sessions, users and devices.
    #[must_use]
    pub fn ended(&self) -> [(&'static str, u64); 3] {
        let [sessions, users, devices] =
            [0, 1, 2].map(|kind| self.ended.get(kind).map_or(0, |count| count.load(Ordering::Relaxed)));
        [("session", sessions), ("user", users), ("device", devices)]
    }

    /// Wakes whoever waits, when there is another.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// What concerns a party among those since it looked last; `seen` moves on. Who has missed some is taken to be concerned.
    pub fn concern(&self, seen: &mut u64, party: Party<'_>) -> Option<Concern> {
        if self.count() == *seen {
            return None;
        }
        let recent = self.recent.lock();
        let count = self.count();
        let unseen = usize::try_from(count.saturating_sub(*seen)).unwrap_or(usize::MAX);
        *seen = count;
        if unseen > recent.len() {
            return Some(Concern::Missed);
        }
        let own = recent.iter().rev().take(unseen).find(|whom| party.is(whom));
        own.cloned().map(Concern::Own)
    }
}

/// Why a party is concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Concern {
    /// This was ended.
    Own(Whom),
    /// So much was ended that it is not known any more.
    Missed,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_party_hears_of_its_own_once() {
        let notices = Notices::default();
        let (one, other) = (SessionId::random().unwrap(), SessionId::random().unwrap());
        let party = Party { session: Some(one), user: Some("zone|an"), device: Some("car-12") };
        let mut seen = notices.count();
        notices.tell([Whom::Session(other), Whom::User("zone|bo".into()), Whom::Device("car-1".into())]);
        assert_eq!(notices.concern(&mut seen, party), None, "others");
        for whom in [Whom::Session(one), Whom::User("zone|an".into()), Whom::Device("car-12".into())] {
            notices.tell([whom.clone(), Whom::Session(other)]);
            assert_eq!(notices.concern(&mut seen, party), Some(Concern::Own(whom)));
            assert_eq!(notices.concern(&mut seen, party), None, "once");
        }
        let mut later = notices.count();
        assert_eq!(notices.concern(&mut later, party), None, "not of what was before");
        assert_eq!(notices.ended(), [("session", 5), ("user", 2), ("device", 2)]);
    }

    #[test]
    fn who_has_missed_some_is_concerned() {
        let notices = Notices::default();
        let mut seen = notices.count();
        notices.tell((0..=LIMIT).map(|number| Whom::User(format!("zone|{number}").into())));
        assert_eq!(notices.concern(&mut seen, Party::default()), Some(Concern::Missed));
        assert_eq!(notices.concern(&mut seen, Party::default()), None);
    }

    #[tokio::test]
    async fn whoever_waits_is_woken() {
        let notices = Notices::default();
        let mut changes = notices.changes();
        notices.tell([Whom::User("zone|an".into())]);
        changes.changed().await.unwrap();
        assert_eq!(*changes.borrow(), 1);
    }
}
