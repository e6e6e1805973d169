//! What is tried against signing in, and what comes of it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

use std::time::Duration;

use poort_demo::{
    client::{Browser, Landed},
    issuer::Token,
    wire::Reply,
};
use poort_tests::{
    PERSON, World,
    browser::Stage,
    eventually,
    signing_in::{sign_in, signed_in},
    without_limits,
};
use reqwest::Url;

const SESSION: &str = "__Host-poort-session";
const HOUR: i64 = 3600;
const VEHICLE: &str = "/vehicles/0-ABC-123";

fn browser(world: &World) -> Browser {
    Browser::new(&world.zone, &world.zone.caller("car-12").unwrap()).unwrap()
}

/// The issuer's page, on the way to a person's entry.
async fn at_issuer(browser: &Browser) -> Url {
    let page = browser.go(&browser.at("persons", PERSON)).await.unwrap();
    assert_eq!(page.url.host_str(), Some("localhost"), "{page:?}");
    page.url
}

/// Where the issuer sends a browser in which this person is chosen: its answer, which is not followed.
async fn answer(browser: &Browser, page: &Url, user: &str) -> Url {
    let redirect = browser.fetch("GET", &format!("{page}&user={user}"), &[]).await.unwrap();
    Url::parse(redirect.header("location").unwrap()).unwrap()
}

/// An address with another value of a parameter, or without it.
fn with(url: &Url, name: &str, value: Option<&str>) -> Url {
    let others = url.query_pairs().into_owned().filter(|(own, _)| own != name);
    let pairs: Vec<_> = others.chain(value.map(|value| (name.to_owned(), value.to_owned()))).collect();
    let mut changed = url.clone();
    changed.query_pairs_mut().clear().extend_pairs(pairs);
    changed
}

fn parameter(url: &Url, name: &str) -> String {
    url.query_pairs().find(|(own, _)| own == name).unwrap().1.into_owned()
}

/// Nobody was signed in by this, and it was told why.
async fn came_to_nothing(world: &World, browser: &Browser, landed: &Landed, code: &str) {
    assert_eq!((landed.status, landed.url.host_str()), (400, Some("signin.localhost")), "{code}: {landed:?}");
    assert!(!browser.cookies("signin").contains_key(SESSION), "{code}");
    let counted = format!("poort_sign_ins_total{{page=\"callback\",result=\"{code}\"}} 1");
    assert!(world.counts(&counted).await, "{code}: {}", world.gate.log());
}

#[tokio::test]
async fn an_answer_is_good_for_its_own_sign_in_at_its_own_issuer() {
    let world = World::start_with(without_limits).await.unwrap();
    let mine = browser(&world);
    let page = at_issuer(&mine).await;
    // Browsers see the nonce, so somebody may ask the issuer for a token with another sign-in's.
    let replayed = answer(&mine, &with(&page, "nonce", Some("of-another-sign-in")), "an.janssens").await;
    let landed = mine.go(replayed.as_str()).await.unwrap();
    came_to_nothing(&world, &mine, &landed, "token_nonce").await;

    let page = at_issuer(&mine).await;
    let federal = with(&answer(&mine, &page, "an.janssens").await, "iss", Some(world.zone.federal.issuer()));
    let landed = mine.go(federal.as_str()).await.unwrap();
    came_to_nothing(&world, &mine, &landed, "sign_in_issuer").await;

    let page = at_issuer(&mine).await;
    let silent = with(&answer(&mine, &page, "an.janssens").await, "iss", None);
    let landed = mine.go(silent.as_str()).await.unwrap();
    came_to_nothing(&world, &mine, &landed, "sign_in_issuer_missing").await;

    // A code that was stolen on its way, put into a sign-in of the thief's: PKCE's verifier is another.
    let stolen = answer(&mine, &at_issuer(&mine).await, "an.janssens").await;
    let thief = browser(&world);
    let theirs = answer(&thief, &at_issuer(&thief).await, "cas.willems").await;
    let injected = with(&theirs, "code", Some(&parameter(&stolen, "code")));
    let landed = thief.go(injected.as_str()).await.unwrap();
    assert_eq!(landed.url.host_str(), Some("localhost"), "the issuer is asked once more: {landed:?}");
    assert!(!thief.cookies("signin").contains_key(SESSION));
    // It is spent by that, and worth nothing to anybody.
    let landed = mine.go(stolen.as_str()).await.unwrap();
    assert_eq!(landed.url.host_str(), Some("localhost"), "{landed:?}");
    assert!(!mine.cookies("signin").contains_key(SESSION));
    assert_eq!(world.zone.persons.count(), 0);
    assert_eq!(sign_in(&world, &mine, "an.janssens").await.status, 200, "nothing is spoilt");
}

