//! Policies put in force on trial: they go back by themselves, over a crash too, and who changed what is in the record.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

use std::{path::Path, process::Command};

use nix::sys::signal::Signal;
use poort_demo::{
    DemoError,
    gate::{Gate, binary},
    zone::Zone,
};
use poort_tests::{World, eventually, get, policy};
use serde_json::{Value, json};

const VEHICLE: &str = "/vehicles/0-ABC-123";
const CLOSED: &str =
    "@id(\"vehicles-closed\")\nforbid (principal, action, resource == Poort::Source::\"vehicles\");\n";
/// One test of the zone's own: those that are shipped hold that vehicles are open.
const TESTS: &str = "people:\n  amina: { roles: [officer], units: [team-a] }\n\
    tests:\n  - { who: amina, on: car-12, does: consult, to: persons, expect: allowed }\n";

fn own_tests(zone: &Zone) -> Result<(), DemoError> {
    zone.layout.remove_file("policies/tests")?;
    zone.layout.write_file("policies/tests/own.yaml", TESTS)
}

async fn world() -> World {
    World::start_with(own_tests).await.unwrap()
}

/// What comes of a look at a plate: the status, and whether the source heard of it.
async fn asked(world: &World) -> (u16, bool) {
    let (answer, received) = get(&world.officer().unwrap(), &world.zone.vehicles, VEHICLE).await.unwrap();
    (answer.status, received.is_some())
}

const OPEN: (u16, bool) = (200, true);
const SHUT: (u16, bool) = (403, false);

/// What the record has of changes: what was done, by whom, and why.
fn changes(world: &World) -> Vec<Value> {
    let records = world.zone.layout.records().into_iter();
    records.filter(|record| record["metadata"]["event_code"] == "change").collect()
}

/// By which commands somebody looked at the record.
fn looks(world: &World) -> Vec<Value> {
    let looks = world.zone.layout.records().into_iter();
    let looks = looks.filter(|record| record["metadata"]["event_code"] == "access");
    looks.map(|record| record["unmapped"]["command"].clone()).collect()
}

fn root(world: &World) -> std::path::PathBuf {
    world.zone.layout.path("")
}

fn holds(world: &World, file: &str) -> bool {
    Path::new(&world.zone.layout.path(file)).exists()
}

#[tokio::test]
async fn what_nobody_confirms_goes_back_by_itself() {
    let world = world().await;
    let root = root(&world);
    assert_eq!(asked(&world).await, OPEN);
    world.zone.layout.write_file("policies/access/closed.cedar", CLOSED).unwrap();

    // More would be refused than the limit lets.
    let (exit, said) = policy(&root, &["apply", "--confirm", "5m"]);
    assert_eq!(exit, 1, "{said}");
    assert!(
        said.contains("1 of 1 decisions would be refused from now on: 100.0 %, more than the limit of 1 %"),
        "{said}"
    );
    assert!(said.contains("nothing was applied"), "{said}");
    // It told who had asked, which is a look at the record.
    assert_eq!((said.contains("zone|an.janssens"), looks(&world)), (true, vec![json!("policy apply")]));
    assert_eq!(asked(&world).await, OPEN);

    let meant = ["apply", "--confirm", "4s", "--over-limit", "they are counted", "--reason", "ticket 17"];
    let (exit, said) = policy(&root, &meant);
    assert_eq!(exit, 0, "{said}");
    assert!(said.contains("edition 2 is in force until "), "{said}");
    assert_eq!(asked(&world).await, SHUT);
    assert!(world.counts("poort_policies_on_trial 1").await);
    // Nobody puts a second one on top.
    let (exit, said) = policy(&root, &meant);
    assert!(exit == 2 && said.contains("waits to be confirmed until"), "{exit}: {said}");
    // A reload takes everything else, and says what it leaves.
    world.zone.layout.write_file("policies/access/closed.cedar", "broken").unwrap();
    let (done, said) = world.reload(&[]).await.unwrap();
    assert!(done && said.contains("what is in `access/` is not taken before"), "{said}");
    world.zone.layout.write_file("policies/access/closed.cedar", CLOSED).unwrap();
    assert_eq!(asked(&world).await, SHUT);

    eventually(async || (asked(&world).await == OPEN).then_some(())).await.unwrap();
    assert!(world.counts("poort_policies_on_trial 0").await);
    let (exit, said) = policy(&root, &["confirm"]);
    assert!(
        exit == 2 && said.contains("no policies wait to be confirmed; it is too late for edition 2"),
        "{exit}: {said}"
    );
    // What was not confirmed is not loaded by the way.
    let (done, said) = world.reload(&[]).await.unwrap();
    assert!(done && said.contains("`access/` holds policies that were applied and not confirmed"), "{said}");
    assert_eq!(asked(&world).await, OPEN);

    let changes =
        eventually(async || Some(changes(&world)).filter(|changes| changes.len() == 2)).await.unwrap();
    let (applied, reverted) = (&changes[0], &changes[1]);
    let uid = nix::unistd::Uid::current().to_string();
    assert_eq!(
        (&applied["status_detail"], &applied["actor"]["user"]["uid"]),
        (&json!("policies_applied"), &json!(uid))
    );
    assert_eq!(applied["unmapped"]["reason"], "ticket 17");
    assert_eq!(applied["unmapped"]["over_limit"], "they are counted");
    assert_eq!(applied["unmapped"]["replay"]["lost"], applied["unmapped"]["replay"]["decisions"]);
    assert_eq!(
        (&reverted["status_detail"], &reverted["actor"]["user"]["uid"]),
        (&json!("policies_reverted"), &json!("poort"))
    );
    assert_eq!(
        (&applied["entity"]["uid"], &applied["entity_result"]["uid"]),
        (&reverted["entity_result"]["uid"], &reverted["entity"]["uid"])
    );
    assert!(world.gate.log().contains("policies_reverted"), "{}", world.gate.log());
    // A correction is the truth again.
    world.zone.layout.remove_file("policies/access/closed.cedar").unwrap();
    let (done, said) = world.reload(&[]).await.unwrap();
    assert!(done && !said.contains("not confirmed"), "{said}");
    assert_eq!(policy(&root, &["replay"]).0, 1, "and the record's other lines are read as before");
}

