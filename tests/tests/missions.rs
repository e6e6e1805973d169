//! What it is for: said once by an officer, by an application for its searches, and by nobody else.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

use std::time::{SystemTime, UNIX_EPOCH};

use poort_demo::{
    client::{Browser, Landed},
    issuer::{Algorithm, SigningKey, Token},
    zone::Zone,
};
use poort_tests::{PERSON, World, ask, eventually, with_demands};
use serde_json::{Value, json};

const FIREARM: &str = "/firearms/DEMO-71802";
const VEHICLE: &str = "/vehicles/0-ABC-123";
const DISPATCH: &str = "https://dispatch.zone.example";

async fn start() -> World {
    World::start_with(with_demands).await.unwrap()
}

fn browser(world: &World, device: &str) -> Browser {
    Browser::new(&world.zone, &world.zone.caller(device).unwrap()).unwrap()
}

/// Signs in with a key on the way to an address of a source; wherever that leads.
async fn signs_in(browser: &Browser, source: &str, path: &str) -> Landed {
    let page = browser.go(&browser.at(source, path)).await.unwrap();
    assert_eq!(page.url.host_str(), Some("localhost"), "{page:?}");
    browser.go(&format!("{}&user=cas.willems&strong=1", page.url)).await.unwrap()
}

/// The page of missions, on the way to a firearm.
async fn asked(world: &World, browser: &Browser) -> Landed {
    let page = signs_in(browser, "firearms", FIREARM).await;
    assert_eq!((page.status, page.url.path()), (200, "/mission"), "{page:?}\n{}", world.gate.log());
    page
}

fn hidden(page: &Landed) -> String {
    let fields = ["proof", "to"].into_iter().filter_map(|name| Some((name, page.field(name)?)));
    fields.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
}

async fn states(browser: &Browser, page: &Landed, written: &str) -> Landed {
    let form = format!("{}&{written}", hidden(page));
    browser.submit(&browser.at("signin", ""), &browser.at("signin", "/mission"), &form).await.unwrap()
}

async fn decision(world: &World, answer: &Landed) -> Value {
    world.record_of("decision", answer.header("poort-request-id").unwrap()).await.unwrap()
}

#[tokio::test]
async fn an_officer_says_once_what_it_is_for_and_every_source_and_record_knows() {
    let world = start().await;
    let browser = browser(&world, "car-12");
    let page = asked(&world, &browser).await;
    assert!(page.body.contains("Investigation") && !page.body.contains("<script"), "{}", page.body);
    assert!(page.body.len() < 10_000, "{} bytes", page.body.len());
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains("default-src 'none'") && policy.contains("form-action 'self';"), "{policy}");
    assert_eq!(page.header("referrer-policy"), Some("same-origin"), "or browsers hide where a form is from");
    assert_eq!(world.zone.firearms.count(), 0, "nothing reached the source meanwhile");
    let landed = states(&browser, &page, "purpose=investigation&case=2026%2F4711").await;
    assert_eq!((landed.status, landed.url.as_str()), (200, &*browser.at("firearms", FIREARM)), "{landed:?}");
    let received = world.zone.firearms.received().pop().unwrap();
    let claims = received.assertion().unwrap();
    assert_eq!((&claims["purpose"], &claims["case"]), (&json!("investigation"), &json!("2026/4711")));
    let record = decision(&world, &landed).await;
    let unmapped = &record["unmapped"];
    assert_eq!((&unmapped["purpose"], &unmapped["case"]), (&json!("investigation"), &json!("2026/4711")));
    assert_eq!(unmapped["question"]["context"]["purpose"], "investigation");
    let again = browser.go(&browser.at("vehicles", VEHICLE)).await.unwrap();
    assert_eq!(again.status, 200);
    assert_eq!(
        decision(&world, &again).await["unmapped"]["case"],
        "2026/4711",
        "also where none is demanded"
    );
    assert!(
        world.counts("poort_sign_ins_total{page=\"mission\",result=\"opened\"} 1").await,
        "{}",
        world.gate.admin("/metrics").await.unwrap().1
    );
    let found =
        world.gate.command("audit search", &["--case", "2026/4711", "--source", "firearms"]).await.unwrap();
    let found = String::from_utf8(found.stdout).unwrap();
    assert!(found.contains("investigation, case 2026/4711") && found.contains("cas.willems"), "{found}");
}

