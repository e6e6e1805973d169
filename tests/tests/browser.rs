//! Signing in with Chromium at an issuer of somebody else's making: what officers see, and what their sources receive.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

use std::{
    collections::HashSet,
    io::Write as _,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use poort_demo::sources::Source;
use poort_tests::{
    PERSON,
    browser::{Stage, Tab, Way},
    with_demands,
};
use serde_json::{Value, json};

const VEHICLE: &str = "/vehicles/0-ABC-123";
const FIREARM: &str = "/firearms/DEMO-71802";
const AN: &str = "An Janssens with a password";
const AN_WITH_KEY: &str = "An Janssens with a key";

/// A tab in which somebody has signed in, at a person's entry.
async fn signed_in<'a>(stage: &'a Stage, who: &str) -> Tab<'a> {
    let tab = stage.browser.tab().await;
    let page = tab.go(&stage.at("persons", PERSON)).await;
    assert!(
        page.url.starts_with(&stage.provider.at("/interaction/")),
        "{page:?}\n{}",
        stage.world.gate.log()
    );
    let landed = tab.click(who).await;
    assert_eq!(landed.url, stage.at("persons", PERSON), "{landed:?}\n{}", stage.world.gate.log());
    tab
}

/// What a script of the page gets: status, kind, and whether it was led elsewhere.
fn fetched(path: &str) -> String {
    format!(
        "fetch('{path}').then(async (answer) => ({{ status: answer.status, kind: answer.headers.get('content-type'), \
         redirected: answer.redirected, challenge: answer.headers.get('www-authenticate'), reason: (await answer.json()).reason }}))"
    )
}

/// What a page's script is told when nobody is signed in any more.
fn is_told_to_sign_in(answer: &Value) {
    assert_eq!(
        (&answer["status"], &answer["kind"], &answer["redirected"]),
        (&json!(401), &json!("application/problem+json"), &json!(false)),
        "{answer}"
    );
}

/// What the last request told a source of who asks, and what for.
fn asserted(source: &Source) -> Value {
    let token = source.last().unwrap().header("poort-assertion").unwrap().to_owned();
    jsonwebtoken::dangerous::insecure_decode::<Value>(token).unwrap().claims
}

/// What is recorded of signing in and out.
fn authentications(stage: &Stage) -> Vec<Value> {
    let records = stage.world.zone.layout.records().into_iter();
    let signed =
        |record: &Value| record["status_detail"].as_str().is_some_and(|detail| detail.starts_with("signed_"));
    records.filter(|record| record["metadata"]["event_code"] == "authentication" && signed(record)).collect()
}

#[tokio::test]
async fn an_officer_signs_in_once_and_reaches_every_source() {
    let Some(stage) = Stage::set().await else { return };
    let tab = stage.browser.tab().await;
    let address = stage.at("persons", &format!("{PERSON}?tab=1"));
    let page = tab.go(&address).await;
    assert!(page.url.starts_with(&stage.provider.at("/interaction/")), "{page:?}");
    let landed = tab.click(AN).await;
    assert_eq!(
        (landed.url.as_str(), landed.status),
        (&*address, Some(200)),
        "{landed:?}\n{}",
        stage.world.gate.log()
    );
    assert!(landed.text.contains("Peeters, Lotte"), "{landed:?}");
    let received = stage.world.zone.persons.last().unwrap();
    assert_eq!(received.header("x-remote-user"), Some("an.janssens"));
    assert_eq!(received.header("cookie"), None, "the source never sees the session");
    let landed = tab.go(&stage.at("vehicles", VEHICLE)).await;
    assert_eq!(landed.status, Some(200), "{landed:?}");
    assert!(landed.passed("signin.localhost") && !landed.passed("localhost"), "{landed:?}");
    let received = stage.world.zone.vehicles.last().unwrap();
    assert_eq!(received.header("x-remote-user"), Some("an.janssens"));
    let again = tab.go(&stage.at("vehicles", VEHICLE)).await;
    assert_eq!((again.status, again.hops.len()), (Some(200), 1), "no more detours");
}

