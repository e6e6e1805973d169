//! The endings in force: asked with every request, and kept on disk, since a restart must let nobody in again.

use std::{
    collections::HashMap,
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use poort_enforce::ports::{self, Withdrawn};
use serde::{Deserialize, Serialize};

use super::Whom;
use crate::carry_over::write_whole;

/// For how long it is remembered that somebody was signed out everywhere: longer than any token, and any sign-in at an issuer, lasts.
const REMEMBERED: Duration = Duration::from_secs(30 * 24 * 3600);
/// Most that are kept.
const LIMIT: usize = 10_000;

/// How much was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Extent {
    /// What was signed in until then.
    SignedOut,
    /// Everything.
    Blocked,
}

/// One ending.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ending {
    /// Whose access: a user's or a device's. A session that was ended is over where it is kept.
    pub whom: Whom,
    /// How much of it.
    pub extent: Extent,
    /// Since when, in seconds since 1970.
    pub since: u64,
    /// Until when; none: until it is given back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<u64>,
    /// Who did it.
    pub by: String,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Ending {
    /// What it takes of a person now. A block that is over leaves what was signed in before it ended.
    fn withdrawn(&self, now: u64) -> Withdrawn {
        let blocked = self.extent == Extent::Blocked && self.until.is_none_or(|until| now < until);
        match blocked {
            true => Withdrawn::Everything,
            false if now < self.forgotten() => Withdrawn::Before(self.since),
            false => Withdrawn::Nothing,
        }
    }

    /// Whether nothing passes now. A session that was ended is over where it is kept.
    #[must_use]
    pub fn blocks(&self, now: SystemTime) -> bool {
        self.withdrawn(seconds(now)) == Withdrawn::Everything
    }

    /// Whether it stands against something else that was said of the same person or device, at whichever gate: the newer word does, but that
    /// no sign-out lifts a block.
    fn outlasts(&self, other: &Self, now: SystemTime) -> bool {
        match (self.extent, other.extent) {
            (Extent::Blocked, Extent::SignedOut) if self.blocks(now) => true,
            (Extent::SignedOut, Extent::Blocked) if other.blocks(now) => false,
            _ => self.since > other.since,
        }
    }

    /// Whether it still means something.
    fn counts(&self, now: u64) -> bool {
        match self.whom {
            Whom::User(_) => self.withdrawn(now) != Withdrawn::Nothing,
            Whom::Device(_) | Whom::Session(_) => self.until.is_none_or(|until| now < until),
        }
    }

    fn forgotten(&self) -> u64 {
        self.until.unwrap_or(self.since).saturating_add(REMEMBERED.as_secs())
    }
}

/// Seconds since 1970.
pub(super) fn seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
}

type ByName = HashMap<Arc<str>, Ending>;

/// Those in force, by name.
#[derive(Clone, Debug, Default)]
struct List {
    users: ByName,
    devices: ByName,
}

impl List {
    fn of(&mut self, whom: &Whom) -> Option<(&mut ByName, Arc<str>)> {
        match whom {
            Whom::User(name) => Some((&mut self.users, Arc::clone(name))),
            Whom::Device(name) => Some((&mut self.devices, Arc::clone(name))),
            Whom::Session(_) => None,
        }
    }

    fn iter(&self) -> impl Iterator<Item = &Ending> {
        self.users.values().chain(self.devices.values())
    }
}

/// Something could not be kept.
#[derive(Debug, thiserror::Error)]
pub enum EndingFault {
    /// There are too many.
    #[error("{LIMIT} people and devices are ended already; give access back to some first")]
    Full,
    /// It is in force and kept here, and other gates could not be told.
    #[error("other gates hear of it when the server that they share answers again")]
    Elsewhere,
    /// The disk fails.
    #[error("it could not be kept on disk: {0}")]
    Disk(#[from] io::Error),
}

/// Whose access was ended.
#[derive(Debug, Default)]
pub struct Endings {
    list: ArcSwap<List>,
    writing: Mutex<()>,
    file: Option<PathBuf>,
}

impl Endings {
    /// Those of a state directory.
    ///
    /// # Errors
    /// When the file is there and cannot be read: starting without it could let somebody in again.
    pub fn open(state: &Path) -> io::Result<Self> {
        let file = state.join("ended-access");
        let mut list = List::default();
        match std::fs::read_to_string(&file) {
            Ok(text) => {
                for line in text.lines() {
                    let ending: Ending = serde_json::from_str(line)?;
                    if let Some((endings, name)) = list.of(&ending.whom) {
                        endings.insert(name, ending);
                    }
                }
            }
            Err(fault) if fault.kind() == io::ErrorKind::NotFound => {}
            Err(fault) => return Err(fault),
        }
        Ok(Self { list: ArcSwap::from_pointee(list), writing: Mutex::default(), file: Some(file) })
    }

