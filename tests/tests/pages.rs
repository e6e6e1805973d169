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
    gate::Gate,
    issuer::{CLIENT, SECRET},
    zone::Zone,
};
use poort_tests::{
    PERSON,
    browser::{Stage, Tab},
    eventually, with_demands,
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

/// Looks at the page that a tab is at.
async fn judge(tab: &Tab<'_>, name: &str, bytes: usize) {
    assert!((200..WEIGHT).contains(&bytes), "{name} weighs {bytes} bytes");
    judge_on(tab, name, &[("light", false, TABLET), ("dark", true, TABLET), ("upright", false, UPRIGHT)])
        .await;
}

/// Looks at it on these screens. Pictures are left in the target directory, for people.
async fn judge_on(tab: &Tab<'_>, name: &str, screens: &[(&str, bool, (u32, u32))]) {
    for &(how, dark, size) in screens {
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

/// A desk's screen, and a narrow window on it.
const DESK: (u32, u32) = (1280, 800);
const NARROW: (u32, u32) = (800, 900);

/// Rules that are few and score as CRS does.
const RULES: &str = r#"
SecRule ARGS "@detectSQLi" \
    "id:50001,phase:2,pass,log,msg:'SQL injection',severity:CRITICAL,setvar:tx.blocking_inbound_anomaly_score=+5"
SecRule TX:blocking_inbound_anomaly_score "@ge %{tx.inbound_anomaly_score_threshold}" \
    "id:50009,phase:2,deny,status:403,log,msg:'Too much'"
"#;

/// Something on every view of the console: refusals, an attack, a broken glass, and strangers. The code of a refusal.
async fn something_to_see(stage: &mut Stage) -> String {
    let tab = stage.browser.tab().await;
    tab.go(&stage.at("signin", "/start")).await;
    tab.click("Eva Lambert with a password").await;
    let refused = tab.go(&stage.at("persons", PERSON)).await;
    assert_eq!(refused.status, Some(403), "{refused:?}");
    tab.click("In an emergency: break the glass").await;
    tab.fill("Why?", "A child is missing, last seen near the station").await;
    tab.fill("Case number", "2026/17").await;
    let through = tab.click("Break the glass").await;
    assert_eq!(through.status, Some(200), "{through:?}");
    tab.go(&stage.at("signin", "/start?other=1")).await;
    tab.click("An Janssens with a password").await;
    let vehicle = tab.go(&stage.at("vehicles", "/vehicles/0-ABC-123")).await;
    assert_eq!(vehicle.status, Some(200), "{vehicle:?}");
    let attack = tab.go(&stage.at("persons", "/search?name=1'+OR+'1'='1")).await;
    assert_eq!(attack.status, Some(403), "{attack:?}");
    let world = &mut stage.world;
    for device in ["nobody", "stranger"] {
        // The handshake fails.
        world.zone.caller(device).unwrap().ask("GET", "persons.localhost", PERSON, &[]).await.err();
    }
    // Nobody's but the device's, whose name is long.
    let car = world.zone.caller("car-12").unwrap();
    assert_eq!(car.ask("GET", "vehicles.localhost", "/vehicles/0-ABC-123", &[]).await.unwrap().status, 403);
    // What was counted of strangers is written when a gate stops, and by the minute.
    world.gate.stop().await.unwrap();
    world.gate = Gate::start(&world.zone.layout).await.unwrap();
    refused.text.split("Code ").nth(1).unwrap().split_whitespace().next().unwrap().to_owned()
}

#[tokio::test]
async fn every_view_of_the_console_can_be_read_at_a_desk_in_the_light_and_in_the_dark() {
    let guarded = |zone: &Zone| {
        zone.layout.write_file("policies/waf/test.conf", RULES)?;
        zone.layout.edit("policies/poort.yaml", |yaml| {
            yaml["waf"] = serde_yaml::from_str("{ mode: block, rules: [waf/test.conf] }").unwrap();
        })
    };
    let Some(mut stage) = Stage::set_with(guarded).await else { return };
    let code = something_to_see(&mut stage).await;
    let console = format!("https://console.localhost:{}", stage.world.zone.layout.console().unwrap().port());
    let tab = stage.browser.tab().await;
    for (view, shows) in [
        ("decisions", code.as_str()),
        (&format!("explain?code={code}"), "to break the glass"),
        ("sources", "persons"),
        ("waf", "tls_certificate_"),
        ("reviews", "A child is missing"),
        ("log", "Root hash"),
    ] {
        let page = tab.go(&format!("{console}/{view}")).await;
        assert_eq!(page.status, Some(200), "{view}: {page:?}");
        assert!(page.text.contains(shows), "{view}: {}", page.text);
        let name = format!("console-{}", view.split('?').next().unwrap());
        let screens = [
            ("light", false, DESK),
            ("dark", true, DESK),
            ("narrow", false, NARROW),
            ("narrow-dark", true, NARROW),
        ];
        judge_on(&tab, &name, &screens).await;
        if view == "decisions" {
            const CUT: &str = "(({ scrollWidth, clientWidth }) => scrollWidth > clientWidth)(document.querySelector('.scroll'))";
            assert_eq!(tab.run(CUT).await, false, "on a narrow screen the reason is cut off");
        }
    }
    tab.go(&format!("{console}/decisions")).await;
    let layout = &stage.world.zone.layout;
    let closed = layout.read_file("policies/console.cedar").unwrap().replace("/security/", "/nobody/");
    layout.write_file("policies/console.cedar", &closed).unwrap();
    let (done, said) = stage.world.reload(&[]).await.unwrap();
    assert!(done, "{said}");
    let live = async || tab.run("document.getElementById('live').textContent").await;
    let told = async || (live().await == "Not connected; load the page again.").then_some(());
    eventually(told).await.unwrap();
}
