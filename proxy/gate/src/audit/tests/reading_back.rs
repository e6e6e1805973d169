//! What a stop leaves behind, at any moment, and what becomes of it.

use std::fs;

use poort_enforce::{
    reason::Reason,
    record::{Decision, Verdict},
};

use super::material::{
    FILE, HandClock, at, closing, decision, decision_name, digests, directory, file, id, lines, names, open,
    outcome_name, record, settings,
};
use crate::audit::{
    Access, Act, Audit, AuditFault, Authentication, Record, Recovered,
    ocsf::{LINE_LIMIT_BYTES, schema::schema},
};

/// Writes records and stops in good order.
fn write(directory: &std::path::Path, records: impl IntoIterator<Item = Record>) {
    let (audit, _) = open(directory).unwrap();
    for record in records {
        audit.append(record).unwrap();
    }
    audit.close();
}

#[test]
fn a_kill_at_any_byte_loses_no_whole_line_and_leaves_a_readable_log() {
    let whole = directory();
    write(whole.path(), [record(1), closing(1), record(2), closing(2)]);
    let text = fs::read(file(whole.path())).unwrap();
    let ends: Vec<_> =
        text.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(place, _)| place + 1).collect();
    let names = names(whole.path());
    let killed = directory();
    for length in ends[1]..=text.len() {
        fs::write(file(killed.path()), &text[..length]).unwrap();
        let survived = ends.iter().filter(|end| **end <= length).count();
        let torn = length - ends[survived - 1];
        let orphans = usize::from(survived == 3);
        let (audit, recovered) = open(killed.path()).unwrap();
        audit.close();
        assert_eq!(
            recovered,
            Recovered { torn_bytes: torn as u64, orphans, ..Recovered::default() },
            "cut at {length}"
        );
        let kept = super::material::names(killed.path());
        assert_eq!(kept[..survived], names[..survived], "cut at {length}");
        assert_eq!(kept.len(), survived + orphans, "cut at {length}");
    }
    let (_, again) = open(killed.path()).unwrap();
    assert_eq!(again, Recovered::default(), "once is enough");
}

#[test]
fn decisions_without_an_outcome_end_in_unknown() {
    let (directory, clock) = (directory(), HandClock::at_noon());
    clock.set(at(0) - std::time::Duration::from_secs(86_400));
    let (yesterday, _) = Audit::open(settings(directory.path()), clock.clone()).unwrap();
    for record in [record(1), record(2), record(3), closing(2)] {
        yesterday.append(record).unwrap();
    }
    drop(yesterday);
    clock.set(at(0));
    fs::write(file(directory.path()), fs::read(directory.path().join("audit-20260228.jsonl")).unwrap())
        .unwrap();
    fs::write(directory.path().join("audit-20260228.jsonl"), "").unwrap();

    clock.set(at(86_400));
    let (audit, recovered) = Audit::open(settings(directory.path()), clock.clone()).unwrap();
    assert_eq!(recovered, Recovered { orphans: 2, ..Recovered::default() });
    drop(audit);
    let closed = lines(&directory.path().join("audit-20260302.jsonl"));
    let uids: Vec<_> = closed.iter().map(|line| line["metadata"]["uid"].as_str().unwrap()).collect();
    assert_eq!(uids, [outcome_name(1), outcome_name(3)], "in the order of the decisions");
    for line in &closed {
        assert_eq!(
            (&line["unmapped"]["end"], &line["unmapped"]["source"]),
            (&"unknown".into(), &"persons".into())
        );
        assert_eq!(line["status_id"], 0);
        assert_eq!(schema().map_or(vec![], |schema| schema.faults(line)), Vec::<String>::new());
    }
    let (_, again) = Audit::open(settings(directory.path()), clock).unwrap();
    assert_eq!(again.orphans, 0);
}

#[test]
fn a_torn_end_of_any_kind_is_cut() {
    for (name, end) in [
        ("half a line", b"{\"metadata\":".to_vec()),
        ("what a power cut leaves", vec![0; 200_000]),
        ("a probe", vec![b' '; 4096]),
        ("no text", vec![0xff, 0xfe]),
    ] {
        let directory = directory();
        write(directory.path(), [record(1), closing(1)]);
        let mut text = fs::read(file(directory.path())).unwrap();
        text.extend(&end);
        fs::write(file(directory.path()), text).unwrap();
        let (audit, recovered) = open(directory.path()).unwrap();
        assert_eq!(recovered, Recovered { torn_bytes: end.len() as u64, ..Recovered::default() }, "{name}");
        audit.append(record(2)).unwrap();
        drop(audit);
        assert_eq!(names(directory.path()), [decision_name(1), outcome_name(1), decision_name(2)], "{name}");
    }
}

