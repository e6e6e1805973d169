//! The policy workbench on what a gate has recorded.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

use std::{fs, path::Path};

use poort_demo::issuer::Token;
use poort_tests::{PERSON, World, get, policy};
use serde_json::Value;

const COPY: &str = "this is a copy of the record: nothing is written down of your looking at it\n";
const FIREARM: &str = "/firearms/DEMO-71802";

#[tokio::test]
async fn what_was_asked_is_explained_and_asked_again() {
    let mut world = World::start().await.unwrap();
    let (an, strong) = (world.officer().unwrap(), Token::officer("an.janssens").strong());
    let strong = world.caller(&strong).unwrap();
    let (persons, firearms) = (&world.zone.persons, &world.zone.firearms);
    let (allowed, _) = get(&an, persons, PERSON).await.unwrap();
    let (refused, _) = get(&an, firearms, FIREARM).await.unwrap();
    for _ in 0..3 {
        let (answer, _) = get(&strong, firearms, FIREARM).await.unwrap();
        assert_eq!(answer.status, 200);
    }
    assert_eq!((allowed.status, refused.status), (200, 401));
    let record = world.record("decision", &refused).await.unwrap();
    let code = record["unmapped"]["code"].as_str().unwrap().to_owned();
    world.gate.stop().await.unwrap();
    let root = world.zone.layout.path("");

    let (exit, said) = policy(&root, &["explain", &code, "--audit", "deploy/audit"]);
    assert_eq!(exit, 0, "{said}");
    assert!(said.starts_with("refused by `firearms-strong-sign-in`\n"), "{said}");
    assert!(said.contains("  - a strong sign-in\n"), "{said}");
    // The operators' file knows where the record is.
    let (exit, own) = policy(&root, &["explain", &code]);
    assert_eq!((exit, said.strip_prefix(&own).unwrap()), (0, COPY));

    let (exit, said) = policy(&root, &["replay"]);
    assert_eq!(exit, 0, "{said}");
    assert!(said.contains("5 decisions of 1 file, "), "{said}");
    // Who looked at the gate's own record, and not at a copy, is in it.
    assert_eq!(looks(&root), ["policy explain", "policy replay"]);
    world
        .zone
        .layout
        .write_file(
            "policies/access/closed.cedar",
            "@id(\"closed\") forbid (principal, action, resource == Poort::Source::\"firearms\");",
        )
        .unwrap();
    let (exit, said) = policy(&root, &["replay"]);
    assert_eq!(exit, 1, "{said}");
    assert!(said.contains("refused from now on: 3 requests\n"), "{said}");
    assert!(
        said.contains(
            "3  officer: `consult` of `firearms`, by 1 principal; then by `firearms-consult`, now `closed`"
        ),
        "{said}"
    );
    assert!(said.contains("0 gained, 3 lost, 1 the same by other policies"), "{said}");
}

/// With which commands the record was looked at.
fn looks(root: &Path) -> Vec<String> {
    let files = fs::read_dir(root.join("deploy/audit")).unwrap().map(|entry| entry.unwrap().path());
    let text: String = files
        .filter(|path| path.extension().is_some_and(|extension| extension == "jsonl"))
        .map(|path| fs::read_to_string(path).unwrap())
        .collect();
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines
        .filter(|line| line["metadata"]["event_code"] == "access")
        .map(|line| line["unmapped"]["command"].as_str().unwrap().to_owned())
        .collect()
}