/// A policy that loads only where policies see how many were looked up.
const COUNTS: &str = "@id(\"counts\")\nforbid (principal, action, resource) when { context.shift has subjects && context.shift.subjects > 900 };\n";

#[tokio::test]
async fn a_reload_that_is_refused_while_policies_wait_changes_no_limit() {
    let world = World::start_with(|zone| {
        own_tests(zone)?;
        zone.layout.write_file("policies/access/counts.cedar", COUNTS)?;
        zone.layout.edit("policies/poort.yaml", |yaml| {
            yaml["unusual"]["in_policies"] = serde_yaml::from_str("[subjects]").unwrap();
            yaml["limits"]["concurrent"] = 500.into();
        })?;
        zone.layout.edit("policies/sources/persons.yaml", |yaml| yaml["limits"]["concurrent"] = 50.into())
    })
    .await
    .unwrap();
    world.zone.layout.remove_file("policies/access/counts.cedar").unwrap();
    let (exit, said) = policy(&root(&world), &["apply", "--confirm", "5m", "--reason", "ticket 17"]);
    assert_eq!(exit, 0, "{said}");
    // What would be gone back to does not load any more.
    world
        .edit("policies/poort.yaml", |yaml| {
            yaml["unusual"].as_mapping_mut().unwrap().remove("in_policies");
            yaml["limits"]["concurrent"] = 5.into();
        })
        .unwrap();
    world.edit("policies/sources/persons.yaml", |yaml| yaml["limits"]["concurrent"] = 1.into()).unwrap();
    let (done, said) = world.reload(&[]).await.unwrap();
    assert!(!done && said.contains("counts.cedar"), "{said}");
    for line in
        ["poort_requests_in_flight_limit 500", "poort_source_requests_in_flight_limit{source=\"persons\"} 50"]
    {
        assert!(world.counts(line).await, "{line}");
    }
}

