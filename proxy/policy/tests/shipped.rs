//! The shipped policies: who, on which device, does what to which source, in which circumstances, and what comes of it.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::disallowed_methods, reason = "the shipped policies are files")]

mod common;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use common::{device, engine, question, shipped, user};
use poort_policy::{
    Actor, BreakGlass, DeviceFacts, Operation, PolicyFile, Principal, PrincipalKind, Question,
    workbench::format::formatted,
};

use Operation::{Alter, Collect, Combine, Consult, Disclose, Erase, Use};

const NOBODY: &[&str] = &[];

fn officer() -> Principal {
    user("zone|amina", &["officer"], &["team-a"])
}

fn supervisor() -> Principal {
    user("zone|bert", &["supervisor"], &["team-b"])
}

fn desk() -> Principal {
    user("zone|carla", &["firearms-desk"], &["zone"])
}

fn partner() -> Principal {
    user("federal|dirk", &["federal-partner"], &[])
}

fn sync() -> Principal {
    Principal { kind: PrincipalKind::Service, ..user("zone|registration", &["registry-sync"], &[]) }
}

fn car() -> Option<DeviceFacts> {
    Some(device("device/car-12", "cars", Some("team-a")))
}

fn office() -> Option<DeviceFacts> {
    Some(device("device/desk-3", "office", None))
}

fn server() -> Option<DeviceFacts> {
    Some(device("workload/registration", "workloads", None))
}

fn car_itself() -> Principal {
    let id = car().unwrap().id;
    Principal { kind: PrincipalKind::Device, id, issuer: None, roles: vec![], units: vec![] }
}

fn unmanaged() -> Option<DeviceFacts> {
    Some(DeviceFacts { managed: false, ..device("device/own-phone", "cars", None) })
}

fn behind() -> Option<DeviceFacts> {
    Some(DeviceFacts { compliant: false, ..device("device/car-7", "cars", None) })
}

fn search() -> Actor {
    Actor { device: device("workload/search", "workloads", None), service: Some("zone|search".to_owned()) }
}

/// What else is the case.
type With = fn(&mut Question);

fn plain(_: &mut Question) {}
fn strong(question: &mut Question) {
    question.context.session.strong = true;
}
fn odd(question: &mut Question) {
    strong(question);
    question.context.inspection.score = 3;
}
fn fresh_with_case(question: &mut Question) {
    strong(question);
    question.context.session.auth_age = Some(900);
    question.context.case = Some("2026/4711".to_owned());
}
fn stale_with_case(question: &mut Question) {
    fresh_with_case(question);
    question.context.session.auth_age = Some(901);
}
fn accounted(question: &mut Question) {
    fresh_with_case(question);
    question.context.purpose = Some("judicial request".to_owned());
}
fn searching(question: &mut Question) {
    question.actor = Some(search());
}
fn searching_strong(question: &mut Question) {
    searching(question);
    strong(question);
}
fn search_unmanaged(question: &mut Question) {
    searching(question);
    question.actor.as_mut().unwrap().device.managed = false;
}
fn search_from_a_car(question: &mut Question) {
    question.actor = Some(Actor { device: car().unwrap(), service: None });
}
fn glass(question: &mut Question) {
    let (reason, case) = ("weapon found".to_owned(), "2026/4711".to_owned());
    question.context.break_glass = Some(BreakGlass { reason, case });
}
fn glass_strong(question: &mut Question) {
    glass(question);
    strong(question);
}

type Row = (
    &'static str,
    Principal,
    Option<DeviceFacts>,
    Operation,
    &'static str,
    With,
    bool,
    &'static [&'static str],
);

#[rustfmt::skip]
fn daily_work() -> Vec<Row> {
    vec![
        ("an officer looks up a person", officer(), car(), Consult, "persons", plain, true, &["officers-consult"]),
        ("and a vehicle", officer(), office(), Consult, "vehicles", plain, true, &["officers-consult"]),
        ("and opens the page", officer(), car(), Use, "vehicles", plain, true, &["officers-consult"]),
        ("a supervisor is an officer", supervisor(), car(), Consult, "persons", plain, true, &["officers-consult"]),
        ("an officer of no unit", user("zone|x", &["officer"], &[]), car(), Consult, "persons", plain, false, NOBODY),
        ("a role nobody declared", user("zone|x", &["chief"], &["zone"]), car(), Consult, "persons", plain, false, NOBODY),
        ("no role", user("zone|x", &[], &["team-a"]), car(), Consult, "persons", plain, false, NOBODY),
        ("an officer alters nothing", officer(), car(), Alter, "persons", strong, false, NOBODY),
        ("nobody combines", supervisor(), office(), Combine, "persons", accounted, false, NOBODY),
        ("a sighting from the own car", officer(), car(), Collect, "vehicles", plain, true, &["officers-note-sightings"]),
        ("a sighting at the desk", officer(), office(), Collect, "vehicles", plain, true, &["officers-note-sightings"]),
        ("a sighting from another team's car", user("zone|x", &["officer"], &["team-b"]), car(), Collect, "vehicles", plain, false, NOBODY),
        ("a sighting that looks odd", officer(), car(), Collect, "vehicles", odd, false, &["odd-changes"]),
    ]
}

