use std::{fs, sync::Arc, time::Duration};

use poort_enforce::{
    arrival::DeviceState,
    reason::{Budget, ProtocolFault, Reason},
    record::{Decision, Verdict},
};
use poort_identity::device::{DeviceFault, Rejected};
use serde_json::Value;
use tempfile::TempDir;

use super::{
    Did, Strangers, Summary,
    file::Log,
    recent,
    table::{LIMIT, OTHER, Table},
    until_the_minute_ends,
};
use crate::audit::{
    ocsf::{Cause, schema::schema},
    tests::material::{HandClock, at, connection, decision, directory, lines, strange},
};

const FILE: &str = "strangers-20260301.jsonl";

fn refused(reason: Reason) -> Verdict {
    Verdict::Refuse(reason)
}

fn open(directory: &TempDir) -> Strangers {
    Strangers::open(directory.path(), 64 << 20, Arc::new(HandClock::at_noon())).unwrap()
}

#[test]
fn a_stranger_has_neither_certificate_nor_subject_and_got_nothing() {
    let rejected = Arc::new(Rejected { certificate: None, fault: DeviceFault::Revoked });
    let revoked = |reason| Decision {
        connection: connection(DeviceState::Rejected(Arc::clone(&rejected))),
        ..strange(reason)
    };
    for (name, decision, stranger) in [
        ("no certificate, refused", strange(Reason::DeviceMissing), true),
        ("preflight", Decision { verdict: Verdict::Answer, ..strange(Reason::NoRoute) }, true),
        ("allowed without either", Decision { verdict: Verdict::Allow, ..strange(Reason::NoRoute) }, false),
        ("with a subject", Decision { subject: decision(1).subject, ..strange(Reason::Policy) }, false),
        ("with a device", Decision { connection: decision(1).connection, ..strange(Reason::Policy) }, false),
        ("with a device that was rejected", revoked(Reason::Device(DeviceFault::Revoked)), false),
        ("with one that asks too often", revoked(Reason::Limit(Budget::Address)), true),
        (
            "with an accepted one that does",
            Decision { connection: decision(1).connection, ..strange(Reason::Limit(Budget::Device)) },
            false,
        ),
    ] {
        assert_eq!(Strangers::concern(&decision), stranger, "{name}");
    }
}

#[test]
fn equal_refusals_of_a_minute_are_one_line() {
    let directory = directory();
    let strangers = open(&directory);
    for (prefix, verdict, second) in [
        ("192.0.2.0/24", refused(Reason::NoRoute), 5),
        ("192.0.2.0/24", refused(Reason::NoRoute), 2),
        ("192.0.2.0/24", refused(Reason::DeviceMissing), 3),
        ("2001:db8::/64", refused(Reason::Protocol(ProtocolFault::Host)), 4),
        ("2001:db8::/64", Verdict::Answer, 4),
        ("2001:db8::/64", Verdict::Allow, 4),
    ] {
        strangers.count(prefix, &verdict, at(second));
    }
    strangers.flush();
    strangers.flush();
    let lines = lines(&directory.path().join(FILE));
    let mut seen: Vec<_> = lines.iter().map(seen).collect();
    seen.sort();
    assert_eq!(
        seen,
        [
            ("192.0.2.0/24", "device_missing", 1, 3, 3),
            ("192.0.2.0/24", "no_route", 2, 2, 5),
            ("2001:db8::/64", "answer", 1, 4, 4),
            ("2001:db8::/64", "host", 1, 4, 4),
        ]
    );
    for line in &lines {
        assert_eq!(schema().map_or(vec![], |schema| schema.faults(line)), Vec::<String>::new());
    }
}

fn seen(line: &Value) -> (&str, &str, u64, u64, u64) {
    let seconds = |name: &str| line[name].as_u64().unwrap() / 1000 - crate::audit::tests::material::NOON;
    (
        line["src_endpoint"]["name"].as_str().unwrap(),
        line["status_detail"].as_str().unwrap(),
        line["count"].as_u64().unwrap(),
        seconds("start_time"),
        seconds("end_time"),
    )
}

#[test]
fn the_table_is_bounded_and_counts_everybody() {
    let mut table = Table::default();
    let no_route = Cause::of(&refused(Reason::NoRoute)).unwrap();
    let missing = Cause::of(&refused(Reason::DeviceMissing)).unwrap();
    for number in 0..LIMIT + 1000 {
        table.count(&format!("10.{}.{}.0/24", number / 256, number % 256), no_route, at(0));
    }
    table.count("10.0.0.0/24", no_route, at(1));
    table.count("10.0.0.0/24", missing, at(1));
    assert_eq!(table.total(), LIMIT as u64 + 1002);
    let counts: Vec<_> =
        table.iter().map(|stranger| (stranger.prefix, stranger.cause.code, stranger.count)).collect();
    assert_eq!(counts.len(), LIMIT + 2);
    assert!(counts.contains(&("10.0.0.0/24", "no_route", 2)), "who has a place keeps it");
    assert!(counts.contains(&(OTHER, "no_route", 1000)));
    assert!(counts.contains(&(OTHER, "device_missing", 1)), "but gets no second one");
    assert_eq!(table.take().total(), LIMIT as u64 + 1002);
    assert!(table.is_empty());
}

