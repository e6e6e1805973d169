//! Signing in with a browser: once, on one device, for every source; and what comes of everything that tries to get in otherwise.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

use std::time::Duration;

use futures_util::future::join_all;
use poort_demo::{
    client::{Browser, Landed, plain},
    gate::Gate,
    issuer::{CLIENT, Token},
};
use poort_tests::{PERSON, World, eventually, with_device, without_limits};
use serde_json::{Value, json};

const VEHICLE: &str = "/vehicles/0-ABC-123";
const FIREARM: &str = "/firearms/DEMO-71802";
const SESSION: &str = "__Host-poort-session";

fn browser(world: &World, device: &str) -> Browser {
    Browser::new(&world.zone, &world.zone.caller(device).unwrap()).unwrap()
}

/// Chooses a person on the issuer's page.
async fn choose(browser: &Browser, page: &Landed, user: &str) -> Landed {
    assert_eq!(page.url.host_str(), Some("localhost"), "this is not the issuer's page: {page:?}");
    browser.go(&format!("{}&user={user}", page.url)).await.unwrap()
}

/// A browser in which somebody has signed in, on the way to a person's entry.
async fn signed_in(world: &World, user: &str) -> Browser {
    let browser = browser(world, "car-12");
    let page = browser.go(&browser.at("persons", PERSON)).await.unwrap();
    let landed = choose(&browser, &page, user).await;
    assert_eq!(landed.status, 200, "{landed:?}\n{}", world.gate.log());
    browser
}

/// What the record says of the request behind an answer.
async fn detail(world: &World, answer: &Landed) -> Value {
    let id = answer.header("poort-request-id").unwrap().to_owned();
    eventually(async || {
        world.zone.layout.records().into_iter().find(|record| {
            let says = |name, value: &str| record.pointer(name).is_some_and(|said| said == value);
            says("/metadata/event_code", "decision") && says("/metadata/correlation_uid", &id)
        })
    })
    .await
    .unwrap()
}

#[tokio::test]
async fn an_officer_signs_in_once_and_reaches_every_source() {
    let world = World::start().await.unwrap();
    let browser = browser(&world, "car-12");
    let address = browser.at("persons", &format!("{PERSON}?tab=1"));
    let page = browser.go(&address).await.unwrap();
    let landed = choose(&browser, &page, "an.janssens").await;
    assert_eq!(
        (landed.status, landed.url.as_str()),
        (200, address.as_str()),
        "{landed:?}\n{}",
        world.gate.log()
    );
    let received = world.zone.persons.received().pop().unwrap();
    assert_eq!(received.header("x-remote-user"), Some("an.janssens"));
    assert_eq!(received.header("cookie"), None, "the source never sees the session");
    let landed = browser.go(&browser.at("vehicles", VEHICLE)).await.unwrap();
    assert_eq!(landed.status, 200, "{landed:?}");
    assert!(landed.passed("signin.localhost") && !landed.passed("localhost"), "{:?}", landed.hops);
    assert!(
        browser.cookies("persons").keys().all(|name| name == SESSION),
        "what was needed on the way is gone"
    );
    let again = browser.go(&browser.at("vehicles", VEHICLE)).await.unwrap();
    assert_eq!((again.status, again.hops.len()), (200, 1), "no more detours");
    browser.plant("persons", "JSESSIONID", "1");
    browser.fetch("GET", &browser.at("persons", PERSON), &[]).await.unwrap();
    let received = world.zone.persons.received().pop().unwrap();
    assert_eq!(received.header("cookie"), Some("JSESSIONID=1"), "its own cookie reaches it, and no other");
}