#[rustfmt::skip]
fn devices() -> Vec<Row> {
    vec![
        ("an unmanaged device", officer(), unmanaged(), Consult, "persons", plain, false, &["device-managed"]),
        ("a device behind on updates", officer(), behind(), Consult, "persons", plain, false, &["device-managed"]),
        ("no device", officer(), None, Consult, "persons", plain, false, &["device-known"]),
        ("an unmanaged device, even with a broken glass", officer(), unmanaged(), Consult, "firearms", glass_strong, false, &["device-managed"]),
        ("a car shows the state", car_itself(), car(), Use, "vehicles", plain, true, &["cars-use-vehicles"]),
        ("a car looks nothing up", car_itself(), car(), Consult, "vehicles", plain, false, NOBODY),
        ("a car that nobody knows", car_itself(), None, Use, "vehicles", plain, false, &["device-known"]),
        ("another device as the car", car_itself(), office(), Use, "vehicles", plain, false, NOBODY),
    ]
}

#[rustfmt::skip]
fn supervisors() -> Vec<Row> {
    vec![
        ("a correction", supervisor(), office(), Alter, "persons", strong, true, &["supervisors-alter"]),
        ("a correction with a password", supervisor(), office(), Alter, "persons", plain, false, NOBODY),
        ("a correction that looks odd", supervisor(), office(), Alter, "persons", odd, false, &["odd-changes"]),
        ("a correction of firearms", supervisor(), office(), Alter, "firearms", strong, false, NOBODY),
        ("erasing", supervisor(), office(), Erase, "persons", fresh_with_case, true, &["supervisors-erase"]),
        ("erasing from a car", supervisor(), car(), Erase, "persons", fresh_with_case, false, NOBODY),
        ("erasing too long after sign-in", supervisor(), office(), Erase, "persons", stale_with_case, false, NOBODY),
        ("erasing without a case", supervisor(), office(), Erase, "persons", strong, false, NOBODY),
        ("erasing a secret", supervisor(), office(), Erase, "firearms", fresh_with_case, false, NOBODY),
        ("disclosing", supervisor(), office(), Disclose, "persons", accounted, true, &["supervisors-disclose"]),
        ("disclosing without a purpose", supervisor(), office(), Disclose, "persons", fresh_with_case, false, NOBODY),
        ("disclosing by an officer", officer(), office(), Disclose, "persons", accounted, false, NOBODY),
    ]
}

#[rustfmt::skip]
fn firearms() -> Vec<Row> {
    vec![
        ("with a key", officer(), car(), Consult, "firearms", strong, true, &["firearms-consult"]),
        ("with a password", officer(), car(), Consult, "firearms", plain, false, &["firearms-strong-sign-in"]),
        ("with a password and a broken glass", officer(), car(), Consult, "firearms", glass, false, &["firearms-strong-sign-in"]),
        ("a guest with a broken glass", user("zone|x", &["officer"], &[]), car(), Consult, "firearms", glass_strong, true, &["firearms-break-glass"]),
        ("a guest with a broken glass, in persons", user("zone|x", &["officer"], &[]), car(), Consult, "persons", glass, true, &["persons-break-glass"]),
        ("a guest with a broken glass, in vehicles", user("zone|x", &["officer"], &[]), car(), Consult, "vehicles", glass, false, NOBODY),
        ("a guest without", user("zone|x", &["officer"], &[]), car(), Consult, "firearms", strong, false, NOBODY),
        ("the desk alters", desk(), office(), Alter, "firearms", strong, true, &["firearms-desk-alters"]),
        ("the desk alters from a car", desk(), car(), Alter, "firearms", strong, false, NOBODY),
        ("an officer alters", officer(), office(), Alter, "firearms", strong, false, NOBODY),
    ]
}