#[tokio::test]
async fn any_number_of_tabs_sign_in_at_once() {
    let Some(stage) = Stage::set().await else { return };
    let addresses = [
        stage.at("persons", PERSON),
        stage.at("vehicles", VEHICLE),
        stage.at("persons", "/search?name=lotte"),
        stage.at("vehicles", "/search?name=lotte"),
    ];
    let tabs = join_all(addresses.iter().map(|_| stage.browser.tab())).await;
    let pages = join_all(tabs.iter().zip(&addresses).map(|(tab, address)| tab.go(address))).await;
    assert!(pages.iter().all(|page| page.url.contains("/interaction/")), "{pages:?}");
    for (tab, address) in tabs.iter().zip(&addresses) {
        let landed = tab.click(AN).await;
        assert_eq!(
            (&landed.url, landed.status),
            (address, Some(200)),
            "{landed:?}\n{}",
            stage.world.gate.log()
        );
    }
    let zone = &stage.world.zone;
    let received = [zone.persons.received(), zone.vehicles.received()].concat();
    for address in ["/persons/", "/vehicles/", "/search?"] {
        assert!(received.iter().any(|request| request.target.contains(address)), "{address}");
    }
    assert!(received.iter().all(|request| request.header("x-remote-user") == Some("an.janssens")));
    let again = join_all(tabs.iter().zip(&addresses).map(|(tab, address)| tab.go(address))).await;
    assert!(again.iter().all(|page| page.status == Some(200) && page.hops.len() == 1), "{again:?}");
}

#[tokio::test]
async fn tabs_that_arrive_together_are_one_session() {
    let Some(stage) = Stage::set_with(with_demands).await else { return };
    // The issuer knows who it is, and the gate does not.
    let tab = signed_in(&stage, AN_WITH_KEY).await;
    stage.browser.forget_cookies_of(&["signin.localhost", "persons.localhost"]).await;
    let addresses = [stage.at("persons", PERSON), stage.at("vehicles", VEHICLE), stage.at("vehicles", "/")];
    let tabs = join_all(addresses.iter().map(|_| stage.browser.tab())).await;
    let pages = join_all(tabs.iter().zip(&addresses).map(|(tab, address)| tab.go(address))).await;
    for (page, address) in pages.iter().zip(&addresses) {
        assert_eq!((&page.url, page.status), (address, Some(200)), "{page:?}\n{}", stage.world.gate.log());
    }
    let sessions: HashSet<_> =
        authentications(&stage).iter().map(|one| one["session"]["uid"].to_string()).collect();
    assert_eq!(sessions.len(), 1, "{:#?}", authentications(&stage));
    tab.go(&stage.at("firearms", FIREARM)).await;
    tab.click("Patrol").await;
    assert_eq!(tab.click("Begin").await.url, stage.at("firearms", FIREARM));
    for (tab, source) in [(&tabs[0], &stage.world.zone.persons), (&tabs[1], &stage.world.zone.vehicles)] {
        assert_eq!(tab.run(&fetched("/search?name=lotte")).await["status"], 200);
        assert_eq!(asserted(source)["purpose"], "patrol", "one mission for all of them");
    }
}

#[tokio::test]
async fn a_script_whose_session_expired_is_told_and_not_led_away() {
    let short = |yaml: &mut serde_yaml::Value| yaml["sign_in"]["lifetime"] = "12s".into();
    let stage = Stage::set_with(|zone| zone.layout.edit("policies/poort.yaml", short));
    let Some(stage) = stage.await else { return };
    let tab = signed_in(&stage, AN).await;
    let answer = tab.run(&fetched(PERSON)).await;
    assert_eq!(answer["status"], 200, "{answer}");
    tokio::time::sleep(Duration::from_secs(12)).await;
    let before = stage.world.zone.persons.count();
    let answer = tab.run(&fetched(PERSON)).await;
    is_told_to_sign_in(&answer);
    assert_eq!(answer["reason"], "sign_in_expired", "{answer}");
    assert_eq!(stage.world.zone.persons.count(), before);
    // Who goes on by hand is led: the issuer still knows them, and asks nothing.
    let landed = tab.go(&stage.at("persons", PERSON)).await;
    assert_eq!((landed.status, landed.url), (Some(200), stage.at("persons", PERSON)));
}

