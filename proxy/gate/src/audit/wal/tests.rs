use std::{fs, path::Path, sync::atomic::Ordering::SeqCst};

use tempfile::TempDir;

use super::*;
use crate::audit::{
    Audit, AuditFault, AuditSettings, Recovered, Unwritable,
    disk::LocalDisk,
    tests::material::{
        FILE as DAY, HandClock, TrickyDisk, at, closing, decision_name, directory, file, names, open,
        open_on, outcome_name, record, settings, until,
    },
};

/// Durable records, one after another.
async fn write(audit: &Audit, numbers: impl IntoIterator<Item = u8>) {
    for number in numbers {
        audit.append(record(number)).unwrap().durable().await.unwrap();
    }
}

/// What a power cut leaves of a directory: the write-ahead log, and what `lose` leaves of the newest file.
fn after_power_cut(directory: &Path, lose: impl FnOnce(Vec<u8>) -> Vec<u8>) -> TempDir {
    let left = self::directory();
    fs::copy(directory.join(FILE), left.path().join(FILE)).unwrap();
    fs::write(file(left.path()), lose(fs::read(file(directory)).unwrap())).unwrap();
    left
}

fn held_in(directory: &Path) -> Held {
    held(&directory.join(FILE)).unwrap().unwrap()
}

/// The names of decisions that no outcome follows, as the next start closes them.
fn closed(numbers: std::ops::Range<u8>) -> Vec<String> {
    numbers.clone().map(decision_name).chain(numbers.map(outcome_name)).collect()
}

#[tokio::test]
async fn a_power_cut_takes_nothing_that_somebody_was_told_is_durable() {
    let directory = directory();
    let (audit, _) = open(directory.path()).unwrap();
    write(&audit, 0..3).await;
    let (first, end) = (held_in(directory.path()).offset as usize, held_in(directory.path()).end() as usize);
    assert_eq!((first, end), (0, fs::read(file(directory.path())).unwrap().len()), "nothing is synced yet");
    for length in (first..=end).step_by(61).chain([end]) {
        for (name, zeros) in [("short", false), ("zeros", true)] {
            let left = after_power_cut(directory.path(), |mut lines| {
                lines.truncate(length);
                lines.resize(if zeros { end } else { length }, 0);
                lines
            });
            let (again, recovered) = open(left.path()).unwrap();
            let restored_bytes = (end - length) as u64;
            let expected = Recovered { restored_bytes, orphans: 3, ..Recovered::default() };
            assert_eq!(recovered, expected, "{name}, {length} bytes left");
            drop(again);
            assert_eq!(names(left.path()), closed(0..3), "{name}, {length} bytes left");
            assert_eq!(open(left.path()).unwrap().1, Recovered::default(), "once is enough");
        }
    }
    audit.close();
}

#[tokio::test]
async fn what_is_not_a_power_cuts_work_is_refused() {
    let directory = directory();
    let (audit, _) = open(directory.path()).unwrap();
    write(&audit, 0..20).await;
    let first = held_in(directory.path()).offset;
    assert!(first > 0, "it has begun anew, and what was before that is synced");
    let wal = |left: &TempDir| left.path().join(FILE);

    let changed = first + 100;
    let left = after_power_cut(directory.path(), |mut lines| {
        lines[changed as usize] ^= 1;
        lines
    });
    let fault = open(left.path()).map(drop).unwrap_err();
    assert!(
        matches!(&fault, AuditFault::Changed { path, at, wal: log } if *at == changed && *path == file(left.path()) && *log == wal(&left)),
        "{fault}"
    );
    let left = after_power_cut(directory.path(), |lines| lines[..first as usize - 1].to_vec());
    let fault = open(left.path()).map(drop).unwrap_err();
    assert!(
        matches!(fault, AuditFault::Cut { length, known, .. } if (length, known) == (first - 1, first)),
        "{fault}"
    );
    audit.close();
}

#[tokio::test]
async fn it_begins_anew_when_it_is_full_and_the_file_is_synced() {
    let (directory, disk) = (directory(), TrickyDisk::default());
    disk.0.in_place.store(true, SeqCst);
    let audit = open_on(&disk, settings(directory.path()));
    let mut rounds = std::collections::BTreeSet::new();
    for number in 0..100 {
        write(&audit, [number]).await;
        let (held, syncs) = (held_in(directory.path()), disk.0.syncs.load(SeqCst));
        rounds.insert(held.round);
        assert_eq!(syncs + 1, rounds.len(), "one sync a round");
        let left = after_power_cut(directory.path(), |mut lines| {
            lines.truncate(lines.len() - held.lines.len());
            lines
        });
        drop(open(left.path()).unwrap());
        assert_eq!(names(left.path()), closed(0..number + 1));
    }
    assert!((4..20).contains(&rounds.len()), "{rounds:?}");
    audit.close();
    assert_eq!(held_in(directory.path()).lines, b"", "everything is where it belongs");
}

#[tokio::test]
async fn a_batch_that_has_no_room_in_it_is_synced_where_it_belongs() {
    let (directory, disk) = (directory(), TrickyDisk::default());
    disk.0.in_place.store(true, SeqCst);
    let audit = open_on(&disk, AuditSettings { wal_bytes: 8 << 10, ..settings(directory.path()) });
    let tickets: Vec<_> = (0..50).map(|number| audit.append(record(number)).unwrap()).collect();
    for ticket in tickets {
        ticket.durable().await.unwrap();
    }
    assert!(disk.0.syncs.load(SeqCst) > 0);
    assert_eq!(names(directory.path()), (0..50).map(decision_name).collect::<Vec<_>>());
}

