//! What looks lawful one by one, and is unusual taken together: how many people and things an officer looks up in a shift, on how many
//! devices, and how many officers use a device that is not shared.

use std::{
    hash::{BuildHasher, RandomState},
    time::{Duration, SystemTime},
};

use poort_enforce::{
    data_subject::Named,
    record::{Decision, Verdict},
};
use poort_identity::token::SubjectKind;
use poort_policy::ShiftCount;

use crate::shifts::Table;

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
    /// What of it policies see, as `context.shift`.
    pub in_policies: Vec<ShiftCount>,
}

/// What has been seen in the shifts that are under way.
#[derive(Debug, Default)]
pub(super) struct Watch {
    usual: Option<Usual>,
    subjects: Table,
    devices: Table,
    officers: Table,
    hasher: RandomState,
}

impl Watch {
    /// From now on this is usual. What was seen stays.
    pub(super) fn expect(&mut self, usual: Option<Usual>) {
        self.usual = usual;
    }

    /// What an allowed consultation makes unusual: each kind once in a shift.
    pub(super) fn see(&mut self, decision: &Decision) -> Vec<ShiftCount> {
        let Self { usual, subjects, devices, officers, hasher } = self;
        let (Some(usual), Some(subject)) = (&*usual, &decision.subject) else { return vec![] };
        if decision.verdict != Verdict::Allow || subject.kind != SubjectKind::User {
            return vec![];
        }
        let (at, shift) = (decision.received, usual.shift);
        let mut found = vec![];
        let Named { more, .. } = decision.subjects;
        let named = decision.subjects.each().map(|named| hasher.hash_one(named.pseudonym));
        if see(subjects, &subject.id, (named, more), (at, shift, usual.subjects)) {
            found.push(ShiftCount::Subjects);
        }
        // On behalf of an officer, the device at hand is a machine's, which all of them use.
        let acting = decision.question.as_ref().is_some_and(|question| question.actor.is_some());
        if let Some(device) = decision.device.as_ref().filter(|_| !acting) {
            let device_at_hand = ([hasher.hash_one(&device.id)], 0);
            if see(devices, &subject.id, device_at_hand, (at, shift, usual.devices)) {
                found.push(ShiftCount::Devices);
            }
            let is_shared = device
                .fleet
                .as_ref()
                .is_some_and(|fleet| usual.shared_fleets.iter().any(|one| **one == **fleet));
            let officer = ([hasher.hash_one(&subject.id)], 0);
            if !is_shared && see(officers, &device.id, officer, (at, shift, usual.officers)) {
                found.push(ShiftCount::Officers);
            }
        }
        found
    }
}