#[test]
fn the_log_is_bounded_over_all_days() {
    let directory = directory();
    let mut log = Log::new(directory.path(), 1000);
    let day = |days: u64| at(days * 86_400);
    let line = |number: usize| format!("{{\"number\":{number},\"fill\":\"{}\"}}\n", "x".repeat(70));
    for number in 0..100 {
        log.append(line(number).as_bytes(), day(number as u64 / 40)).unwrap();
        let total: u64 = fs::read_dir(directory.path())
            .unwrap()
            .map(|entry| entry.unwrap().metadata().unwrap().len())
            .sum();
        assert!(total <= 1000, "{total} bytes after {number}");
    }
    let files: Vec<_> =
        fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(files, ["strangers-20260303.jsonl"], "older days went first");
    let kept: Vec<_> = lines(&directory.path().join("strangers-20260303.jsonl"))
        .iter()
        .map(|line| line["number"].as_u64().unwrap())
        .collect();
    assert!(kept.len() >= 4, "{kept:?}");
    assert_eq!(kept, (100 - kept.len() as u64..100).collect::<Vec<_>>(), "the youngest, in order");
}

#[test]
fn a_flush_that_fits_nowhere_leaves_the_log_bounded() {
    let directory = directory();
    let mut log = Log::new(directory.path(), 1000);
    for _ in 0..3 {
        log.append(&[b"x".repeat(1500), b"\n".to_vec()].concat(), at(0)).unwrap();
    }
    assert!(fs::metadata(directory.path().join(FILE)).unwrap().len() <= 1501);
}

#[test]
fn a_torn_end_is_mended_before_more_is_written() {
    let directory = directory();
    for (torn, number) in [("{\"a\":", 1), ("", 2), ("\0\0\0", 3)] {
        let path = directory.path().join(FILE);
        fs::write(&path, format!("{{\"number\":0}}\n{torn}")).unwrap();
        Log::new(directory.path(), 1000)
            .append(format!("{{\"number\":{number}}}\n").as_bytes(), at(0))
            .unwrap();
        let numbers: Vec<_> = lines(&path).iter().map(|line| line["number"].as_i64().unwrap()).collect();
        assert_eq!(numbers, [0, number], "{torn:?}");
    }
}

#[test]
fn a_log_that_cannot_be_written_costs_counts_and_nothing_else() {
    let directory = directory();
    let strangers = open(&directory);
    fs::create_dir(directory.path().join(FILE)).unwrap();
    strangers.count("10.0.0.0/24", &refused(Reason::NoRoute), at(0));
    strangers.count("10.0.0.0/24", &refused(Reason::NoRoute), at(0));
    strangers.flush();
    assert_eq!(strangers.lost(), 2);
    fs::remove_dir(directory.path().join(FILE)).unwrap();
    strangers.count("10.0.0.0/24", &refused(Reason::NoRoute), at(0));
    strangers.close();
    assert_eq!(
        (strangers.lost(), lines(&directory.path().join(FILE)).len()),
        (2, 1),
        "closing writes what is left"
    );
}

#[test]
fn a_flush_comes_when_the_minute_ends() {
    for (after, wait) in [(0, 60), (1, 59), (59, 1), (60, 60)] {
        assert_eq!(until_the_minute_ends(at(after)), Duration::from_secs(wait));
    }
    assert_eq!(until_the_minute_ends(at(0) - Duration::from_millis(1)), Duration::from_millis(1));
}

#[test]
fn what_strangers_did_lately_is_put_together_by_cause() {
    let directory = directory();
    assert_eq!(recent(directory.path(), at(0)).unwrap(), (vec![], false));
    let strangers = open(&directory);
    strangers.count_handshake("192.0.2.0/24", "tls_not_tls", at(1));
    strangers.flush();
    for (prefix, second) in [("192.0.2.0/24", 1_000), ("198.51.100.0/24", 1_030), ("198.51.100.0/24", 1_050)]
    {
        strangers.count_handshake(prefix, "tls_certificate_foreign", at(second));
    }
    strangers.count("192.0.2.0/24", &refused(Reason::NoRoute), at(1_001));
    strangers.count("192.0.2.0/24", &Verdict::Answer, at(1_002));
    strangers.flush();
    let millis = |second| {
        i64::try_from(at(second).duration_since(std::time::UNIX_EPOCH).unwrap().as_millis()).unwrap()
    };
    let summary = |did, code: &str, count, most: &str, first, last| Summary {
        did,
        code: code.into(),
        count,
        prefixes: if count == 3 { 2 } else { 1 },
        most: (most.into(), count.min(2)),
        first: millis(first),
        last: millis(last),
    };
    let (found, more) = recent(directory.path(), at(900)).unwrap();
    let expected = [
        summary(Did::Handshake, "tls_certificate_foreign", 3, "198.51.100.0/24", 1_000, 1_050),
        summary(Did::Refused, "no_route", 1, "192.0.2.0/24", 1_001, 1_001),
        summary(Did::Answered, "answer", 1, "192.0.2.0/24", 1_002, 1_002),
    ];
    assert_eq!((found.as_slice(), more), (&expected[..], false), "what is older is left out");
    assert_eq!(recent(directory.path(), at(0)).unwrap().0.len(), 4);
}
