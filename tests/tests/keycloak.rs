//! Signing in at a real Keycloak, set up as policies/ISSUERS.md says. It is large and slow: `make conformance` runs this.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

use std::time::{Duration, Instant};

use jsonwebtoken::{
    Algorithm, EncodingKey,
    dangerous::insecure_decode,
    jwk::{Jwk, PublicKeyUse, ThumbprintHash},
};
use poort_demo::{sources::Source, zone::Zone};
use poort_tests::{
    PERSON,
    browser::{KeycloakStage, Tab},
    eventually, get,
};
use serde_json::{Value, json};

const VEHICLE: &str = "/vehicles/0-ABC-123";
const FIREARM: &str = "/firearms/DEMO-71802";

/// The public half of the gate's key at the issuer, as it is imported there.
fn client_key(zone: &Zone) -> String {
    let pem = std::fs::read(zone.pki.path("client.key")).unwrap();
    let key = EncodingKey::from_ec_pem(&pem).unwrap();
    let mut jwk = Jwk::from_encoding_key(&key, Algorithm::ES256).unwrap();
    // Keycloak overlooks a key that does not say what it is for.
    jwk.common.public_key_use = Some(PublicKeyUse::Signature);
    jwk.common.key_id = Some(jwk.thumbprint(ThumbprintHash::SHA256).unwrap());
    json!({ "keys": [jwk] }).to_string()
}

/// The one-time password of An's telephone (RFC 6238), into its field.
const ONE_TIME: &str = "(async () => { \
    const secret = new TextEncoder().encode('12345678901234567890'); \
    const key = await crypto.subtle.importKey('raw', secret, { name: 'HMAC', hash: 'SHA-1' }, false, ['sign']); \
    const counter = new DataView(new ArrayBuffer(8)); \
    counter.setUint32(4, Math.floor(Date.now() / 30000)); \
    const mac = new DataView(await crypto.subtle.sign('HMAC', key, counter.buffer)); \
    const code = (mac.getUint32(mac.getUint8(19) & 15) & 0x7fffffff) % 1e6; \
    document.getElementById('otp').value = String(code).padStart(6, '0'); })()";

async fn signed_in<'a>(stage: &'a KeycloakStage, user: &str) -> Tab<'a> {
    let tab = stage.browser.tab().await;
    let page = tab.go(&stage.at("persons", PERSON)).await;
    assert!(page.url.starts_with(&stage.keycloak.at("/protocol/openid-connect/auth?")), "{page:?}");
    tab.run(&format!("document.getElementById('username').value = '{user}'")).await;
    tab.run("document.getElementById('password').value = 'a password'").await;
    let landed = tab.click("Sign In").await;
    assert_eq!((landed.url, landed.status), (stage.at("persons", PERSON), Some(200)), "{}", said(stage));
    tab
}

/// What the gate said, and what Keycloak complained of.
fn said(stage: &KeycloakStage) -> String {
    let log = stage.keycloak.log();
    let complaints = log.lines().filter(|line| line.contains("ERROR") || line.contains(" WARN "));
    format!("{}\n{}", stage.world.gate.log(), complaints.collect::<Vec<_>>().join("\n"))
}

fn asserted(source: &Source) -> Value {
    let token = source.last().unwrap().header("poort-assertion").unwrap().to_owned();
    insecure_decode::<Value>(token).unwrap().claims
}

fn authentications(stage: &KeycloakStage) -> Vec<Value> {
    let records = stage.world.zone.layout.records().into_iter();
    records.filter(|record| record["metadata"]["event_code"] == "authentication").collect()
}

/// One after the other, since each start is a minute of both cores.
#[tokio::test]
#[ignore = "`make conformance` runs it"]
async fn officers_sign_in_at_keycloak() {
    let Some(stage) = KeycloakStage::set(client_key).await else { return };
    let tab = signed_in(&stage, "an.janssens").await;
    reaches_two_sources_as_granted(&stage, &tab).await;
    the_session_outlives_the_token(&stage, &tab).await;
    firearms_step_up(&stage, &tab).await;
    signing_out_ends_it_at_keycloak_too(&stage, &tab).await;
    keycloak_signs_somebody_out(&stage).await;
    programs_call_with_bound_tokens(&stage).await;
}

async fn reaches_two_sources_as_granted(stage: &KeycloakStage, tab: &Tab<'_>) {
    let zone = &stage.world.zone;
    assert_eq!(zone.persons.last().unwrap().header("x-remote-user"), Some("an.janssens"));
    let claims = asserted(&zone.persons);
    assert_eq!(
        (&claims["roles"], &claims["units"]),
        (&json!(["officer"]), &json!(["team-a"])),
        "no emperor: {claims}"
    );
    let landed = tab.go(&stage.at("vehicles", VEHICLE)).await;
    assert_eq!(landed.status, Some(200), "{landed:?}");
    assert!(
        !landed.hops.iter().any(|hop| hop.starts_with(&stage.keycloak.at(""))),
        "nothing is asked again: {landed:?}"
    );
    assert_eq!(zone.vehicles.last().unwrap().header("x-remote-user"), Some("an.janssens"));
}

