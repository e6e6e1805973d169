//! Ways that end before they are at their end: whoever tries again gets where they were going, and nobody is led elsewhere.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

use poort_tests::{PERSON, World, browser::Stage, signing_in::signed_in};

const AN: &str = "An Janssens with a password";

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

#[tokio::test]
async fn nobody_is_led_anywhere_by_a_journey_that_is_none() {
    let world = World::start().await.unwrap();
    let browser = signed_in(&world, "car-12", "an.janssens").await;
    for (what, to) in [
        ("nothing", ""),
        ("an address", "https://evil.example/"),
        ("an address without a scheme", "//evil.example/"),
        ("an address for careless browsers", "/%5Cevil.example/"),
        ("an address for careless parsers", "https:evil.example"),
        ("a script", "javascript:evil()"),
    ] {
        for path in ["/start?to=", "/mission?to=", "/break-glass?to=", "/callback/zone?state=x&to="] {
            let page = browser.go(&browser.at("signin", &format!("{path}{to}"))).await.unwrap();
            assert_eq!((page.status, page.hops.len()), (400, 1), "{what} at {path}: {page:?}");
            assert!(
                !page.body.contains("evil") && page.link("/").is_some_and(|to| to == "/"),
                "{what} at {path}: {page:?}"
            );
            assert!(page.header("location").is_none() && page.header("refresh").is_none(), "{what}");
        }
    }
}
