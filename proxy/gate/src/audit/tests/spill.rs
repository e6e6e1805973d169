//! A disk that fails while a second one works: nobody is refused, and the record is whole in the end.

use std::{fs, io::Write as _, path::Path, sync::atomic::Ordering::SeqCst};

use poort_enforce::record::Decision;
use tempfile::TempDir;

use super::material::{
    HandClock, TrickyDisk, at, closing, decision, decision_name, digests, directory, file, lines, names,
    open_on, outcome_name, record, settings, until,
};
use crate::audit::{AuditSettings, Record, Unwritable};

const DAY: u64 = 86_400;

fn with_spill(directory: &Path, spill: &TempDir) -> AuditSettings {
    AuditSettings { spill: Some(spill.path().to_owned()), ..settings(directory) }
}

fn spilled(spill: &TempDir) -> Vec<u8> {
    fs::read(spill.path().join("audit.spill")).unwrap_or_default()
}

#[tokio::test]
async fn a_second_disk_takes_the_record_and_gives_it_back_in_order() {
    let (directory, spill, disk) = (directory(), directory(), TrickyDisk::default());
    let audit = open_on(&disk, with_spill(directory.path(), &spill));
    audit.append(record(1)).unwrap().durable().await.unwrap();
    disk.0.fail_sync.store(true, SeqCst);
    for number in 2..5 {
        audit.append(record(number)).unwrap().durable().await.expect("nobody is refused");
    }
    audit.append(closing(2)).unwrap();
    until("the outcome too", || audit.health().spilled == 4);
    assert!(!audit.health().failing, "nothing is refused at the door either");
    assert_eq!(names(directory.path()), [decision_name(1)]);
    disk.0.fail_sync.store(false, SeqCst);
    until("recovery", || audit.health().spilled == 0);
    audit.append(record(5)).unwrap().durable().await.unwrap();
    assert!(spilled(&spill).is_empty(), "nothing is written twice");
    let order = [
        decision_name(1),
        decision_name(2),
        decision_name(3),
        decision_name(4),
        outcome_name(2),
        decision_name(5),
    ];
    assert_eq!(names(directory.path()), order);
    assert_eq!((audit.health().kept, audit.health().lost), (0, 0));
}

/// The requests of the decisions in the file of each day.
fn by_day(directory: &Path) -> Vec<(String, Vec<String>)> {
    let files = crate::audit::questions::files(directory).unwrap().into_iter();
    let names = |path: &Path| {
        let names = lines(path).into_iter().map(|line| line["metadata"]["uid"].as_str().unwrap().to_owned());
        names.filter(|name| name.ends_with("/decision")).collect::<Vec<_>>()
    };
    files
        .map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), names(&path)))
        .filter(|(_, names)| !names.is_empty())
        .collect()
}

fn on_day(number: u8, days: u64) -> Record {
    Record::Decision(Box::new(Decision { received: at(days * DAY), ..decision(number) }), digests())
}

#[tokio::test]
async fn what_waited_for_days_is_found_by_its_own_day() {
    for (restarts, has_spill) in [(false, true), (true, true), (false, false)] {
        let (directory, spill, disk, clock) =
            (directory(), directory(), TrickyDisk::default(), HandClock::at_noon());
        let settings = || match has_spill {
            true => with_spill(directory.path(), &spill),
            false => settings(directory.path()),
        };
        let shared: std::sync::Arc<dyn crate::audit::disk::Disk> = std::sync::Arc::new(disk.clone());
        let open = || {
            crate::audit::Audit::open_on(&shared, settings(), std::sync::Arc::new(clock.clone())).unwrap().0
        };
        let audit = open();
        audit.append(on_day(1, 0)).unwrap().durable().await.unwrap();
        disk.0.fail_append.store(true, SeqCst);
        for day in 0..3 {
            clock.set(at(day * DAY));
            // Without a second disk, the first of them is kept and all others are refused.
            let Ok(ticket) = audit.append(on_day(2 + u8::try_from(day).unwrap(), day)) else { continue };
            assert_eq!(ticket.durable().await.is_ok(), has_spill);
        }
        clock.set(at(3 * DAY));
        let audit = if restarts {
            audit.close();
            drop(audit);
            disk.0.fail_append.store(false, SeqCst);
            open()
        } else {
            audit
        };
        disk.0.fail_append.store(false, SeqCst);
        until("recovery", || {
            let health = audit.health();
            (health.spilled, health.kept, health.failing) == (0, 0, false)
        });
        audit.append(on_day(5, 3)).unwrap().durable().await.unwrap();
        audit.close();
        let file = |day: &str, numbers: &[u8]| {
            (
                format!("audit-202603{day}.jsonl"),
                numbers.iter().copied().map(decision_name).collect::<Vec<_>>(),
            )
        };
        let mut expected = vec![file("01", &[1, 2])];
        if has_spill {
            expected.extend([file("02", &[3]), file("03", &[4])]);
        }
        expected.push(file("04", &[5]));
        assert_eq!(by_day(directory.path()), expected, "{restarts} {has_spill}");
    }
}

