//! A record that grows for three days, and is ten years old.

use std::{
    fs,
    path::Path,
    sync::Arc,
    time::{Duration, SystemTime},
};

use poort_enforce::record::Decision;
use tempfile::TempDir;

use super::*;
use crate::audit::{
    Audit, AuditSettings, Looker, Record, Retirement,
    search::{Wanted, search},
    tests::material::{FILE, HandClock, at, decision, digests, directory, settings},
    tlog::{Bundles, Doubt, Keys, LOG_DIRECTORY, LogSettings, Signer, find, tombstone, verify},
};

const DAY: u64 = 86_400;
const YEAR: u64 = 365 * DAY + DAY / 4;
/// Of the first day; a bundle is 256 entries, and every other one is of persons.
const FIRST_DAY: u64 = 300;
const OF_PERSONS: u64 = 128;

struct Ground {
    directory: TempDir,
    keys: Arc<Keys>,
}

impl Ground {
    fn new() -> Self {
        let keys = Keys::parse(&Signer::generate("gate.example/audit").unwrap().0).unwrap();
        let ground = Self { directory: directory(), keys: Arc::new(keys) };
        let (audit, clock) = ground.open(at(0));
        for (day, records) in [(0, FIRST_DAY), (1, 100), (2, 10)] {
            clock.set(at(day * DAY));
            for number in 0..records {
                let source = if number % 2 == 0 { "persons" } else { "vehicles" };
                let decided = Decision {
                    received: at(day * DAY),
                    source: Some(source.into()),
                    ..decision(u8::try_from(number % 256).unwrap())
                };
                audit.append(Record::Decision(Box::new(decided), digests())).unwrap();
            }
            // All of a day is written before the next begins.
            let written = || audit.health().records;
            let due = [FIRST_DAY, FIRST_DAY + 100, FIRST_DAY + 110][usize::try_from(day).unwrap()];
            crate::audit::tests::material::until("the day is written", || written() >= due);
        }
        audit.close();
        ground
    }