#[tokio::test]
async fn only_a_person_going_somewhere_is_sent_to_sign_in() {
    let world = World::start().await.unwrap();
    let browser = browser(&world, "car-12");
    let address = browser.at("persons", PERSON);
    for headers in [
        &[][..],
        &[("accept", "text/html"), ("x-requested-with", "XMLHttpRequest")],
        &[("accept", "text/html"), ("sec-fetch-mode", "cors")],
    ] {
        let answer = browser.fetch("GET", &address, headers).await.unwrap();
        assert_eq!(answer.status, 401, "{headers:?}");
        assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{headers:?}");
        assert!(
            answer.header("www-authenticate").is_some_and(|value| value.starts_with("Bearer")),
            "{headers:?}"
        );
        assert!(answer.header("location").is_none() && answer.header("set-cookie").is_none(), "{headers:?}");
    }
    let car = world.zone.caller("car-12").unwrap();
    let upgrade =
        ["Connection: Upgrade", "Upgrade: websocket", "Accept: text/html", "Sec-WebSocket-Version: 13"];
    let answer = car.ask("GET", "firearms.localhost", "/ws", &upgrade).await.unwrap();
    assert_eq!(answer.status, 401, "a WebSocket");
    let form = browser.submit("https://persons.localhost", &address, "a=b").await.unwrap();
    assert_eq!((form.status, form.hops.len()), (401, 1), "a form is not thrown away by a redirect");
    assert_eq!(world.zone.persons.count() + world.zone.firearms.count(), 0);
}

#[tokio::test]
async fn any_number_of_tabs_sign_in_at_once() {
    let world = World::start().await.unwrap();
    let browser = browser(&world, "car-12");
    let addresses =
        [browser.at("persons", PERSON), browser.at("vehicles", VEHICLE), browser.at("persons", "/")];
    let pages = join_all(addresses.iter().map(|address| browser.go(address))).await;
    for (page, address) in pages.iter().zip(&addresses).rev() {
        let landed = choose(&browser, page.as_ref().unwrap(), "an.janssens").await;
        assert_eq!(landed.url.as_str(), address, "{landed:?}\n{}", world.gate.log());
        assert_eq!(landed.status, 200, "{address}");
    }
    for address in &addresses {
        assert_eq!(browser.fetch("GET", address, &[]).await.unwrap().status, 200, "{address}");
    }
}

#[tokio::test]
async fn parallel_requests_make_one_refresh_and_sign_nobody_out() {
    let world = World::start_with(without_limits).await.unwrap();
    world.zone.zone.shorten(true);
    let browser = signed_in(&world, "an.janssens").await;
    world.zone.zone.shorten(false);
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(world.zone.zone.refreshes(), 0, "nobody asked meanwhile");
    let address = browser.at("persons", PERSON);
    let answers = join_all((0..30).map(|_| browser.fetch("GET", &address, &[]))).await;
    let statuses: Vec<_> = answers.iter().map(|answer| answer.as_ref().unwrap().status).collect();
    assert!(statuses.iter().all(|status| *status == 200), "{statuses:?}");
    let refreshed = eventually(async || (world.zone.zone.refreshes() > 0).then_some(())).await;
    assert!(refreshed.is_some(), "{}", world.gate.log());
    let answers = join_all((0..30).map(|_| browser.fetch("GET", &address, &[]))).await;
    assert!(answers.iter().all(|answer| answer.as_ref().unwrap().status == 200));
    assert_eq!(world.zone.zone.refreshes(), 1);
}

#[tokio::test]
async fn who_may_not_sign_in_any_more_is_out_when_the_issuer_is_asked_again() {
    let world = World::start_with(without_limits).await.unwrap();
    world.zone.zone.shorten(true);
    let browser = signed_in(&world, "an.janssens").await;
    world.zone.zone.dismiss("an.janssens");
    let address = browser.at("persons", PERSON);
    let out = eventually(async || {
        let answer = browser.fetch("GET", &address, &[]).await.ok()?;
        (answer.status == 401).then_some(answer)
    });
    assert!(out.await.is_some());
    // The first may have been admitted, and cut while the issuer was asked.
    let answer = browser.fetch("GET", &address, &[]).await.unwrap();
    assert_eq!(detail(&world, &answer).await["status_detail"], "session_ended");
}

