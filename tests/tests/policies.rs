//! Policies: who may do what, asked of every request, and replaced while the gate runs.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

use poort_demo::{issuer::Token, zone::Zone};
use poort_tests::{PERSON, World, ask, get};
use serde_json::json;

const VEHICLE: &str = "/vehicles/0-ABC-123";
const FIREARM: &str = "/firearms/DEMO-71802";
const EXTRA: &str = "policies/access/extra.cedar";

#[tokio::test]
async fn what_a_role_and_a_sign_in_allow_reaches_the_source_and_nothing_else_does() {
    let world = World::start().await.unwrap();
    let Zone { persons, vehicles, firearms, .. } = &world.zone;
    let officer = Token::officer("an.janssens");
    let strong = officer.clone().strong();
    let supervisor = Token::of("bo.maes").role("supervisor").unit("team-a").strong();
    let elsewhere = Token::of("els.peeters").role("officer").unit("no-such-unit");
    for (what, token, method, source, target, expected) in [
        ("an officer looks", &officer, "GET", persons, PERSON, Ok(())),
        ("an officer changes", &strong, "POST", persons, PERSON, Err((403, "not_permitted", "policy"))),
        ("a supervisor changes", &supervisor, "POST", persons, PERSON, Ok(())),
        (
            "a supervisor erases",
            &supervisor,
            "DELETE",
            persons,
            PERSON,
            Err((403, "not_permitted", "policy")),
        ),
        ("an officer of no unit", &elsewhere, "GET", persons, PERSON, Err((403, "not_permitted", "policy"))),
        (
            "firearms with a password",
            &officer,
            "GET",
            firearms,
            FIREARM,
            Err((401, "stronger_sign_in", "stronger_sign_in")),
        ),
        ("firearms with a strong sign-in", &strong, "GET", firearms, FIREARM, Ok(())),
        ("a plate", &officer, "GET", vehicles, VEHICLE, Ok(())),
    ] {
        let caller = world.caller(token).unwrap();
        let lines: &[&str] = if method == "GET" { &[] } else { &["Content-Length: 0"] };
        let (answer, received) = ask(&caller, method, source, target, lines).await.unwrap();
        let decision =
            world.record("decision", &answer).await.unwrap_or_else(|| panic!("{what}: no decision"));
        match expected {
            Ok(()) => {
                assert_eq!(answer.status, 200, "{what}: {}", answer.text());
                assert_eq!(received.unwrap_or_else(|| panic!("{what}")).method, method, "{what}");
                assert_ne!(decision["unmapped"]["policy"]["determining"], json!([]), "{what}");
            }
            Err((status, reason, code)) => {
                assert_eq!((answer.status, answer.reason().as_str()), (status, reason), "{what}");
                assert_eq!(decision["status_detail"], code, "{what}");
                assert!(received.is_none(), "{what}");
            }
        }
    }
}

#[tokio::test]
async fn policies_change_live_and_broken_ones_never_do() {
    let world = World::start().await.unwrap();
    let (an, vehicles) = (world.officer().unwrap(), &world.zone.vehicles);
    let asked = async || {
        let (answer, received) = get(&an, vehicles, VEHICLE).await.unwrap();
        (answer.status, received.is_some())
    };
    let write = |text: &str| world.zone.layout.write_file(EXTRA, text).unwrap();
    assert_eq!(asked().await, (200, true));
    write("@id(\"no vehicles\") forbid (principal, action, resource == Poort::Source::\"vehicles\");");
    assert_eq!(asked().await, (200, true), "a file alone changes nothing");
    assert!(world.reload(&[]).await.unwrap().0);
    assert_eq!(asked().await, (403, false));
    let (answer, _) = get(&an, vehicles, VEHICLE).await.unwrap();
    let decision = world.record("decision", &answer).await.unwrap();
    assert_eq!(decision["unmapped"]["policy"]["determining"], json!(["no vehicles"]), "the record names it");
    for (what, text) in [
        ("half a policy", "forbid ("),
        (
            "an attribute that there is not",
            "permit (principal, action, resource) when { resource.colour == \"red\" };",
        ),
        (
            "a source that there is not",
            "permit (principal, action, resource == Poort::Source::\"vehicels\");",
        ),
    ] {
        write(text);
        let (done, said) = world.reload(&[]).await.unwrap();
        assert!(!done && said.contains("extra.cedar:1:"), "{what}: {said}");
        assert_eq!(asked().await, (403, false), "{what}: the last good ones hold");
    }
    world.zone.layout.remove_file(EXTRA).unwrap();
    assert!(world.reload(&[]).await.unwrap().0);
    assert_eq!(asked().await, (200, true));
}