#[tokio::test]
async fn a_second_disk_that_comes_back_late_keeps_what_it_has() {
    let (directory, spill, disk) = (directory(), directory(), TrickyDisk::default());
    let audit = open_on(&disk, with_spill(directory.path(), &spill));
    disk.0.fail_append.store(true, SeqCst);
    for number in 1..3 {
        audit.append(record(number)).unwrap().durable().await.unwrap();
    }
    audit.close();
    drop(audit);
    // It is not mounted when the gate starts, and is later.
    let (there, away) = (spill.path().join("audit.spill"), spill.path().join("away"));
    fs::rename(&there, &away).unwrap();
    disk.0.fail_append.store(false, SeqCst);
    let audit = open_on(&disk, with_spill(directory.path(), &spill));
    audit.append(record(3)).unwrap().durable().await.unwrap();
    fs::rename(&away, &there).unwrap();
    let before = spilled(&spill);
    disk.0.fail_append.store(true, SeqCst);
    assert_eq!(audit.append(record(4)).unwrap().durable().await, Err(Unwritable::Failing));
    disk.0.fail_append.store(false, SeqCst);
    until("the first one", || !audit.health().failing);
    assert!(spilled(&spill) == before, "what it took before is nowhere else");
    audit.close();
    drop(audit);
    drop(open_on(&disk, with_spill(directory.path(), &spill)));
    let names = names(directory.path());
    for number in 1..4 {
        assert!(names.contains(&decision_name(number)), "{number}: {names:?}");
    }
}

#[tokio::test]
async fn when_both_fail_nothing_passes_until_one_works() {
    let (directory, spill, disk) = (directory(), directory(), TrickyDisk::default());
    let audit = open_on(&disk, with_spill(directory.path(), &spill));
    disk.0.fail_append.store(true, SeqCst);
    let (there, gone) = (spill.path().to_owned(), spill.path().with_added_extension("gone"));
    fs::rename(&there, &gone).unwrap();
    assert_eq!(audit.append(record(1)).unwrap().durable().await, Err(Unwritable::Failing));
    assert!(audit.health().failing);
    assert_eq!(audit.append(record(2)).unwrap_err(), Unwritable::Failing);
    fs::rename(&gone, &there).unwrap();
    until("the second one", || !audit.health().failing);
    audit.append(record(3)).unwrap().durable().await.unwrap();
    assert_eq!(audit.health().spilled, 2, "what was kept went there first");
    disk.0.fail_append.store(false, SeqCst);
    until("the first one", || audit.health().spilled == 0);
    assert_eq!(names(directory.path()), [decision_name(1), decision_name(3)]);
}