#[tokio::test]
async fn a_mission_is_changed_with_one_tap_and_ends_when_it_is_ended() {
    let world = start().await;
    let browser = browser(&world, "car-12");
    let page = asked(&world, &browser).await;
    for purpose in ["patrol", "traffic", "investigation", "intervention"] {
        states(&browser, &page, &format!("purpose={purpose}")).await;
    }
    let page = browser.go(&browser.at("signin", "/mission")).await.unwrap();
    let taps: Vec<&str> = ["Patrol", "Traffic control", "Investigation", "Intervention"]
        .into_iter()
        .filter(|label| page.body.contains(&format!("<button>{label}</button>")))
        .collect();
    assert_eq!(taps, ["Traffic control", "Investigation", "Intervention"], "the last three: {}", page.body);
    assert!(page.body.contains("Now: Intervention."), "{}", page.body);
    let ended = states(&browser, &page, "end=1").await;
    assert!(ended.status == 200 && !ended.body.contains("Now: "), "{ended:?}");
    let before = world.zone.firearms.count();
    let again = browser.go(&browser.at("firearms", FIREARM)).await.unwrap();
    assert_eq!(again.url.path(), "/mission", "it is asked again: {again:?}");
    assert_eq!(world.zone.firearms.count(), before);
    // A stronger sign-in, or any, keeps the mission; signing out ends it.
    states(&browser, &again, "purpose=patrol").await;
    let page = browser.go(&browser.at("signin", "/start?other=1")).await.unwrap();
    browser.go(&format!("{}&user=cas.willems&strong=1", page.url)).await.unwrap();
    assert_eq!(browser.fetch("GET", &browser.at("firearms", FIREARM), &[]).await.unwrap().status, 200);
    let out = browser.go(&browser.at("signin", "/sign-out")).await.unwrap();
    let form = format!("proof={}", out.field("proof").unwrap());
    browser.submit(&browser.at("signin", ""), &browser.at("signin", "/sign-out"), &form).await.unwrap();
    let page = asked(&world, &browser).await;
    assert!(!page.body.contains("Now: ") && !page.body.contains("<button>Patrol"), "{}", page.body);
}

#[tokio::test]
async fn a_mission_ends_by_itself() {
    let world = World::start_with(|zone| {
        with_demands(zone)?;
        zone.layout.edit("policies/poort.yaml", |yaml| yaml["mission"]["lifetime"] = "2s".into())
    });
    let world = world.await.unwrap();
    let browser = browser(&world, "car-12");
    let page = asked(&world, &browser).await;
    assert_eq!(states(&browser, &page, "purpose=patrol").await.status, 200);
    let address = browser.at("firearms", FIREARM);
    let over = eventually(async || {
        let answer = browser.fetch("GET", &address, &[]).await.ok()?;
        (answer.status == 403).then_some(answer)
    });
    assert_eq!(decision(&world, &over.await.unwrap()).await["status_detail"], "purpose_required");
}