/// Access tokens are good for four seconds there; the gate asks for another in the background.
async fn the_session_outlives_the_token(stage: &KeycloakStage, tab: &Tab<'_>) {
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_secs(5)).await;
        let landed = tab.go(&stage.at("persons", PERSON)).await;
        assert_eq!((landed.status, landed.hops.len()), (Some(200), 1), "{landed:?}\n{}", said(stage));
    }
    let refreshed =
        eventually(async || stage.keycloak.log().contains("type=\"REFRESH_TOKEN\"").then_some(()));
    assert!(refreshed.await.is_some(), "{}", said(stage));
}

/// `acr` by level of authentication: a second step, and the request goes on.
async fn firearms_step_up(stage: &KeycloakStage, tab: &Tab<'_>) {
    let page = tab.go(&stage.at("firearms", FIREARM)).await;
    assert!(page.url.starts_with(&stage.keycloak.at("/")), "{page:?}");
    tab.run(ONE_TIME).await;
    let landed = tab.click("Sign In").await;
    assert_eq!((landed.url, landed.status), (stage.at("firearms", FIREARM), Some(200)), "{}", said(stage));
    let acr = asserted(&stage.world.zone.firearms)["acr"].as_str().unwrap().to_owned();
    assert!(["https://refeds.org/profile/mfa", "phrh", "hwk", "sc"].contains(&&*acr), "{acr}");
}

async fn signing_out_ends_it_at_keycloak_too(stage: &KeycloakStage, tab: &Tab<'_>) {
    let other = stage.browser.tab().await;
    let page = other.go(&stage.at("persons", "/.poort/logout")).await;
    assert_eq!(page.url, stage.at("signin", "/sign-out"));
    let mut landed = other.click("Sign out").await;
    if landed.url.starts_with(&stage.keycloak.at("/")) {
        landed = other.click("Logout").await;
    }
    assert_eq!(landed.url, stage.at("signin", "/signed-out"), "{landed:?}");
    let page = tab.go(&stage.at("persons", PERSON)).await;
    assert!(page.url.starts_with(&stage.keycloak.at("/")), "Keycloak asks who it is: {page:?}");
}

/// Back-channel logout: Keycloak's own page ends its session, and it tells the gate.
async fn keycloak_signs_somebody_out(stage: &KeycloakStage) {
    let tab = signed_in(stage, "bo.maes").await;
    let elsewhere = stage.browser.tab().await;
    elsewhere.go(&stage.keycloak.at("/protocol/openid-connect/logout")).await;
    let page = elsewhere.click("Logout").await;
    assert!(page.text.contains("logged out"), "{page:?}");
    let ended = Instant::now();
    // An's sign-out was told too, when nothing was left to end.
    let is_told =
        |one: &Value| one["status_detail"] == "signed_out_by_issuer" && one["unmapped"]["ended"] == 1;
    let told = eventually(async || authentications(stage).into_iter().find(is_told));
    assert!(told.await.is_some(), "{:#?}\n{}", authentications(stage), said(stage));
    assert!(ended.elapsed() < Duration::from_secs(5), "{:?}", ended.elapsed());
    let page = tab.go(&stage.at("persons", PERSON)).await;
    assert!(page.url.starts_with(&stage.keycloak.at("/")), "{page:?}");
}

/// Bearer tokens, bound to the device's certificate (RFC 8705): good on it, and nowhere else.
async fn programs_call_with_bound_tokens(stage: &KeycloakStage) {
    let zone = &stage.world.zone;
    let bound = token(stage).await;
    let claims = insecure_decode::<Value>(&bound).unwrap().claims;
    assert!(claims["cnf"]["x5t#S256"].is_string(), "{claims}");
    let car = zone.caller("car-12").unwrap().bearer(&bound);
    let (answer, received) = get(&car, &zone.persons, PERSON).await.unwrap();
    assert_eq!(answer.status, 200, "{}\n{}", answer.text(), said(stage));
    assert_eq!(received.unwrap().header("x-remote-user"), Some("bo.maes"));
    let stolen = zone.caller("private-7").unwrap().bearer(&bound);
    let (answer, received) = get(&stolen, &zone.persons, PERSON).await.unwrap();
    assert_eq!((answer.status, received.is_none()), (401, true), "{}", answer.text());
}

/// An access token for a program, asked for with the device's certificate.
async fn token(stage: &KeycloakStage) -> String {
    let zone = &stage.world.zone;
    let device = zone.pki.issued("car-12").unwrap();
    let identity =
        reqwest::Identity::from_pem(format!("{}{}", device.pem, device.key_pem).as_bytes()).unwrap();
    let authority = reqwest::Certificate::from_der(zone.pki.internal.certificate().der()).unwrap();
    poort_demo::client::install_provider();
    let client =
        reqwest::Client::builder().no_proxy().tls_certs_only([authority]).identity(identity).build().unwrap();
    let form = "grant_type=password&client_id=reports&client_secret=a%20secret%20of%20the%20test&username=bo.maes&password=a%20password&scope=openid";
    let request = client.post(stage.keycloak.at("/protocol/openid-connect/token"));
    let request = request.header("content-type", "application/x-www-form-urlencoded").body(form);
    let said: Value = request.send().await.unwrap().json().await.unwrap();
    said["access_token"].as_str().unwrap_or_else(|| panic!("{said}")).to_owned()
}