#[test]
fn a_changed_line_is_named_and_nothing_starts_or_is_repaired() {
    let directory = directory();
    write(directory.path(), [record(1), closing(1), record(2)]);
    let text = fs::read_to_string(file(directory.path())).unwrap();
    let long = format!("{}\n", "x".repeat(2 * LINE_LIMIT_BYTES));
    for (name, broken, line) in [
        ("no JSON", "shoe\n", 2),
        ("an empty line", "\n", 2),
        ("not an object", "[1]\n", 2),
        ("another object", "{\"metadata\":{}}\n", 2),
        ("another event", &text.lines().next().unwrap().replace("\"decision\"", "\"shoe\""), 2),
        ("a line too long", &long, 2),
    ] {
        let broken = broken.trim_end_matches('\n');
        let mut all: Vec<_> = text.lines().collect();
        all[line - 1] = broken;
        // A torn end does not get cut either: the file is evidence.
        let changed = format!("{}\n{{", all.join("\n"));
        fs::write(file(directory.path()), &changed).unwrap();
        let fault = open(directory.path()).map(|_| ()).unwrap_err();
        assert!(matches!(&fault, AuditFault::Damaged { line: 2, .. }), "{name}: {fault}");
        assert!(fault.to_string().contains(&format!("{FILE}:2: is no audit record")), "{name}: {fault}");
        assert_eq!(fs::read_to_string(file(directory.path())).unwrap(), changed, "{name}");
    }
}

#[test]
fn only_the_newest_two_files_are_read_back() {
    let directory = directory();
    fs::write(directory.path().join("audit-20260226.jsonl"), "old, and somebody else's business now\n")
        .unwrap();
    fs::write(directory.path().join("audit-20260227.jsonl"), "").unwrap();
    fs::write(directory.path().join("audit-20260228.jsonl"), "").unwrap();
    fs::write(directory.path().join("audit-20260299.jsonl.gz"), "no log").unwrap();
    assert!(open(directory.path()).is_ok());
}

#[test]
fn one_gate_at_a_time() {
    let directory = directory();
    let (audit, _) = open(directory.path()).unwrap();
    let second = open(directory.path()).map(|_| ()).unwrap_err();
    assert!(matches!(second, AuditFault::InUse { .. }), "{second}");
    drop(audit);
    assert!(open(directory.path()).is_ok());
}

#[test]
fn a_directory_that_cannot_be_used_is_named() {
    let directory = directory();
    fs::write(directory.path().join("file"), "").unwrap();
    let fault = open(&directory.path().join("file/audit")).map(|_| ()).unwrap_err();
    assert!(fault.to_string().contains("cannot use the audit directory"), "{fault}");
    std::os::unix::fs::symlink("/dev/null", file(directory.path())).unwrap();
    let fault = open(directory.path()).map(|_| ()).unwrap_err();
    assert!(matches!(fault, AuditFault::File { .. }), "a link leads the record elsewhere: {fault}");
}

#[tokio::test]
async fn what_is_recorded_beside_requests_is_no_orphan_and_stops_no_start() {
    let directory = directory();
    let (audit, _) = open(directory.path()).unwrap();
    let access = Access {
        time: at(0),
        command: "audit search".into(),
        by: crate::audit::Looker::Machine { uid: 0, user: None, signed_in: None },
        reason: None,
        wanted: vec![],
        shown: 0,
        refused: false,
        source: None,
    };
    let authentication = Authentication {
        time: at(0),
        act: Act::SignedOut,
        who: None,
        device: None,
        session: None,
        request: Some(id(1)),
        ended: 1,
    };
    for record in [Record::Access(Box::new(access)), Record::Authentication(Box::new(authentication))] {
        audit.append(record).unwrap().durable().await.unwrap();
    }
    // A finding is written down at the end.
    let stolen = Decision { verdict: Verdict::Refuse(Reason::TokenOfAnotherDevice), ..decision(1) };
    audit.append(Record::Decision(Box::new(stolen), digests())).unwrap();
    audit.append(closing(1)).unwrap();
    drop(audit);
    assert_eq!(lines(&file(directory.path())).len(), 5);
    assert_eq!(open(directory.path()).unwrap().1, Recovered::default());
}