#[tokio::test]
async fn nothing_opens_a_mission_but_its_own_form() {
    let world = start().await;
    let browser = browser(&world, "car-12");
    let page = asked(&world, &browser).await;
    let (own, sibling, address) =
        (browser.at("signin", ""), browser.at("persons", ""), browser.at("signin", "/mission"));
    let good = format!("{}&purpose=patrol", hidden(&page));
    let out = browser.go(&browser.at("signin", "/sign-out")).await.unwrap();
    let of_another_form = format!("proof={}&purpose=patrol", out.field("proof").unwrap());
    let forged = "proof=AAAA&purpose=patrol".to_owned();
    let twice = format!("{good}&purpose=traffic");
    let to = |to: &str| format!("proof={}&to={to}&purpose=patrol", page.field("proof").unwrap());
    for (what, origin, form) in [
        ("a source's page", &sibling, &good),
        ("a page of nowhere", &"null".to_owned(), &good),
        ("another site", &"https://evil.example".to_owned(), &good),
        ("no proof", &own, &"purpose=patrol".to_owned()),
        ("a forged proof", &own, &forged),
        ("the proof of another form", &own, &of_another_form),
        ("a purpose twice", &own, &twice),
        ("a journey elsewhere", &own, &to("https://evil.example")),
        ("a changed journey", &own, &to("AAAA")),
        ("a purpose of nobody's", &own, &format!("{}&purpose=curiosity", hidden(&page))),
        ("no purpose", &own, &hidden(&page)),
        ("a malformed case", &own, &format!("{good}&case=4711")),
        ("a case with a line break", &own, &format!("{good}&case=2026%2F4711%0D%0Ax")),
        ("a script for a case", &own, &format!("{good}&case=%3Cscript%3E")),
    ] {
        let answer = browser.submit(origin, &address, form).await.unwrap();
        assert_eq!((answer.status, answer.hops.len()), (400, 1), "{what}: {answer:?}");
        assert!(!answer.body.contains("<script"), "{what}");
        let asked = browser.fetch("GET", &browser.at("firearms", FIREARM), &[]).await.unwrap();
        assert_eq!(asked.status, 403, "{what}");
    }
    for (what, headers) in [
        ("another site that says it is this one", &[("origin", &*own), ("sec-fetch-site", "cross-site")][..]),
        ("a sibling", &[("sec-fetch-site", "same-site")]),
        ("nowhere", &[]),
    ] {
        let answer = browser.submit_with(headers, &address, &good).await.unwrap();
        assert_eq!(answer.status, 400, "{what}");
    }
    browser.plant("firearms", "__Host-poort-mission", "patrol");
    let planted =
        browser.fetch("GET", &browser.at("firearms", FIREARM), &[("x-purpose", "patrol")]).await.unwrap();
    assert_eq!(planted.status, 403, "neither a cookie nor a header of a browser says what it is for");
    assert_eq!(world.zone.firearms.count(), 0);
    for code in ["purpose_unknown", "case_malformed", "sign_in_of_another_browser"] {
        let line = format!("poort_sign_ins_total{{page=\"mission\",result=\"{code}\"}} ");
        assert!(world.counts(&line).await, "{code}");
    }
    assert_eq!(browser.submit(&own, &address, &good).await.unwrap().status, 200, "and its own form does");
}

#[tokio::test]
async fn a_mission_is_of_one_session_on_one_device() {
    let world = start().await;
    let browser = browser(&world, "car-12");
    let page = asked(&world, &browser).await;
    assert_eq!(states(&browser, &page, "purpose=patrol").await.status, 200);
    // The same person on the same device, in another browser.
    let other = self::browser(&world, "car-12");
    let second = asked(&world, &other).await;
    let form = format!("{}&purpose=patrol", hidden(&page));
    let refused =
        other.submit(&other.at("signin", ""), &other.at("signin", "/mission"), &form).await.unwrap();
    assert_eq!(refused.status, 400, "the proof of another session");
    assert_eq!(
        other.fetch("GET", &other.at("firearms", FIREARM), &[]).await.unwrap().status,
        403,
        "no mission there yet"
    );
    let landed = states(&other, &second, "purpose=traffic").await;
    assert_eq!(landed.status, 200);
    let claims = world.zone.firearms.received().pop().unwrap().assertion().unwrap();
    assert_eq!(claims["purpose"], "traffic");
    // Another device, with what was stolen here.
    world.zone.pki.device("car-13").unwrap();
    let thief = self::browser(&world, "car-13");
    let before = world.zone.firearms.count();
    for host in ["firearms", "signin"] {
        for (name, value) in browser.cookies(host) {
            thief.plant(host, &name, &value);
        }
    }
    assert_eq!(thief.fetch("GET", &thief.at("firearms", FIREARM), &[]).await.unwrap().status, 401);
    let led = thief.submit(&thief.at("signin", ""), &thief.at("signin", "/mission"), &form).await.unwrap();
    assert_eq!(led.status, 401, "it is not its own: {led:?}");
    assert_eq!(world.zone.firearms.count(), before);
}