/// Puts a form into the page, as the application's own would be, and fills it in.
async fn write(tab: &Tab<'_>, path: &str) {
    let form = "<form method=post action='ACTION'><input type=hidden name=token value='a&b=\"c'><label>Remark \
                <textarea name=remark></textarea></label><button name=save value=1>Save</button></form>";
    let form = form.replace("ACTION", path).replace('\n', "");
    tab.run(&format!("document.body.insertAdjacentHTML('beforeend', `{form}`)")).await;
    tab.fill("Remark", "Gezien bij de brug; 50% zeker,\nétait là + 1 €").await;
}

/// What a browser makes of it.
const WRITTEN: &str = "token=a%26b%3D%22c&remark=Gezien+bij+de+brug%3B+50%25+zeker%2C%0D%0A%C3%A9tait+l%C3%A0+%2B+1+%E2%82%AC&save=1";

#[tokio::test]
async fn a_form_that_meets_the_end_of_a_session_is_sent_after_signing_in_again_and_once() {
    let short = |yaml: &mut serde_yaml::Value| yaml["sign_in"]["lifetime"] = "15s".into();
    let stage = Stage::set_with(|zone| zone.layout.edit("policies/poort.yaml", short));
    let Some(stage) = stage.await else { return };
    let tab = signed_in(&stage, "Bo Maes with a key").await;
    write(&tab, PERSON).await;
    tokio::time::sleep(Duration::from_secs(15)).await;
    let posted = || {
        let all = stage.world.zone.persons.received().into_iter();
        all.filter(|request| request.method == "POST").map(|request| request.body).collect::<Vec<_>>()
    };
    let page = tab.click("Save").await;
    assert_eq!((page.status, page.url), (Some(401), stage.at("persons", PERSON)));
    assert!(page.text.contains("This is not sent yet."), "{}", page.text);
    let page = tab.click("Sign in").await;
    assert!(
        page.text.contains("Send it now?") && page.text.contains(PERSON),
        "{page:?}\n{}",
        stage.world.gate.log()
    );
    assert!(page.passed("localhost"), "the issuer, which knows who it is, was asked: {page:?}");
    assert_eq!(posted(), [[0; 0]; 0], "nothing is sent that is not confirmed");
    let address = page.url.clone();
    let landed = tab.click("Send").await;
    assert_eq!(
        (landed.url, landed.status),
        (stage.at("persons", PERSON), Some(200)),
        "{}",
        stage.world.gate.log()
    );
    assert!(landed.text.contains("était là + 1 €"), "{}", landed.text);
    assert_eq!(posted(), [WRITTEN.as_bytes()]);
    let page = tab.go(&address).await;
    assert_eq!(page.status, Some(400), "it was sent once: {page:?}");
    assert_eq!(posted().len(), 1);
}

#[tokio::test]
async fn a_form_waits_for_a_stronger_sign_in_and_is_nobody_elses() {
    let Some(stage) = Stage::set().await else { return };
    let tab = signed_in(&stage, "Bo Maes with a password").await;
    write(&tab, PERSON).await;
    let page = tab.click("Save").await;
    assert!(page.text.contains("This is not sent yet."), "{}", page.text);
    tab.click("Sign in").await;
    let page = tab.click("An Janssens with a key").await;
    assert_eq!(page.status, Some(400), "who took over sees nothing of it: {page:?}");
    assert!(!page.text.contains("brug"), "{}", page.text);
    let received = stage.world.zone.persons.received();
    assert!(received.iter().all(|request| request.method == "GET"), "{received:?}");

    let tab = stage.browser.tab().await;
    tab.go(&stage.at("signin", "/start?other=1")).await;
    tab.click("Bo Maes with a password").await;
    tab.go(&stage.at("persons", PERSON)).await;
    write(&tab, PERSON).await;
    tab.click("Save").await;
    tab.click("Sign in").await;
    let page = tab.click("Bo Maes with a key").await;
    assert!(page.text.contains("Send it now?"), "{page:?}");
    assert_eq!(tab.click("Send").await.status, Some(200), "{}", stage.world.gate.log());
    assert_eq!(stage.world.zone.persons.last().unwrap().body, WRITTEN.as_bytes());
}

