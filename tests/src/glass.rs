//! An officer on the way to breaking the glass.

use poort_demo::client::{Browser, Landed};

use crate::{PERSON, World};

/// What an officer writes.
pub const WRITTEN: &str = "reason=A+child+is+missing&case=2026%2F4711";

/// A browser on a device.
#[must_use]
pub fn browser(world: &World, device: &str) -> Browser {
    Browser::new(&world.zone, &world.zone.caller(device).unwrap()).unwrap()
}

/// An officer of another zone, signed in, on the way to a person: refused.
pub async fn refused(world: &World, browser: &Browser) -> Landed {
    let page = browser.go(&browser.at("persons", PERSON)).await.unwrap();
    assert_eq!(page.url.host_str(), Some("localhost"), "{page:?}");
    let refused = browser.go(&format!("{}&user=eva.lambert", page.url)).await.unwrap();
    assert_eq!(
        (refused.status, refused.url.as_str()),
        (403, &*browser.at("persons", PERSON)),
        "{refused:?}\n{}",
        world.gate.log()
    );
    refused
}

/// The page on which the glass is broken.
pub async fn offered(world: &World, browser: &Browser) -> Landed {
    let offer = refused(world, browser).await.link("/break-glass").expect("an offer");
    browser.go(&offer).await.unwrap()
}

/// What the form holds that nobody writes.
#[must_use]
pub fn hidden(page: &Landed) -> String {
    let field = |name| page.field(name).unwrap_or_default();
    format!("proof={}&to={}", field("proof"), field("to"))
}

/// Posts the form.
pub async fn breaks(browser: &Browser, page: &Landed, written: &str) -> Landed {
    let form = format!("{}&{written}", hidden(page));
    browser.submit(&browser.at("signin", ""), &browser.at("signin", "/break-glass"), &form).await.unwrap()
}