#[tokio::test]
async fn nobody_signs_in_into_a_session_that_was_planted() {
    let world = World::start_with(without_limits).await.unwrap();
    // An left her session in somebody else's browser on the same car, to have them act in it.
    let an = signed_in(&world, "car-12", "an.janssens").await;
    let planted = [an.cookies("signin")[SESSION].clone(), an.cookies("persons")[SESSION].clone()];
    let bo = browser(&world);
    bo.plant("signin", SESSION, &planted[0]);
    let page = bo.go(&bo.at("signin", "/start?other=1")).await.unwrap();
    let home = bo.go(&format!("{}&user=bo.maes", page.url)).await.unwrap();
    assert!(home.body.contains("bo.maes"), "{home:?}");
    let own = bo.cookies("signin")[SESSION].clone();
    assert_ne!(own, planted[0], "a sign-in is a session of its own");
    let ended = an.fetch("GET", &an.at("persons", PERSON), &[]).await.unwrap();
    assert_eq!(ended.status, 401, "and the one before on this car is over");
    bo.plant("persons", SESSION, &planted[1]);
    let refused = bo.fetch("GET", &bo.at("persons", PERSON), &[]).await.unwrap();
    assert_eq!(refused.status, 401, "nobody acts in it");
    let landed = bo.go(&bo.at("persons", PERSON)).await.unwrap();
    assert_eq!(landed.status, 200, "{landed:?}");
    assert_eq!(world.zone.persons.last().unwrap().header("x-remote-user"), Some("bo.maes"));
}

#[tokio::test]
async fn cookies_that_a_source_plants_change_nothing() {
    let Some(stage) = Stage::set().await else { return };
    let tab = stage.browser.tab().await;
    tab.go(&stage.at("vehicles", VEHICLE)).await;
    tab.click("An Janssens with a password").await;
    assert_eq!(tab.go(&stage.at("persons", PERSON)).await.status, Some(200));
    // By its script: over its own session, for its siblings, and for the sign-in host.
    let plant = "for (const [name, more] of [['session', ''], ['session', '; Domain=localhost'], ['login-aaaaaaaa', '; Domain=localhost'], \
                 ['session', '; Domain=signin.localhost'], ['session', '; Domain=vehicles.localhost'], ['hop-aaaaaaaa', '']]) \
                 document.cookie = `__Host-poort-${name}=planted; Path=/; Secure${more}`; document.cookie";
    let script_sees = tab.run(plant).await;
    assert!(!script_sees.as_str().unwrap().contains("poort-session"), "{script_sees}");
    // And by its answers.
    tab.go(&stage.at("persons", "/login?user=an&plant=__Host-poort-session")).await;
    for (name, path) in [("persons", PERSON), ("vehicles", VEHICLE), ("signin", "/")] {
        let page = tab.go(&stage.at(name, path)).await;
        assert_eq!((page.status, page.hops.len()), (Some(200), 1), "{name}: still signed in: {page:?}");
    }
    assert!(tab.go(&stage.at("signin", "/")).await.text.contains("an.janssens"));
    let received = stage.world.zone.persons.received();
    assert!(received.iter().all(|request| !request.header("cookie").unwrap_or_default().contains("poort")));
    // Where there is no session yet, what was planted is no way to one.
    stage.browser.forget_cookies_of(&["persons.localhost"]).await;
    tab.go(&stage.at("persons", PERSON)).await;
    stage.browser.forget_cookies_of(&["persons.localhost"]).await;
    tab.go(&stage.at("vehicles", VEHICLE)).await;
    let page = tab.go(&stage.at("persons", PERSON)).await;
    assert_eq!(page.status, Some(200), "{page:?}\n{}", stage.world.gate.log());
}