#[tokio::test]
async fn firearms_ask_for_a_key_and_the_request_goes_on() {
    let Some(stage) = Stage::set().await else { return };
    let tab = signed_in(&stage, AN).await;
    let address = stage.at("firearms", FIREARM);
    let page = tab.go(&address).await;
    assert!(page.hops.iter().any(|hop| hop.contains("acr_values=") && hop.contains("mfa")), "{page:?}");
    assert!(page.url.contains("/interaction/"), "{page:?}");
    let weak = tab.click(AN).await;
    assert_eq!(weak.status, Some(403), "no loop: {weak:?}");
    assert_eq!(stage.world.zone.firearms.count(), 0);
    tab.go(&address).await;
    let landed = tab.click(AN_WITH_KEY).await;
    assert_eq!((landed.url, landed.status), (address, Some(200)), "{}", stage.world.gate.log());
    assert_eq!(stage.world.zone.firearms.last().unwrap().header("x-remote-user"), Some("an.janssens"));
    let landed = tab.go(&stage.at("persons", PERSON)).await;
    assert_eq!((landed.status, landed.hops.len()), (Some(200), 1), "nothing else is asked again: {landed:?}");
}

#[tokio::test]
async fn a_source_that_wants_a_recent_sign_in_is_reached_after_one() {
    let recent = "@id(\"recent\") @reason(\"Vehicles need a recent sign-in.\")\n\
                  forbid (principal, action == Poort::Action::\"consult\", resource == Poort::Source::\"vehicles\")\n\
                  unless { context.session has auth_age && context.session.auth_age <= 15 };\n";
    let stage = Stage::set_with(|zone| zone.layout.write_file("policies/access/recent.cedar", recent)).await;
    let Some(stage) = stage else { return };
    let tab = signed_in(&stage, AN).await;
    let address = stage.at("vehicles", VEHICLE);
    assert_eq!(tab.go(&address).await.status, Some(200), "it was just now");
    tokio::time::sleep(Duration::from_secs(17)).await;
    let answer = tab.run(&fetched(VEHICLE)).await;
    assert_eq!((&answer["status"], &answer["reason"]), (&json!(401), &json!("stronger_sign_in")), "{answer}");
    assert_eq!(answer["challenge"].as_str().unwrap().split(", ").last(), Some("max_age=\"15\""));
    let page = tab.go(&address).await;
    assert!(page.hops.iter().any(|hop| hop.contains("&max_age=15")), "{page:?}");
    assert!(page.url.contains("/interaction/"), "the issuer asks again: {page:?}");
    let landed = tab.click(AN).await;
    assert_eq!((landed.url, landed.status), (address, Some(200)), "{}", stage.world.gate.log());
}

#[tokio::test]
async fn what_it_is_for_is_asked_once_and_goes_with_every_request() {
    let Some(stage) = Stage::set_with(with_demands).await else { return };
    let tab = signed_in(&stage, AN_WITH_KEY).await;
    let page = tab.go(&stage.at("firearms", FIREARM)).await;
    assert!(page.url.starts_with(&stage.at("signin", "/mission?to=")), "{page:?}");
    tab.click("Investigation").await;
    tab.fill("Case number", "2026/17").await;
    let landed = tab.click("Begin").await;
    assert_eq!(landed.url, stage.at("firearms", FIREARM), "{landed:?}\n{}", stage.world.gate.log());
    let zone = &stage.world.zone;
    assert_eq!(asserted(&zone.firearms)["purpose"], "investigation");
    assert_eq!(tab.go(&stage.at("vehicles", VEHICLE)).await.status, Some(200));
    assert_eq!(asserted(&zone.vehicles)["purpose"], "investigation");
}

