//! Breaking the glass: offered where policies say so, granted to one officer for one source, and looked into by somebody else.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

use std::time::Duration;

use poort_demo::{
    client::{Browser, Landed},
    issuer::Token,
};
use poort_tests::{
    PERSON, World, eventually, get,
    glass::{WRITTEN, breaks, browser, hidden, offered, refused},
};
use serde_json::{Value, json};

const VEHICLE: &str = "/vehicles/0-ABC-123";
async fn status(browser: &Browser, source: &str, path: &str) -> u16 {
    browser.fetch("GET", &browser.at(source, path), &[]).await.unwrap().status
}

fn records(world: &World, kind: &str) -> Vec<Value> {
    let records = world.zone.layout.records().into_iter();
    records.filter(|record| record["metadata"]["event_code"] == kind).collect()
}

/// `poort audit review`: whether it succeeded, and what it said.
async fn review(world: &World, arguments: &[&str]) -> (bool, String) {
    let output = world.gate.command("audit review", arguments).await.unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(said).unwrap())
}

#[tokio::test]
async fn an_officer_who_is_refused_breaks_the_glass_and_somebody_else_looks_into_it() {
    let mut world = World::start().await.unwrap();
    let browser = browser(&world, "car-12");
    let page = offered(&world, &browser).await;
    assert_eq!((page.status, page.url.path()), (200, "/break-glass"), "{page:?}");
    assert!(page.body.len() < 10_000 && !page.body.contains("<script"), "{}", page.body);
    assert_eq!(world.zone.persons.count(), 0);
    let landed = breaks(&browser, &page, WRITTEN).await;
    assert_eq!((landed.status, landed.url.as_str()), (200, &*browser.at("persons", PERSON)), "{landed:?}");
    assert_eq!(world.zone.persons.received().pop().unwrap().header("x-remote-user"), Some("eva.lambert"));
    let broken = records(&world, "break_glass").pop().unwrap();
    assert_eq!((&broken["class_uid"], &broken["type_uid"]), (&json!(3003), &json!(300_301)));
    assert_eq!(broken["user"]["uid"], "zone|eva.lambert");
    assert_eq!(broken["device"]["uid"], "spiffe://zone.example/device/car-12");
    assert_eq!(
        (&broken["unmapped"]["reason"], &broken["unmapped"]["case"]),
        (&json!("A child is missing"), &json!("2026/4711"))
    );
    assert_eq!(broken["is_alert"], true);
    let id = landed.header("poort-request-id").unwrap();
    let used = world.record_of("decision", id).await.unwrap();
    assert_eq!(used["unmapped"]["glass"], broken["unmapped"]["glass"]);
    assert_eq!(used["unmapped"]["policy"]["determining"], json!(["persons-break-glass"]));
    assert_eq!(used["unmapped"]["question"]["context"]["break_glass"]["reason"], "A child is missing");
    let found = world
        .gate
        .command("audit search", &["--officer", "eva.lambert", "--source", "persons"])
        .await
        .unwrap();
    assert!(String::from_utf8(found.stdout).unwrap().contains("through a broken glass"));
    is_found_by_case(&world).await;
    for line in [
        "poort_break_glass_grants_total{source=\"persons\"} 1",
        "poort_break_glass_uses_total{source=\"persons\"} 1",
        "poort_break_glass_unreviewed 1",
    ] {
        assert!(world.counts(line).await, "{line}\n{}", world.gate.admin("/metrics").await.unwrap().1);
    }
    let other = browser.go(&browser.at("vehicles", VEHICLE)).await.unwrap();
    assert_eq!(
        (other.status, other.link("/break-glass")),
        (403, None),
        "nor does the glass open it: {other:?}"
    );
    world.gate.stop().await.unwrap();
    let findings: Vec<_> = records(&world, "finding")
        .into_iter()
        .filter(|finding| finding["unmapped"]["detector"] == "break_glass")
        .collect();
    assert_eq!(findings.len(), 2, "that it was broken, and what was seen: {findings:#?}");
    assert!(
        findings
            .iter()
            .all(|finding| finding["is_alert"] == true
                && finding["actor"]["user"]["uid"] == "zone|eva.lambert")
    );
    let proved = world.gate.command("audit verify", &[]).await.unwrap();
    assert!(proved.status.success(), "{}", String::from_utf8_lossy(&proved.stderr));
}

