//! A quota for a shift: whoever looks up too many people is refused until they sign in again, and what they were refused reached nobody.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

use std::fs;

use poort_demo::{issuer::Token, sources::Register};
use poort_tests::{World, ask, get, tools::repository};
use serde_json::json;

/// The shipped example, counting, and with quotas that a test can use up.
async fn start() -> World {
    World::start_with(|zone| {
        zone.layout.edit("policies/poort.yaml", |yaml| {
            yaml["unusual"] =
                serde_yaml::from_str("{ in_policies: [subjects, devices, officers], shared_fleets: [cars] }")
                    .unwrap();
        })?;
        let shipped = fs::read_to_string(repository("policies/examples/quota/access/quota.cedar")).unwrap();
        let live = shipped.lines().filter(|line| !line.starts_with("@shadow")).map(|line| {
            line.replace("subjects > 150", "subjects > 2").replace("subjects > 300", "subjects > 3") + "\n"
        });
        zone.layout.write_file("policies/access/quota.cedar", &live.collect::<String>())
    })
    .await
    .unwrap()
}

#[tokio::test]
async fn many_people_in_a_shift_take_a_stronger_sign_in_and_more_a_broken_glass() {
    let world = start().await;
    let persons = &world.zone.persons;
    let an = world.officer().unwrap();
    let strong = world.caller(&Token::officer("an.janssens").strong()).unwrap();
    let paths: Vec<_> = Register::Persons.keys().take(4).map(|number| format!("/persons/{number}")).collect();
    for path in [&paths[0], &paths[1], &paths[0]] {
        let (answer, received) = get(&an, persons, path).await.unwrap();
        assert_eq!((answer.status, received.unwrap().target), (200, format!("/app{path}")));
    }
    for (language, said) in [
        ("nl", "Meld u opnieuw aan met uw beveiligingssleutel"),
        ("fr", "Connectez-vous à nouveau avec votre clé de sécurité"),
        ("en", "Sign in again with your security key"),
    ] {
        let line = format!("Accept-Language: {language}");
        let (answer, received) = ask(&an, "GET", persons, &paths[2], &[&line]).await.unwrap();
        assert_eq!((answer.status, received.is_none()), (401, true), "the third person: {language}");
        assert!(answer.text().contains(said), "{}", answer.text());
    }
    let (answer, received) = get(&an, persons, &paths[1]).await.unwrap();
    assert_eq!((answer.status, received.is_some()), (200, true), "who was looked up before stays open");

    let (answer, received) = get(&strong, persons, &paths[2]).await.unwrap();
    assert_eq!((answer.status, received.is_some()), (200, true));
    let decision = world.record("decision", &answer).await.unwrap();
    assert_eq!(decision["unmapped"]["question"]["context"]["shift"], json!({ "subjects": 3, "devices": 1 }));
    // A reload forgets nothing.
    let (done, said) = world.reload(&[]).await.unwrap();
    assert!(done, "{said}");
    let (answer, received) = get(&strong, persons, &paths[3]).await.unwrap();
    assert_eq!((answer.status, received.is_none()), (403, true), "the fourth");
    assert!(answer.text().contains("Ask your supervisor"), "{}", answer.text());
    let (answer, received) = get(&an, persons, &paths[0]).await.unwrap();
    assert_eq!((answer.status, received.is_none()), (401, true), "three are too many for a password");
    let (answer, received) =
        get(&world.caller(&Token::officer("bo.maes")).unwrap(), persons, &paths[3]).await.unwrap();
    assert_eq!((answer.status, received.is_some()), (200, true), "everybody has a shift of their own");
}
