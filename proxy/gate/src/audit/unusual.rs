//! What looks lawful one by one, and is unusual taken together: how many people and things an officer looks up in a shift, on how many
//! devices, and how many officers use a device that is not shared.

use std::{
    collections::{HashMap, HashSet},
    hash::{BuildHasher, RandomState},
    time::{Duration, SystemTime},
};

use poort_enforce::record::{Decision, Verdict};
use poort_identity::token::SubjectKind;

/// So many officers, and so many devices, are watched at once.
const LIMIT: usize = 20_000;

/// What is still usual in one shift.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Usual {
    /// How long a shift is; it begins with an officer's first consultation.
    pub shift: Duration,
    /// Data subjects that an officer looks up.
    pub subjects: usize,
    /// Devices that an officer uses.
    pub devices: usize,
    /// Officers who use a device that is not shared.
    pub officers: usize,
    /// Fleets whose devices a crew shares.
    pub shared_fleets: Vec<String>,
}

/// What there was more of than usual.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unusual {
    /// Data subjects of one officer.
    Subjects,
    /// Devices of one officer.
    Devices,
    /// Officers on one device.
    Officers,
}

impl Unusual {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Subjects, Self::Devices, Self::Officers];

    /// The word in records and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Subjects => "subjects",
            Self::Devices => "devices",
            Self::Officers => "officers",
        }
    }
}

/// What has been seen in the shifts that are under way.
#[derive(Debug, Default)]
pub(super) struct Watch {
    usual: Option<Usual>,
    subjects: HashMap<Box<str>, Shift>,
    devices: HashMap<Box<str>, Shift>,
    officers: HashMap<Box<str>, Shift>,
    hasher: RandomState,
}

/// Different things seen since a time, up to one more than is usual.
#[derive(Debug)]
struct Shift {
    began: SystemTime,
    seen: HashSet<u64>,
}

impl Watch {
    /// From now on this is usual. What was seen stays.
    pub(super) fn expect(&mut self, usual: Option<Usual>) {
        self.usual = usual;
    }

    /// What an allowed consultation makes unusual: each kind once in a shift.
    pub(super) fn see(&mut self, decision: &Decision) -> Vec<Unusual> {
        let Self { usual, subjects, devices, officers, hasher } = self;
        let (Some(usual), Some(subject)) = (&*usual, &decision.subject) else { return vec![] };
        if decision.verdict != Verdict::Allow || subject.kind != SubjectKind::User {
            return vec![];
        }
        let (at, shift) = (decision.received, usual.shift);
        let mut found = vec![];
        let named = decision.subjects.iter().map(|named| hasher.hash_one(named.pseudonym));
        if see(subjects, &subject.id, named, (at, shift, usual.subjects)) {
            found.push(Unusual::Subjects);
        }
        if let Some(device) = &decision.device {
            if see(devices, &subject.id, [hasher.hash_one(&device.id)], (at, shift, usual.devices)) {
                found.push(Unusual::Devices);
            }
            let is_shared = device.fleet.as_ref().is_some_and(|fleet| usual.shared_fleets.iter().any(|one| **one == **fleet));
            let officer = [hasher.hash_one(&subject.id)];
            if !is_shared && see(officers, &device.id, officer, (at, shift, usual.officers)) {
                found.push(Unusual::Officers);
            }
        }
        found
    }
}