#[tokio::test]
async fn programs_are_told_how_and_only_listed_applications_state_it_in_headers() {
    let world = start().await;
    let strong = Token::officer("cas.willems").strong();
    let car = world.caller(&strong).unwrap();
    let search = world.zone.caller("search").unwrap().bearer(&world.zone.zone.mint(&strong).unwrap());
    let Zone { firearms, persons, .. } = &world.zone;
    let (answer, received) = ask(&car, "GET", firearms, FIREARM, &[]).await.unwrap();
    assert_eq!((answer.status, &*answer.reason()), (403, "purpose_required"));
    assert!(received.is_none());
    let problem: Value = serde_json::from_slice(&answer.body).unwrap();
    assert!(problem["mission"].as_str().unwrap().ends_with("/mission"), "{problem}");
    let (answer, _) = ask(&search, "GET", firearms, FIREARM, &[]).await.unwrap();
    let problem: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(problem["reason"], "purpose_required");
    assert!(problem["detail"].as_str().unwrap().contains("`x-purpose`"), "{problem}");
    for (what, caller, lines, expected) in [
        ("a tablet", &car, &["X-Purpose: patrol"][..], Err("purpose_required")),
        ("a purpose of nobody's", &search, &["X-Purpose: curiosity"], Err("purpose_invalid")),
        ("two purposes", &search, &["X-Purpose: patrol", "X-Purpose: patrol"], Err("purpose_invalid")),
        ("an odd case", &search, &["X-Purpose: patrol", "X-Case-Number: 1"], Err("purpose_invalid")),
        ("a case alone", &search, &["X-Case-Number: 2026/1"], Err("purpose_required")),
        ("the search", &search, &["X-Purpose: patrol", "X-Case-Number: 2026/1"], Ok(("patrol", "2026/1"))),
    ] {
        let (answer, received) = ask(caller, "GET", firearms, FIREARM, lines).await.unwrap();
        match expected {
            Err(expected) => {
                assert_eq!(answer.reason(), expected, "{what}");
                assert!(received.is_none(), "{what}");
            }
            Ok((purpose, case)) => {
                let received = received.unwrap_or_else(|| panic!("{what}: {}", answer.reason()));
                let claims = received.assertion().unwrap();
                assert_eq!((&claims["purpose"], &claims["case"]), (&json!(purpose), &json!(case)), "{what}");
                assert_eq!(
                    received.header("x-purpose"),
                    None,
                    "{what}: what is believed is in the assertion"
                );
                let record = world.record("decision", &answer).await.unwrap();
                assert_eq!(record["unmapped"]["purpose"], purpose, "{what}");
                assert_eq!(record["actor"]["user"]["uid"], "zone|cas.willems", "{what}: for whom");
            }
        }
    }
    // Where none is demanded, nobody's word is passed on either.
    let (answer, received) = ask(&car, "GET", persons, PERSON, &["X-Purpose: patrol"]).await.unwrap();
    assert_eq!(answer.status, 200);
    let received = received.unwrap();
    assert_eq!(received.header("x-purpose"), None);
    assert_eq!(received.assertion().unwrap().get("purpose"), None);
    assert_eq!(world.record("decision", &answer).await.unwrap()["unmapped"].get("purpose"), None);
}

fn seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// A link from dispatch to a sign-in host, changed.
fn link(signer: &SigningKey, origin: &str, change: &Value) -> String {
    let header = json!({ "alg": "ES256", "kid": "d-1", "typ": "poort-dispatch+jwt" });
    let mut claims = json!({
        "iss": DISPATCH, "aud": origin, "iat": seconds(), "exp": seconds() + 600, "jti": "i-1",
        "purpose": "intervention", "case": "2026/1234",
    });
    let own = claims.as_object_mut().unwrap();
    own.extend(change.as_object().unwrap().clone());
    signer.sign(&header, &claims).unwrap()
}