#[tokio::test]
async fn a_start_moves_what_was_left_once_and_closes_its_orphans() {
    for moved in 0..=3 {
        let (directory, spill, disk) = (directory(), directory(), TrickyDisk::default());
        let audit = open_on(&disk, with_spill(directory.path(), &spill));
        audit.append(record(1)).unwrap().durable().await.unwrap();
        disk.0.fail_append.store(true, SeqCst);
        for number in 2..5 {
            audit.append(record(number)).unwrap().durable().await.unwrap();
        }
        audit.close();
        drop(audit);
        let left = spilled(&spill);
        assert_eq!(left.split_inclusive(|byte| *byte == b'\n').count(), 3, "it is left for the next start");
        // The gate was killed while it moved them, and while it wrote one more.
        let lines: Vec<_> =
            left.split_inclusive(|byte| *byte == b'\n').take(moved).flatten().copied().collect();
        let append = |path: &Path, bytes: &[u8]| {
            fs::OpenOptions::new().append(true).open(path).unwrap().write_all(bytes).unwrap();
        };
        append(&file(directory.path()), &lines);
        append(&spill.path().join("audit.spill"), b"{\"torn\":");
        disk.0.fail_append.store(false, SeqCst);
        let audit = open_on(&disk, with_spill(directory.path(), &spill));
        audit.close();
        let decisions = (1..5).map(decision_name);
        let expected: Vec<_> = decisions.chain((1..5).map(outcome_name)).collect();
        assert_eq!(names(directory.path()), expected, "{moved} were moved before");
        assert!(spilled(&spill).is_empty());
    }
}

#[tokio::test]
async fn a_start_on_a_disk_that_still_fails_goes_on_with_the_second_one() {
    let (directory, spill, disk) = (directory(), directory(), TrickyDisk::default());
    let audit = open_on(&disk, with_spill(directory.path(), &spill));
    audit.append(record(1)).unwrap().durable().await.unwrap();
    disk.0.fail_append.store(true, SeqCst);
    audit.append(record(2)).unwrap().durable().await.unwrap();
    audit.close();
    drop(audit);
    let audit = open_on(&disk, with_spill(directory.path(), &spill));
    audit.append(record(3)).unwrap().durable().await.expect("nobody is refused");
    disk.0.fail_append.store(false, SeqCst);
    until("the first one", || audit.health().spilled == 0 && !audit.health().failing);
    audit.append(record(4)).unwrap().durable().await.unwrap();
    let order = [
        decision_name(1),
        decision_name(2),
        outcome_name(1),
        outcome_name(2),
        decision_name(3),
        decision_name(4),
    ];
    assert_eq!(names(directory.path()), order, "orphans of before are closed first");
}

#[tokio::test]
async fn the_rest_of_a_failed_write_is_no_line() {
    let (directory, spill, disk) = (directory(), directory(), TrickyDisk::default());
    let audit = open_on(&disk, with_spill(directory.path(), &spill));
    disk.0.fail_append.store(true, SeqCst);
    audit.append(record(1)).unwrap().durable().await.unwrap();
    // The disk was gone for a moment, and half a line was written before.
    let torn = [&*spilled(&spill), b"{\"torn\":"].concat();
    fs::remove_file(spill.path().join("audit.spill")).unwrap();
    fs::write(spill.path().join("audit.spill"), torn).unwrap();
    audit.append(record(2)).unwrap().durable().await.unwrap();
    disk.0.fail_append.store(false, SeqCst);
    until("the first one", || audit.health().spilled == 0);
    assert_eq!(names(directory.path()), [decision_name(1), decision_name(2)]);
}

#[test]
fn a_second_directory_that_was_tampered_with_stops_the_start() {
    let (directory, spill, disk) = (directory(), directory(), TrickyDisk::default());
    fs::write(spill.path().join("audit.spill"), "rubbish\n").unwrap();
    let disk: std::sync::Arc<dyn crate::audit::disk::Disk> = std::sync::Arc::new(disk);
    let clock = std::sync::Arc::new(HandClock::at_noon());
    let opened = crate::audit::Audit::open_on(&disk, with_spill(directory.path(), &spill), clock);
    let fault = opened.err().unwrap().to_string();
    assert!(fault.contains("audit.spill:1: is no audit record"), "{fault}");
    assert_eq!(spilled(&spill), b"rubbish\n", "it is evidence");
}

#[test]
fn two_gates_never_share_a_second_directory() {
    let (first, second, spill) = (directory(), directory(), directory());
    let _audit = open_on(&TrickyDisk::default(), with_spill(first.path(), &spill));
    let disk: std::sync::Arc<dyn crate::audit::disk::Disk> = std::sync::Arc::new(TrickyDisk::default());
    let clock = std::sync::Arc::new(HandClock::at_noon());
    let opened = crate::audit::Audit::open_on(&disk, with_spill(second.path(), &spill), clock);
    assert!(opened.err().unwrap().to_string().contains("another gate writes"));
}
