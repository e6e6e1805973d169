//! Forms that meet the end of a session: which are kept, and that nothing else is.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

use std::time::Duration;

use poort_demo::{
    client::{Browser, Landed},
    gate::Gate,
};
use poort_tests::{
    PERSON, World,
    browser::{Stage, Tab},
    without_limits,
};

const SESSION: &str = "__Host-poort-session";
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

const FILES: (&str, &str) = ("content-type", "multipart/form-data; boundary=x");
/// A form with a file, as browsers write it.
const FILE: &str = "--x\r\nContent-Disposition: form-data; name=\"a\"; filename=\"b.txt\"\r\nContent-Type: text/plain\r\n\r\n%\r\n--x--\r\n";

/// A browser on `car-12` in which somebody was signed in, and was signed out elsewhere: it still has its cookie.
async fn signed_out(world: &World) -> Browser {
    let browser = Browser::new(&world.zone, &world.zone.caller("car-12").unwrap()).unwrap();
    sign_in(&browser).await;
    let page = browser.go(&browser.at("signin", "/sign-out")).await.unwrap();
    let form = format!("proof={}", page.field("proof").unwrap());
    browser.submit(&browser.at("signin", ""), &browser.at("signin", "/sign-out"), &form).await.unwrap();
    assert!(browser.cookies("persons").contains_key(SESSION));
    browser
}

async fn sign_in(browser: &Browser) -> Landed {
    let page = browser.go(&browser.at("persons", PERSON)).await.unwrap();
    browser.go(&format!("{}&user=bo.maes&strong=1", page.url)).await.unwrap()
}

/// Sends a form with these headers and no others of its kind.
async fn send(browser: &Browser, headers: &[(&str, &str)], body: &str) -> Landed {
    browser.post_page(&browser.at("persons", PERSON), headers, body).await.unwrap()
}

/// Where a page leads that says that a form is kept.
fn kept(page: &Landed) -> Option<String> {
    page.body.contains("This is not sent yet.").then(|| page.link("/start?to=").unwrap())
}

#[tokio::test]
async fn only_a_persons_own_form_is_kept() {
    let world = World::start_with(without_limits).await.unwrap();
    let browser = signed_out(&world).await;
    let (own, sibling) = (browser.at("persons", ""), browser.at("vehicles", ""));
    let (origin, site) = (("origin", &*own), ("sec-fetch-site", "same-origin"));
    let before = world.zone.persons.count();
    let large = "a".repeat(64 * 1024 + 1);
    let largest = "a".repeat(64 * 1024);
    for (what, headers, body, is_kept) in [
        ("a form", &[origin, site, FORM][..], "remark=x", true),
        ("as large as may be", &[origin, site, FORM], &largest, true),
        ("too large", &[origin, site, FORM], &large, false),
        ("with what no page can say", &[origin, site, FORM], "a=%00", false),
        ("with a file", &[origin, site, FILES], FILE, true),
        ("with files that no browser wrote", &[origin, site, FILES], "x--x--", false),
        ("with files that are too large", &[origin, site, FILES], &FILE.replace('%', &large), false),
        ("of another kind", &[origin, site, ("content-type", "text/plain")], "a=b", false),
        ("of another source", &[("origin", &*sibling), ("sec-fetch-site", "same-site"), FORM], "a=b", false),
        ("of another source that lies", &[("origin", &*sibling), site, FORM], "a=b", false),
        ("of nowhere", &[("origin", "null"), site, FORM], "a=b", false),
        ("without origin", &[site, FORM], "a=b", false),
        ("of an old browser", &[origin, FORM], "a=b", false),
        ("of a script", &[origin, site, FORM, ("sec-fetch-mode", "cors")], "a=b", false),
        ("of a frame", &[origin, site, FORM, ("sec-fetch-dest", "iframe")], "a=b", false),
    ] {
        let page = send(&browser, headers, body).await;
        assert_eq!(page.status, 401, "{what}: {page:?}");
        assert!(page.header("www-authenticate").is_some(), "{what}");
        assert_eq!(kept(&page).is_some(), is_kept, "{what}: {page:?}");
    }
    let cookie = browser.cookies("persons")[SESSION].clone();
    for (what, cookie) in [("changed", format!("{cookie}A")), ("made up", "AAAA".to_owned())] {
        browser.plant("persons", SESSION, &cookie);
        let page = send(&browser, &[origin, site, FORM], "a=b").await;
        assert_eq!((page.status, kept(&page)), (401, None), "{what}");
    }
    world.zone.pki.device("car-13").unwrap();
    let thief = Browser::new(&world.zone, &world.zone.caller("car-13").unwrap()).unwrap();
    thief.plant("persons", SESSION, &cookie);
    let page = send(&thief, &[origin, site, FORM], "a=b").await;
    assert_eq!((page.status, kept(&page)), (401, None), "on another device");
    assert_eq!(world.zone.persons.count(), before, "the source saw none of them");
    assert!(world.counts("poort_sign_ins_total{page=\"form\",result=\"kept\"} 3").await);
    assert!(world.counts("poort_sign_ins_total{page=\"form\",result=\"form_too_large\"} 2").await);
}