#[tokio::test]
async fn who_took_too_long_to_say_what_it_is_for_signs_in_and_still_gets_there() {
    let stage = Stage::set_with(|zone| {
        zone.layout.edit("policies/poort.yaml", |yaml| yaml["sign_in"]["lifetime"] = "15s".into())?;
        with_demands(zone)
    });
    let Some(stage) = stage.await else { return };
    let tab = signed_in(&stage, AN_WITH_KEY).await;
    tab.go(&stage.at("firearms", FIREARM)).await;
    tokio::time::sleep(Duration::from_secs(15)).await;
    tab.click("Patrol").await;
    let page = tab.click("Begin").await;
    assert!(page.url.starts_with(&stage.at("signin", "/mission?to=")), "{page:?}");
    tab.click("Patrol").await;
    let landed = tab.click("Begin").await;
    assert_eq!(
        (landed.url, landed.status),
        (stage.at("firearms", FIREARM), Some(200)),
        "{}",
        stage.world.gate.log()
    );
}

#[tokio::test]
async fn signing_out_ends_it_at_every_source_and_at_the_issuer() {
    let Some(stage) = Stage::set().await else { return };
    let persons = signed_in(&stage, AN).await;
    let vehicles = stage.browser.tab().await;
    assert_eq!(vehicles.go(&stage.at("vehicles", VEHICLE)).await.status, Some(200));
    let third = stage.browser.tab().await;
    let page = third.go(&stage.at("persons", "/.poort/logout")).await;
    assert_eq!(page.url, stage.at("signin", "/sign-out"));
    let page = third.click("Sign out").await;
    assert!(page.url.starts_with(&stage.provider.at("/session/end")), "{page:?}");
    // It ended here before the issuer asked.
    is_told_to_sign_in(&persons.run(&fetched(PERSON)).await);
    let landed = third.click("Yes").await;
    assert_eq!(landed.url, stage.at("signin", "/signed-out"), "{landed:?}");
    is_told_to_sign_in(&vehicles.run(&fetched(VEHICLE)).await);
    let page = persons.go(&stage.at("persons", PERSON)).await;
    assert!(page.url.contains("/interaction/"), "the issuer asks who it is: {page:?}");
}

#[tokio::test]
async fn who_signs_out_at_the_issuer_is_signed_out_here_and_their_streams_end() {
    let soon = |yaml: &mut serde_yaml::Value| yaml["streams"]["readmit"] = "2s".into();
    let stage = Stage::set_with(|zone| zone.layout.edit("policies/sources/persons.yaml", soon));
    let Some(stage) = stage.await else { return };
    let tab = signed_in(&stage, AN).await;
    let socket = "new Promise((opened, failed) => { const socket = new WebSocket(location.origin.replace('http', 'ws') + '/ws'); \
                  window.ended = new Promise((end) => socket.onclose = end).then(() => window.over = true); \
                  socket.onopen = () => socket.send('hello'); socket.onmessage = (said) => opened(said.data); \
                  socket.onerror = () => failed(new Error('no socket')); })";
    assert_eq!(tab.run(socket).await, "hello");
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(
        tab.run("window.over === true").await,
        false,
        "it is admitted again as long as somebody is signed in"
    );
    let elsewhere = stage.browser.tab().await;
    elsewhere.go(&stage.provider.at("/session/end")).await;
    let landed = elsewhere.click("Yes").await;
    assert!(landed.text.contains("Signed out here."), "{landed:?}");
    let ended = Instant::now();
    tab.until("window.over === true").await;
    assert!(ended.elapsed() < Duration::from_secs(5), "{:?}", ended.elapsed());
    is_told_to_sign_in(&tab.run(&fetched(PERSON)).await);
    let told = authentications(&stage).pop().unwrap();
    assert_eq!(
        (&told["status_detail"], &told["unmapped"]["ended"]),
        (&json!("signed_out_by_issuer"), &json!(1))
    );
}