#[tokio::test]
async fn a_stolen_cookie_is_worth_nothing_elsewhere() {
    let world = World::start().await.unwrap();
    let browser = signed_in(&world, "an.janssens").await;
    let stolen = browser.cookies("persons")[SESSION].clone();
    world.zone.pki.device("car-13").unwrap();
    let thief = self::browser(&world, "car-13");
    thief.plant("persons", SESSION, &stolen);
    let before = world.zone.persons.count();
    for answer in [
        thief.fetch("GET", &thief.at("persons", PERSON), &[]).await.unwrap(),
        thief.go(&thief.at("persons", PERSON)).await.unwrap(),
    ] {
        assert_eq!((answer.status, answer.hops.len()), (401, 1), "{answer:?}");
        let record = detail(&world, &answer).await;
        assert_eq!(record["status_detail"], "session_of_another_device");
        assert_eq!((&record["severity_id"], &record["is_alert"]), (&4.into(), &true.into()));
        assert_eq!(record["actor"]["user"]["uid"], "zone|an.janssens", "it says whose it is");
    }
    let (_, metrics) = world.gate.admin("/metrics").await.unwrap();
    assert!(
        metrics.lines().any(|line| line.contains("session_of_another_device") && line.ends_with(" 2")),
        "{metrics}"
    );
    let master = browser.cookies("signin")[SESSION].clone();
    thief.plant("signin", SESSION, &master);
    let refused = thief.go(&thief.at("vehicles", VEHICLE)).await.unwrap();
    assert_eq!(refused.status, 401, "the sign-in host hands nothing to another device: {refused:?}");
    let record = detail(&world, &refused).await;
    assert_eq!(record["status_detail"], "session_of_another_device");
    assert_eq!(
        (&record["is_alert"], &record["actor"]["user"]["uid"]),
        (&true.into(), &"zone|an.janssens".into())
    );
    let counted =
        "poort_decisions_total{outcome=\"refuse\",reason=\"session_of_another_device\",source=\"none\"} 1";
    assert!(world.counts(counted).await, "somebody is called");
    // Whoever has it there by no fault of theirs signs in, with the next try.
    let landed = thief.go(&thief.at("vehicles", VEHICLE)).await.unwrap();
    assert_eq!(landed.url.host_str(), Some("localhost"), "{landed:?}");
    // On the same device it is still only good where it was made for.
    browser.plant("vehicles", SESSION, &stolen);
    let answer = browser.fetch("GET", &browser.at("vehicles", VEHICLE), &[]).await.unwrap();
    assert_eq!(detail(&world, &answer).await["status_detail"], "session_of_another_host");
    for (what, value) in
        [("changed", format!("{stolen}A")), ("made up", "AAAA".to_owned()), ("empty", String::new())]
    {
        browser.plant("vehicles", SESSION, &value);
        let answer = browser.fetch("GET", &browser.at("vehicles", VEHICLE), &[]).await.unwrap();
        assert_eq!(answer.status, 401, "{what}");
        assert_eq!(detail(&world, &answer).await["status_detail"], "session_unreadable", "{what}");
    }
    assert_eq!(
        (world.zone.persons.count(), world.zone.vehicles.count()),
        (before, 0),
        "no source saw any of it"
    );
    assert_eq!(
        browser.fetch("GET", &browser.at("persons", PERSON), &[]).await.unwrap().status,
        200,
        "who was robbed goes on"
    );
}

#[tokio::test]
async fn a_source_does_not_act_at_another_in_its_visitors_names() {
    let world = World::start().await.unwrap();
    let browser = browser(&world, "car-12");
    let page = browser.go(&browser.at("persons", PERSON)).await.unwrap();
    let landed = choose(&browser, &page, "bo.maes&strong=1").await;
    assert_eq!(landed.status, 200, "{landed:?}");
    let address = browser.at("persons", PERSON);
    let (own, sibling) = (browser.at("persons", ""), browser.at("vehicles", ""));
    let before = world.zone.persons.count();
    for headers in [
        &[("origin", &*sibling)][..],
        &[("origin", "null")],
        &[("origin", "https://persons.localhost")],
        &[("sec-fetch-site", "same-site")],
        &[],
    ] {
        let answer = browser.fetch("POST", &address, headers).await.unwrap();
        assert_eq!(answer.status, 403, "{headers:?}");
        assert_eq!(detail(&world, &answer).await["status_detail"], "cross_origin", "{headers:?}");
    }
    assert_eq!(world.zone.persons.count(), before);
    let answer = browser.fetch("POST", &address, &[("origin", &own)]).await.unwrap();
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(world.zone.persons.count(), before + 1);
    let looks = browser.fetch("GET", &address, &[("origin", &sibling)]).await.unwrap();
    assert_eq!(looks.status, 200, "who only looks does no harm: the answer is not theirs to read");
}

