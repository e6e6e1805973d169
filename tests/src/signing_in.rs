//! People who sign in, in a browser on a device.

use poort_demo::client::{Browser, Landed};

use crate::{PERSON, World};

/// Goes to a person's entry and signs in on the way; where that leads.
pub async fn sign_in(world: &World, browser: &Browser, user: &str) -> Landed {
    let page = browser.go(&browser.at("persons", PERSON)).await.unwrap();
    assert_eq!(page.url.host_str(), Some("localhost"), "this is not the issuer's page: {page:?}");
    let landed = browser.go(&format!("{}&user={user}", page.url)).await.unwrap();
    assert!(!landed.url.as_str().contains("authorize"), "{landed:?}\n{}", world.gate.log());
    landed
}

/// A browser in which somebody has signed in.
pub async fn signed_in(world: &World, device: &str, user: &str) -> Browser {
    let browser = Browser::new(&world.zone, &world.zone.caller(device).unwrap()).unwrap();
    assert_eq!(sign_in(world, &browser, user).await.status, 200, "{}", world.gate.log());
    browser
}