/// Whether somebody has just come to more than is usual.
fn see(
    watched: &mut HashMap<Box<str>, Shift>,
    who: &str,
    things: impl IntoIterator<Item = u64>,
    (at, shift, usual): (SystemTime, Duration, usize),
) -> bool {
    let is_over = |of: &Shift| at.duration_since(of.began).is_ok_and(|since| since >= shift);
    if watched.len() >= LIMIT && !watched.contains_key(who) {
        watched.retain(|_, of| !is_over(of));
        if watched.len() >= LIMIT {
            return false;
        }
    }
    let begin = || Shift { began: at, seen: HashSet::new() };
    let of = watched.entry(who.into()).or_insert_with(begin);
    if is_over(of) {
        *of = begin();
    }
    let before = of.seen.len();
    for thing in things {
        if of.seen.len() <= usual {
            of.seen.insert(thing);
        }
    }
    before <= usual && of.seen.len() > usual
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use poort_enforce::data_subject::Kind;
    use poort_identity::token::Subject;
    use poort_policy::DeviceFacts;

    use super::*;
    use crate::audit::tests::material::{at, decision, pseudonyms, subject};

    fn usual() -> Usual {
        Usual {
            shift: Duration::from_secs(12 * 3600),
            subjects: 3,
            devices: 1,
            officers: 1,
            shared_fleets: vec!["cars".into()],
        }
    }

    fn consulted(officer: &str, device: &str, fleet: &str, plate: &str, seconds: u64) -> Decision {
        let device = DeviceFacts {
            id: device.into(),
            fleet: Some(fleet.into()),
            unit: None,
            managed: true,
            compliant: true,
        };
        Decision {
            received: at(0) + Duration::from_secs(seconds),
            subject: Some(Arc::new(Subject { id: officer.into(), ..subject() })),
            subjects: pseudonyms().pseudonym(Kind::Plate, plate).into_iter().collect(),
            device: Some(device),
            ..decision(1)
        }
    }

    #[test]
    fn the_first_that_is_one_too_many_is_found_once_in_a_shift() {
        let mut watch = Watch::default();
        watch.expect(Some(usual()));
        let mut look = |plate: &str, seconds| watch.see(&consulted("zone|an", "car-1", "cars", plate, seconds));
        for plate in ["1", "2", "3", "3", "2", "1"] {
            assert_eq!(look(plate, 0), [], "three are usual, however often");
        }
        assert_eq!(look("4", 60), [Unusual::Subjects]);
        assert_eq!(look("5", 60), [], "it is said already");
        let next = 12 * 3600;
        for plate in ["1", "2", "3"] {
            assert_eq!(look(plate, next), [], "a new shift");
        }
        assert_eq!(look("4", next), [Unusual::Subjects]);
    }

    #[test]
    fn a_crew_shares_a_car_and_nobody_shares_a_tablet() {
        let mut watch = Watch::default();
        watch.expect(Some(usual()));
        let mut look = |officer, device, fleet| watch.see(&consulted(officer, device, fleet, "1", 0));
        assert_eq!(look("zone|an", "car-1", "cars"), []);
        assert_eq!(look("zone|bo", "car-1", "cars"), [], "a crew");
        assert_eq!(look("zone|cas", "tablet-1", "tablets"), []);
        assert_eq!(look("zone|dirk", "tablet-1", "tablets"), [Unusual::Officers]);
        assert_eq!(look("zone|an", "car-2", "cars"), [Unusual::Devices]);
    }

    #[test]
    fn refusals_services_and_a_zone_that_does_not_watch_are_not_counted() {
        let mut watch = Watch::default();
        assert_eq!(watch.see(&consulted("zone|an", "t", "x", "1", 0)), []);
        watch.expect(Some(Usual { subjects: 0, devices: 9, officers: 9, ..usual() }));
        let refused = Verdict::Refuse(poort_enforce::reason::Reason::Policy);
        assert_eq!(watch.see(&Decision { verdict: refused, ..consulted("zone|an", "t", "x", "1", 0) }), []);
        let service = Arc::new(Subject { kind: SubjectKind::Service, ..subject() });
        assert_eq!(watch.see(&Decision { subject: Some(service), ..consulted("zone|an", "t", "x", "1", 0) }), []);
        assert_eq!(watch.see(&consulted("zone|an", "t", "x", "1", 0)), [Unusual::Subjects]);
    }

    #[test]
    fn so_many_are_watched_and_no_more_until_shifts_end() {
        let mut watched = HashMap::new();
        let now = (at(0), Duration::from_secs(60), 0);
        for number in 0..LIMIT {
            assert!(see(&mut watched, &number.to_string(), [1], now));
        }
        assert!(!see(&mut watched, "one more", [1], now));
        let later = (at(0) + Duration::from_secs(60), Duration::from_secs(60), 0);
        assert!(see(&mut watched, "one more", [1], later));
        assert_eq!(watched.len(), 1);
    }
}
