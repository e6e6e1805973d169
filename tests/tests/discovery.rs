//! Issuers that say themselves where everything is: what they say is believed where it fits, and changes nothing where it does not.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

use std::time::Duration;

use poort_demo::{
    client::Browser,
    gate::{Gate, binary},
    issuer::{Issuer, Token},
    wire::Reply,
    zone::{Zone, ZoneOptions},
};
use poort_tests::{PERSON, World, browser::Stage, eventually, signing_in::sign_in, without_limits};
use serde_json::{Value, json};

/// An issuer is asked once in this time at most.
const INTERVAL: Duration = Duration::from_millis(5100);

/// What the zone's issuer says of itself, with one member changed.
fn changed(issuer: &Issuer, member: &str, value: Value) -> Reply {
    let mut document = issuer.discovery();
    document[member] = value;
    Reply::json(200, &document)
}

/// Everything that is not believed, with its reason and what is said of it.
fn unbelievable(issuer: &Issuer) -> Vec<(&'static str, Reply, &'static str, &'static str)> {
    let large = json!({ "issuer": issuer.root(), "jwks_uri": "a".repeat(64 * 1024) });
    let elsewhere = format!("{}/jwks", issuer.root());
    vec![
        ("garbage", Reply::text(200, "text/html", "<html>"), "garbage", "no document of an issuer"),
        ("an oversized one", Reply::json(200, &large), "too_large", "65536 bytes"),
        ("a redirect", Reply::status(302).header("Location", &elsewhere), "redirect", "is not followed"),
        ("an error", Reply::status(500), "status", "was 500, not 200"),
        (
            "another issuer's",
            changed(issuer, "issuer", json!("https://evil.example")),
            "another_issuer",
            "https://evil.example",
        ),
        (
            "keys inside",
            changed(issuer, "jwks_uri", json!("https://127.0.0.1:1/jwks")),
            "private_address",
            "`jwks_uri`: `https://127.0.0.1:1` is not public",
        ),
        (
            "keys on another port of the issuer's host",
            changed(issuer, "jwks_uri", json!("https://localhost:1/jwks")),
            "private_address",
            "`jwks_uri`: `https://localhost:1` is not public",
        ),
        (
            "a token endpoint inside",
            changed(issuer, "token_endpoint", json!("https://[fd00::7]/token")),
            "private_address",
            "`token_endpoint`: `https://[fd00::7]` is not public",
        ),
        (
            "a token endpoint in the clear",
            changed(issuer, "token_endpoint", json!("http://localhost/token")),
            "address",
            "`token_endpoint`: `http://localhost/token` is not `https`",
        ),
        (
            "a sign-in page in the clear",
            changed(issuer, "authorization_endpoint", json!("http://sso.zone.example/auth")),
            "address",
            "`authorization_endpoint`:",
        ),
        ("no PKCE", changed(issuer, "code_challenge_methods_supported", json!(["plain"])), "lacks", "S256"),
    ]
}

fn browser(world: &World) -> Browser {
    Browser::new(&world.zone, &world.zone.caller("car-12").unwrap()).unwrap()
}

/// Whether the log says, after its first `from` bytes, that an issuer was not believed, why, and where.
async fn is_told(world: &World, from: usize, reason: &str, said: &str) -> bool {
    let told = eventually(async || {
        let log = world.gate.log();
        let mut lines = log.get(from..).unwrap_or_default().lines();
        let line = lines.find(|line| line.contains("issuer_not_discovered"))?;
        Some(line.contains(reason) && line.replace('\\', "").contains(said))
    });
    told.await == Some(true)
}

async fn gauge(world: &World, line: &str) -> Option<i64> {
    let metrics = world.gate.admin("/metrics").await.unwrap().1;
    let said = metrics.lines().find_map(|said| said.strip_prefix(line))?;
    said.trim().parse().ok()
}

const AGE: &str = "poort_issuer_discovery_age_seconds{issuer=\"zone\"}";

#[tokio::test]
async fn a_real_issuer_says_where_everything_is() {
    let Some(stage) = Stage::set().await else { return };
    let configured = stage.world.zone.layout.read_file("policies/poort.yaml").unwrap();
    let configured: Value = serde_yaml::from_str(&configured).unwrap();
    for (place, names) in [
        (&configured["issuers"][0], &["keys"][..]),
        (&configured["sign_in"]["issuers"][0], &["authorization", "token", "end_session", "says_iss"]),
    ] {
        assert!(names.iter().all(|name| place.get(name).is_none()), "it is written down: {place:#}");
    }
    let tab = stage.browser.tab().await;
    let address = stage.at("persons", PERSON);
    tab.go(&address).await;
    let landed = tab.click("An Janssens with a password").await;
    assert_eq!((landed.url, landed.status), (address, Some(200)), "{}", stage.world.gate.log());
    let age = gauge(&stage.world, AGE).await.unwrap();
    assert!((0..120).contains(&age), "{age}");
}