#[tokio::test]
async fn what_was_used_once_is_used_up() {
    let world = World::start().await.unwrap();
    let browser = browser(&world, "car-12");
    let page = browser.go(&browser.at("persons", PERSON)).await.unwrap();
    let answered = format!("{}&user=an.janssens", page.url);
    let landed = browser.go(&answered).await.unwrap();
    assert_eq!(landed.status, 200);
    let hop = |path: &str| landed.hops.iter().find(|url| url.path().starts_with(path)).unwrap().to_string();
    let (callback, hand_over) = (hop("/callback/"), hop("/.poort/callback"));
    for (what, address) in [
        ("the answer again", callback.clone()),
        ("the code again", hand_over.clone()),
        ("another issuer's address", callback.replace("/callback/zone", "/callback/federal")),
        ("a state twice", format!("{callback}&state=x")),
        ("no state", browser.at("signin", "/callback/zone?code=x")),
        ("a journey elsewhere", browser.at("signin", "/start?to=https://evil.example")),
        ("a journey elsewhere, short", browser.at("signin", "/start?to=//evil.example")),
        ("a journey elsewhere, odd", browser.at("signin", "/start?to=/%5Cevil.example")),
    ] {
        let answer = browser.go(&address).await.unwrap();
        assert_eq!((answer.status, answer.hops.len()), (400, 1), "{what}: {answer:?}");
        assert!(answer.header("set-cookie").is_none(), "{what}");
        assert!(!answer.body.contains("evil"), "{what}");
    }
    assert_eq!(browser.fetch("GET", &browser.at("persons", PERSON), &[]).await.unwrap().status, 200);
    // Login CSRF: somebody's answer in another browser on the same device. It spoils nothing either.
    let mine = self::browser(&world, "car-12");
    let page = mine.go(&mine.at("persons", PERSON)).await.unwrap();
    let authorization = format!("{}&user=cas.willems", page.url);
    let theirs = self::browser(&world, "car-12");
    let landed = theirs.go(&authorization).await.unwrap();
    assert_eq!(landed.status, 400, "{landed:?}");
    assert!(theirs.cookies("signin").is_empty());
    let finished = mine.go(landed.url.as_ref()).await.unwrap();
    assert_eq!(finished.status, 200, "{finished:?}");
}

#[tokio::test]
async fn a_code_that_the_issuer_voids_is_asked_for_again() {
    let world = World::start().await.unwrap();
    let browser = browser(&world, "car-12");
    let address = browser.at("persons", PERSON);
    let void = |page: &Landed| {
        let said = |name: &str| page.url.query_pairs().find(|(key, _)| key == name).unwrap().1.into_owned();
        let answer = [("code", "void"), ("state", &said("state")), ("iss", world.zone.zone.issuer())];
        reqwest::Url::parse_with_params(&said("redirect_uri"), answer).unwrap().to_string()
    };
    let page = browser.go(&address).await.unwrap();
    let again = browser.go(&void(&page)).await.unwrap();
    assert_eq!(
        (again.status, again.url.host_str()),
        (200, Some("localhost")),
        "the issuer is asked: {again:?}"
    );
    let landed = choose(&browser, &again, "an.janssens").await;
    assert_eq!((landed.status, landed.url.as_str()), (200, &*address), "nothing was lost");
    let other = self::browser(&world, "car-12");
    let mut page = other.go(&address).await.unwrap();
    for _ in 0..3 {
        page = other.go(&void(&page)).await.unwrap();
        assert_eq!(page.url.host_str(), Some("localhost"), "{page:?}");
    }
    let told = other.go(&void(&page)).await.unwrap();
    assert_eq!((told.status, told.url.host_str()), (403, Some("signin.localhost")), "no loop: {told:?}");
}

#[tokio::test]
async fn firearms_ask_for_a_stronger_sign_in_and_the_request_goes_on() {
    let world = World::start().await.unwrap();
    let browser = signed_in(&world, "cas.willems").await;
    let address = browser.at("firearms", FIREARM);
    let page = browser.go(&address).await.unwrap();
    assert!(
        page.url.query_pairs().any(|(name, value)| name == "acr_values" && value.contains("mfa")),
        "{page:?}"
    );
    let weak = browser.go(&format!("{}&user=cas.willems", page.url)).await.unwrap();
    assert_eq!(weak.status, 403, "no loop: {weak:?}");
    let page = browser.go(&address).await.unwrap();
    let landed = choose(&browser, &page, "cas.willems&strong=1").await;
    assert_eq!((landed.status, landed.url.as_str()), (200, &*address), "{landed:?}");
    assert_eq!(browser.fetch("GET", &browser.at("persons", PERSON), &[]).await.unwrap().status, 200);
}

