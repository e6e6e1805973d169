//! What a source receives, and what of its answer reaches the client.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::too_many_lines,
    reason = "a test that cannot go on has failed, and a table is as long as it is"
)]

use poort_demo::{client::plain, issuer::Token, layout::Layout};
use poort_tests::{PERSON, World, ask, get};
use serde_json::Value;

#[tokio::test]
async fn nothing_that_a_client_forged_reaches_a_source() {
    let world = World::start().await.unwrap();
    let (an, persons) = (world.officer().unwrap(), &world.zone.persons);
    let forged = [
        "X-Forwarded-For: 6.6.6.6",
        "X-Forwarded-Host: evil.example",
        "X-Forwarded-Anything: evil",
        "Forwarded: for=6.6.6.6",
        "X-Real-IP: 6.6.6.6",
        "X-Remote-User: evil",
        "X-Remote-Roles: supervisor",
        "Client-Cert: evil",
        "X-Client-Cert-Dn: evil",
        "Poort-Assertion: evil",
        "Poort-Request-Id: evil",
        "X-HTTP-Method-Override: DELETE",
        "X-Original-URL: /evil",
        "X-Rewrite-URL: /evil",
        "Proxy: http://evil",
        "Connection: X-Forwarded-Proto, X-Evil",
        "X-Evil: evil",
    ];
    let (answer, received) = ask(&an, "GET", persons, PERSON, &forged[..15]).await.unwrap();
    let received = received.expect("the request reaches the source");
    assert_eq!(answer.status, 200);
    let head = String::from_utf8_lossy(&received.head).to_lowercase();
    assert!(!head.contains("evil") && !head.contains("6.6.6.6") && !head.contains("delete"), "{head}");
    assert_eq!(received.header("authorization"), None, "a token never reaches a source");
    assert_eq!(received.header("x-forwarded-for"), Some("127.0.0.1"));
    assert_eq!(received.header("x-forwarded-proto"), Some("https"));
    assert_eq!(received.header("x-forwarded-host"), Some("persons.localhost"));
    assert_eq!(received.header("x-remote-user"), Some("an.janssens"));
    assert_eq!(received.header("x-remote-roles"), Some("officer"));
    assert_eq!(received.headers_named("poort-request-id").count(), 1);
    assert_eq!(received.header("poort-request-id"), answer.header("poort-request-id"));
    let (answer, received) = ask(&an, "GET", persons, PERSON, &forged[15..]).await.unwrap();
    assert_eq!((answer.status, answer.reason().as_str()), (400, "malformed_request"));
    assert!(received.is_none(), "what the gate sets cannot be nominated away");
    let (_, received) =
        ask(&an, "GET", persons, PERSON, &["Connection: X-Evil", "X-Evil: evil"]).await.unwrap();
    assert_eq!(received.unwrap().header("x-evil"), None, "what Connection nominates goes no further");
}

#[tokio::test]
async fn a_trace_begins_at_the_gate_and_is_named_as_the_request() {
    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    let world = World::start_with(|zone| {
        zone.layout.edit("policies/sources/vehicles.yaml", |yaml| {
            // Its answers are inspected, so that the gate asks it by itself.
            yaml["waf"] = serde_yaml::from_str("{ mode: block, response: {} }").unwrap();
        })
    })
    .await
    .unwrap();
    let an = world.officer().unwrap();
    let valid = format!("traceparent: 00-{TRACE}-b7ad6b7169203331-01");
    let sources = [(&world.zone.persons, PERSON), (&world.zone.vehicles, "/vehicles/1-ABC-123")];
    for (source, path) in sources {
        for (what, lines, flags) in [
            ("none", &[][..], "00"),
            ("a valid one", &[&*valid, "tracestate: vendor=secret"], "01"),
            ("one that is no traceparent", &["traceparent: 00-zz-b7-01"], "00"),
            ("two", &[&*valid, &*valid], "00"),
        ] {
            let (answer, received) = ask(&an, "GET", source, path, lines).await.unwrap();
            let received = received.unwrap_or_else(|| panic!("{}: {what}: {}", source.id(), answer.status));
            let traces: Vec<_> = received.headers_named("traceparent").collect();
            let [trace] = traces[..] else { panic!("{what}: {traces:?}") };
            let parts: Vec<&str> = trace.split('-').collect();
            let id = answer.header("poort-request-id").unwrap();
            assert_eq!(parts, ["00", id, id.split_at(16).1, flags], "{}: {what}", source.id());
            assert_eq!(received.header("tracestate"), None, "{what}");
            let head = String::from_utf8_lossy(&received.head).to_lowercase();
            assert!(!head.contains(TRACE) && !head.contains("secret"), "{what}: {head}");
        }
    }
}