#[tokio::test]
async fn a_candidate_is_confirmed_survives_a_restart_and_is_rolled_back() {
    let mut world = world().await;
    let root = root(&world);
    world.zone.layout.copy("policies", "candidate").unwrap();
    world.zone.layout.write_file("candidate/access/closed.cedar", CLOSED).unwrap();
    // Nothing else of it is applied, so nothing else of it is looked at.
    for other in ["entities.yaml", "poort.yaml", "sources"] {
        world.zone.layout.remove_file(&format!("candidate/{other}")).unwrap();
    }
    let (exit, said) = policy(&root, &["apply", "candidate", "--confirm", "5m"]);
    assert_eq!(exit, 0, "nothing was asked yet: {said}");
    assert_eq!(asked(&world).await, SHUT);
    assert!(!holds(&world, "policies/access/closed.cedar"), "the directory is as before");
    let (exit, said) = policy(&root, &["confirm", "--reason", "seen to work"]);
    assert_eq!(exit, 0, "{said}");
    assert!(holds(&world, "policies/access/closed.cedar"));
    assert_eq!(world.gate.stop().await.unwrap().code(), Some(0));
    world.gate = Gate::start(&world.zone.layout).await.unwrap();
    assert_eq!(asked(&world).await, SHUT);

    let (exit, said) = policy(&root, &["rollback", "--reason", "the desk complains"]);
    assert!(exit == 0 && said.contains("edition 1 is in force, and `access/` holds it"), "{exit}: {said}");
    assert_eq!(asked(&world).await, OPEN);
    assert!(!holds(&world, "policies/access/closed.cedar"));
    let (exit, said) = policy(&root, &["rollback"]);
    assert!(
        exit == 2 && said.contains("there is no edition of the policies before this one"),
        "{exit}: {said}"
    );
    let done: Vec<Value> = changes(&world).iter().map(|change| change["status_detail"].clone()).collect();
    assert_eq!(done, ["policies_applied", "policies_confirmed", "policies_rolled_back"]);
    assert!(world.reload(&[]).await.unwrap().0);
    assert_eq!(asked(&world).await, OPEN);

    // What waits is rolled back at once.
    let (exit, said) = policy(&root, &["apply", "candidate", "--confirm", "5m", "--limit", "100%"]);
    assert_eq!((exit, asked(&world).await), (0, SHUT), "{said}");
    let (exit, said) = policy(&root, &["rollback"]);
    assert_eq!((exit, asked(&world).await), (0, OPEN), "{said}");
    // Work that was done meanwhile is not lost by confirming.
    let (exit, said) = policy(&root, &["apply", "candidate", "--confirm", "5m", "--limit", "100%"]);
    assert_eq!(exit, 0, "{said}");
    world.zone.layout.write_file("policies/access/work.cedar", CLOSED).unwrap();
    let (exit, said) = policy(&root, &["confirm"]);
    assert!(exit == 2 && said.contains("has been changed since edition"), "{exit}: {said}");
    world.zone.layout.remove_file("policies/access/work.cedar").unwrap();
    assert_eq!(policy(&root, &["confirm"]).0, 0);
}

#[tokio::test]
async fn a_gate_that_dies_on_trial_comes_back_with_what_was_confirmed() {
    let mut world = world().await;
    let root = root(&world);
    world.zone.layout.write_file("policies/access/closed.cedar", CLOSED).unwrap();
    let (exit, said) = policy(&root, &["apply", "--confirm", "1h"]);
    assert_eq!((exit, asked(&world).await), (0, SHUT), "{said}");
    world.gate.signal(Signal::SIGKILL).unwrap();
    world.gate.wait_until_ended().await.unwrap();
    world.gate = Gate::start(&world.zone.layout).await.unwrap();
    assert_eq!(asked(&world).await, OPEN, "whatever `access/` holds");
    let log = world.gate.log();
    assert!(log.contains("the gate stopped before they were confirmed"), "{log}");
    assert!(log.contains("policies_not_those_of_the_directory"), "{log}");
    let changes =
        eventually(async || Some(changes(&world)).filter(|changes| changes.len() == 2)).await.unwrap();
    assert_eq!(changes[1]["status_detail"], "policies_reverted");
    assert_eq!(changes[1]["entity"]["uid"], changes[0]["entity_result"]["uid"]);
    assert_eq!(changes[1]["entity_result"]["uid"], changes[0]["entity"]["uid"]);
    let (exit, said) = policy(&root, &["confirm"]);
    assert!(exit == 2 && said.contains("it is too late for edition 2"), "{exit}: {said}");
    // And again after another restart.
    assert_eq!(world.gate.stop().await.unwrap().code(), Some(0));
    world.gate = Gate::start(&world.zone.layout).await.unwrap();
    assert_eq!(asked(&world).await, OPEN);
    // Whoever means it applies it once more.
    let (exit, said) = policy(&root, &["apply", "--confirm", "1h", "--limit", "100"]);
    assert_eq!((exit, asked(&world).await), (0, SHUT), "{said}");
    assert_eq!(policy(&root, &["confirm"]).0, 0);
    assert!(world.reload(&[]).await.unwrap().0);
    assert_eq!(asked(&world).await, SHUT);
}

