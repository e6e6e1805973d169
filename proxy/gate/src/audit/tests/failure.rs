//! A disk that fails, and works again: nothing passes meanwhile, nothing is lost, nothing is started anew.

use std::{
    fs,
    sync::atomic::{AtomicBool, Ordering::SeqCst},
};

use super::material::{
    HandClock, Tricks, TrickyDisk, at, closing, decision_name, directory, file, names, open_on, outcome_name,
    record, settings, until,
};
use crate::audit::{Audit, AuditSettings, Unwritable, disk::Disk};
use std::sync::Arc;

type Flag = fn(&Tricks) -> &AtomicBool;

const FAULTS: [(&str, &[Flag]); 6] = [
    ("half a write, then no space", &[|tricks| &tricks.fail_append]),
    ("no sync", &[|tricks| &tricks.fail_sync]),
    ("no write and no cut", &[|tricks| &tricks.fail_append, |tricks| &tricks.fail_cut]),
    ("no sync and no cut", &[|tricks| &tricks.fail_sync, |tricks| &tricks.fail_cut]),
    ("no write and no open", &[|tricks| &tricks.fail_append, |tricks| &tricks.fail_open]),
    ("everything", &[|t| &t.fail_append, |t| &t.fail_sync, |t| &t.fail_cut, |t| &t.fail_open]),
];

#[tokio::test]
async fn a_failing_disk_stops_everything_and_recovers_without_a_restart() {
    for (name, faults) in FAULTS {
        let (directory, disk) = (directory(), TrickyDisk::default());
        let audit = open_on(&disk, settings(directory.path()));
        audit.append(record(1)).unwrap().durable().await.unwrap();
        let set = |to| faults.iter().for_each(|flag| flag(&disk.0).store(to, SeqCst));

        set(true);
        let ticket = audit.append(record(2)).unwrap();
        assert_eq!(ticket.durable().await, Err(Unwritable::Failing), "{name}: who waits is refused");
        assert!(audit.health().failing, "{name}: known before anybody was woken");
        assert_eq!(
            audit.append(record(3)).unwrap_err(),
            Unwritable::Failing,
            "{name}: and so is everybody after"
        );
        audit.append(closing(1)).unwrap();
        until("both are kept", || audit.health().kept == 2);
        let failures = audit.health().failures;
        until("another attempt", || audit.health().failures > failures);

        set(false);
        until("recovery", || !audit.health().failing);
        audit.append(record(4)).unwrap().durable().await.unwrap();
        assert_eq!((audit.health().kept, audit.health().lost), (0, 0), "{name}");
        audit.close();
        let expected = [decision_name(1), decision_name(2), outcome_name(1), decision_name(4)];
        assert_eq!(names(directory.path()), expected, "{name}: each once, in order");
    }
}

#[tokio::test]
async fn a_really_full_device_is_survived_too() {
    let (directory, disk) = (directory(), TrickyDisk::default());
    disk.0.full.store(true, SeqCst);
    let audit = open_on(&disk, settings(directory.path()));
    assert_eq!(audit.append(record(1)).unwrap().durable().await, Err(Unwritable::Failing));
    disk.0.full.store(false, SeqCst);
    until("recovery", || !audit.health().failing);
    audit.append(record(2)).unwrap().durable().await.unwrap();
    assert_eq!(names(directory.path()), [decision_name(1), decision_name(2)]);
}

#[tokio::test]
async fn what_is_kept_is_bounded_and_what_is_lost_is_counted() {
    let (directory, disk) = (directory(), TrickyDisk::default());
    let audit = open_on(&disk, AuditSettings { kept_bytes: 6000, ..settings(directory.path()) });
    disk.0.fail_sync.store(true, SeqCst);
    audit.append(record(1)).unwrap().durable().await.unwrap_err();
    for number in 0..100 {
        audit.append(closing(number)).unwrap();
        until("one or the other", || audit.health().kept + audit.health().lost == u64::from(number) + 2);
    }
    let health = audit.health();
    assert!(health.kept > 1 && health.lost > 90, "{health:?}");
    disk.0.fail_sync.store(false, SeqCst);
    until("recovery", || !audit.health().failing);
    assert_eq!(names(directory.path()).len() as u64, health.kept);
}

#[tokio::test]
async fn midnight_on_a_failing_disk_loses_nothing() {
    let (directory, tricky, clock) = (directory(), TrickyDisk::default(), HandClock::at_noon());
    let disk: Arc<dyn Disk> = Arc::new(tricky.clone());
    let (audit, _) = Audit::open_on(&disk, settings(directory.path()), Arc::new(clock.clone())).unwrap();
    audit.append(record(1)).unwrap().durable().await.unwrap();
    tricky.0.fail_append.store(true, SeqCst);
    tricky.0.fail_cut.store(true, SeqCst);
    audit.append(record(2)).unwrap().durable().await.unwrap_err();
    clock.set(at(86_400));
    tricky.0.fail_append.store(false, SeqCst);
    tricky.0.fail_cut.store(false, SeqCst);
    until("recovery", || !audit.health().failing);
    assert_eq!(
        names(directory.path()),
        [decision_name(1), decision_name(2)],
        "both are of yesterday, and whole"
    );
    audit.append(record(3)).unwrap().durable().await.unwrap();
    let today = super::material::lines(&directory.path().join("audit-20260302.jsonl"));
    assert_eq!(today[0]["metadata"]["uid"], decision_name(3));
}

#[tokio::test]
async fn a_file_that_was_moved_away_is_begun_anew() {
    let (directory, disk) = (directory(), TrickyDisk::default());
    let audit = open_on(&disk, settings(directory.path()));
    audit.append(record(1)).unwrap().durable().await.unwrap();
    for (name, number) in [("moved", 2), ("removed", 3)] {
        match name {
            "moved" => fs::rename(file(directory.path()), directory.path().join("moved")).unwrap(),
            _ => fs::remove_file(file(directory.path())).unwrap(),
        }
        audit.append(record(number)).unwrap().durable().await.unwrap();
        assert_eq!(names(directory.path()), [decision_name(number)], "{name}");
    }
    assert!(!audit.health().failing);
}

#[tokio::test]
async fn nobody_waits_for_a_thread_that_died() {
    let (directory, disk) = (directory(), TrickyDisk::default());
    let audit = open_on(&disk, settings(directory.path()));
    disk.0.panic.store(true, SeqCst);
    let ticket = audit.append(record(1)).unwrap();
    assert_eq!(ticket.durable().await, Err(Unwritable::Failing));
    until("the door to close", || audit.append(record(2)).is_err_and(|why| why == Unwritable::Closed));
    audit.close();
}

#[test]
fn records_that_the_disk_refused_to_the_end_are_counted_as_lost() {
    let (directory, disk) = (directory(), TrickyDisk::default());
    let audit = open_on(&disk, settings(directory.path()));
    disk.0.fail_append.store(true, SeqCst);
    audit.append(closing(1)).unwrap();
    audit.close();
    assert_eq!(audit.health().lost, 1);
    assert_eq!(names(directory.path()), Vec::<String>::new());
}