#[tokio::test]
async fn the_source_gets_its_own_host_prefix_and_the_normal_path() {
    let world = World::start().await.unwrap();
    let (an, persons) = (world.officer().unwrap(), &world.zone.persons);
    for (asked, received) in [
        (PERSON, "/app/persons/85073100190"),
        ("/%70ersons/85073100190", "/app/persons/85073100190"),
        ("/search?name=peeters%2c+lotte", "/app/search?name=peeters%2C+lotte"),
        ("/", "/app/"),
    ] {
        let (answer, seen) = get(&an, persons, asked).await.unwrap();
        let seen = seen.expect("the request reaches the source");
        assert_eq!((answer.status, &*seen.target), (200, received), "{asked}");
        assert_eq!(seen.header("host"), Some("persons.internal"));
    }
}

#[tokio::test]
async fn an_assertion_can_be_verified_by_its_source_and_by_no_other() {
    use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, jwk::JwkSet};
    let world = World::start().await.unwrap();
    let (_, received) = get(&world.officer().unwrap(), &world.zone.persons, PERSON).await.unwrap();
    let assertion = received.unwrap().header("poort-assertion").expect("an assertion").to_owned();
    let (status, keys) = world.gate.admin("/.well-known/jwks.json").await.unwrap();
    assert_eq!(status, 200);
    let keys: JwkSet = serde_json::from_str(&keys).unwrap();
    let key = DecodingKey::from_jwk(&keys.keys[0]).unwrap();
    let mut rules = Validation::new(Algorithm::ES256);
    rules.set_audience(&["persons"]);
    rules.set_issuer(&["https://gate.localhost"]);
    let claims = decode::<Value>(&assertion, &key, &rules).unwrap().claims;
    assert_eq!(claims["sub"], "zone|an.janssens");
    assert_eq!(claims["roles"], serde_json::json!(["officer"]));
    assert_eq!(claims["device"], "spiffe://zone.example/device/car-12");
    let life = claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap();
    assert!(life <= 120, "{life}");
    rules.set_audience(&["vehicles"]);
    assert!(decode::<Value>(&assertion, &key, &rules).is_err(), "another source must not accept it");
}

/// A key is replaced by writing its file and reloading: the very next assertion is signed with it.
#[tokio::test]
async fn a_new_assertion_key_signs_from_the_reload_on() {
    use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, jwk::JwkSet};
    let world = World::start().await.unwrap();
    let (an, persons) = (world.officer().unwrap(), &world.zone.persons);
    let assertion = async || {
        let received = get(&an, persons, PERSON).await.unwrap().1.unwrap();
        received.header("poort-assertion").expect("an assertion").to_owned()
    };
    let keys = async || -> JwkSet {
        serde_json::from_str(&world.gate.admin("/.well-known/jwks.json").await.unwrap().1).unwrap()
    };
    let verifies = |assertion: &str, keys: &JwkSet| {
        let mut rules = Validation::new(Algorithm::ES256);
        rules.set_audience(&["persons"]);
        let key = DecodingKey::from_jwk(&keys.keys[0]).unwrap();
        decode::<Value>(assertion, &key, &rules).is_ok()
    };
    let (old, old_keys) = (assertion().await, keys().await);
    // Twice the same: it is remembered.
    assert_eq!(assertion().await, old);
    world.zone.pki.new_assertion_key().unwrap();
    assert_eq!(assertion().await, old, "a file alone changes nothing");
    assert!(world.reload(&[]).await.unwrap().0);
    let (new, new_keys) = (assertion().await, keys().await);
    assert!(verifies(&old, &old_keys) && verifies(&new, &new_keys));
    assert!(!verifies(&new, &old_keys) && !verifies(&old, &new_keys));
    let id = |assertion: &str| jsonwebtoken::decode_header(assertion).unwrap().kid.unwrap();
    assert_ne!(id(&old), id(&new), "a source sees by its id that it does not know the key yet");
}

