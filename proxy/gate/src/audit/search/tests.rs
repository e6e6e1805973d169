use std::{fs, path::Path, sync::Arc};

use poort_enforce::{
    data_subject::{Kind, Named, PseudonymKey},
    record::{Decision, Outcome},
};
use tempfile::{TempDir, tempdir};

use super::*;
use crate::audit::{
    Audit, AuditSettings, Record,
    ocsf::encode,
    tests::material::{HandClock, at, decision, digests, directory, outcome, pseudonyms, settings},
    tlog::{Keys, LOG_DIRECTORY, LogSettings, Signer},
};

const TODAY: &str = "audit-20260301.jsonl";
const TOMORROW: &str = "audit-20260302.jsonl";

fn write(directory: &Path, file: &str, records: &[Record]) {
    let mut lines = Vec::new();
    records.iter().for_each(|record| encode(record, &mut lines));
    fs::write(directory.join(file), lines).unwrap();
}

fn decided(decision: Decision) -> Record {
    Record::Decision(Box::new(decision), digests())
}

fn asked_about(number: u8, plate: &str) -> Record {
    let subjects = pseudonyms().pseudonym(Kind::Plate, plate).into_iter().collect();
    decided(Decision { subjects, source: Some("vehicles".into()), ..decision(number) })
}

/// Three consultations over midnight: of 85.01, of a plate, and of nobody until the answer named the plate.
fn record(directory: &Path) {
    let answered = |plate| {
        let subjects = pseudonyms().pseudonym(Kind::Plate, plate).into_iter().collect();
        Record::Outcome(Outcome { subjects, ..outcome(3) })
    };
    let nobody = decided(Decision { subjects: [].into_iter().collect(), ..decision(3) });
    let sighted = Record::Outcome(Outcome { source: Some("vehicles".into()), ..outcome(2) });
    write(directory, TODAY, &[decided(decision(1)), asked_about(2, "1-ABC-234"), sighted, nobody]);
    write(directory, TOMORROW, &[Record::Outcome(outcome(1)), answered("1abc234")]);
}

fn found(directory: &Path, wanted: &Wanted) -> Vec<(u8, Option<u16>)> {
    let found = search(directory, wanted, None).unwrap();
    assert!(found.doubts.is_empty(), "{:?}", found.doubts);
    let number = |request: &str| u8::from_str_radix(request.get(..2).unwrap(), 16).unwrap();
    found.consultations.iter().map(|one| (number(&one.request), one.status)).collect()
}

#[test]
fn a_consultation_is_found_by_whatever_is_known_of_it() {
    let directory = tempdir().unwrap();
    let directory = directory.path();
    record(directory);
    let plate = pseudonyms().pseudonym(Kind::Plate, "1 ABC 234").unwrap().text();
    let other = pseudonyms().pseudonym(Kind::Plate, "2 ABC 234").unwrap().text();
    let text = |text: &str| Some(text.to_owned());
    let (officer, name) = {
        let all = search(directory, &Wanted::default(), None).unwrap().consultations;
        (all[0].officer.clone().unwrap(), all[0].name.clone().unwrap())
    };
    let sub = officer.rsplit('|').next().unwrap();
    let day = Period { start: 1_772_323_200_000, end: 1_772_409_600_000 };
    let all = vec![(1, Some(200)), (2, Some(200)), (3, Some(200))];
    for (case, wanted, numbers) in [
        ("all", Wanted::default(), all.clone()),
        ("an officer", Wanted { officer: text(&officer), ..Wanted::default() }, all.clone()),
        ("an officer's name at the issuer", Wanted { officer: text(sub), ..Wanted::default() }, all.clone()),
        ("an officer's name", Wanted { officer: text(&name), ..Wanted::default() }, all.clone()),
        (
            "a part of a name",
            Wanted { officer: text(officer.get(..3).unwrap()), ..Wanted::default() },
            vec![],
        ),
        ("a device", Wanted { device: text("car-12"), ..Wanted::default() }, all.clone()),
        ("another device", Wanted { device: text("car-1"), ..Wanted::default() }, vec![]),
        ("a source", Wanted { source: text("vehicles"), ..Wanted::default() }, vec![(2, Some(200))]),
        (
            "a subject, of the request and of the answer",
            Wanted { subjects: vec![plate.clone()], ..Wanted::default() },
            vec![(2, Some(200)), (3, Some(200))],
        ),
        (
            "a subject under a former key",
            Wanted { subjects: vec![other.clone(), plate.clone()], ..Wanted::default() },
            vec![(2, Some(200)), (3, Some(200))],
        ),
        ("another subject", Wanted { subjects: vec![other], ..Wanted::default() }, vec![]),
        (
            "a subject and an officer, on different lines",
            Wanted {
                subjects: vec![plate.clone()],
                officer: text(sub),
                source: text("persons"),
                ..Wanted::default()
            },
            vec![(3, Some(200))],
        ),
        ("a day", Wanted { period: Some(day.clone()), ..Wanted::default() }, all),
        (
            "another day",
            Wanted { period: Some(day.end..day.end + 1), subjects: vec![plate], ..Wanted::default() },
            vec![],
        ),
    ] {
        assert_eq!(found(directory, &wanted), numbers, "{case}");
    }
}

