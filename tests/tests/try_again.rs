//! Ways that end before they are at their end: whoever tries again gets where they were going, and nobody is led elsewhere.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

use std::time::{Duration, SystemTime};

use poort_demo::client::Browser;
use poort_identity::session::{Purpose, Seal};
use poort_tests::{PERSON, World, browser::Stage};
use serde_json::json;

const AN: &str = "An Janssens with a password";
const CAR: &str = "spiffe://zone.example/device/car-12";
const HOUR: Duration = Duration::from_secs(3600);

#[tokio::test]
async fn whom_the_issuer_fails_tries_again_and_gets_where_they_were_going() {
    let Some(stage) = Stage::set().await else { return };
    let tab = stage.browser.tab().await;
    let address = stage.at("persons", &format!("{PERSON}?tab=1"));
    tab.go(&address).await;
    let refused = tab.click("Nobody of these").await;
    assert_eq!(refused.status, Some(403), "{refused:?}");
    assert!(refused.url.starts_with(&stage.at("signin", "/callback/zone")), "{refused:?}");
    let page = tab.click("Try again").await;
    assert!(page.url.contains("/interaction/"), "the issuer is asked again: {page:?}");
    stage.provider.answers(false);
    let silent = tab.click(AN).await;
    assert_eq!(silent.status, Some(502), "{silent:?}");
    assert!(silent.text.contains("does not answer"), "{silent:?}");
    let again = tab.click("Try again").await;
    assert_eq!(again.status, Some(502), "it still does not: {again:?}");
    stage.provider.answers(true);
    let landed = tab.click("Try again").await;
    assert_eq!(
        (landed.url, landed.status),
        (address, Some(200)),
        "{:?}\n{}",
        landed.hops,
        stage.world.gate.log()
    );
    let received = stage.world.zone.persons.received();
    let looked_up: Vec<_> = received.iter().filter(|request| request.target.contains(PERSON)).collect();
    assert_eq!(looked_up.len(), 1, "{looked_up:?}");
    assert!(looked_up[0].target.ends_with("?tab=1"), "{looked_up:?}");
}

/// A journey to a person's entry, sealed with these keys.
fn journey(keys: &str, host: &str, device: &str, ago: Duration) -> String {
    let at = (SystemTime::now() - ago).duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let journey = json!({
        "host": host, "target": PERSON, "device": device, "tag": "tag", "browser": vec![0; 32],
        "errand": { "sign_in": { "stronger": false } }, "at": at,
    });
    Seal::from_lines(keys).unwrap().seal(Purpose::Journey, &serde_json::to_vec(&journey).unwrap()).unwrap()
}

#[tokio::test]
async fn who_took_too_long_tries_again_where_they_were_going_and_nowhere_else() {
    let world = World::start().await.unwrap();
    let browser = Browser::new(&world.zone, &world.zone.caller("car-12").unwrap()).unwrap();
    let keys = std::fs::read_to_string(world.zone.pki.path("session.keys")).unwrap();
    let going = |device: &str, ago| journey(&keys, "persons.localhost", device, ago);
    let page =
        browser.go(&browser.at("signin", &format!("/start?to={}", going(CAR, HOUR / 60)))).await.unwrap();
    assert_eq!(page.url.host_str(), Some("localhost"), "a minute is not too long: {page:?}");
    let long = going(CAR, HOUR);
    let page = browser.go(&browser.at("signin", &format!("/start?to={long}"))).await.unwrap();
    assert_eq!((page.status, page.hops.len()), (400, 1), "{page:?}");
    let again = page.link(PERSON).unwrap();
    assert_eq!(again, browser.at("persons", PERSON));
    let page = browser.go(&again).await.unwrap();
    let landed = browser.go(&format!("{}&user=an.janssens", page.url)).await.unwrap();
    assert_eq!((landed.status, landed.url.as_str()), (200, &*again), "{}", world.gate.log());

    let page = browser.go(&browser.at("signin", &format!("/mission?to={long}"))).await.unwrap();
    assert_eq!((page.status, page.link(PERSON)), (400, Some(again)), "so it is where a purpose is stated");
    let other_keys = "1f".repeat(32);
    for (what, to) in [
        ("another device's", going("spiffe://zone.example/device/car-13", HOUR)),
        ("sealed by somebody else", journey(&other_keys, "evil.example", CAR, HOUR)),
        ("changed", format!("{long}A")),
        ("an address", "https://evil.example/".to_owned()),
        ("an address without a scheme", "//evil.example/".to_owned()),
        ("an address for careless browsers", "/%5Cevil.example/".to_owned()),
        ("an address for careless parsers", "https:evil.example".to_owned()),
        ("a script", "javascript:evil()".to_owned()),
    ] {
        for path in ["/start?to=", "/mission?to=", "/break-glass?to=", "/callback/zone?state=x&to="] {
            let page = browser.go(&browser.at("signin", &format!("{path}{to}"))).await.unwrap();
            assert_eq!((page.status, page.hops.len()), (400, 1), "{what} at {path}: {page:?}");
            assert!(!page.body.contains("evil") && page.link(PERSON).is_none(), "{what} at {path}: {page:?}");
            assert!(page.header("location").is_none() && page.header("refresh").is_none(), "{what}");
        }
    }
}