#[tokio::test]
async fn a_kept_form_is_let_go_once_to_its_own_pages_alone() {
    let world = World::start_with(without_limits).await.unwrap();
    let browser = signed_out(&world).await;
    let (own, sibling) = (browser.at("persons", ""), browser.at("vehicles", ""));
    let headers = [("origin", &*own), ("sec-fetch-site", "same-origin"), FORM];
    let page = send(&browser, &headers, "remark=%E9").await;
    let issuer = browser.go(&kept(&page).unwrap()).await.unwrap();
    let asked = browser.go(&format!("{}&user=bo.maes&strong=1", issuer.url)).await.unwrap();
    assert_eq!(asked.status, 200, "{asked:?}\n{}", world.gate.log());
    assert!(
        asked.body.contains("accept-charset=\"windows-1252\""),
        "in the letters it was written in: {asked:?}"
    );
    assert_eq!(asked.field("remark"), Some("é"));
    let before = world.zone.persons.count();
    let address = asked.url.as_str().to_owned();
    let foreign = [("origin", &*sibling), ("sec-fetch-site", "same-site"), FORM];
    let page = browser.post_page(&address, &foreign, "remark=%E9").await.unwrap();
    assert_eq!(page.status, 400, "another source's page does not let it go");
    let sent = browser.post_page(&address, &headers, "remark=%E9").await.unwrap();
    assert_eq!(
        (sent.status, sent.header("location")),
        (307, Some(&*browser.at("persons", PERSON))),
        "{sent:?}"
    );
    let again = browser.post_page(&address, &headers, "remark=%E9").await.unwrap();
    assert_eq!(again.status, 400, "once");
    assert_eq!(world.zone.persons.count(), before, "the browser sends it, not the gate");
    let landed = send(&browser, &headers, "remark=%E9").await;
    assert_eq!(landed.status, 200, "{landed:?}");
    assert_eq!(world.zone.persons.last().unwrap().body, b"remark=%E9");
}

/// Puts a form with files into the page, as the application's own would be, and fills it in.
async fn write(tab: &Tab<'_>) {
    let form = format!(
        "<form method=post enctype=multipart/form-data action={PERSON}><label>Remark <textarea name=remark></textarea></label>\
         <input type=file name=photo><input type=file name=none><input type=file name=photo><button name=save value=1>Save</button></form>"
    );
    let files = "const put = (place, name, type, length) => { const list = new DataTransfer(); \
                 const bytes = Uint8Array.from({ length }, (_, at) => (at * 7919 + (at >> 3)) % 256); \
                 list.items.add(new File([bytes], name, { type })); document.querySelectorAll('input[type=file]')[place].files = list.files; }; \
                 put(0, 'de brug \"\u{e9}\".jpg', 'image/jpeg', 30000); put(2, 'leeg.bin', '', 0);";
    tab.run(&format!("document.body.insertAdjacentHTML('beforeend', `{form}`); {files}")).await;
    tab.fill("Remark", "Gezien bij de brug,\ndie foto + 1 \u{20ac}").await;
}

/// What was posted, without the boundary, which a browser makes up each time.
fn posted(world: &World) -> Vec<Vec<u8>> {
    let all = world.zone.persons.received().into_iter().filter(|request| request.method == "POST");
    all.map(|request| {
        let kind = request.header("content-type").unwrap();
        let boundary = kind.split_once("boundary=").unwrap().1.as_bytes();
        let (mut out, mut rest) = (Vec::new(), &*request.body);
        while let Some(place) = rest.windows(boundary.len()).position(|part| part == boundary) {
            out.extend_from_slice(&rest[..place]);
            rest = &rest[place + boundary.len()..];
        }
        [out, rest.to_vec()].concat()
    })
    .collect()
}

#[tokio::test]
async fn files_are_kept_over_a_restart_and_sent_byte_for_byte() {
    let short = |yaml: &mut serde_yaml::Value| yaml["sign_in"]["lifetime"] = "12s".into();
    let stage = Stage::set_with(|zone| zone.layout.edit("policies/poort.yaml", short));
    let Some(mut stage) = stage.await else { return };
    let tab = stage.browser.tab().await;
    let address = stage.at("persons", PERSON);
    tab.go(&address).await;
    let begun = std::time::Instant::now();
    tab.click("Bo Maes with a key").await;
    write(&tab).await;
    assert_eq!(tab.click("Save").await.status, Some(200), "{}", stage.world.gate.log());
    tab.go(&address).await;
    write(&tab).await;
    tokio::time::sleep(Duration::from_millis(12_500).saturating_sub(begun.elapsed())).await;
    let page = tab.click("Save").await;
    assert!(page.text.contains("This is not sent yet."), "{page:?}\n{}", stage.world.gate.log());
    assert!(stage.world.gate.stop().await.unwrap().success());
    stage.world.gate = Gate::start(&stage.world.zone.layout).await.unwrap();
    let page = tab.click("Sign in").await;
    assert!(
        page.text.contains("With: de brug \"\u{e9}\".jpg, leeg.bin"),
        "{page:?}\n{}",
        stage.world.gate.log()
    );
    assert_eq!(posted(&stage.world).len(), 1, "nothing is sent that is not confirmed");
    let landed = tab.click("Send").await;
    assert_eq!((landed.url, landed.status), (address, Some(200)), "{}", stage.world.gate.log());
    let posted = posted(&stage.world);
    let [first, second] = posted.as_slice() else { panic!("it was sent {} times", posted.len()) };
    assert!(first.len() > 30_000);
    assert!(first == second, "{}\n\n{}", String::from_utf8_lossy(first), String::from_utf8_lossy(second));
}