    fn open(&self, time: SystemTime) -> (Audit, HandClock) {
        let log = LogSettings { directory: self.log(), keys: Arc::clone(&self.keys), anchor: None };
        let settings = AuditSettings { log: Some(log), ..settings(self.path()) };
        let clock = HandClock::at_noon();
        clock.set(time);
        (Audit::open(settings, clock.clone()).unwrap().0, clock)
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    fn log(&self) -> PathBuf {
        self.path().join(LOG_DIRECTORY)
    }

    fn plan(&self) -> Result<Plan, RetireFault> {
        let sources = [("persons".to_owned(), "5y".parse().unwrap())].into();
        Plan::make(self.path(), &self.keys, &Rules { sources, others: None }, now())
    }

    /// Writes something into the record, ten years later.
    fn append(&self, record: Retirement) {
        let (audit, _) = self.open(now());
        audit.append(Record::Retirement(Box::new(record))).unwrap();
        audit.close();
    }

    fn say(&self, plan: &Plan) {
        for record in plan.records(&Looker::Machine { uid: 0, user: None, signed_in: None }, now()) {
            let id = record.id.clone();
            assert!(!said(self.path(), &self.keys, &id).unwrap());
            self.append(record);
            assert!(said(self.path(), &self.keys, &id).unwrap());
        }
    }

    fn verify(&self) -> Result<u64, Doubt> {
        verify(&self.log(), &self.keys, None, now()).map(|proved| proved.retired)
    }

    fn of_persons(&self) -> usize {
        fs::read_to_string(self.path().join(FILE)).unwrap().matches("\"source\":\"persons\"").count()
    }
}

fn now() -> SystemTime {
    at(0) + Duration::from_secs(10 * YEAR)
}

#[test]
fn what_was_kept_for_long_enough_is_gone_and_everything_is_still_proved() {
    let ground = Ground::new();
    let before = ground.of_persons();
    let plan = ground.plan().unwrap();
    assert_eq!((plan.count(), plan.unsaid.len()), (OF_PERSONS, usize::try_from(OF_PERSONS).unwrap()));
    ground.say(&plan);
    assert_eq!(ground.verify().unwrap(), 0, "nothing is gone yet");
    sweep(ground.path(), &plan, |_| {}).unwrap();
    assert_eq!(ground.verify().unwrap(), OF_PERSONS);
    let text = fs::read_to_string(ground.path().join(FILE)).unwrap();
    assert_eq!(text.lines().count() as u64, FIRST_DAY, "each line is in its place");
    // Each names its source twice: as the record does, and in the question.
    assert_eq!((before - ground.of_persons()) as u64, 2 * OF_PERSONS);
    assert_eq!(
        text.lines().filter(|line| tombstone::read(line.as_bytes()).is_some()).count() as u64,
        OF_PERSONS
    );
    assert_eq!(ground.plan().unwrap().count(), 0);
    assert!(matches!(
        find(&ground.log(), &ground.keys, |index, _| index == 0),
        Err(Doubt::Retired { index: 0 })
    ));
    let found = find(&ground.log(), &ground.keys, |index, _| index == 1).unwrap();
    assert!(String::from_utf8_lossy(&found[0].entry).contains("vehicles"));
    let found =
        search(ground.path(), &Wanted { source: Some("persons".into()), ..Wanted::default() }, None).unwrap();
    assert_eq!((found.retired, found.doubts.len()), (OF_PERSONS, 0));
    drop(ground.open(now()));
    assert_eq!(ground.verify().unwrap(), OF_PERSONS, "and a gate goes on with it");
}

#[test]
fn content_that_is_gone_without_a_record_is_tampering() {
    let ground = Ground::new();
    Bundles::new(&ground.log()).retire(&[(5, 5)]).unwrap();
    let doubt = ground.verify().unwrap_err();
    assert!(matches!(doubt, Doubt::Removed { index: 5 }), "{doubt}");
    assert!(doubt.to_string().contains("somebody removed it"));
    // Nor does a record of others make it right.
    let plan = ground.plan().unwrap();
    ground.say(&plan);
    assert!(matches!(ground.verify(), Err(Doubt::Removed { index: 5 })));
    let (others, rest) = (Ground::new(), "{\"retired\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"}");
    let bundle = others.log().join("tile/entries/000");
    let mut bytes = fs::read(&bundle).unwrap();
    let length = usize::from(u16::from_be_bytes([bytes[0], bytes[1]]));
    let forged = [&u16::try_from(rest.len()).unwrap().to_be_bytes()[..], rest.as_bytes()].concat();
    bytes.splice(..length + 2, forged);
    fs::write(&bundle, bytes).unwrap();
    assert!(matches!(others.verify(), Err(Doubt::Entry { index: 0, .. })), "a tombstone of something else");
}

#[test]
fn what_is_retired_before_its_time_is_found_out() {
    let dated = |time: SystemTime, retention: &str, before: SystemTime| {
        let ground = Ground::new();
        let before = before.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis();
        let rule = crate::audit::Rule {
            source: Some("persons".into()),
            retention: retention.into(),
            before: i64::try_from(before).unwrap(),
        };
        ground.append(Retirement {
            time,
            id: "1".into(),
            by: Looker::Machine { uid: 0, user: None, signed_in: None },
            rules: vec![rule],
            ranges: vec![(100, 200)],
        });
        Bundles::new(&ground.log()).retire(&[(100, 200)]).unwrap();
        ground.verify()
    };
    let early = |retention: &str, before: SystemTime| dated(now(), retention, before);
    let (old, new) = (at(DAY), now() - Duration::from_secs(YEAR));
    assert_eq!(early("5y", old).unwrap(), 101);
    assert!(matches!(early("5y", new), Err(Doubt::Early { .. })), "less than five years ago");
    assert!(matches!(early("1d", old), Err(Doubt::Early { .. })), "no rule that a file may have");
    let ahead = dated(now() + Duration::from_secs(2 * DAY), "5y", old).unwrap_err();
    assert!(ahead.to_string().contains("dated later"), "{ahead}");
    let too_old = at(0) - Duration::from_secs(40 * DAY);
    let doubt = early("5y", too_old).unwrap_err();
    assert!(matches!(doubt, Doubt::Early { index: 100, .. }), "what is before it is newer: {doubt}");
}

#[test]
fn a_sweep_that_was_killed_is_gone_on_with() {
    let ground = Ground::new();
    let plan = ground.plan().unwrap();
    ground.say(&plan);
    // Killed after some bundles, over a file that is half written.
    Bundles::new(&ground.log()).retire(&plan.files[0].ranges[..40]).unwrap();
    fs::write(ground.path().join(format!("{FILE}.new")), "half a line").unwrap();
    assert_eq!(ground.verify().unwrap(), 40);
    let again = ground.plan().unwrap();
    assert_eq!((again.count(), again.unsaid.len()), (OF_PERSONS, 0), "all of it was said");
    assert!(again.records(&Looker::Machine { uid: 0, user: None, signed_in: None }, now()).is_empty());
    sweep(ground.path(), &again, |_| {}).unwrap();
    assert_eq!((ground.verify().unwrap(), ground.plan().unwrap().count()), (OF_PERSONS, 0));
    assert!(!ground.path().join(format!("{FILE}.new")).exists());
    let held = lock(ground.path()).unwrap();
    assert!(lock(ground.path()).is_err(), "one at a time");
    drop(held);
}

#[test]
fn nothing_is_retired_beside_a_line_that_was_changed() {
    let ground = Ground::new();
    let path = ground.path().join(FILE);
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replacen("officers-consult-persons", "officers-consult-persona", 1)).unwrap();
    let fault = ground.plan().unwrap_err();
    assert!(matches!(fault, RetireFault::Altered { line: 1, index: 0, .. }), "{fault}");
}