#[tokio::test]
async fn while_it_cannot_be_written_nothing_passes() {
    let (directory, disk) = (directory(), TrickyDisk::default());
    disk.0.in_place.store(true, SeqCst);
    let audit = open_on(&disk, settings(directory.path()));
    write(&audit, [0]).await;
    until("it is kept", || audit.health().write_ahead);
    disk.0.fail_blocks.store(true, SeqCst);
    // Syncing the file itself would do, so that must fail too.
    disk.0.fail_sync.store(true, SeqCst);
    assert_eq!(audit.append(record(1)).unwrap().durable().await, Err(Unwritable::Failing));
    assert_eq!(names(directory.path()), [decision_name(0)]);
    disk.0.fail_sync.store(false, SeqCst);
    until("recovery without it", || !audit.health().failing && !audit.health().write_ahead);
    write(&audit, [2]).await;
    assert!(!directory.path().join(FILE).exists(), "nothing holds old lines against the file");
    assert_eq!(names(directory.path()), [0, 1, 2].map(decision_name));
}

#[tokio::test]
async fn what_a_failed_sync_may_have_lost_is_written_anew() {
    let (directory, disk) = (directory(), TrickyDisk::default());
    disk.0.in_place.store(true, SeqCst);
    let audit = open_on(&disk, settings(directory.path()));
    disk.0.fail_sync.store(true, SeqCst);
    let mut number = 0;
    while audit.append(record(number)).unwrap().durable().await.is_ok() {
        number += 1;
    }
    assert!(number > 3, "{number}");
    // The kernel has given up the pages that it could not write.
    let length = fs::metadata(file(directory.path())).unwrap().len();
    fs::write(file(directory.path()), vec![0; length as usize]).unwrap();
    disk.0.fail_sync.store(false, SeqCst);
    until("recovery", || !audit.health().failing);
    write(&audit, [number + 1]).await;
    assert_eq!(names(directory.path()), (0..=number + 1).map(decision_name).collect::<Vec<_>>());
}

#[tokio::test]
async fn each_file_has_a_round_of_its_own() {
    let (directory, clock) = (directory(), HandClock::at_noon());
    let (audit, _) = Audit::open(settings(directory.path()), clock.clone()).unwrap();
    write(&audit, [0]).await;
    fs::rename(file(directory.path()), directory.path().join("moved")).unwrap();
    write(&audit, [1]).await;
    let held = held_in(directory.path());
    assert_eq!((&*held.file, held.offset), (DAY, 0));
    assert_eq!(held.lines, fs::read(file(directory.path())).unwrap());
    clock.set(at(86_400));
    write(&audit, [2]).await;
    let held = held_in(directory.path());
    assert_eq!((&*held.file, held.offset), ("audit-20260302.jsonl", 0));
    fs::remove_file(directory.path().join(FILE)).unwrap();
    write(&audit, [3]).await;
    let first = held.end();
    let held = held_in(directory.path());
    assert_eq!(
        (&*held.file, held.offset),
        ("audit-20260302.jsonl", first),
        "one that is removed is made anew"
    );
    audit.close();
}

#[test]
fn what_is_not_whole_is_not_read() {
    let directory = directory();
    let path = directory.path().join(FILE);
    let mut wal = Wal::make(&LocalDisk, directory.path(), 64 << 10).unwrap();
    wal.put(DAY, 7, b"one\n").unwrap();
    let last = wal.at as usize;
    let two: Vec<u8> = (0..6_000).map(|number| number as u8).collect();
    wal.put(DAY, 11, &two).unwrap();
    let whole = fs::read(&path).unwrap();
    let held_of = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        held(&path).unwrap().unwrap()
    };
    assert_eq!(held_of(&whole).lines, [b"one\n".as_slice(), &two].concat());
    let used = whole.iter().rposition(|byte| *byte != 0).unwrap();
    for at in last..=used {
        let mut torn = whole.clone();
        torn[at] ^= 0x10;
        assert_eq!(held_of(&torn).lines, b"one\n", "byte {at}");
    }
    for length in [last, last + 5, last + 40, used - 1] {
        assert_eq!(held_of(&whole[..length]).lines, b"one\n", "{length} bytes");
    }
    assert_eq!(held_of(&whole).offset, 7);
    let mut wal = Wal::make(&LocalDisk, directory.path(), 64 << 10).unwrap();
    assert_eq!(held(&path).unwrap().unwrap().lines, b"", "what a former round left is not this one's");
    assert!(fs::read(&path).unwrap()[BLOCK..].iter().all(|byte| *byte == 0), "and is nowhere any more");
    wal.put(DAY, 3, b"three\n").unwrap();
    let held = held(&path).unwrap().unwrap();
    assert_eq!((held.offset, &*held.lines), (3, b"three\n".as_slice()));
}

#[test]
fn a_log_that_names_another_file_is_refused() {
    let directory = directory();
    let mut wal = Wal::make(&LocalDisk, directory.path(), 64 << 10).unwrap();
    wal.put("../elsewhere", 0, b"line\n").unwrap();
    let fault = open(directory.path()).map(drop).unwrap_err();
    assert!(fault.to_string().contains("it names no file of the record"), "{fault}");
}

#[test]
fn without_durability_there_is_none() {
    let directory = directory();
    let settings = AuditSettings { durable: false, ..settings(directory.path()) };
    let (audit, _) = Audit::open(settings, HandClock::at_noon()).unwrap();
    audit.append(closing(1)).unwrap();
    audit.close();
    assert!(!directory.path().join(FILE).exists());
}