#[tokio::test]
async fn what_a_source_says_of_itself_is_said_of_the_gate() {
    let world = World::start().await.unwrap();
    let (an, persons) = (world.officer().unwrap(), &world.zone.persons);
    let (moved, received) = get(&an, persons, "/moved").await.unwrap();
    assert!(received.is_some());
    assert_eq!(moved.status, 302);
    assert_eq!(moved.header("location"), Some("https://persons.localhost/echo?moved=1"));
    let (login, _) = get(&an, persons, "/login?user=an").await.unwrap();
    let cookies: Vec<_> = login.headers_named("set-cookie").collect();
    assert_eq!(cookies, ["JSESSIONID=0a1b2c-an; Path=/; HttpOnly; Secure", "theme=dark; Secure"]);
}

#[tokio::test]
async fn old_urls_pass_only_where_the_file_names_their_form() {
    let world = World::start().await.unwrap();
    let (an, persons) = (world.officer().unwrap(), &world.zone.persons);
    let forms = [
        ("double_slash", "/old//page", "/app/old//page"),
        ("encoded_slash", "/old%2fpage", "/app/old%2Fpage"),
        ("path_parameters", "/old;jsessionid=1", "/app/old;jsessionid=1"),
        ("latin1", "/caf%e9", "/app/caf%E9"),
    ];
    for (form, target, _) in forms {
        let (answer, received) = get(&an, persons, target).await.unwrap();
        assert_eq!((answer.status, answer.reason().as_str()), (400, "malformed_request"), "{form}");
        assert!(received.is_none(), "{form}");
    }
    world
        .edit("policies/sources/persons.yaml", |yaml| {
            yaml["url"] = forms.iter().map(|(form, ..)| *form).collect::<Vec<_>>().into();
        })
        .unwrap();
    assert!(world.reload(&[]).await.unwrap().0);
    for (form, target, expected) in forms {
        let (_, received) = get(&an, persons, target).await.unwrap();
        assert_eq!(received.expect("it reaches the source").target, expected, "{form}");
    }
}

#[tokio::test]
async fn preflights_are_answered_from_the_file_and_answers_may_be_read() {
    let world = World::start_with(|zone| {
        zone.layout.edit("policies/sources/persons.yaml", |yaml| {
            yaml["cors"] = serde_yaml::from_str(
                "{ origins: [\"https://portal.example\"], methods: [GET], headers: [content-type], max_age: 10m }",
            )
            .unwrap();
        })
    })
    .await
    .unwrap();
    let car = world.zone.caller("car-12").unwrap();
    let preflight =
        |origin: &'static str| [format!("Origin: {origin}"), "Access-Control-Request-Method: GET".to_owned()];
    let lines = preflight("https://portal.example");
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let (answer, received) = ask(&car, "OPTIONS", &world.zone.persons, PERSON, &lines).await.unwrap();
    assert_eq!(answer.status, 204);
    assert_eq!(answer.header("access-control-allow-origin"), Some("https://portal.example"));
    assert!(received.is_none(), "a preflight is the gate's to answer");
    let lines = preflight("https://evil.example");
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let (answer, received) = ask(&car, "OPTIONS", &world.zone.persons, PERSON, &lines).await.unwrap();
    assert_eq!((answer.status, received.is_none()), (403, true));
    let an = world.officer().unwrap();
    for (origin, allowed) in [("https://portal.example", true), ("https://evil.example", false)] {
        let line = format!("Origin: {origin}");
        let (answer, _) = ask(&an, "GET", &world.zone.persons, PERSON, &[&line]).await.unwrap();
        assert_eq!(answer.header("access-control-allow-origin").is_some(), allowed, "{origin}");
    }
}