#[test]
fn an_officer_a_device_and_a_case_are_found_however_they_are_spelled() {
    let directory = tempdir().unwrap();
    record(directory.path());
    let all = search(directory.path(), &Wanted::default(), None).unwrap().consultations;
    let name = all[0].name.clone().unwrap();
    let text = |text: &str| Some(text.to_owned());
    for (case, wanted) in [
        ("an id", Wanted { officer: text("ZONE|4711"), ..Wanted::default() }),
        ("a name", Wanted { officer: Some(turned(&name)), ..Wanted::default() }),
        ("a device", Wanted { device: text("Car-12"), ..Wanted::default() }),
        ("a case", Wanted { case: text("2026/17"), ..Wanted::default() }),
    ] {
        assert_eq!(found(directory.path(), &wanted).len(), 3, "{case}");
    }
}

/// A name as `SURNAME, first name`.
fn turned(name: &str) -> String {
    let words: Vec<_> = name.split(' ').rev().collect();
    words.join(", ").to_uppercase()
}

#[test]
fn a_consultation_that_cannot_be_told_to_be_of_somebody_is_counted() {
    let directory = tempdir().unwrap();
    let named = |key: &PseudonymKey, plate: &str| key.pseudonym(Kind::Plate, plate).unwrap();
    let (now, former) = (pseudonyms(), PseudonymKey::new(&[9; 32]));
    let of = |number, subjects: Named| decided(Decision { subjects, ..decision(number) });
    let many = || Named { subjects: vec![named(&now, "2-ABC-234")], more: 3 };
    let records = [
        of(1, [named(&now, "1-ABC-234")].into_iter().collect()),
        of(2, [named(&former, "1-ABC-234")].into_iter().collect()),
        of(3, many()),
        of(4, Named::default()),
        Record::Outcome(Outcome { subjects: many(), ..outcome(4) }),
        of(5, [named(&now, "3-ABC-234")].into_iter().collect()),
    ];
    write(directory.path(), TODAY, &records);
    let wanted = |keys: &[&PseudonymKey]| Wanted {
        subjects: keys.iter().map(|key| named(key, "1-ABC-234").text()).collect(),
        keys: keys.iter().map(|key| key.id().to_string()).collect(),
        ..Wanted::default()
    };
    let look = |wanted: &Wanted| {
        let found = search(directory.path(), wanted, None).unwrap();
        (found.consultations.len(), found.unlisted, found.unread, found.keys.into_iter().collect::<Vec<_>>())
    };
    assert_eq!(look(&wanted(&[&now])), (1, 2, 1, vec![former.id().to_string()]));
    assert_eq!(look(&wanted(&[&now, &former])), (2, 2, 0, vec![]));
    let of_nobody = Wanted { officer: Some("somebody else".into()), ..wanted(&[&now]) };
    assert_eq!(look(&of_nobody), (0, 0, 0, vec![]), "the others are another's");
    let later = Wanted { period: Some(0..1), ..wanted(&[&now]) };
    assert_eq!(look(&later), (0, 0, 0, vec![]));
}

#[test]
fn a_clock_that_was_wrong_hides_nothing() {
    let directory = tempdir().unwrap();
    let on = |number, days: u64| decided(Decision { received: at(days * 86_400), ..decision(number) });
    write(directory.path(), TODAY, &[on(1, 0), on(2, 1)]);
    // It went ahead by weeks and was set right; the file is gone on with until its day is over.
    write(directory.path(), "audit-20260401.jsonl", &[on(3, 31), on(4, 2), on(5, 20)]);
    write(directory.path(), "audit-20260402.jsonl", &[on(6, 32)]);
    for (days, numbers) in
        [(0, vec![1]), (1, vec![2]), (2, vec![4]), (20, vec![5]), (31, vec![3]), (32, vec![6])]
    {
        let start = 1000 * (crate::audit::tests::material::NOON as i64 + 86_400 * days);
        let wanted = Wanted { period: Some(start..start + 1), ..Wanted::default() };
        let found: Vec<_> = found(directory.path(), &wanted).into_iter().map(|(number, _)| number).collect();
        assert_eq!(found, numbers, "{days}");
    }
}

