//! What machines ask that have no device certificate: on a listener of its own, where nothing else is answered.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

use std::time::{Duration, Instant};

use poort_demo::{
    client::{Browser, Caller},
    issuer::{CLIENT, Token},
    ports,
};
use poort_tests::{PERSON, World, quota};
use serde_json::{Value, json};

const HOST: &str = "service.localhost";

/// A gate with a service listener, and a machine that has no certificate.
async fn start(budget: Option<(u32, u32)>) -> (World, Caller) {
    let address = ports::free().unwrap();
    let world = World::start_with(|zone| {
        zone.pki.server("service", &[HOST])?;
        let path = |name: &str| zone.pki.path(name).display().to_string();
        zone.layout.edit("deploy/poort.yaml", |yaml| {
            let pair = format!("{{ chain: {}, key: {} }}", path("service.crt"), path("service.key"));
            let service = format!("{{ address: \"{address}\", certificates: [{pair}] }}");
            yaml["service"] = serde_yaml::from_str(&service).unwrap();
        })?;
        zone.layout.edit("policies/poort.yaml", |yaml| {
            if let Some((rate, burst)) = budget {
                yaml["limits"]["address"] = quota(rate, burst);
            }
        })
    });
    let world = world.await.unwrap();
    let machine = Caller::new(address, world.zone.pki.gate.certificate().der(), None).unwrap();
    (world, machine)
}

#[tokio::test]
async fn keys_and_probes_are_there_for_everybody_and_nothing_else_is() {
    let (world, machine) = start(None).await;
    let keys = machine.ask("GET", HOST, "/.well-known/jwks.json", &[]).await.unwrap();
    assert_eq!((keys.status, keys.header("content-type").unwrap()), (200, "application/jwk-set+json"));
    assert_eq!(keys.json()["keys"][0]["crv"], "P-256");
    let (status, same) = world.gate.admin("/.well-known/jwks.json").await.unwrap();
    assert_eq!((status, same), (200, keys.text()));
    for (method, path, status) in [
        ("GET", "/healthz", 200),
        ("GET", "/readyz", 200),
        ("HEAD", "/readyz", 200),
        ("GET", "/metrics", 404),
        ("GET", PERSON, 404),
        ("POST", "/readyz", 404),
        ("GET", "/backchannel-logout/zone", 405),
        ("POST", "/backchannel-logout/nobody", 400),
    ] {
        let length: &[&str] = if method == "POST" { &["Content-Length: 0"] } else { &[] };
        assert_eq!(machine.ask(method, HOST, path, length).await.unwrap().status, status, "{method} {path}");
    }
    assert_eq!(world.zone.persons.count(), 0, "no source is behind it");
    let smuggled = format!(
        "POST /backchannel-logout/zone HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    );
    assert_eq!(machine.send(HOST, smuggled.as_bytes()).await.unwrap().status, 400);
}

#[tokio::test]
async fn an_issuer_elsewhere_says_who_signed_out() {
    let (world, machine) = start(None).await;
    let browser = Browser::new(&world.zone, &world.zone.caller("car-12").unwrap()).unwrap();
    let address = browser.at("persons", PERSON);
    let page = browser.go(&address).await.unwrap();
    assert_eq!(browser.go(&format!("{}&user=an.janssens", page.url)).await.unwrap().status, 200);

    let event = json!({ "http://schemas.openid.net/event/backchannel-logout": {} });
    let token = Token::of("an.janssens").audience(CLIENT).claim("events", event);
    let token = token.claim("typ", Value::Null).claim("azp", Value::Null).claim("sid", Value::Null);
    let form = format!("logout_token={}", world.zone.zone.mint(&token).unwrap());
    let request = format!(
        "POST /backchannel-logout/zone HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: {}\r\n\r\n{form}",
        form.len()
    );
    assert_eq!(machine.send(HOST, request.as_bytes()).await.unwrap().status, 200);
    assert_eq!(browser.fetch("GET", &address, &[]).await.unwrap().status, 401, "the very next request");
}

/// Whoever wants may connect here: nobody keeps a connection by never finishing a form.
#[tokio::test]
async fn a_form_that_never_ends_is_given_up() {
    let (_world, machine) = start(None).await;
    let begin = Instant::now();
    let silent = async {
        let body = futures_util::stream::pending::<Result<Vec<u8>, std::io::Error>>();
        let client = machine.http(&[HOST]).unwrap();
        let request = client.post(machine.url(HOST, "/backchannel-logout/zone"));
        let answer = request.body(reqwest::Body::wrap_stream(body)).send().await.unwrap();
        assert_eq!((answer.version(), answer.status().as_u16()), (reqwest::Version::HTTP_2, 400));
    };
    let slow = async |path: &str| {
        let mut connection = machine.connect(HOST).await.unwrap();
        let head = format!("POST {path} HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 1000\r\n\r\n");
        connection.send(head.as_bytes()).await.unwrap();
        let mut sent = 0;
        while sent < 9 && connection.send(b"a").await.is_ok() {
            sent += 1;
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        String::from_utf8(connection.rest(Duration::from_secs(9)).await).unwrap()
    };
    let (_, form, nothing) = tokio::join!(silent, slow("/backchannel-logout/zone"), slow("/nothing"));
    assert!(form.starts_with("HTTP/1.1 400 "), "{form}");
    assert!(nothing.starts_with("HTTP/1.1 404 "), "{nothing}");
    assert!(begin.elapsed() < Duration::from_secs(16), "{:?}", begin.elapsed());
}

#[tokio::test]
async fn who_asks_too_much_waits() {
    let (_world, machine) = start(Some((1, 3))).await;
    let mut answers = Vec::new();
    for _ in 0..6 {
        answers.push(machine.ask("GET", HOST, "/healthz", &[]).await.unwrap().status);
    }
    assert_eq!(answers[..3], [200; 3], "{answers:?}");
    assert!(answers.contains(&429), "{answers:?}");
}