/// What is recorded of signing in and out.
fn authentications(world: &World) -> Vec<Value> {
    let records = world.zone.layout.records().into_iter();
    records.filter(|record| record["metadata"]["event_code"] == "authentication").collect()
}

#[tokio::test]
async fn signing_out_ends_it_everywhere_on_the_device() {
    let world = World::start().await.unwrap();
    let browser = signed_in(&world, "an.janssens").await;
    assert_eq!(browser.go(&browser.at("vehicles", VEHICLE)).await.unwrap().status, 200);
    let page = browser.go(&browser.at("persons", "/.poort/logout")).await.unwrap();
    assert_eq!(page.url.as_str(), browser.at("signin", "/sign-out"));
    let form = format!("proof={}", page.field("proof").unwrap());
    let (own, sibling) = (browser.at("signin", ""), browser.at("persons", ""));
    let sign_out = browser.at("signin", "/sign-out");
    for (what, origin, form) in [
        ("a source's page", &sibling, &*form),
        ("no proof", &own, "a=b"),
        ("a made-up proof", &own, "proof=AAAA"),
    ] {
        let answer = browser.submit(origin, &sign_out, form).await.unwrap();
        assert_eq!(answer.status, 400, "{what}");
        assert_eq!(
            browser.fetch("GET", &browser.at("persons", PERSON), &[]).await.unwrap().status,
            200,
            "{what}"
        );
    }
    let landed = browser.submit(&own, &sign_out, &form).await.unwrap();
    assert_eq!(landed.url.as_str(), browser.at("signin", "/signed-out"), "{landed:?}");
    assert!(landed.passed("localhost"), "it went by the issuer");
    let told: Vec<_> = authentications(&world)
        .iter()
        .map(|record| (record["activity_id"].as_u64().unwrap(), record["status_detail"].clone()))
        .collect();
    assert_eq!(told, [(1, json!("signed_in")), (2, json!("signed_out"))]);
    for record in authentications(&world) {
        assert_eq!(record["user"]["uid"], "zone|an.janssens");
        assert_eq!(record["device"]["uid"], "spiffe://zone.example/device/car-12");
    }
    for (name, path) in [("persons", PERSON), ("vehicles", VEHICLE)] {
        let answer = browser.fetch("GET", &browser.at(name, path), &[]).await.unwrap();
        assert_eq!(answer.status, 401, "{name}");
        assert_eq!(detail(&world, &answer).await["status_detail"], "session_ended", "{name}");
    }
}

/// A session that its issuer does not confirm now opens again when it does.
#[tokio::test]
async fn who_signs_out_while_the_issuer_is_away_stays_out_when_it_is_back() {
    let world = World::start_with(|zone| {
        zone.layout.edit("policies/poort.yaml", |yaml| yaml["sign_in"]["outage"] = "1s".into())
    });
    let world = world.await.unwrap();
    world.zone.zone.shorten(true);
    let browser = signed_in(&world, "an.janssens").await;
    world.zone.zone.down(true);
    let address = browser.at("persons", PERSON);
    let unconfirmed = eventually(async || {
        let answer = browser.fetch("GET", &address, &[]).await.ok()?;
        (answer.status == 401).then_some(answer)
    });
    let record = detail(&world, &unconfirmed.await.unwrap()).await;
    assert_eq!(record["status_detail"], "session_unconfirmed");
    let page = browser.go(&browser.at("signin", "/sign-out")).await.unwrap();
    let form = format!("proof={}", page.field("proof").unwrap());
    browser.submit(&browser.at("signin", ""), &browser.at("signin", "/sign-out"), &form).await.unwrap();
    assert!(!browser.cookies("signin").contains_key(SESSION));
    world.zone.zone.down(false);
    let answer = browser.fetch("GET", &address, &[]).await.unwrap();
    assert_eq!(
        (answer.status, &detail(&world, &answer).await["status_detail"]),
        (401, &json!("session_ended"))
    );
}

