//! The policy workbench on what a gate has recorded.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

use poort_demo::issuer::Token;
use poort_tests::{PERSON, World, get, policy};

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
    assert_eq!(policy(&root, &["explain", &code]), (0, said));

    let (exit, said) = policy(&root, &["replay"]);
    assert_eq!(exit, 0, "{said}");
    assert!(said.contains("5 decisions of 1 file, "), "{said}");
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
