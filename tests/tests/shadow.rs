//! Policies in shadow, and whole candidates: asked of live traffic, counted, recorded, and of no account.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

use poort_demo::issuer::Token;
use poort_tests::{PERSON, World, get, policy};
use serde_json::json;

const FIREARM: &str = "/firearms/DEMO-71802";
/// Persons need a strong sign-in: one policy that says so itself, and one in the directory of those in shadow.
const STRONG: &str = "@id(\"persons-strong\") @shadow(\"since 1 March\")\n\
    forbid (principal, action, resource == Poort::Source::\"persons\") unless { context.session.strong };\n";
const WEAK_FIREARMS: &str = "@id(\"firearms-vehicles-desk\")\n\
    permit (principal in Poort::Role::\"supervisor\", action == Poort::Action::\"disclose\", resource == Poort::Source::\"persons\");\n";

fn counted(source: &str, mode: &str, outcome: &str, times: u64) -> String {
    format!(
        "poort_shadow_disagreements_total{{mode=\"{mode}\",outcome=\"{outcome}\",source=\"{source}\"}} {times}"
    )
}

#[tokio::test]
async fn a_policy_in_shadow_is_counted_and_recorded_and_changes_nothing() {
    let world = World::start_with(|zone| {
        zone.layout.write_file("policies/access/trial.cedar", STRONG)?;
        zone.layout.write_file("policies/access/shadow/desk.cedar", WEAK_FIREARMS)
    })
    .await
    .unwrap();
    let (an, persons) = (world.officer().unwrap(), &world.zone.persons);
    let strong = world.caller(&Token::officer("an.janssens").strong()).unwrap();
    assert!(world.counts(&counted("persons", "shadow", "refuse", 0)).await, "there from the start");
    assert!(world.counts("poort_shadow_policies{mode=\"shadow\"} 2").await);
    let (answer, received) = get(&an, persons, PERSON).await.unwrap();
    assert_eq!((answer.status, received.is_some()), (200, true), "{}", answer.text());
    let record = world.record("decision", &answer).await.unwrap();
    let said = json!([{ "mode": "shadow", "allow": false, "determining": ["persons-strong"] }]);
    assert_eq!(record["unmapped"]["policy"]["disagreements"], said, "{record}");
    assert_eq!(record["unmapped"]["policy"]["determining"], json!(["officers-consult"]));
    assert_eq!(record["unmapped"]["verdict"], "allow");
    assert!(world.counts(&counted("persons", "shadow", "refuse", 1)).await);
    // Who signed in strongly is nobody's concern.
    let (answer, received) = get(&strong, persons, PERSON).await.unwrap();
    assert_eq!((answer.status, received.is_some()), (200, true));
    let record = world.record("decision", &answer).await.unwrap();
    assert_eq!(record["unmapped"]["policy"].get("disagreements"), None);
    assert!(world.counts(&counted("persons", "shadow", "refuse", 1)).await);

    // The workbench says the same of what was recorded.
    let root = world.zone.layout.path("");
    let code = world.record_of("decision", answer.header("poort-request-id").unwrap()).await.unwrap();
    let code = code["unmapped"]["code"].as_str().unwrap().to_owned();
    let (exit, said) = policy(&root, &["explain", &code]);
    assert_eq!(exit, 0, "{said}");
    assert!(said.contains("forbid `persons-strong` in shadow does not apply"), "{said}");
    let (exit, said) = policy(&root, &["replay"]);
    assert_eq!(exit, 0, "nothing differs, whatever is in shadow: {said}");
    assert!(said.contains("refused too, if the policies in shadow counted: 1 request\n"), "{said}");
    assert!(said.contains("then by `officers-consult`, now `persons-strong`"), "{said}");
    let (exit, said) = policy(&root, &["check"]);
    assert!(exit == 0 && said.contains("(2 in shadow)"), "{said}");
}

#[tokio::test]
async fn what_is_only_detected_reaches_policies_in_shadow_alone() {
    const RULES: &str = "SecRule ARGS \"@contains odd\" \"id:50001,phase:2,pass,log,msg:'Odd',setvar:tx.blocking_inbound_anomaly_score=+3\"\n";
    const ODD: &str = "@id(\"odd-looks\") @shadow(\"new\") forbid (principal, action, resource) when { context.inspection.score > 0 };\n\
        @id(\"odd-looks-counting\") forbid (principal, action, resource) when { context.inspection.score > 0 };\n";
    let world = World::start_with(|zone| {
        zone.layout.write_file("policies/waf/odd.conf", RULES)?;
        zone.layout.write_file("policies/access/odd.cedar", ODD)?;
        zone.layout.edit("policies/poort.yaml", |zone| {
            zone["waf"] =
                serde_yaml::from_str("{ rules: [waf/odd.conf], mode: detect, since: 2026-01-01 }").unwrap();
        })
    })
    .await
    .unwrap();
    let (an, persons) = (world.officer().unwrap(), &world.zone.persons);
    let (answer, received) = get(&an, persons, "/search?name=odd").await.unwrap();
    assert_eq!((answer.status, received.is_some()), (200, true), "{}", answer.text());
    let record = world.record("decision", &answer).await.unwrap();
    assert_eq!(record["unmapped"]["waf"]["score"], 3, "{record}");
    let said = json!([{ "mode": "shadow", "allow": false, "determining": ["odd-looks"] }]);
    assert_eq!(record["unmapped"]["policy"]["disagreements"], said);
    // A body without a length is inspected as it passes, and what is said of it is in the outcome.
    let chunked = ["Transfer-Encoding: chunked", "Content-Type: application/x-www-form-urlencoded"];
    let supervisor = Token::of("bo.maes").role("supervisor").unit("team-a").strong();
    let bo = world.caller(&supervisor).unwrap();
    let before = persons.count();
    let host = poort_demo::layout::Layout::host("persons");
    let lines = chunked.join("\r\n");
    let request = format!(
        "POST {PERSON} HTTP/1.1\r\nHost: {host}:{}\r\n{lines}\r\nAuthorization: Bearer {}\r\n\r\n5\r\nq=odd\r\n0\r\n\r\n",
        world.zone.layout.address().port(),
        world.zone.zone.mint(&supervisor).unwrap()
    );
    let answer = bo.send(&host, request.as_bytes()).await.unwrap();
    assert_eq!((answer.status, persons.count()), (200, before + 1), "{}", answer.text());
    let record = world.record("outcome", &answer).await.unwrap();
    assert_eq!(record["unmapped"]["disagreements"], said, "{record}");
    assert!(world.counts(&counted("persons", "shadow", "refuse", 2)).await);
}

