//! What is written together, in which order, and who is woken when.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    sync::{Arc, atomic::Ordering::SeqCst},
    time::Duration,
};

use super::material::{
    HandClock, TrickyDisk, at, closing, decision_name, directory, file, lines, names, open, open_on,
    outcome_name, record, settings, strange, until,
};
use crate::audit::{
    Audit, AuditSettings, Unwritable,
    ocsf::schema::schema,
    tlog::{Keys, LogSettings, Signer},
};
use poort_enforce::reason::Reason;

#[tokio::test]
async fn many_records_share_a_sync_and_keep_their_order() {
    let (directory, disk) = (directory(), TrickyDisk::default());
    let audit = open_on(&disk, settings(directory.path()));
    disk.0.hold();
    let first = audit.append(record(0)).unwrap();
    until("the first sync", || disk.0.syncs.load(SeqCst) == 1);
    let tickets: Vec<_> = (1..=200).map(|number| audit.append(record(number)).unwrap()).collect();
    disk.0.release();
    first.durable().await.unwrap();
    for ticket in tickets {
        ticket.durable().await.unwrap();
    }
    assert_eq!(disk.0.syncs.load(SeqCst), 2, "200 records that gathered during one sync share the next");
    assert_eq!(audit.health().batches, 2);
    assert_eq!(names(directory.path()), (0..=200).map(decision_name).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_decision_is_durable_after_the_sync_and_not_before() {
    let (directory, disk) = (directory(), TrickyDisk::default());
    let audit = open_on(&disk, settings(directory.path()));
    disk.0.hold();
    let ticket = audit.append(record(1)).unwrap();
    until("the sync", || disk.0.syncs.load(SeqCst) == 1);
    assert_eq!(names(directory.path()), [decision_name(1)], "it is written already");
    assert_eq!(ticket.fate(), None, "and nobody may rely on it");
    assert!(audit.health().head_age.is_some());
    disk.0.release();
    assert_eq!(ticket.durable().await, Ok(()));
    until("an empty queue", || audit.health().head_age.is_none());
}

#[tokio::test]
async fn without_durability_nothing_is_synced() {
    let (directory, disk) = (directory(), TrickyDisk::default());
    let audit = open_on(&disk, AuditSettings { durable: false, ..settings(directory.path()) });
    audit.append(record(1)).unwrap().durable().await.unwrap();
    assert_eq!(disk.0.syncs.load(SeqCst), 0);
    assert_eq!(names(directory.path()), [decision_name(1)]);
}

#[test]
fn outcomes_wait_for_company() {
    let (directory, disk) = (directory(), TrickyDisk::default());
    let audit =
        open_on(&disk, AuditSettings { linger: Duration::from_secs(3600), ..settings(directory.path()) });
    (1..=9).for_each(|number| drop(audit.append(closing(number)).unwrap()));
    let ticket = audit.append(record(10)).unwrap();
    until("the batch", || ticket.fate().is_some());
    assert_eq!(disk.0.syncs.load(SeqCst), 1);
    assert_eq!(names(directory.path()).len(), 10);
    drop(audit.append(closing(11)).unwrap());
    audit.close();
    assert_eq!(names(directory.path()).last(), Some(&outcome_name(11)));
}

#[tokio::test]
async fn a_full_queue_refuses_decisions_before_outcomes_and_loses_nothing() {
    let (directory, disk) = (directory(), TrickyDisk::default());
    let audit = open_on(&disk, AuditSettings { queue_bytes: 64 << 10, ..settings(directory.path()) });
    disk.0.hold();
    let mut tickets = vec![audit.append(record(0)).unwrap()];
    until("the first sync", || disk.0.syncs.load(SeqCst) == 1);
    let mut expected = vec![decision_name(0)];
    let full = (1..=255).find_map(|number| match audit.append(record(number)) {
        Ok(ticket) => {
            tickets.push(ticket);
            expected.push(decision_name(number));
            None
        }
        Err(why) => Some(why),
    });
    assert_eq!(full, Some(Unwritable::Full));
    assert!(audit.append(closing(1)).is_ok(), "the outcomes of what was admitted still find room");
    expected.push(outcome_name(1));
    let outcomes = (2..=255).find(|number| match audit.append(closing(*number)) {
        Ok(_) => {
            expected.push(outcome_name(*number));
            false
        }
        Err(_) => true,
    });
    assert!(outcomes.is_some(), "the queue is bounded for outcomes too");
    assert_eq!(audit.health().lost, 1);
    disk.0.release();
    for ticket in tickets {
        ticket.durable().await.unwrap();
    }
    audit.close();
    assert_eq!(names(directory.path()), expected);
}

#[test]
fn closing_writes_what_is_queued_and_takes_no_more() {
    let directory = directory();
    let (audit, _) = open(directory.path()).unwrap();
    for number in 0..100 {
        audit.append(closing(number)).unwrap();
    }
    audit.close();
    assert_eq!(audit.append(record(1)).unwrap_err(), Unwritable::Closed);
    assert_eq!(audit.append(closing(1)).unwrap_err(), Unwritable::Closed);
    assert_eq!(names(directory.path()), (0..100).map(outcome_name).collect::<Vec<_>>());
}

#[test]
fn a_start_with_a_clock_that_was_set_back_goes_on_with_the_newest_file() {
    let (directory, clock) = (directory(), HandClock::at_noon());
    let keys = Arc::new(Keys::parse(&Signer::generate("gate.example/audit").unwrap().0).unwrap());
    let open = |number, time| {
        clock.set(time);
        let log =
            LogSettings { directory: directory.path().join("log"), keys: Arc::clone(&keys), anchor: None };
        let settings = AuditSettings { log: Some(log), ..settings(directory.path()) };
        let (audit, _) = Audit::open(settings, clock.clone()).unwrap();
        audit.append(closing(number)).unwrap();
        audit.close();
    };
    open(1, at(0));
    open(2, at(86_400));
    open(3, at(0));
    open(4, at(86_400));
    assert_eq!(names(directory.path()), [outcome_name(1)]);
    assert_eq!(lines(&directory.path().join("audit-20260302.jsonl")).len(), 3);
}

#[tokio::test]
async fn every_day_has_a_file_of_its_own_for_its_owner_alone() {
    let (directory, clock) = (directory(), HandClock::at_noon());
    let (audit, _) = Audit::open(settings(directory.path()), clock.clone()).unwrap();
    audit.append(record(1)).unwrap().durable().await.unwrap();
    clock.set(at(86_400));
    audit.append(record(2)).unwrap().durable().await.unwrap();
    clock.set(at(0));
    audit.append(record(3)).unwrap().durable().await.unwrap();
    assert_eq!(
        names(directory.path()),
        [decision_name(1)],
        "a clock that was set back changes no day that is over"
    );
    let next = directory.path().join("audit-20260302.jsonl");
    assert_eq!(lines(&next).len(), 2);
    assert_eq!(fs::metadata(&next).unwrap().permissions().mode() & 0o777, 0o600);
}

#[tokio::test]
async fn lines_are_for_the_group_only_where_their_directory_is() {
    for (mode, expected) in [(0o700, 0o600), (0o755, 0o600), (0o750, 0o640)] {
        let (directory, clock) = (directory(), HandClock::at_noon());
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(mode)).unwrap();
        let (audit, _) = Audit::open(settings(directory.path()), clock).unwrap();
        audit.append(record(1)).unwrap().durable().await.unwrap();
        audit.close();
        let mode_of =
            |name: &str| fs::metadata(directory.path().join(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode_of("audit-20260301.jsonl"), expected, "{mode:o}");
        assert_eq!(mode_of("audit.wal"), 0o600, "{mode:o}: and whatever else is there is its owner's");
    }
}

#[test]
fn records_of_many_threads_are_whole_lines_in_each_threads_order() {
    let directory = directory();
    let (audit, _) = open(directory.path()).unwrap();
    let audit = Arc::new(audit);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let audit = Arc::clone(&audit);
            scope.spawn(move || {
                (0..50).for_each(|turn| drop(audit.append(record(thread * 50 + turn)).unwrap()));
            });
        }
    });
    audit.close();
    let names = names(directory.path());
    assert_eq!(names.len(), 200);
    for thread in 0..4_u8 {
        let of_thread: Vec<_> = (0..50).map(|turn| decision_name(thread * 50 + turn)).collect();
        let written: Vec<_> = names.iter().filter(|name| of_thread.contains(name)).cloned().collect();
        assert_eq!(written, of_thread);
    }
}

#[test]
fn strangers_are_counted_beside_the_record_and_written_at_the_end() {
    let directory = directory();
    let (audit, _) = open(directory.path()).unwrap();
    let refused = strange(Reason::DeviceMissing);
    (0..3).for_each(|_| audit.strangers().count("192.0.2.0/24", &refused.verdict, refused.received));
    audit.append(record(9)).unwrap();
    audit.close();
    assert_eq!(names(directory.path()), [decision_name(9)]);
    let counted = lines(&directory.path().join("strangers-20260301.jsonl"));
    assert_eq!((counted.len(), &counted[0]["count"]), (1, &3.into()));
    assert_eq!(audit.health().strangers_lost, 0);
    if let Some(schema) = schema() {
        let written = [lines(&file(directory.path())), counted].concat();
        let faults: Vec<_> = written.iter().flat_map(|line| schema.faults(line)).collect();
        assert_eq!(faults, Vec::<String>::new());
    }
}
