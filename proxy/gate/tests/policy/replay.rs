use std::fs;

use serde_json::Value;

use crate::ground::{Ground, record};

#[test]
fn the_policies_that_decided_decide_the_same() {
    let ground = Ground::new();
    record(&ground, 3);
    ground.poort(&["replay", "--audit", "audit"]).is(
        0,
        &[
            "231 decisions of 2 files",
            "0 gained, 0 lost, 0 the same by other policies",
            "decided before any policy was asked: 1",
        ],
    );
}

#[test]
fn a_change_lists_exactly_what_changes() {
    let ground = Ground::new();
    record(&ground, 3);
    // Officers of other zones may look in firearms, and nobody may correct persons any more.
    ground.edit(
        "access/firearms.cedar",
        "principal in Poort::Unit::\"zone\" && context.session.strong",
        "context.session.strong",
    );
    ground.edit(
        "access/supervisors.cedar",
        "[Poort::Source::\"persons\", Poort::Source::\"vehicles\"].contains(resource) &&\n  context.session.strong",
        "resource == Poort::Source::\"vehicles\" && context.session.strong",
    );
    let said = ground.poort(&["replay", "--audit", "audit"]);
    said.is(
        1,
        &[
            "refused from now on: 3 requests\n",
            "3  supervisor: `alter` of `persons`, by 1 principal; then by `supervisors-alter`, now no policy\n",
            "zone|bert on spiffe://zone.example/device/desk-4\n",
            "allowed from now on: 3 requests\n",
            "3  officer: `consult` of `firearms`, by 1 principal; then by no policy, now `firearms-consult`\n",
            "zone|guest on spiffe://zone.example/device/car-12\n",
            "231 decisions of 2 files",
            "3 gained, 3 lost, 3 the same by other policies",
        ],
    );
    let said = ground.poort(&["replay", "--audit", "audit", "--json"]);
    let found: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(
        (&found["gained"], &found["lost"], &found["groups"][0]["turn"]),
        (&3.into(), &3.into(), &"gain".into())
    );
    assert!(found["questions"].as_u64().unwrap() < 222, "equal questions are put once: {found}");
}

#[test]
fn names_can_be_hidden() {
    let ground = Ground::new();
    record(&ground, 1);
    ground.edit(
        "access/firearms.cedar",
        "principal in Poort::Unit::\"zone\" && context.session.strong",
        "context.session.strong",
    );
    fs::write(ground.path("key"), "0123456789abcdef0123456789abcdef\n").unwrap();
    let said = ground.poort(&["replay", "--audit", "audit", "--pseudonymise", "key"]);
    said.is(1, &["principal-", " on device-"]);
    assert!(!said.out.contains("guest") && !said.out.contains("car-12"), "{}", said.out);
    assert_eq!(ground.poort(&["replay", "--audit", "audit", "--pseudonymise", "key"]).out, said.out);
    fs::write(ground.path("key"), "short").unwrap();
    ground.poort(&["replay", "--audit", "audit", "--pseudonymise", "key"]).is(2, &["has 5 bytes", "--> key"]);
}

#[test]
fn lines_that_are_no_record_are_named_and_nothing_is_compared() {
    let ground = Ground::new();
    record(&ground, 1);
    let (first, newest) =
        (ground.path("audit/audit-20260106.jsonl"), ground.path("audit/audit-20260107.jsonl"));
    let whole = fs::read_to_string(&newest).unwrap();
    // The newest file may be written just now.
    fs::write(&newest, format!("{whole}{{\"metadata\":{{\"ev")).unwrap();
    ground.poort(&["replay", "--audit", "audit"]).is(
        0,
        &["77 decisions", "lines of no record: 1", "audit/audit-20260107.jsonl:2:17: the line is torn"],
    );
    let text = fs::read_to_string(&first).unwrap();
    fs::write(&first, format!("{text}Nov 29 kernel: oops\n{{\"metadata\":")).unwrap();
    let said = ground.poort(&["replay", "--audit", "audit"]);
    said.is(
        2,
        &[
            "audit/audit-20260106.jsonl:155:1: this is no line of a record: expected value",
            "audit/audit-20260106.jsonl:156:13: the line is torn",
            "audit/audit-20260107.jsonl:2:17: the line is torn",
            "2 lines of no record: nothing was compared",
        ],
    );
    assert_eq!(said.out, "");
    ground.poort(&["replay", "--audit", "audit", "--skip-unreadable"]).is(0, &["lines of no record: 3"]);
}

#[test]
fn a_candidate_that_does_not_load_is_not_compared() {
    let ground = Ground::new();
    record(&ground, 1);
    ground.write("access/x.cedar", "permit (");
    let said = ground.poort(&["replay", "--audit", "audit"]);
    said.is(2, &["policies/access/x.cedar:1:9", "1 fault to mend"]);
    assert_eq!(said.out, "");
    let ground = Ground::new();
    ground.poort(&["replay", "--audit", "nowhere"]).is(2, &["cannot be read"]);
    fs::create_dir(ground.path("empty")).unwrap();
    ground.poort(&["replay", "--audit", "empty"]).is(2, &["there is no record here"]);
}