#[tokio::test]
async fn a_session_ends_with_its_issuer_in_the_files() {
    let world = World::start().await.unwrap();
    let browser = signed_in(&world, "an.janssens").await;
    world
        .edit("policies/poort.yaml", |yaml| yaml["sign_in"]["issuers"][0]["issuer"] = "federal".into())
        .unwrap();
    let (reloaded, said) = world.reload(&[]).await.unwrap();
    assert!(reloaded, "{said}");
    let answer = browser.fetch("GET", &browser.at("persons", PERSON), &[]).await.unwrap();
    assert_eq!(
        (answer.status, &detail(&world, &answer).await["status_detail"]),
        (401, &json!("session_ended"))
    );
}

#[tokio::test]
async fn a_role_that_an_issuer_may_give_no_more_is_gone_from_open_sessions() {
    let world = World::start().await.unwrap();
    let browser = signed_in(&world, "an.janssens").await;
    let ask = async || browser.fetch("GET", &browser.at("persons", PERSON), &[]).await.unwrap();
    assert_eq!(ask().await.status, 200);
    // Nor is it asked again in the meantime.
    world.zone.zone.down(true);
    for (grants, status) in [("{}", 403), ("{ officer: officer }", 200)] {
        let given = serde_yaml::from_str(grants).unwrap();
        world.edit("policies/poort.yaml", |yaml| yaml["issuers"][0]["roles"]["grants"] = given).unwrap();
        let (reloaded, said) = world.reload(&[]).await.unwrap();
        assert!(reloaded, "{said}");
        let answer = ask().await;
        assert_eq!(answer.status, status, "{grants}: {answer:?}\n{}", world.gate.log());
    }
}

#[tokio::test]
async fn who_signs_out_at_the_issuer_is_signed_out_here() {
    let world = World::start().await.unwrap();
    let browser = signed_in(&world, "an.janssens").await;
    let logout = |user: &str| {
        let event = json!({ "http://schemas.openid.net/event/backchannel-logout": {} });
        let token = Token::of(user).audience(CLIENT).claim("events", event);
        token.claim("typ", Value::Null).claim("azp", Value::Null).claim("sid", Value::Null)
    };
    let (issuer, address) = (&world.zone.zone, browser.at("persons", PERSON));
    let post = async |token: &str| {
        let url = format!("http://{}/backchannel-logout/zone", world.zone.layout.admin());
        let form = format!("logout_token={token}");
        let request = plain().post(url).header("content-type", "application/x-www-form-urlencoded");
        request.body(form).send().await.unwrap().status().as_u16()
    };
    let id_token = issuer.mint(&Token::of("an.janssens").audience(CLIENT).claim("typ", "ID")).unwrap();
    let elsewhere = issuer.mint(&logout("an.janssens").audience("portal")).unwrap();
    let forged = world.zone.federal.mint(&logout("an.janssens")).unwrap();
    for (what, token) in [
        ("an ID token", id_token),
        ("another client's", elsewhere),
        ("another issuer's", forged),
        ("none", String::new()),
    ] {
        assert_eq!(post(&token).await, 400, "{what}");
    }
    assert_eq!(post(&issuer.mint(&logout("cas.willems")).unwrap()).await, 200, "somebody else");
    assert_eq!(browser.fetch("GET", &address, &[]).await.unwrap().status, 200, "nobody else is signed out");
    let token = issuer.mint(&logout("an.janssens")).unwrap();
    assert_eq!(post(&token).await, 200);
    let answer = browser.fetch("GET", &address, &[]).await.unwrap();
    assert_eq!(answer.status, 401, "the very next request");
    assert_eq!(detail(&world, &answer).await["status_detail"], "session_ended");
    let told = authentications(&world).pop().unwrap();
    assert_eq!(told["status_detail"], "signed_out_by_issuer");
    assert_eq!((&told["user"]["uid"], &told["unmapped"]["ended"]), (&json!("zone|an.janssens"), &json!(1)));
    let page = browser.go(&address).await.unwrap();
    assert_eq!(choose(&browser, &page, "an.janssens").await.status, 200);
    assert_eq!(post(&token).await, 400, "it is obeyed once");
    assert_eq!(browser.fetch("GET", &address, &[]).await.unwrap().status, 200);
}

