//! What policies ask for besides yes and no: words for whoever is refused, a certain sign-in, a digest in the record.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

use poort_demo::{client::Browser, issuer::Token, layout::Layout};
use poort_tests::{PERSON, World, ask, day, get};
use serde_json::json;
use sha2::{Digest as _, Sha256};

const MFA: &str = "https://refeds.org/profile/mfa";

#[tokio::test]
async fn whoever_is_refused_is_told_why_in_their_language() {
    const CLOSED: &str = "@id(\"closed\") @reason(\"Ask <the> desk.\") @reason_nl(\"Vraag <de> balie.\") @reason_fr(\"Demandez.\")\n\
        forbid (principal, action, resource == Poort::Source::\"vehicles\");\n";
    let world = World::start_with(|zone| zone.layout.write_file("policies/access/closed.cedar", CLOSED))
        .await
        .unwrap();
    let (an, vehicles) = (world.officer().unwrap(), &world.zone.vehicles);
    let target = "/vehicles/0-ABC-123";
    for (language, detail, told) in [
        ("nl-BE,nl;q=0.9", "Vraag <de> balie.", Some("nl")),
        ("fr", "Demandez.", Some("fr")),
        ("de", "Ask <the> desk.", None),
    ] {
        let line = format!("Accept-Language: {language}");
        let (answer, received) = ask(&an, "GET", vehicles, target, &[&line]).await.unwrap();
        assert_eq!((answer.status, received.is_none()), (403, true), "{language}");
        let problem: serde_json::Value = serde_json::from_str(&answer.text()).unwrap();
        assert_eq!(problem["detail"], detail, "{language}");
        assert_eq!(answer.header("content-language"), told, "{language}");
        let (page, _) = ask(&an, "GET", vehicles, target, &[&line, "Accept: text/html"]).await.unwrap();
        let escaped = detail.replace('<', "&lt;").replace('>', "&gt;");
        assert!(page.text().contains(&escaped), "{}", page.text());
    }
    let (answer, _) = get(&an, vehicles, target).await.unwrap();
    let record = world.record("decision", &answer).await.unwrap();
    let obligations = record["unmapped"]["policy"]["obligations"].as_array().unwrap().clone();
    assert!(
        obligations.contains(&json!({ "key": "reason_fr", "value": "Demandez.", "policy": "closed" })),
        "{record}"
    );
    // What nobody reads, or is too long to be read, does not load.
    for (wrong, expected) in [
        (
            "@stepup(\"x\")",
            "extra.cedar:1:14: nothing reads the annotation `@stepup`; did you mean `@step_up`",
        ),
        (
            "@log(\"body\")",
            "`@log(\"body\")` is nothing that can be written down; write `@log(\"body-hash\")`",
        ),
        (
            &format!("@reason_nl(\"{}\")", "x".repeat(301)),
            "`@reason_nl` has 301 characters, the limit is 300",
        ),
        ("@step_up(\"a b\")", "is no `acr`"),
    ] {
        let text = format!("@id(\"extra\") {wrong} permit (principal, action, resource);");
        world.zone.layout.write_file("policies/access/extra.cedar", &text).unwrap();
        let (done, said) = world.reload(&[]).await.unwrap();
        assert!(!done && said.contains(expected), "{wrong}: {said}");
    }
}

#[tokio::test]
async fn a_policy_asks_for_a_certain_sign_in() {
    let policy = format!(
        "@id(\"persons-mfa\") @reason(\"Use your card.\") @step_up(\"{MFA}\")\n\
         forbid (principal is Poort::User, action, resource == Poort::Source::\"persons\")\n\
         unless {{ context.session has acr && context.session.acr == \"{MFA}\" }};\n"
    );
    let world =
        World::start_with(|zone| zone.layout.write_file("policies/access/mfa.cedar", &policy)).await.unwrap();
    let (an, persons) = (world.officer().unwrap(), &world.zone.persons);
    let (answer, received) = get(&an, persons, PERSON).await.unwrap();
    assert_eq!(
        (answer.status, answer.reason().as_str(), received.is_none()),
        (401, "stronger_sign_in", true)
    );
    let challenge = answer.header("www-authenticate").unwrap();
    assert!(challenge.ends_with(&format!("acr_values=\"{MFA}\"")), "{challenge}");
    assert!(answer.text().contains("Use your card."), "{}", answer.text());
    let record = world.record("decision", &answer).await.unwrap();
    let obligations = record["unmapped"]["policy"]["obligations"].as_array().unwrap();
    assert!(obligations.iter().any(|one| one["key"] == "step_up" && one["value"] == MFA), "{record}");
    let (answer, received) =
        get(&world.caller(&Token::officer("an.janssens").acr(MFA)).unwrap(), persons, PERSON).await.unwrap();
    assert_eq!((answer.status, received.is_some()), (200, true), "{}", answer.text());

    // A browser is sent to sign in so, and a sign-in of another class is no way round.
    let browser = Browser::new(&world.zone, &world.zone.caller("car-12").unwrap()).unwrap();
    let vehicle = browser.go(&browser.at("vehicles", "/vehicles/0-ABC-123")).await.unwrap();
    let landed = browser.go(&format!("{}&user=cas.willems", vehicle.url)).await.unwrap();
    assert_eq!(landed.status, 200, "{landed:?}");
    let page = browser.go(&browser.at("persons", PERSON)).await.unwrap();
    assert!(page.url.query_pairs().any(|(name, value)| name == "acr_values" && value == MFA), "{page:?}");
    let weak = browser.go(&format!("{}&user=cas.willems", page.url)).await.unwrap();
    assert_eq!(weak.status, 403, "{weak:?}");
    let page = browser.go(&browser.at("persons", PERSON)).await.unwrap();
    let before = persons.count();
    let landed = browser.go(&format!("{}&user=cas.willems&strong=1", page.url)).await.unwrap();
    assert_eq!((landed.status, persons.count()), (200, before + 1), "{landed:?}");
}