/// That the glass was broken, and what was seen through it, is found by the case it was for.
async fn is_found_by_case(world: &World) {
    let found = world.gate.command("audit search", &["--case", "2026/4711"]).await.unwrap();
    let found = String::from_utf8(found.stdout).unwrap();
    let rows: Vec<_> = found.lines().filter(|row| row.contains("case 2026/4711")).collect();
    assert_eq!(rows.len(), 2, "{found}");
    assert!(rows.iter().all(|row| row.contains("eva.lambert") && row.contains("persons")), "{found}");
}

/// An officer of another zone who has broken the glass: the record of it, and the answer that it opened.
async fn broken(world: &World, browser: &Browser) -> (Value, Landed) {
    let page = offered(world, browser).await;
    let landed = breaks(browser, &page, WRITTEN).await;
    assert_eq!(landed.status, 200, "{landed:?}");
    (records(world, "break_glass").pop().unwrap(), landed)
}

#[tokio::test]
async fn somebody_else_than_who_broke_the_glass_looks_into_it_and_writes_down_what_they_found() {
    let world = World::start().await.unwrap();
    let browser = browser(&world, "car-12");
    let (broken, _) = broken(&world, &browser).await;
    let code = broken["unmapped"]["code"].as_str().unwrap().to_owned();
    let (listed, said) = review(&world, &[]).await;
    assert!(listed && said.starts_with(&code), "{said}");
    for part in [
        "zone|eva.lambert",
        "car-12",
        "persons, case 2026/4711, 1 request through it",
        "A child is missing",
        "1 broken glass",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let found = ["--finding", "the child was found", "--as"];
    for (what, code, name) in [
        ("the officer", &*code, "eva.lambert"),
        ("the officer's id", &code, "ZONE|Eva.Lambert"),
        ("another code", "AAAAAA", "bo.maes"),
    ] {
        let (done, said) = review(&world, &[&[code][..], &found, &[name]].concat()).await;
        assert!(!done, "{what}: {said}");
    }
    assert!(!review(&world, &[&code]).await.0, "nobody says nothing of it");
    assert!(records(&world, "review").is_empty());
    let (done, said) = review(&world, &[&[&*code][..], &found, &["bo.maes"]].concat()).await;
    assert!(done, "{said}");
    let reviewed = records(&world, "review").pop().unwrap();
    assert_eq!(
        (&reviewed["class_uid"], &reviewed["unmapped"]["reviewer"]),
        (&json!(3004), &json!("bo.maes"))
    );
    assert_eq!(reviewed["unmapped"]["finding"], "the child was found");
    assert_eq!(reviewed["unmapped"]["officer"], "zone|eva.lambert");
    assert!(reviewed["actor"]["user"]["uid"].is_string(), "and whom the machine knows: {reviewed}");
    assert!(world.counts("poort_break_glass_unreviewed 0").await);
    assert!(!review(&world, &[&[&*code][..], &found, &["bo.maes"]].concat()).await.0, "once");
}

#[tokio::test]
async fn a_glass_is_broken_by_its_own_form_for_who_was_offered_it() {
    let world = World::start().await.unwrap();
    let browser = browser(&world, "car-12");
    let page = offered(&world, &browser).await;
    let (own, sibling, address) =
        (browser.at("signin", ""), browser.at("persons", ""), browser.at("signin", "/break-glass"));
    let good = format!("{}&{WRITTEN}", hidden(&page));
    let mission = browser.go(&browser.at("signin", "/mission")).await.unwrap();
    let of_missions =
        format!("proof={}&to={}&{WRITTEN}", mission.field("proof").unwrap(), page.field("to").unwrap());
    // A journey that was sealed for something else is no offer.
    let led = self::browser(&world, "car-12");
    let start = led.go(&led.at("persons", PERSON)).await.unwrap();
    let journey = start.hops.iter().find(|url| url.path() == "/start").unwrap();
    let journey = journey.query_pairs().find(|(name, _)| name == "to").unwrap().1.into_owned();
    let proof = page.field("proof").unwrap();
    for (what, origin, form) in [
        ("a source's page", &sibling, &good),
        ("a page of nowhere", &"null".to_owned(), &good),
        ("no proof", &own, &format!("to={}&{WRITTEN}", page.field("to").unwrap())),
        ("the proof of missions", &own, &of_missions),
        ("no offer", &own, &format!("proof={proof}&{WRITTEN}")),
        ("a made-up offer", &own, &format!("proof={proof}&to=AAAA&{WRITTEN}")),
        ("a way to sign in for an offer", &own, &format!("proof={proof}&to={journey}&{WRITTEN}")),
        ("one word", &own, &format!("{}&reason=urgent&case=2026%2F4711", hidden(&page))),
        ("too many words", &own, &format!("{}&reason={}&case=2026%2F4711", hidden(&page), "a".repeat(501))),
        ("no case", &own, &format!("{}&reason=A+child+is+missing", hidden(&page))),
        ("no case number", &own, &format!("{}&reason=A+child+is+missing&case=urgent", hidden(&page))),
    ] {
        let answer = browser.submit(origin, &address, form).await.unwrap();
        assert_eq!((answer.status, answer.hops.len()), (400, 1), "{what}: {answer:?}");
        assert_eq!(status(&browser, "persons", PERSON).await, 403, "{what}");
    }
    assert!(records(&world, "break_glass").is_empty());
    assert_eq!(world.zone.persons.count(), 0, "nothing of it opened anything");
    // Somebody else signs in, and has the offer that was made before.
    let page_of_other = browser.go(&browser.at("signin", "/start?other=1")).await.unwrap();
    browser.go(&format!("{}&user=bo.maes", page_of_other.url)).await.unwrap();
    let to = page.field("to").unwrap();
    let foreign = browser.go(&browser.at("signin", &format!("/break-glass?to={to}"))).await.unwrap();
    assert_eq!(foreign.status, 400, "{foreign:?}");
    assert!(
        world
            .counts("poort_sign_ins_total{page=\"break_glass\",result=\"sign_in_of_another_person\"} 1")
            .await
    );
}

#[tokio::test]
async fn a_form_that_is_sent_twice_breaks_one_glass() {
    let world = World::start_with(|zone| {
        zone.layout.edit("policies/poort.yaml", |yaml| yaml["break_glass"]["lifetime"] = "5s".into())
    });
    let world = world.await.unwrap();
    let browser = browser(&world, "car-12");
    let page = offered(&world, &browser).await;
    assert_eq!(breaks(&browser, &page, WRITTEN).await.status, 200);
    // A second tap leads to where the first one did.
    let again = breaks(&browser, &page, WRITTEN).await;
    assert_eq!((again.status, again.url.as_str()), (200, &*browser.at("persons", PERSON)), "{again:?}");
    assert_eq!(records(&world, "break_glass").len(), 1);
    assert!(world.counts("poort_break_glass_unreviewed 1").await);
    tokio::time::sleep(Duration::from_secs(6)).await;
    // Nor does the way back to the form make it last longer: it is asked anew.
    let back = breaks(&browser, &page, WRITTEN).await;
    assert_eq!((back.status, records(&world, "break_glass").len()), (403, 1), "{back:?}");
    let offer = browser.go(&back.link("/break-glass").expect("an offer")).await.unwrap();
    assert_eq!(breaks(&browser, &offer, WRITTEN).await.status, 200);
    assert_eq!(records(&world, "break_glass").len(), 2);
}

#[tokio::test]
async fn it_is_offered_only_where_the_policies_would_allow_it() {
    let world = World::start().await.unwrap();
    // A device that nobody manages: `@unbreakable` stands.
    let private = browser(&world, "private-7");
    assert_eq!(refused(&world, &private).await.link("/break-glass"), None);
    // What changes something is opened by no glass.
    let browser = browser(&world, "car-12");
    offered(&world, &browser).await;
    let (address, own) = (browser.at("persons", PERSON), browser.at("persons", ""));
    let changes = browser.fetch("POST", &address, &[("origin", &own)]).await.unwrap();
    let problem: Value = serde_json::from_str(&changes.body).unwrap();
    assert_eq!((&problem["reason"], problem.get("break_glass")), (&json!("not_permitted"), None));
    // A script in the page is told where, and so is a program without a session.
    let looks = browser.fetch("GET", &address, &[]).await.unwrap();
    let problem: Value = serde_json::from_str(&looks.body).unwrap();
    assert_eq!(looks.header("set-cookie"), None, "a script that asks every second collects no cookies");
    let offer = problem["break_glass"].as_str().unwrap().to_owned();
    let page = browser.go(&offer).await.unwrap();
    assert_eq!(page.status, 200, "{problem}");
    let landed = breaks(&browser, &page, WRITTEN).await;
    assert_eq!(
        landed.url.as_str(),
        browser.at("persons", "/"),
        "a program's answer is no page to come back to"
    );
    assert_eq!(status(&browser, "persons", PERSON).await, 200);
    let token = world.caller(&Token::of("eva.lambert").role("officer")).unwrap();
    let (answer, received) = get(&token, &world.zone.persons, PERSON).await.unwrap();
    assert!(received.is_none());
    assert_eq!(answer.json()["break_glass"], browser.at("signin", "/break-glass"));
    let explains = browser.go(&browser.at("signin", "/break-glass")).await.unwrap();
    assert!(explains.status == 200 && explains.field("proof").is_none(), "{explains:?}");
}

#[tokio::test]
async fn a_broken_glass_is_of_one_session_and_ends_by_itself_and_its_review_waits_over_a_restart() {
    let world = World::start_with(|zone| {
        zone.layout.edit("policies/poort.yaml", |yaml| yaml["break_glass"]["lifetime"] = "4s".into())
    });
    let mut world = world.await.unwrap();
    let browser = browser(&world, "car-12");
    let page = offered(&world, &browser).await;
    assert_eq!(breaks(&browser, &page, WRITTEN).await.status, 200);
    let other = self::browser(&world, "car-12");
    assert!(
        offered(&world, &other).await.status == 200,
        "the same person in another browser is refused, and may ask"
    );
    let (reloaded, said) = world.reload(&[]).await.unwrap();
    assert!(reloaded, "{said}");
    assert_eq!(status(&browser, "persons", PERSON).await, 200, "a reload takes nothing away");
    let over = eventually(async || (status(&browser, "persons", PERSON).await == 403).then_some(())).await;
    assert!(over.is_some(), "{}", world.gate.log());
    world.gate.stop().await.unwrap();
    // While no gate runs, the record is added to directly.
    let (listed, said) = review(&world, &[]).await;
    assert!(listed && said.contains("1 broken glass"), "{said}");
    world.gate = poort_demo::gate::Gate::start(&world.zone.layout).await.unwrap();
    assert_eq!(status(&browser, "persons", PERSON).await, 403, "they are signed in, and the glass is whole");
    let waits = eventually(async || world.counts("poort_break_glass_unreviewed 1").await.then_some(())).await;
    assert!(waits.is_some(), "what is to be reviewed is read back from the record");
    world.gate.stop().await.unwrap();
    let code = records(&world, "break_glass")[0]["unmapped"]["code"].as_str().unwrap().to_owned();
    let (done, said) = review(&world, &[&code, "--finding", "in order", "--as", "bo.maes"]).await;
    assert!(done, "{said}");
    let (_, said) = review(&world, &[]).await;
    assert!(said.contains("0 broken glass"), "{said}");
}