#[test]
fn a_line_that_is_no_record_is_named_and_ends_nothing() {
    let directory = tempdir().unwrap();
    record(directory.path());
    let path = directory.path().join(TODAY);
    let text = fs::read_to_string(&path).unwrap();
    let (first, rest) = text.split_once('\n').unwrap();
    fs::write(&path, format!("{first}\nrubbish\n{rest}{}", first.get(..40).unwrap())).unwrap();
    let found = search(directory.path(), &Wanted::default(), None).unwrap();
    assert_eq!(found.consultations.len(), 3, "and the torn end is none");
    let doubts: Vec<_> = found.doubts.iter().map(ToString::to_string).collect();
    assert_eq!(doubts.len(), 1, "{doubts:?}");
    assert!(doubts[0].contains(&format!("{TODAY}:2: this is no record")), "{doubts:?}");
    // Half a line may have lost just what is looked for.
    let half = first.get(..first.len() / 2).unwrap();
    fs::write(&path, format!("{first}\n{half}\n{rest}")).unwrap();
    let somebody = Wanted { subjects: vec!["ab".repeat(16)], ..Wanted::default() };
    let doubts = search(directory.path(), &somebody, None).unwrap().doubts;
    assert!(told(&doubts).contains(&format!("{TODAY}:2: this is no record")), "{doubts:?}");
}

/// A record of two days, of which a log is kept: a consultation on each, with its outcome.
fn logged() -> (TempDir, Arc<Keys>) {
    let directory = directory();
    let keys = Arc::new(Keys::parse(&Signer::generate("gate.example/audit").unwrap().0).unwrap());
    let clock = HandClock::at_noon();
    for (number, time) in [(1, at(0)), (2, at(86_400))] {
        clock.set(time);
        let (audit, _) = Audit::open(with_log(directory.path(), &keys), clock.clone()).unwrap();
        audit.append(decided(Decision { received: time, ..decision(number) })).unwrap();
        audit.append(Record::Outcome(Outcome { ended: time, ..outcome(number) })).unwrap();
        audit.close();
    }
    (directory, keys)
}

fn with_log(directory: &Path, keys: &Arc<Keys>) -> AuditSettings {
    let log = LogSettings { directory: directory.join(LOG_DIRECTORY), keys: Arc::clone(keys), anchor: None };
    AuditSettings { log: Some(log), ..settings(directory) }
}