#[tokio::test]
async fn what_an_issuer_says_that_does_not_fit_changes_nothing() {
    let world = World::start_with(without_limits).await.unwrap();
    let issuer = &world.zone.zone;
    assert_eq!(sign_in(&world, &browser(&world), "an.janssens").await.status, 200);
    for (what, said, reason, told) in unbelievable(issuer) {
        tokio::time::sleep(INTERVAL).await;
        let from = world.gate.log().len();
        issuer.announce(Some(said));
        assert!(world.reload(&[]).await.unwrap().0);
        assert!(is_told(&world, from, reason, told).await, "{what}: {}", world.gate.log());
        assert_eq!(
            sign_in(&world, &browser(&world), "an.janssens").await.status,
            200,
            "{what}: the last good is kept"
        );
    }
    tokio::time::sleep(INTERVAL).await;
    let from = world.gate.log().len();
    let moved = format!("{}/exchange?moved=1", issuer.root());
    issuer.announce(Some(changed(issuer, "token_endpoint", json!(moved))));
    assert!(world.reload(&[]).await.unwrap().0);
    let line = eventually(async || {
        let log = world.gate.log();
        log.get(from..)
            .unwrap_or_default()
            .lines()
            .find(|line| line.contains("issuer_changed"))
            .map(str::to_owned)
    });
    let line = line.await.unwrap();
    assert!(line.contains("token_endpoint") && line.contains("moved=1"), "{line}");
    assert_eq!(sign_in(&world, &browser(&world), "an.janssens").await.status, 200, "and it is gone by");
}

#[tokio::test]
async fn an_issuer_of_rfc_8414_is_found_where_that_has_it() {
    let world = World::start_with(|zone| {
        zone.zone.announce(Some(Reply::status(404)));
        Ok(())
    });
    let world = world.await.unwrap();
    assert_eq!(sign_in(&world, &browser(&world), "an.janssens").await.status, 200, "{}", world.gate.log());
}

#[tokio::test]
async fn an_issuer_that_never_said_anything_good_lets_nobody_in_and_stops_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let zone = Zone::start(&ZoneOptions::new(directory.path())).unwrap();
    zone.zone.announce(Some(Reply::text(200, "text/html", "<html>")));
    let gate = alive(&zone).await;
    let car = zone.caller("car-12").unwrap();
    let browser = Browser::new(&zone, &car).unwrap();
    let metrics = async || gate.admin("/metrics").await.unwrap().1;
    assert!(metrics().await.contains(&format!("{AGE} -1")));
    let page = browser.go(&browser.at("persons", PERSON)).await.unwrap();
    assert_eq!((page.status, page.url.host_str()), (502, Some("signin.localhost")), "{page:?}");
    assert!(page.body.contains("does not answer") && page.link(PERSON).is_some(), "{page:?}");
    let counted = "poort_sign_ins_total{page=\"start\",result=\"sign_in_issuer_undiscovered\"} 1";
    assert!(metrics().await.contains(counted), "a reason of its own");
    let officer = car.bearer(&zone.zone.mint(&Token::officer("an.janssens")).unwrap());
    let (answer, received) = poort_tests::get(&officer, &zone.persons, PERSON).await.unwrap();
    assert_eq!((answer.status, received.is_none()), (503, true), "{}", answer.text());
    let partner = Token::of("f.marchal").role("federal-partner");
    let partner = car.bearer(&zone.federal.mint(&partner).unwrap());
    let (answer, _) = poort_tests::get(&partner, &zone.vehicles, "/vehicles/0-ABC-123").await.unwrap();
    assert_eq!(answer.status, 200, "who signed in elsewhere passes: {}", answer.text());
    zone.zone.announce(None);
    let page = eventually(async || {
        let page = browser.go(&browser.at("persons", PERSON)).await.unwrap();
        (page.url.host_str() == Some("localhost")).then_some(page)
    });
    let page = page.await.unwrap_or_else(|| panic!("it is not asked again: {}", gate.log()));
    let landed = browser.go(&format!("{}&user=an.janssens", page.url)).await.unwrap();
    assert_eq!(landed.status, 200, "{landed:?}\n{}", gate.log());
}

/// A gate that runs, ready or not: an issuer that is away leaves it unready, and alive.
async fn alive(zone: &Zone) -> Gate {
    let gate = Gate::spawn(&binary().unwrap(), &zone.layout).unwrap();
    let lives = eventually(async || (gate.admin("/healthz").await.ok()?.0 == 200).then_some(()));
    assert!(lives.await.is_some(), "{}", gate.log());
    let car = zone.caller("car-12").unwrap();
    let answers = eventually(async || car.ask("GET", "signin.localhost", "/", &[]).await.ok());
    assert!(answers.await.is_some(), "{}", gate.log());
    gate
}

#[tokio::test]
async fn a_gate_that_starts_while_an_issuer_is_away_knows_where_it_was() {
    let mut world = World::start().await.unwrap();
    assert_eq!(sign_in(&world, &browser(&world), "an.janssens").await.status, 200);
    let file = world.zone.layout.path("deploy/state/issuer-zone.json");
    let kept = eventually(async || std::fs::read_to_string(&file).ok()).await.unwrap();
    assert_eq!(serde_json::from_str::<Value>(&kept).unwrap()["issuer"], world.zone.zone.issuer());
    world.zone.zone.down(true);
    for (what, document, status) in [
        ("as it was kept", Some(kept.clone()), 303),
        ("somebody else's", Some(kept.replace("\"issuer\":\"https://", "\"issuer\":\"https://evil.")), 502),
        ("none", None, 502),
    ] {
        assert!(world.gate.stop().await.unwrap().success());
        match &document {
            Some(text) => std::fs::write(&file, text).unwrap(),
            None => std::fs::remove_file(&file).unwrap(),
        }
        world.gate = alive(&world.zone).await;
        let browser = browser(&world);
        let page = browser.fetch("GET", &browser.at("signin", "/start"), &[]).await.unwrap();
        assert_eq!(page.status, status, "{what}: {page:?}");
        let authorize = format!("{}/authorize?", world.zone.zone.root());
        let leads = page.header("location").unwrap_or_default().starts_with(&authorize);
        assert_eq!(leads, status == 303, "{what}: {page:?}");
    }
}