#[tokio::test]
async fn a_link_from_dispatch_fills_in_the_form_once_and_a_bad_one_leaves_it_plain() {
    let key = SigningKey::generate(Algorithm::Es256, "d-1").unwrap();
    let world = World::start_with(|zone| {
        with_demands(zone)?;
        let set = json!({ "keys": [key.public_jwk()] }).to_string();
        zone.layout.write_file("policies/certs/dispatch.jwks", &set)?;
        zone.layout.edit("policies/poort.yaml", |yaml| {
            let dispatch =
                json!({ "issuer": DISPATCH, "algorithms": ["ES256"], "keys": "certs/dispatch.jwks" });
            yaml["mission"]["dispatch"] = serde_yaml::to_value(dispatch).unwrap();
        })
    });
    let world = world.await.unwrap();
    let browser = browser(&world, "car-12");
    let origin = browser.at("signin", "");
    let link = |signer: &SigningKey, change: Value| link(signer, &origin, &change);
    let at = |link: &str| browser.at("signin", &format!("/mission?dispatch={link}"));
    let good = link(&key, json!({}));
    // Nobody is signed in yet: the link survives that.
    let page = browser.go(&at(&good)).await.unwrap();
    assert_eq!(page.url.host_str(), Some("localhost"), "{page:?}");
    let page = browser.go(&format!("{}&user=cas.willems&strong=1", page.url)).await.unwrap();
    assert_eq!((page.status, page.url.path()), (200, "/mission"), "{page:?}\n{}", world.gate.log());
    assert!(page.body.contains("value=\"intervention\" required checked"), "{}", page.body);
    assert!(page.body.contains("value=\"2026/1234\""), "{}", page.body);
    let form = format!("dispatch={good}&purpose=intervention&case=2026%2F1234");
    let opened = states(&browser, &page, &form).await;
    assert!(opened.body.contains("Now: Intervention · 2026/1234."), "{opened:?}");
    let landed = browser.go(&browser.at("firearms", FIREARM)).await.unwrap();
    assert_eq!(landed.status, 200, "{landed:?}");
    assert_eq!(decision(&world, &landed).await["unmapped"]["case"], "2026/1234");
    let again = states(&browser, &page, &form).await;
    assert_eq!(again.status, 400, "it is used once");
    assert!(again.body.contains("link from dispatch is not valid"), "{}", again.body);
    let stranger = SigningKey::generate(Algorithm::Es256, "d-1").unwrap();
    for (what, link) in [
        ("forged", link(&stranger, json!({ "jti": "i-2" }))),
        ("expired", link(&key, json!({ "iat": seconds() - 900, "exp": seconds() - 300, "jti": "i-3" }))),
        ("for another host", link(&key, json!({ "aud": browser.at("persons", ""), "jti": "i-4" }))),
        ("good for a week", link(&key, json!({ "exp": seconds() + 604_800, "jti": "i-5" }))),
        ("no token at all", "AAAA".to_owned()),
    ] {
        let page = browser.go(&at(&link)).await.unwrap();
        assert_eq!(page.status, 400, "{what}");
        assert!(page.body.contains("link from dispatch is not valid"), "{what}: {}", page.body);
        assert!(
            page.body.contains("value=\"patrol\" required>") && !page.body.contains(" checked>"),
            "{what}"
        );
    }
    let refused = "poort_sign_ins_total{page=\"mission\",result=\"dispatch_link\"} 6";
    assert!(world.counts(refused).await, "{}", world.gate.admin("/metrics").await.unwrap().1);
}

#[tokio::test]
async fn pages_are_in_the_readers_language() {
    let world = start().await;
    let nobody = browser(&world, "car-12");
    let browser = browser(&world, "car-12");
    asked(&world, &browser).await;
    for (browser, language, path, words) in [
        (&browser, "nl-BE,en;q=0.5", "/mission", "Waarvoor is dit?"),
        (&browser, "fr", "/mission", "Contrôle de la circulation"),
        (&browser, "de", "/mission", "What is this for?"),
        (&browser, "nl", "/break-glass", "Het glas breken"),
        (&browser, "fr-BE", "/break-glass", "Briser la vitre"),
        (&browser, "nl", "/", "U bent aangemeld."),
        (&browser, "fr", "/sign-out", "Se déconnecter ?"),
        (&browser, "nl", "/signed-out", "Afmelden?"),
        (&nobody, "nl", "/signed-out", "U bent afgemeld."),
        (&browser, "fr", "/callback/zone?code=x", "La connexion a échoué."),
    ] {
        let headers =
            [("accept-language", language), ("accept", "text/html"), ("sec-fetch-mode", "navigate")];
        let page = browser.fetch("GET", &browser.at("signin", path), &headers).await.unwrap();
        assert!(page.body.contains(words), "{language} {path}: {}", page.body);
        let tag = if language == "de" { "en" } else { language.split(['-', ',']).next().unwrap() };
        assert!(page.body.contains(&format!("<html lang=\"{tag}\">")), "{language} {path}");
        assert!(page.body.len() < 10_000 && !page.body.contains("<script"), "{language} {path}");
        assert!(page.header("content-security-policy").unwrap().starts_with("default-src 'none'"), "{path}");
    }
}
