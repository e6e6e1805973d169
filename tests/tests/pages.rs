//! How the gate's own pages look, to everybody: on the screen of a car's tablet, light and dark, and to who cannot see it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::too_many_lines,
    reason = "a test that cannot go on has failed, and a table is as long as it is"
)]

use std::path::Path;

use poort_demo::{
    DemoError,
    issuer::{CLIENT, SECRET},
    zone::Zone,
};
use poort_tests::{
    PERSON,
    browser::{Stage, Tab},
    with_demands,
};
use serde_json::json;

/// A tablet of seven inches on its side, and upright.
const TABLET: (u32, u32) = (1024, 600);
const UPRIGHT: (u32, u32) = (600, 1024);
/// What a page may weigh, its heads included: at the edge of a cell that is a quarter of a second.
const WEIGHT: usize = 10_000;
const FIREARM: &str = "/firearms/DEMO-71802";

/// A second issuer to choose from.
fn two_issuers(zone: &Zone) -> Result<(), DemoError> {
    with_demands(zone)?;
    zone.layout.write_file("certs/federal.secret", SECRET)?;
    let federal = json!({
        "issuer": "federal", "title": "Federal police", "client_id": CLIENT, "client_secret_file": zone.layout.path("certs/federal.secret"),
        "authorization": format!("{}/authorize", zone.federal.root()), "token": format!("{}/exchange", zone.federal.root()),
        "ca": zone.pki.path("internal-ca.crt"),
    });
    zone.layout.edit("policies/poort.yaml", |yaml| {
        let issuers = yaml["sign_in"]["issuers"].as_sequence_mut().unwrap();
        issuers[0]["title"] = "Police zone".into();
        issuers.push(serde_yaml::to_value(federal).unwrap());
    })
}

/// Looks at the page that a tab is at. Pictures are left in the target directory, for people.
async fn judge(tab: &Tab<'_>, name: &str, bytes: usize) {
    assert!((200..WEIGHT).contains(&bytes), "{name} weighs {bytes} bytes");
    for (how, dark, size) in [("light", false, TABLET), ("dark", true, TABLET), ("upright", false, UPRIGHT)] {
        tab.look(dark, size).await;
        tab.picture(&Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("pages/{name}-{how}.png"))).await;
        let violations = tab.violations().await;
        assert_eq!(violations, [""; 0], "{name}, {how}");
        let wide = tab.run("document.documentElement.scrollWidth > innerWidth").await;
        assert_eq!(wide, false, "{name}, {how}: one has to scroll sideways");
    }
}

#[tokio::test]
async fn every_page_is_light_and_open_to_everybody() {
    let Some(stage) = Stage::set_with(two_issuers).await else { return };
    let tab = stage.browser.tab().await;
    let signin = |path: &str| stage.at("signin", path);
    for (name, path, status) in [
        ("home", "/", 200),
        ("chooser", "/start", 200),
        ("signed-out", "/signed-out", 200),
        ("failed", "/callback/zone?code=x", 400),
        ("nothing-here", "/nothing", 404),
    ] {
        let page = tab.go(&signin(path)).await;
        assert_eq!(page.status, Some(status), "{name}: {page:?}");
        judge(&tab, name, page.bytes).await;
    }
    tab.go(&signin("/start")).await;
    tab.click("Police zone").await;
    let home = tab.click("An Janssens with a password").await;
    judge(&tab, "home-signed-in", home.bytes).await;
    let page = tab.go(&stage.at("firearms", FIREARM)).await;
    judge(&tab, "chooser-on-the-way", page.bytes).await;
    tab.click("Police zone").await;
    let weak = tab.click("An Janssens with a password").await;
    assert_eq!(weak.status, Some(403), "{weak:?}");
    judge(&tab, "not-strong", weak.bytes).await;
    tab.go(&signin("/start?other=1")).await;
    tab.click("Police zone").await;
    tab.click("Eva Lambert with a password").await;

    let page = tab.go(&signin("/mission")).await;
    judge(&tab, "mission", page.bytes).await;
    tab.click("Investigation").await;
    tab.fill("Case number", "nonsense").await;
    let page = tab.click("Begin").await;
    assert_eq!(page.status, Some(400), "{page:?}");
    judge(&tab, "mission-wrong", page.bytes).await;
    tab.fill("Case number", "2026/17").await;
    let page = tab.click("Begin").await;
    assert_eq!(page.url, signin("/mission"), "{page:?}");
    judge(&tab, "mission-opened", page.bytes).await;

    let refused = tab.go(&stage.at("vehicles", "/vehicles/0-ABC-123")).await;
    assert_eq!(refused.status, Some(403), "{refused:?}");
    judge(&tab, "refused", refused.bytes).await;
    let refused = tab.go(&stage.at("persons", PERSON)).await;
    assert_eq!(refused.status, Some(403), "{refused:?}");
    judge(&tab, "refused-with-glass", refused.bytes).await;
    let page = tab.click("In an emergency: break the glass").await;
    judge(&tab, "glass", page.bytes).await;
    tab.fill("Why?", "x").await;
    tab.fill("Case number", "2026/17").await;
    let page = tab.click("Break the glass").await;
    assert_eq!(page.status, Some(400), "{page:?}");
    judge(&tab, "glass-wrong", page.bytes).await;

    tab.go(&signin("/start?other=1")).await;
    tab.click("Police zone").await;
    tab.click("Bo Maes with a password").await;
    tab.go(&stage.at("persons", "/search?name=lotte")).await;
    let form = format!(
        "<form method=post action={PERSON}><input name=remark value=seen><button>Save</button></form>"
    );
    tab.run(&format!("document.body.insertAdjacentHTML('beforeend', '{form}')")).await;
    let page = tab.click("Save").await;
    judge(&tab, "form-kept", page.bytes).await;
    tab.click("Sign in").await;
    tab.click("Police zone").await;
    let page = tab.click("Bo Maes with a key").await;
    judge(&tab, "form-to-send", page.bytes).await;
    let page = tab.go(&signin("/sign-out")).await;
    judge(&tab, "sign-out", page.bytes).await;
}