#[tokio::test]
async fn http2_reaches_the_same_source_in_the_same_form() {
    let world = World::start().await.unwrap();
    let host = Layout::host("persons");
    let an = world.officer().unwrap();
    let client = an.http(&[&host]).unwrap();
    let response = client.get(an.url(&host, PERSON)).send().await.unwrap();
    assert_eq!((response.status().as_u16(), response.version()), (200, reqwest::Version::HTTP_2));
    let received = world.zone.persons.last().unwrap();
    assert_eq!(received.target, "/app/persons/85073100190");
    assert_eq!(received.header("x-remote-user"), Some("an.janssens"));
    assert_eq!(received.header("authorization"), None);
    // Browsers send a line for each cookie (RFC 9113 §8.2.3); an application reads one.
    let crumbs = client.get(an.url(&host, PERSON)).header("cookie", "a=1").header("cookie", "b=2");
    assert_eq!(crumbs.send().await.unwrap().status(), 200);
    let received = world.zone.persons.last().unwrap();
    assert_eq!(received.headers_named("cookie").collect::<Vec<_>>(), ["a=1; b=2"]);
}

#[tokio::test]
async fn one_search_asks_three_sources_as_the_officer_and_says_who_asked() {
    let world = World::start().await.unwrap();
    let token = world.zone.zone.mint(&Token::officer("an.janssens").strong()).unwrap();
    let answer = world.zone.aggregator.search(&token, "peeters, lotte").await;
    let statuses: Vec<_> = answer.parts.iter().map(|part| part.status).collect();
    assert_eq!(statuses, [200, 200, 200]);
    for source in world.zone.sources() {
        let received = source.last().expect("every source was asked");
        assert_eq!(received.header("x-remote-user"), Some("an.janssens"), "{}", source.id());
    }
    let records = world.zone.layout.records();
    let decision = records.iter().find(|record| record["metadata"]["event_code"] == "decision").unwrap();
    let question = &decision["unmapped"]["question"];
    assert_eq!(question["principal"]["id"], "zone|an.janssens");
    assert_eq!(question["actor"]["device"]["id"], "spiffe://zone.example/workload/search");
}

#[tokio::test]
async fn metrics_health_and_readiness_are_served() {
    let world = World::start().await.unwrap();
    get(&world.officer().unwrap(), &world.zone.persons, PERSON).await.unwrap();
    let (status, metrics) = world.gate.admin("/metrics").await.unwrap();
    assert_eq!(status, 200);
    for line in [
        "poort_decisions_total{outcome=\"allow\",reason=\"none\",source=\"persons\"} 1",
        "poort_reload_ok 1",
        "poort_crl_past_half_life{",
        "poort_certificate_remaining_seconds{",
        "poort_check_seconds_count{check=\"policy\"} 1",
    ] {
        assert!(metrics.contains(line), "{line} is not in\n{metrics}");
    }
    assert!(!metrics.contains("an.janssens") && !metrics.contains("car-12") && !metrics.contains("8507"));
    assert_eq!(world.gate.admin("/healthz").await.unwrap().0, 200);
    assert_eq!(world.gate.admin("/readyz").await.unwrap().0, 200);
    let url = format!("http://{}/metrics", world.zone.layout.admin());
    assert_eq!(plain().post(url).send().await.unwrap().status().as_u16(), 405);
}