/// Whether somebody has come to more than is usual, which is said once. `more` things of a request are not told apart from others, and
/// count for as long as it is looked at.
fn see(
    watched: &mut Table,
    who: &str,
    (things, more): (impl IntoIterator<Item = u64>, usize),
    (at, length, usual): (SystemTime, Duration, usize),
) -> bool {
    // Who comes when as many are watched as may be is not.
    let Some(shift) = watched.of(who, at, length) else { return false };
    for thing in things {
        shift.add(thing, usual.saturating_add(1));
    }
    shift.len().saturating_add(more) > usual && shift.tell(usual)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use poort_enforce::data_subject::Kind;
    use poort_identity::token::Subject;
    use poort_policy::{Actor, DeviceFacts};

    use super::*;
    use crate::audit::tests::material::{at, decision, pseudonyms, subject};

    fn usual() -> Usual {
        Usual {
            shift: Duration::from_secs(12 * 3600),
            subjects: 3,
            devices: 1,
            officers: 1,
            shared_fleets: vec!["cars".into()],
            in_policies: vec![],
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
        let mut look =
            |plate: &str, seconds| watch.see(&consulted("zone|an", "car-1", "cars", plate, seconds));
        for plate in ["1", "2", "3", "3", "2", "1"] {
            assert_eq!(look(plate, 0), [], "three are usual, however often");
        }
        assert_eq!(look("4", 60), [ShiftCount::Subjects]);
        assert_eq!(look("5", 60), [], "it is said already");
        let next = 12 * 3600;
        for plate in ["1", "2", "3"] {
            assert_eq!(look(plate, next), [], "a new shift");
        }
        assert_eq!(look("4", next), [ShiftCount::Subjects]);
    }

    #[test]
    fn a_person_is_one_with_a_date_of_birth_too_and_more_than_are_recorded_are_more_than_usual() {
        let mut watch = Watch::default();
        watch.expect(Some(usual()));
        let mut look = |subjects: Named| {
            watch.see(&Decision { subjects, ..consulted("zone|an", "car-1", "cars", "", 0) })
        };
        let person = |name: &str| -> Named {
            let key = pseudonyms();
            let born = key.person(name, "1985-07-31").unwrap();
            key.pseudonym(Kind::Name, name).into_iter().chain([born]).collect()
        };
        for name in ["An Janssens", "Bo Maes", "Cas Peeters"] {
            assert_eq!(look(person(name)), [], "{name}: three are usual");
        }
        assert_eq!(look(person("Dirk Claes")), [ShiftCount::Subjects]);
        let mut watch = Watch::default();
        watch.expect(Some(Usual { subjects: 300, ..usual() }));
        let many: Named = (0..301)
            .filter_map(|number| pseudonyms().pseudonym(Kind::Plate, &format!("1ABC{number}")))
            .collect();
        let asked = Decision { subjects: many, ..consulted("zone|an", "car-1", "cars", "", 0) };
        assert_eq!(watch.see(&asked), [ShiftCount::Subjects], "at once");
        assert_eq!(watch.see(&asked), [], "it is said already");
    }

    #[test]
    fn what_is_usual_no_more_is_found_of_those_who_came_to_it_before() {
        let mut watch = Watch::default();
        let mut look = |usual: Usual, plate: &str| {
            watch.expect(Some(usual));
            watch.see(&consulted("zone|an", "car-1", "cars", plate, 0))
        };
        let at_most = |subjects| Usual { subjects, ..usual() };
        for plate in ["1", "2", "3"] {
            assert_eq!(look(at_most(3), plate), []);
        }
        assert_eq!(look(at_most(2), "3"), [ShiftCount::Subjects], "three are too many now");
        assert_eq!((look(at_most(2), "3"), look(at_most(1), "3")), (vec![], vec![]), "it is said already");
        assert_eq!(look(at_most(3), "1"), [], "there was a reason");
        assert_eq!(look(at_most(3), "4"), [ShiftCount::Subjects]);
    }

    #[test]
    fn a_crew_shares_a_car_and_nobody_shares_a_tablet() {
        let mut watch = Watch::default();
        watch.expect(Some(usual()));
        let mut look = |officer, device, fleet| watch.see(&consulted(officer, device, fleet, "1", 0));
        assert_eq!(look("zone|an", "car-1", "cars"), []);
        assert_eq!(look("zone|bo", "car-1", "cars"), [], "a crew");
        assert_eq!(look("zone|cas", "tablet-1", "tablets"), []);
        assert_eq!(look("zone|dirk", "tablet-1", "tablets"), [ShiftCount::Officers]);
        assert_eq!(look("zone|an", "car-2", "cars"), [ShiftCount::Devices]);
    }

    #[test]
    fn an_application_that_asks_for_officers_is_no_device_of_theirs() {
        let mut watch = Watch::default();
        watch.expect(Some(usual()));
        for officer in ["zone|an", "zone|bo", "zone|cas"] {
            let mut asked = consulted(officer, "search", "workloads", "1", 0);
            let device = asked.device.clone().unwrap();
            asked.question.as_mut().unwrap().actor = Some(Actor { device, service: None });
            assert_eq!(watch.see(&asked), [], "{officer}");
        }
    }

    #[test]
    fn refusals_services_and_a_zone_that_does_not_watch_are_not_counted() {
        let mut watch = Watch::default();
        assert_eq!(watch.see(&consulted("zone|an", "t", "x", "1", 0)), []);
        watch.expect(Some(Usual { subjects: 0, devices: 9, officers: 9, ..usual() }));
        let refused = Verdict::Refuse(poort_enforce::reason::Reason::Policy);
        assert_eq!(watch.see(&Decision { verdict: refused, ..consulted("zone|an", "t", "x", "1", 0) }), []);
        let service = Arc::new(Subject { kind: SubjectKind::Service, ..subject() });
        assert_eq!(
            watch.see(&Decision { subject: Some(service), ..consulted("zone|an", "t", "x", "1", 0) }),
            []
        );
        assert_eq!(watch.see(&consulted("zone|an", "t", "x", "1", 0)), [ShiftCount::Subjects]);
    }
}