const LOGGED: &str = "@id(\"supervisors-logged\") @log(\"body-hash\")\n\
    permit (principal in Poort::Role::\"supervisor\", action in [Poort::Action::\"alter\", Poort::Action::\"consult\"], resource == Poort::Source::\"persons\");\n";

/// Sends a body, whole or in pieces, and gives what the record has for its digest.
async fn digest(world: &World, body: &str, chunked: bool) -> (serde_json::Value, bool) {
    let (bo, persons) =
        (Token::of("bo.maes").role("supervisor").unit("team-a").strong(), &world.zone.persons);
    let token = world.zone.zone.mint(&bo).unwrap();
    let host = Layout::host("persons");
    let (half, rest) = body.split_at(body.len() / 2);
    let (framing, sent) = if chunked {
        let piece = |text: &str| format!("{:x}\r\n{text}\r\n", text.len());
        ("Transfer-Encoding: chunked".to_owned(), format!("{}{}0\r\n\r\n", piece(half), piece(rest)))
    } else {
        (format!("Content-Length: {}", body.len()), body.to_owned())
    };
    let request = format!(
        "POST {PERSON} HTTP/1.1\r\nHost: {host}:{}\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\n{framing}\r\n\r\n{sent}",
        world.zone.layout.address().port()
    );
    let before = persons.count();
    let answer = world.zone.caller("car-12").unwrap().send(&host, request.as_bytes()).await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    let received = persons.received().into_iter().nth(before).unwrap();
    let outcome = world.record("outcome", &answer).await.unwrap();
    (outcome["unmapped"]["body_sha256"].clone(), received.body == body.as_bytes())
}

#[tokio::test]
async fn the_digest_of_a_body_is_in_the_record_where_a_policy_asks_for_it() {
    let body = format!("name={}", "peeters+".repeat(9_000));
    let expected: String = Sha256::digest(body.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    let logged =
        |zone: &poort_demo::zone::Zone| zone.layout.write_file("policies/access/logged.cedar", LOGGED);
    let passing = World::start_with(|zone| logged(zone)).await.unwrap();
    let inspected = World::start_with(|zone| {
        day::everything(zone)?;
        logged(zone)
    })
    .await
    .unwrap();
    let answers = World::start_with(|zone| {
        logged(zone)?;
        zone.layout.write_file(
            "policies/waf/answers-only.conf",
            "SecRule RESPONSE_BODY \"@contains secret-word\" \"id:50002,phase:4,deny,log\"\n",
        )?;
        zone.layout.edit("policies/poort.yaml", |zone| {
            zone["waf"] = serde_yaml::from_str(
                "{ rules: [waf/answers-only.conf], mode: block, response: { inspect: true } }",
            )
            .unwrap();
        })
    })
    .await
    .unwrap();
    for (what, world, chunked) in [
        ("as it passes", &passing, false),
        ("in pieces", &passing, true),
        ("read before", &inspected, false),
        ("beside an answer that is held back", &answers, false),
        ("in pieces beside one", &answers, true),
    ] {
        assert_eq!(digest(world, &body, chunked).await, (json!(expected), true), "{what}");
    }
    // A look has no body; and nobody else's is written down.
    let (answer, _) = get(
        &passing.caller(&Token::of("bo.maes").role("supervisor").unit("team-a")).unwrap(),
        &passing.zone.persons,
        PERSON,
    )
    .await
    .unwrap();
    assert_eq!(passing.record("outcome", &answer).await.unwrap()["unmapped"].get("body_sha256"), None);
    passing.zone.layout.remove_file("policies/access/logged.cedar").unwrap();
    assert!(passing.reload(&[]).await.unwrap().0);
    assert_eq!(digest(&passing, &body, false).await, (json!(null), true));
}