    /// Puts one in force, then on disk. Who is blocked stays so when they are signed out as well.
    ///
    /// # Errors
    /// When there are too many. When it cannot be written: then it is in force all the same until the gate stops.
    pub fn put(&self, ending: Ending, now: SystemTime) -> Result<(), EndingFault> {
        let lifts = ending.extent == Extent::SignedOut;
        self.insert(ending, now, |known, _| lifts && known.blocks(now))
    }

    /// Puts one in force that was said at another gate, unless what is in force here outlasts it: a word from before an outage does not undo
    /// what was said here during it.
    ///
    /// # Errors
    /// As [`Endings::put`].
    pub fn learn(&self, ending: Ending, now: SystemTime) -> Result<(), EndingFault> {
        self.insert(ending, now, |known, ending| known.outlasts(ending, now))
    }

    fn insert(
        &self,
        ending: Ending,
        now: SystemTime,
        stands: impl Fn(&Ending, &Ending) -> bool,
    ) -> Result<(), EndingFault> {
        let _one_at_a_time = self.writing.lock();
        let now = seconds(now);
        let mut list = List::clone(&self.list.load());
        for endings in [&mut list.users, &mut list.devices] {
            endings.retain(|_, ending| ending.counts(now));
        }
        let full = list.iter().count() >= LIMIT;
        let Some((endings, name)) = list.of(&ending.whom) else { return Ok(()) };
        let known = endings.get(&name);
        if known.is_some_and(|known| stands(known, &ending)) {
            return Ok(());
        }
        if full && known.is_none() {
            return Err(EndingFault::Full);
        }
        endings.insert(name, ending);
        let list = Arc::new(list);
        self.list.store(Arc::clone(&list));
        Ok(self.write(&list)?)
    }

    /// Gives access back, on disk first; what was ended, if anything was.
    ///
    /// # Errors
    /// When it cannot be written: then nothing is given back.
    pub fn take(&self, whom: &Whom) -> Result<Option<Ending>, EndingFault> {
        let _one_at_a_time = self.writing.lock();
        let mut list = List::clone(&self.list.load());
        let ending = list.of(whom).and_then(|(endings, name)| endings.remove(&name));
        if ending.is_some() {
            self.write(&list)?;
            self.list.store(Arc::new(list));
        }
        Ok(ending)
    }

    /// What is in force of somebody.
    #[must_use]
    pub fn find(&self, whom: &Whom, now: SystemTime) -> Option<Ending> {
        let list = self.list.load();
        let ending = match whom {
            Whom::User(name) => list.users.get(name),
            Whom::Device(name) => list.devices.get(name),
            Whom::Session(_) => None,
        };
        ending.filter(|ending| ending.counts(seconds(now))).cloned()
    }

    /// All in force, the oldest first.
    #[must_use]
    pub fn all(&self, now: SystemTime) -> Vec<Ending> {
        let (list, now) = (self.list.load(), seconds(now));
        let mut all: Vec<_> = list.iter().filter(|ending| ending.counts(now)).cloned().collect();
        all.sort_by_key(|ending| (ending.since, ending.whom.name()));
        all
    }

    /// How many users and how many devices are ended.
    #[must_use]
    pub fn count(&self, now: SystemTime) -> [(&'static str, usize); 2] {
        let (list, now) = (self.list.load(), seconds(now));
        let of = |endings: &ByName| endings.values().filter(|ending| ending.counts(now)).count();
        [("user", of(&list.users)), ("device", of(&list.devices))]
    }

    fn write(&self, list: &List) -> io::Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        let mut lines = Vec::new();
        for ending in list.iter() {
            serde_json::to_writer(&mut lines, ending)?;
            lines.push(b'\n');
        }
        write_whole(file, &lines)
    }
}

/// A request pays one look into a table; none where nobody's access is ended.
impl ports::Endings for Endings {
    fn is_blocked(&self, device: &str, now: SystemTime) -> bool {
        let list = self.list.load();
        !list.devices.is_empty() && list.devices.get(device).is_some_and(|ending| ending.counts(seconds(now)))
    }

    fn withdrawn(&self, subject: &str, now: SystemTime) -> Withdrawn {
        let list = self.list.load();
        let ending = if list.users.is_empty() { None } else { list.users.get(subject) };
        ending.map_or(Withdrawn::Nothing, |ending| ending.withdrawn(seconds(now)))
    }
}

#[cfg(test)]
mod tests {
    use poort_enforce::ports::Endings as _;

    use super::*;

    const NOON: u64 = 1_893_456_000;

    fn at(second: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(NOON + second)
    }

    fn ending(whom: &Whom, extent: Extent, since: u64, until: Option<u64>) -> Ending {
        let until = until.map(|until| NOON + until);
        Ending { whom: whom.clone(), extent, since: NOON + since, until, by: "soc".into(), reason: None }
    }