#[tokio::test]
async fn a_cookie_is_good_as_long_as_its_key_is() {
    let world = World::start_with(without_limits).await.unwrap();
    let an = signed_in(&world, "car-12", "an.janssens").await;
    let address = an.at("persons", PERSON);
    let keys = world.zone.pki.path("session.keys");
    let (old, new) = (std::fs::read_to_string(&keys).unwrap(), "5c".repeat(32));
    let status = async |browser: &Browser| browser.fetch("GET", &address, &[]).await.unwrap().status;
    std::fs::write(&keys, format!("{new}\n{old}")).unwrap();
    assert!(world.reload(&[]).await.unwrap().0);
    assert_eq!(status(&an).await, 200, "the old key still opens");
    std::fs::write(&keys, format!("{new}\n")).unwrap();
    assert!(world.reload(&[]).await.unwrap().0);
    let refused = an.fetch("GET", &address, &[]).await.unwrap();
    assert_eq!(refused.status, 401);
    let record = world.record_of("decision", refused.header("poort-request-id").unwrap()).await.unwrap();
    assert_eq!(record["status_detail"], "session_unreadable");
    assert_eq!(
        sign_in(&world, &an, "an.janssens").await.status,
        200,
        "who signs in has one under the new key"
    );
    assert_eq!(status(&an).await, 200);
}

#[tokio::test]
async fn an_issuer_whose_clock_is_an_hour_off_signs_nobody_in() {
    let world = World::start_with(without_limits).await.unwrap();
    let (issuer, car) = (&world.zone.zone, world.zone.caller("car-12").unwrap());
    for (ahead, code) in [(HOUR, "token_not_yet_valid"), (-HOUR, "token_expired")] {
        issuer.set_clock(ahead);
        let browser = browser(&world);
        let landed = sign_in_anyhow(&browser, "an.janssens").await;
        came_to_nothing(&world, &browser, &landed, code).await;
        assert!(landed.link(PERSON).is_some(), "and may try again: {landed:?}");
        let token = issuer.mint(&Token::officer("an.janssens")).unwrap();
        let (answer, received) =
            poort_tests::get(&car.bearer(&token), &world.zone.persons, PERSON).await.unwrap();
        assert_eq!((answer.status, received.is_none()), (401, true), "{code}");
        assert_eq!(world.record("decision", &answer).await.unwrap()["status_detail"], code);
    }
    issuer.set_clock(0);
    assert_eq!(sign_in(&world, &browser(&world), "an.janssens").await.status, 200);
}

async fn sign_in_anyhow(browser: &Browser, user: &str) -> Landed {
    let page = at_issuer(browser).await;
    browser.go(&format!("{page}&user={user}")).await.unwrap()
}

#[tokio::test]
async fn key_sets_that_lead_elsewhere_or_never_end_are_not_believed() {
    let world = World::start_with(without_limits).await.unwrap();
    let issuer = &world.zone.zone;
    let elsewhere = format!("{}/jwks", world.zone.federal.root());
    for (what, answer, told) in [
        ("a redirect", Reply::status(302).header("Location", &elsewhere), "the answer was 302"),
        ("one without an end", Reply::text(200, "application/json", &" ".repeat(2 << 20)), "is larger than"),
    ] {
        // They are fetched again after a reload, unless that was just now.
        tokio::time::sleep(Duration::from_millis(5100)).await;
        let from = world.gate.log().len();
        issuer.answer_for_keys(Some(answer));
        assert!(world.reload(&[]).await.unwrap().0);
        let line = eventually(async || {
            let log = world.gate.log();
            log.get(from..)
                .unwrap_or_default()
                .lines()
                .find(|line| line.contains("keys_not_fetched"))
                .map(str::to_owned)
        });
        let line = line.await.unwrap_or_else(|| panic!("{what}: {}", world.gate.log()));
        assert!(line.contains(told), "{what}: {line}");
        assert_eq!(
            sign_in(&world, &browser(&world), "an.janssens").await.status,
            200,
            "{what}: the last good ones are kept"
        );
    }
}