#[tokio::test]
async fn another_officer_takes_over_the_tablet() {
    let Some(stage) = Stage::set().await else { return };
    let before = signed_in(&stage, AN).await;
    let tab = stage.browser.tab().await;
    let page = tab.go(&stage.at("signin", "/")).await;
    assert!(page.text.contains("an.janssens"), "{page:?}");
    let page = tab.click("Somebody else signs in").await;
    assert!(page.url.contains("/interaction/"), "the issuer asks, though it knows An: {page:?}");
    let landed = tab.click("Cas Willems with a password").await;
    assert!(landed.text.contains("cas.willems"), "{landed:?}\n{}", stage.world.gate.log());
    is_told_to_sign_in(&before.run(&fetched(PERSON)).await);
    let landed = before.go(&stage.at("persons", PERSON)).await;
    assert_eq!(landed.status, Some(200), "{landed:?}");
    let received =
        stage.world.zone.persons.received().into_iter().filter(|request| request.target.ends_with(PERSON));
    let users: Vec<_> = received.map(|request| request.header("x-remote-user").unwrap().to_owned()).collect();
    assert_eq!(users, ["an.janssens", "cas.willems"]);
}

/// What somebody waits for on the way to two sources.
const WAITS: [&str; 4] = [
    "first source, to the issuer's page",
    "first source, from who it is to the entry",
    "second source",
    "second source, again",
];

/// From tap to first byte, in milliseconds, for each of [`WAITS`]; nothing is known of this browser anywhere.
async fn waits(way: Way) -> Option<[f64; 4]> {
    let stage = Stage::set_far(way).await?;
    let tab = stage.browser.tab().await;
    let first_byte = async || tab.timing().await["responseStart"].as_f64().unwrap();
    tab.go(&stage.at("persons", PERSON)).await;
    let issuer = first_byte().await;
    assert_eq!(tab.click(AN).await.url, stage.at("persons", PERSON));
    let entry = first_byte().await;
    assert_eq!(tab.go(&stage.at("vehicles", VEHICLE)).await.status, Some(200));
    let second = first_byte().await;
    assert_eq!(tab.go(&stage.at("vehicles", VEHICLE)).await.hops.len(), 1);
    Some([issuer, entry, second, first_byte().await])
}

#[tokio::test]
async fn how_long_it_takes_where_a_round_trip_is_slow() {
    for (how, loss, tries) in [("300 ms round trip", 0.0, 3), ("300 ms round trip, 2 % lost", 0.02, 5)] {
        let mut all = Vec::new();
        for seed in 1..=tries {
            let Some(waits) = waits(Way { round_trip: Duration::from_millis(300), loss, seed }).await else {
                return;
            };
            assert!(waits.iter().all(|wait| *wait >= 300.0), "the way is not long: {waits:?}");
            all.push(waits);
        }
        for (place, what) in WAITS.iter().enumerate() {
            let mut sorted: Vec<_> = all.iter().map(|waits| waits[place]).collect();
            sorted.sort_by(f64::total_cmp);
            figure(&format!("{how}, median of {tries}: {what}"), sorted[sorted.len() / 2]);
            figure(&format!("{how}, worst of {tries}: {what}"), sorted[sorted.len() - 1]);
        }
    }
}

/// Says a figure. Not by `println!`, which a test that passes would swallow.
fn figure(what: &str, milliseconds: f64) {
    // Nothing is to be done if there is nobody to tell.
    let _ = writeln!(
        std::io::stderr(),
        "tap to first byte, {what}: {milliseconds:.0} ms ({:.1} round trips)",
        milliseconds / 300.0
    );
}