    fn user() -> Whom {
        Whom::user("zone|an").unwrap()
    }

    fn device() -> Whom {
        Whom::device("spiffe://zone.example/device/car-12").unwrap()
    }

    #[test]
    fn endings_survive_a_restart_and_are_given_back() {
        let state = tempfile::tempdir().unwrap();
        let open = || Endings::open(state.path()).unwrap();
        let endings = open();
        endings.put(ending(&user(), Extent::SignedOut, 0, None), at(0)).unwrap();
        endings.put(ending(&device(), Extent::Blocked, 1, None), at(1)).unwrap();
        let again = open();
        assert_eq!(again.all(at(2)), endings.all(at(2)));
        assert!(again.is_blocked(&device().name(), at(2)));
        assert!(again.take(&device()).unwrap().is_some());
        assert!(again.take(&device()).unwrap().is_none(), "once");
        assert_eq!(open().count(at(2)), [("user", 1), ("device", 0)]);
        std::fs::write(state.path().join("ended-access"), "{}\n").unwrap();
        assert!(Endings::open(state.path()).is_err(), "what cannot be read is not taken for nobody");
    }

    #[test]
    fn what_is_taken_changes_with_time() {
        let month = REMEMBERED.as_secs();
        for (what, ending, second, withdrawn) in [
            ("signed out", ending(&user(), Extent::SignedOut, 5, None), 6, Withdrawn::Before(NOON + 5)),
            ("long ago", ending(&user(), Extent::SignedOut, 5, None), 5 + month, Withdrawn::Nothing),
            ("blocked", ending(&user(), Extent::Blocked, 5, None), 5 + month, Withdrawn::Everything),
            ("for a while", ending(&user(), Extent::Blocked, 5, Some(60)), 59, Withdrawn::Everything),
            (
                "it is over, its tokens are not good again",
                ending(&user(), Extent::Blocked, 5, Some(60)),
                60,
                Withdrawn::Before(NOON + 5),
            ),
        ] {
            let endings = Endings::default();
            endings.put(ending, at(5)).unwrap();
            assert_eq!(endings.withdrawn("zone|an", at(second)), withdrawn, "{what}");
            assert_eq!(endings.withdrawn("zone|bo", at(second)), Withdrawn::Nothing, "{what}: others");
        }
        let endings = Endings::default();
        endings.put(ending(&device(), Extent::Blocked, 0, Some(60)), at(0)).unwrap();
        assert!(
            endings.is_blocked(&device().name(), at(59)) && !endings.is_blocked(&device().name(), at(60))
        );
    }

    #[test]
    fn who_is_blocked_stays_so_when_signed_out() {
        let endings = Endings::default();
        endings.put(ending(&user(), Extent::Blocked, 0, None), at(0)).unwrap();
        endings.put(ending(&user(), Extent::SignedOut, 1, None), at(1)).unwrap();
        assert_eq!(endings.withdrawn("zone|an", at(2)), Withdrawn::Everything);
    }

    #[test]
    fn of_what_two_gates_said_the_newer_holds_and_no_sign_out_lifts_a_block() {
        let blocked = |since, until| ending(&user(), Extent::Blocked, since, until);
        let out = |since| ending(&user(), Extent::SignedOut, since, None);
        for (what, here, elsewhere, holds) in [
            ("a block that is over", blocked(100, None), blocked(0, Some(50)), blocked(100, None)),
            ("a sign-out", blocked(100, None), out(0), blocked(100, None)),
            ("a later sign-out", blocked(0, None), out(100), blocked(0, None)),
            ("an earlier sign-out", out(100), out(0), out(100)),
            ("a later one", out(0), out(100), out(100)),
            ("a block", out(100), blocked(0, None), blocked(0, None)),
            ("a shorter block", blocked(0, None), blocked(100, Some(200)), blocked(100, Some(200))),
            ("a sign-out after a block", blocked(0, Some(50)), out(100), out(100)),
            ("the same second", blocked(0, None), blocked(0, Some(200)), blocked(0, Some(200))),
        ] {
            let endings = Endings::default();
            endings.put(here, at(100)).unwrap();
            endings.learn(elsewhere, at(110)).unwrap();
            assert_eq!(endings.find(&user(), at(110)), Some(holds), "{what}");
        }
    }

    #[test]
    fn what_cannot_be_written_is_ended_all_the_same_and_never_given_back() {
        let state = tempfile::tempdir().unwrap();
        let endings = Endings::open(&state.path().join("gone")).unwrap();
        assert!(endings.put(ending(&device(), Extent::Blocked, 0, None), at(0)).is_err());
        assert!(endings.is_blocked(&device().name(), at(1)));
        assert!(endings.take(&device()).is_err());
        assert!(endings.is_blocked(&device().name(), at(1)));
    }
}