#[tokio::test]
async fn a_candidate_is_asked_beside_those_that_count_and_never_in_their_way() {
    const CANDIDATE: &str = "@id(\"open\") permit (principal, action == Poort::Action::\"consult\", resource);\n\
        @id(\"no-persons\") forbid (principal, action, resource == Poort::Source::\"persons\");\n";
    let world = World::start_with(|zone| {
        zone.layout.write_file("candidate/all.cedar", CANDIDATE)?;
        zone.layout.edit("policies/poort.yaml", |zone| zone["candidate"] = "../candidate".into())
    })
    .await
    .unwrap();
    let (an, persons, firearms) = (world.officer().unwrap(), &world.zone.persons, &world.zone.firearms);
    assert!(world.counts("poort_shadow_policies{mode=\"candidate\"} 2").await);
    let (answer, received) = get(&an, persons, PERSON).await.unwrap();
    assert_eq!((answer.status, received.is_some()), (200, true));
    let record = world.record("decision", &answer).await.unwrap();
    let said = json!([{ "mode": "candidate", "allow": false, "determining": ["no-persons"] }]);
    assert_eq!(record["unmapped"]["policy"]["disagreements"], said);
    let digests = &record["unmapped"]["digests"];
    assert!(digests["candidate"].is_string() && digests["candidate"] != digests["policies"], "{digests}");
    let (answer, received) = get(&an, firearms, FIREARM).await.unwrap();
    assert_eq!((answer.reason().as_str(), received.is_some()), ("stronger_sign_in", false));
    assert!(world.counts(&counted("persons", "candidate", "refuse", 1)).await);
    assert!(world.counts(&counted("firearms", "candidate", "allow", 1)).await);

    // One that does not load is pointed out, and those that count are loaded all the same.
    let asked = async || {
        let (answer, received) = get(&an, persons, PERSON).await.unwrap();
        let record = world.record("decision", &answer).await.unwrap();
        (answer.status, received.is_some(), record["unmapped"]["policy"].get("disagreements").is_some())
    };
    for (what, text, expected) in [
        ("half a policy", "permit (", "candidate/all.cedar:1:9: warning: the candidate is not asked: "),
        (
            "a role that there is not",
            "permit (principal in Poort::Role::\"offcer\", action, resource);",
            "candidate/all.cedar:1:22: warning: the candidate is not asked: ",
        ),
        ("nothing", " ", "candidate/all.cedar:1:1: warning: the candidate is not asked: the file is empty"),
    ] {
        world.zone.layout.write_file("candidate/all.cedar", text).unwrap();
        let (done, said) = world.reload(&[]).await.unwrap();
        assert!(done && said.contains(expected), "{what}: {said}");
        assert_eq!(asked().await, (200, true, false), "{what}");
        assert!(world.counts("poort_shadow_policies{mode=\"candidate\"} 0").await);
    }
    world.zone.layout.remove_file("candidate").unwrap();
    let (done, said) = world.reload(&[]).await.unwrap();
    assert!(done && said.contains("warning: the candidate is not asked: `"), "{said}");
    assert!(said.contains("does not exist"), "{said}");
    world.zone.layout.write_file("candidate/all.cedar", CANDIDATE).unwrap();
    assert!(world.reload(&[]).await.unwrap().0);
    assert_eq!(asked().await, (200, true, true));
}

#[tokio::test]
async fn what_is_wrong_in_shadow_keeps_the_files_from_loading() {
    let world = World::start().await.unwrap();
    let (an, persons) = (world.officer().unwrap(), &world.zone.persons);
    for (file, text, expected) in [
        ("shadow/a.cedar", "forbid (", "shadow/a.cedar:1:9"),
        ("shadow/a.cedar", "", "shadow/a.cedar:1:1: the file is empty"),
        (
            "a.cedar",
            "@id(\"a\") @shadow forbid (principal, action, resource);",
            "a.cedar:1:10: `@shadow` does not say why",
        ),
        (
            "a.cedar",
            "@id(\"a\") @shaddow(\"x\") forbid (principal, action, resource);",
            "did you mean `@shadow`",
        ),
        ("shadow", "a file", "access/shadow: `"),
    ] {
        let path = format!("policies/access/{file}");
        world.zone.layout.write_file(&path, text).unwrap();
        let (done, said) = world.reload(&[]).await.unwrap();
        assert!(!done && said.contains(expected), "{file}: {said}");
        world.zone.layout.remove_file(&path).unwrap();
        if file.contains('/') {
            world.zone.layout.remove_file("policies/access/shadow").unwrap();
        }
        let (answer, received) = get(&an, persons, PERSON).await.unwrap();
        assert_eq!((answer.status, received.is_some()), (200, true), "{file}");
    }
    assert!(world.reload(&[]).await.unwrap().0);
}