#[tokio::test]
async fn what_is_not_sound_is_not_applied() {
    let mut world = world().await;
    let root = root(&world);
    let candidate = |text: &str| {
        world.zone.layout.remove_file("candidate").unwrap();
        world.zone.layout.copy("policies", "candidate").unwrap();
        world.zone.layout.write_file("candidate/access/extra.cedar", text).unwrap();
    };
    for (what, text, arguments, code, expected) in [
        ("broken", "permit (", &["apply", "candidate", "--confirm", "5m"][..], 2, "extra.cedar:1:9"),
        (
            "a test fails",
            "@id(\"no\") forbid (principal, action, resource == Poort::Source::\"persons\");",
            &["apply", "candidate", "--confirm", "5m"],
            1,
            "expected: allowed; it is refused by `no`",
        ),
        (
            "no directory",
            CLOSED,
            &["apply", "nowhere", "--confirm", "5m"],
            2,
            "name a directory with `access` in it",
        ),
        ("no time to confirm", CLOSED, &["apply", "candidate"], 2, "--confirm"),
        (
            "a time that is none",
            CLOSED,
            &["apply", "candidate", "--confirm", "soon"],
            2,
            "`soon` is no duration",
        ),
        (
            "too short",
            CLOSED,
            &["apply", "candidate", "--confirm", "10ms"],
            2,
            "is not between `1s` and `24h`",
        ),
        (
            "a share that is none",
            CLOSED,
            &["apply", "candidate", "--confirm", "5m", "--limit", "200%"],
            2,
            "`200%` is no share",
        ),
        ("what is in force", "", &["apply", "--confirm", "5m"], 2, "there is nothing to apply"),
        ("nothing waits", "", &["confirm"], 2, "no policies wait to be confirmed"),
        ("nothing before", "", &["rollback"], 2, "there is no edition of the policies before this one"),
    ] {
        candidate(text);
        let (exit, said) = policy(&root, arguments);
        assert!(exit == code && said.contains(expected), "{what}: {exit}: {said}");
        assert_eq!(asked(&world).await, OPEN, "{what}");
    }
    assert_eq!(changes(&world), Vec::<Value>::new());
    world.gate.stop().await.unwrap();
    candidate(CLOSED);
    let (exit, said) = policy(&root, &["apply", "candidate", "--confirm", "5m", "--limit", "100%"]);
    assert!(exit == 1 && said.contains("no gate answers at"), "{exit}: {said}");
}

#[tokio::test]
async fn a_source_that_is_closed_meanwhile_stays_so_when_policies_go_back() {
    let world = world().await;
    let root = root(&world);
    world.zone.layout.copy("policies", "candidate").unwrap();
    let other =
        "@id(\"firearms-closed\")\nforbid (principal, action, resource == Poort::Source::\"firearms\");\n";
    world.zone.layout.write_file("candidate/access/other.cedar", other).unwrap();
    let (exit, said) = policy(&root, &["apply", "candidate", "--confirm", "5m"]);
    assert_eq!(exit, 0, "{said}");
    assert_eq!(asked(&world).await, OPEN);
    let (done, said) = world.reload(&["--deny", "vehicles"]).await.unwrap();
    assert!(done, "{said}");
    assert_eq!(asked(&world).await, (503, false));
    let (exit, said) = policy(&root, &["rollback"]);
    assert_eq!(exit, 0, "{said}");
    assert_eq!(asked(&world).await, (503, false), "it was closed, not the policies");
}

#[tokio::test]
async fn a_device_that_is_taken_out_of_use_stays_so_when_policies_go_back() {
    let world = world().await;
    let root = root(&world);
    assert_eq!(asked(&world).await, OPEN);
    // Nobody has reloaded: the policies that are applied come into force over the files as they are.
    let unmanaged = |yaml: &mut serde_yaml::Value| {
        let devices = yaml["devices"].as_sequence_mut().unwrap();
        let car = devices.iter_mut().find(|one| one["name"].as_str().unwrap().ends_with("/car-12")).unwrap();
        car["managed"] = false.into();
    };
    world.edit("policies/inventory.yaml", unmanaged).unwrap();
    world.zone.layout.copy("policies", "candidate").unwrap();
    world.zone.layout.write_file("candidate/access/closed.cedar", CLOSED).unwrap();
    world.zone.layout.write_file("candidate/tests/own.yaml", &TESTS.replace("car-12", "desk-4")).unwrap();
    let meant = ["apply", "candidate", "--confirm", "5m", "--limit", "100%"];
    let (exit, said) = policy(&root, &meant);
    assert_eq!(exit, 0, "{said}");
    assert_eq!(asked(&world).await, SHUT);
    let (exit, said) = policy(&root, &["rollback"]);
    assert_eq!(exit, 0, "{said}");
    assert_eq!(asked(&world).await, SHUT, "nobody opened it to the device");
    let (done, said) = world.reload(&[]).await.unwrap();
    assert!(done && asked(&world).await == SHUT, "{said}");
}

#[tokio::test]
async fn a_second_gate_on_the_same_state_leaves_what_is_on_trial() {
    let world = world().await;
    let (root, layout) = (root(&world), &world.zone.layout);
    layout.write_file("policies/access/closed.cedar", CLOSED).unwrap();
    let (exit, said) = policy(&root, &["apply", "--confirm", "5m"]);
    assert_eq!(exit, 0, "{said}");
    let second = Command::new(binary().unwrap()).args(["run", "--config"]).arg(layout.config()).output();
    let second = second.unwrap();
    let said = String::from_utf8(second.stderr).unwrap();
    let taken = format!("a gate runs on `{}` already", layout.path("deploy/state").display());
    assert!(second.status.code() == Some(2) && said.contains(&taken), "{said}");
    let (exit, said) = policy(&root, &["confirm"]);
    assert_eq!(exit, 0, "{said}");
    assert_eq!(asked(&world).await, SHUT);
}