#[tokio::test]
async fn a_token_is_good_on_the_device_that_it_is_bound_to() {
    let world = World::start_with(|zone| {
        zone.layout.edit("policies/sources/persons.yaml", |yaml| yaml["token_binding"] = "required".into())
    });
    let world = world.await.unwrap();
    let (pki, issuer) = (&world.zone.pki, &world.zone.zone);
    pki.device("car-13").unwrap();
    let unbound = issuer.mint(&Token::officer("an.janssens")).unwrap();
    let bound = issuer.mint(&Token::officer("an.janssens").bound_to(&pki.issued("car-12").unwrap())).unwrap();
    for (what, device, token, status, code, severity) in [
        ("bound to nothing", "car-12", &unbound, 401, Some("token_unbound"), 3),
        ("on another device", "car-13", &bound, 401, Some("token_of_another_device"), 4),
        ("on its own", "car-12", &bound, 200, None, 1),
    ] {
        let caller = world.zone.caller(device).unwrap().bearer(token);
        let (answer, received) = poort_tests::get(&caller, &world.zone.persons, PERSON).await.unwrap();
        assert_eq!(answer.status, status, "{what}");
        assert_eq!(received.is_some(), status == 200, "{what}");
        let record = world.record("decision", &answer).await.unwrap();
        assert_eq!(
            (record["status_detail"].as_str(), &record["severity_id"]),
            (code, &severity.into()),
            "{what}"
        );
    }
    let (_, metrics) = world.gate.admin("/metrics").await.unwrap();
    assert!(
        metrics.lines().any(|line| line.contains("token_of_another_device") && line.ends_with(" 1")),
        "{metrics}"
    );
}

/// It is believed for the leeway longer than it says.
#[tokio::test]
async fn an_expired_token_stays_pinned_for_as_long_as_it_is_believed() {
    let world = World::start_with(|zone| {
        with_device(zone, "car-13")?;
        zone.layout.edit("policies/poort.yaml", |yaml| yaml["issuers"][0]["pin_tokens"] = true.into())
    });
    let world = world.await.unwrap();
    let token = Token::officer("an.janssens").lifetime(Duration::from_secs(2));
    let token = world.zone.zone.mint(&token).unwrap();
    let status = async |device| {
        let caller = world.zone.caller(device).unwrap().bearer(&token);
        poort_tests::get(&caller, &world.zone.persons, PERSON).await.unwrap().0.status
    };
    assert_eq!(status("car-12").await, 200);
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(status("car-13").await, 401);
    assert_eq!(status("car-12").await, 200);
}

#[tokio::test]
async fn a_pinned_token_is_good_on_the_device_that_it_is_first_used_on() {
    let world = World::start_with(|zone| {
        with_device(zone, "car-13")?;
        zone.layout.edit("policies/poort.yaml", |yaml| yaml["issuers"][0]["pin_tokens"] = true.into())
    });
    let mut world = world.await.unwrap();
    let token = world.zone.zone.mint(&Token::officer("an.janssens").strong()).unwrap();
    for restarted in [false, true] {
        if restarted {
            world.gate.stop().await.unwrap();
            world.gate = Gate::start(&world.zone.layout).await.unwrap();
        }
        for (device, status, code, severity) in
            [("car-12", 200, None, 1), ("car-13", 401, Some("token_of_another_device"), 4)]
        {
            let caller = world.zone.caller(device).unwrap().bearer(&token);
            let (answer, received) = poort_tests::get(&caller, &world.zone.persons, PERSON).await.unwrap();
            assert_eq!(answer.status, status, "{device} {restarted}");
            assert_eq!(received.is_some(), status == 200, "{device} {restarted}");
            let record = world.record("decision", &answer).await.unwrap();
            let said = (record["status_detail"].as_str(), &record["severity_id"]);
            assert_eq!(said, (code, &severity.into()), "{device} {restarted}");
        }
    }
    let search = world.zone.aggregator.search(&token, "peeters, lotte").await;
    let statuses: Vec<_> = search.parts.iter().map(|part| part.status).collect();
    assert_eq!(statuses, [200, 200, 200], "the search application asks with officers' tokens");
}