#[rustfmt::skip]
fn others() -> Vec<Row> {
    vec![
        ("a partner looks up a vehicle", partner(), office(), Consult, "vehicles", plain, true, &["federal-consult-vehicles"]),
        ("a partner and persons", partner(), office(), Consult, "persons", plain, false, &["federal-vehicles-only"]),
        ("a partner and firearms", partner(), office(), Consult, "firearms", strong, false, &["federal-vehicles-only"]),
        ("a partner alters", partner(), office(), Alter, "vehicles", strong, false, &["federal-vehicles-only"]),
        ("a partner who is an officer too", user("federal|x", &["federal-partner", "officer"], &["zone"]), office(), Consult, "persons", strong, false, &["federal-vehicles-only"]),
        ("the registration service", sync(), server(), Alter, "vehicles", plain, true, &["registry-sync"]),
        ("the registration service from an office", sync(), office(), Alter, "vehicles", plain, false, NOBODY),
        ("the registration service and persons", sync(), server(), Alter, "persons", plain, false, NOBODY),
        ("a user with the service's role", user("zone|x", &["registry-sync"], &[]), server(), Alter, "vehicles", plain, false, NOBODY),
        ("search for an officer", officer(), None, Consult, "persons", searching, true, &["officers-consult"]),
        ("search for an officer whose car is known", officer(), car(), Consult, "vehicles", searching, true, &["officers-consult"]),
        ("search for an officer with a bad device", officer(), behind(), Consult, "persons", searching, false, &["device-managed"]),
        ("search in firearms", officer(), None, Consult, "firearms", searching, false, &["firearms-strong-sign-in"]),
        ("search in firearms with a key", officer(), None, Consult, "firearms", searching_strong, true, &["firearms-consult"]),
        ("search for a partner", partner(), None, Consult, "persons", searching, false, &["federal-vehicles-only"]),
        ("search alters", supervisor(), None, Alter, "persons", searching_strong, false, &["search-only-consults"]),
        ("search on an unmanaged server", officer(), None, Consult, "persons", search_unmanaged, false, &["actor-managed"]),
        ("a car that poses as search", officer(), None, Consult, "persons", search_from_a_car, false, &["search-only-consults"]),
        ("search on its own account", Principal { kind: PrincipalKind::Service, ..user("zone|search", &[], &[]) }, server(), Consult, "persons", plain, false, NOBODY),
    ]
}

#[test]
fn the_decision_table() {
    let engine = engine(&shipped());
    let mut seen = BTreeSet::new();
    for table in [daily_work(), devices(), supervisors(), firearms(), others()] {
        for (name, principal, device, operation, source, with, allow, by) in table {
            let mut question = question(principal, device, operation, source);
            with(&mut question);
            let prepared =
                engine.prepare(&question.principal, question.device.as_ref(), question.actor.as_ref());
            let decision = engine.decide(&question, &prepared);
            assert_eq!(decision.errors, Vec::<String>::new(), "{name}");
            let by: Vec<_> = common::names(by);
            assert_eq!((decision.allow, &decision.determining), (allow, &by), "{name}");
            seen.extend(by);
        }
    }
    let corpus = shipped();
    let declared: BTreeSet<_> = corpus
        .policies
        .iter()
        .flat_map(|file| file.text.split("@id(\"").skip(1))
        .map(|rest| rest.split_once('"').unwrap().0)
        .collect();
    assert_eq!(
        seen.iter().map(AsRef::as_ref).collect::<BTreeSet<&str>>(),
        declared,
        "every policy decides some row"
    );
}

#[test]
fn every_policy_says_why_in_plain_words() {
    for file in shipped().policies {
        let reasons = file.text.matches("@reason(\"").count();
        assert_eq!(file.text.matches("@id(\"").count(), reasons, "{}", file.name);
        assert_eq!(
            file.text.matches("permit (").count() + file.text.matches("forbid (").count(),
            reasons,
            "{}",
            file.name
        );
    }
}

/// All files of Cedar policies below a directory.
fn cedar_files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(cedar_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "cedar") {
            found.push(path);
        }
    }
    found
}

#[test]
fn every_shipped_policy_is_in_the_layout() {
    let files = cedar_files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies"));
    assert!(files.len() >= 7, "access, properties and examples: {files:?}");
    for path in files {
        let text = std::fs::read_to_string(&path).unwrap();
        let laid_out =
            formatted(&PolicyFile { name: path.display().to_string(), text: text.clone(), shadow: false })
                .unwrap();
        assert_eq!(text, laid_out, "{}: run `poort policy format`", path.display());
    }
}