fn told(doubts: &[Doubt]) -> String {
    doubts.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// What `audit verify` says of the record's own files.
fn held(directory: &Path, keys: &Keys) -> String {
    match Evidence::open(&directory.join(LOG_DIRECTORY), keys) {
        Ok(evidence) => {
            told(&[evidence.missing(directory, |_| true), evidence.hold(directory).unwrap()].concat())
        }
        Err(doubt) => doubt.to_string(),
    }
}

#[test]
fn whatever_does_not_stand_in_the_log_is_told_whether_it_is_meant_or_not() {
    let (directory, keys) = logged();
    let log = directory.path().join(LOG_DIRECTORY);
    let wanted = Wanted { officer: Some("zone|4711".into()), ..Wanted::default() };
    let look = || {
        let evidence = Evidence::open(&log, &keys).unwrap();
        let found = search(directory.path(), &wanted, Some(&evidence)).unwrap();
        assert_eq!(told(&found.doubts), held(directory.path(), &keys));
        (found.consultations.len(), told(&found.doubts))
    };
    assert_eq!(look(), (2, String::new()));
    let path = directory.path().join(TODAY);
    let text = fs::read_to_string(&path).unwrap();
    let told = |(found, doubts): (usize, String), expected: &str| {
        assert_eq!(found, 1);
        assert!(doubts.contains(expected) && !doubts.contains('\n'), "{doubts}");
    };
    fs::write(&path, text.replace("zone|4711", "zone|4712")).unwrap();
    told(look(), &format!("{TODAY}:1: this line is not what the log has"));
    let (first, _) = text.split_once('\n').unwrap();
    fs::write(&path, format!("{first}\n")).unwrap();
    assert!(look().1.contains("it ends after 1 lines, and the log has 2"), "{:?}", look());
    fs::write(&path, format!("{text}{first}\n")).unwrap();
    assert!(look().1.contains(&format!("{TODAY}:3: this line is not what")), "{:?}", look());
    fs::remove_file(&path).unwrap();
    told(look(), "a file of this name with 2 lines is not here; the log has them from entry 0 on");
}

#[test]
fn a_tombstone_that_the_log_does_not_have_is_no_retirement() {
    let (directory, keys) = logged();
    let path = directory.path().join(TODAY);
    let text = fs::read_to_string(&path).unwrap();
    let (first, rest) = text.split_once('\n').unwrap();
    let tombstone = String::from_utf8(tlog::tombstone::of_entry(first.as_bytes())).unwrap();
    fs::write(&path, format!("{tombstone}\n{rest}")).unwrap();
    let doubts = held(directory.path(), &keys);
    assert!(doubts.contains(&format!("{TODAY}:1: this line is not what the log has")), "{doubts}");
}

#[test]
fn nobody_hides_a_line_by_what_the_log_says_of_files() {
    const EARLIER: &str = "audit-20250101.jsonl";
    type Change = fn(&Path, &Path);
    let changes: [(&str, Change, &str); 6] = [
        ("the list is gone", |_, files| fs::remove_file(files).unwrap(), "log/files: it does not say where"),
        (
            "a file and what the list says of it are gone",
            |directory, files| {
                fs::remove_file(directory.join(TODAY)).unwrap();
                fs::write(files, format!("{TOMORROW} 2\n")).unwrap();
            },
            "log/files: it does not say where",
        ),
        (
            "a file has the name of an earlier day",
            |directory, files| {
                fs::rename(directory.join(TOMORROW), directory.join(EARLIER)).unwrap();
                fs::write(files, format!("{TODAY} 0\n{EARLIER} 2\n")).unwrap();
            },
            "log/files: it does not say where",
        ),
        (
            "a line of the list is no line",
            |_, files| fs::write(files, format!("{TODAY} 0\n{TOMORROW}\n")).unwrap(),
            "log/files: it does not say where",
        ),
        (
            "a file that the log never had",
            |directory, _| assert!(fs::copy(directory.join(TODAY), directory.join(EARLIER)).unwrap() > 0),
            "audit-20250101.jsonl: the log knows no file of this name",
        ),
        (
            "two days are in a file of long before",
            |directory, files| {
                let lines = [TODAY, TOMORROW].map(|name| fs::read(directory.join(name)).unwrap()).concat();
                fs::write(directory.join(EARLIER), lines).unwrap();
                [TODAY, TOMORROW].iter().for_each(|name| fs::remove_file(directory.join(name)).unwrap());
                fs::write(files, format!("{EARLIER} 0\n")).unwrap();
            },
            "audit-20250101.jsonl:4: this line is of a later day than its file",
        ),
    ];
    for (case, change, expected) in changes {
        let (directory, keys) = logged();
        assert_eq!(held(directory.path(), &keys), "", "{case}");
        change(directory.path(), &directory.path().join(LOG_DIRECTORY).join("files"));
        let doubts = held(directory.path(), &keys);
        assert!(doubts.contains(expected), "{case}: {doubts}");
    }
}

#[test]
fn a_gate_does_not_take_its_own_lines_for_new_ones() {
    let (directory, keys) = logged();
    let clock = HandClock::at_noon();
    clock.set(at(3 * 86_400));
    drop(Audit::open(with_log(directory.path(), &keys), clock).unwrap());
    let between = directory.path().join("audit-20260303.jsonl");
    fs::copy(directory.path().join(TODAY), &between).unwrap();
    let opened = Audit::open(with_log(directory.path(), &keys), HandClock::at_noon());
    let fault = opened.err().map(|fault| fault.to_string()).unwrap_or_default();
    assert!(fault.contains("audit-20260303.jsonl: the log knows no file of this name"), "{fault}");
    fs::remove_file(between).unwrap();
    let path = directory.path().join(TOMORROW);
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("zone|4711", "zone|4712")).unwrap();
    fs::remove_file(directory.path().join(LOG_DIRECTORY).join("files")).unwrap();
    let opened = Audit::open(with_log(directory.path(), &keys), HandClock::at_noon());
    let fault = opened.err().map(|fault| fault.to_string()).unwrap_or_default();
    assert!(fault.contains("log/files: it does not say where"), "{fault}");
}

#[test]
fn a_tail_gives_whole_lines_over_midnight() {
    let directory = tempdir().unwrap();
    let directory = directory.path();
    write(directory, TODAY, &[decided(decision(1))]);
    let mut tail = Tail::open(directory).unwrap();
    assert!(tail.next().unwrap().is_none(), "what was there is not new");
    let mut lines = fs::read(directory.join(TODAY)).unwrap();
    encode(&decided(decision(2)), &mut lines);
    let (begun, rest) = lines.split_at(lines.len() - 20);
    fs::write(directory.join(TODAY), begun).unwrap();
    assert!(tail.next().unwrap().is_none(), "a line without its end is none yet");
    fs::write(directory.join(TODAY), [begun, rest].concat()).unwrap();
    let line = tail.next().unwrap().unwrap();
    assert_eq!(line.decision().unwrap().request, "02".repeat(16));
    assert_eq!(
        line.decision().unwrap().time,
        1000 * at(0).duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() as i64
    );
    write(directory, TOMORROW, &[Record::Outcome(outcome(2))]);
    let line = tail.next().unwrap().unwrap();
    assert!(line.decision().is_none() && line.text().contains("\"outcome\""));
}
