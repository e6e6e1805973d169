//! Devices: which certificates open the door, and that it closes behind one that is revoked.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

use std::time::{Duration, SystemTime};

use poort_demo::{
    client::Caller,
    issuer::Token,
    layout::Layout,
    pki::{Leaf, RevocationList, Usage},
    zone::Zone,
};
use poort_tests::{PERSON, World, ask, eventually, get, without_limits};
use tokio_rustls::rustls::{SupportedProtocolVersion, version};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);
const WORKLOAD: &str = "spiffe://zone.example/workload/search";

fn with_device(world: &World, device: &str) -> Caller {
    let token = world.zone.zone.mint(&Token::officer("an.janssens")).unwrap();
    world.zone.caller(device).unwrap().bearer(&token)
}

#[tokio::test]
async fn who_shows_no_certificate_of_ours_gets_no_tls() {
    let world = World::start().await.unwrap();
    for device in ["none", "stranger"] {
        let answer = with_device(&world, device).ask("GET", &Layout::host("persons"), PERSON, &[]).await;
        assert!(answer.is_err(), "{device}: {answer:?}");
    }
    assert_eq!(world.zone.persons.count(), 0);
    for event in ["tls_certificate_missing", "tls_certificate_foreign"] {
        let line = format!("poort_connections_total{{event=\"{event}\"}} 1");
        assert!(world.counts(&line).await, "{line}");
    }
}

#[tokio::test]
async fn a_device_that_is_not_as_it_should_be_gets_a_page_a_code_and_a_record() {
    let world = World::start().await.unwrap();
    world.zone.pki.device("unlisted").unwrap();
    let far = SystemTime::now() + 24 * HOUR;
    let future = Leaf { not_before: far, not_after: far + HOUR, ..Leaf::device("car-12") };
    world.zone.pki.issue(&world.zone.pki.devices, "future", &future).unwrap();
    let server = Leaf { usages: vec![Usage::Server], ..Leaf::device("car-12") };
    world.zone.pki.issue(&world.zone.pki.devices, "server", &server).unwrap();
    for (device, reason, code) in [
        ("car-99", "device_revoked", "certificate_revoked"),
        ("car-31", "device_expired", "certificate_expired"),
        ("future", "device_expired", "certificate_not_yet_valid"),
        ("server", "device_rejected", "certificate_unfit"),
        ("private-7", "not_permitted", "policy"),
        ("unlisted", "not_permitted", "policy"),
    ] {
        let caller = with_device(&world, device);
        let (answer, received) = get(&caller, &world.zone.persons, PERSON).await.unwrap();
        assert_eq!((answer.status, answer.reason().as_str()), (403, reason), "{device}");
        assert_eq!(answer.code().len(), 6, "{device}");
        assert!(received.is_none(), "{device}");
        let (page, _) =
            ask(&caller, "GET", &world.zone.persons, PERSON, &["Accept: text/html"]).await.unwrap();
        assert!(page.header("content-type").unwrap().starts_with("text/html"), "{device}");
        let recorded = eventually(async || {
            let records = world.zone.layout.records();
            let mine = |record: &serde_json::Value| {
                record["status_detail"] == code
                    && record["metadata"]["correlation_uid"] == answer.header("poort-request-id").unwrap()
            };
            records.into_iter().find(mine)
        });
        let record = recorded.await.unwrap_or_else(|| panic!("{device}: nothing is recorded"));
        let name = record["src_endpoint"]["name"].as_str().unwrap();
        let named = if matches!(device, "future" | "server") { "car-12" } else { device };
        assert_eq!(name, format!("spiffe://zone.example/device/{named}"), "{device}");
    }
}

#[tokio::test]
async fn a_revocation_reaches_connections_that_are_open_and_sessions_that_are_resumed() {
    let world = World::start().await.unwrap();
    let (car, host) = (with_device(&world, "car-12"), Layout::host("persons"));
    let token = world.zone.zone.mint(&Token::officer("an.janssens")).unwrap();
    let request = format!("GET {PERSON} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n\r\n");
    let mut kept = car.connect(&host).await.unwrap();
    kept.send(request.as_bytes()).await.unwrap();
    assert_eq!(kept.answer(false).await.unwrap().status, 200);
    let client = car.http(&[&host]).unwrap();
    let over_http2 = async || client.get(car.url(&host, PERSON)).send().await.unwrap();
    assert_eq!(over_http2().await.status().as_u16(), 200);
    let served = world.zone.persons.count();

    let serial = world.zone.pki.issued("car-12").unwrap().serial;
    world.zone.pki.revoke(&[serial]).unwrap();
    assert_eq!(over_http2().await.status().as_u16(), 200, "a file alone changes nothing");
    assert!(world.reload(&[]).await.unwrap().0);

    kept.send(request.as_bytes()).await.unwrap();
    let answer = kept.answer(false).await.unwrap();
    assert_eq!((answer.status, answer.reason().as_str()), (403, "device_revoked"), "on an open connection");
    let answer = over_http2().await;
    assert_eq!((answer.version(), answer.status().as_u16()), (reqwest::Version::HTTP_2, 403), "over HTTP/2");
    let answer = car.ask("GET", &host, PERSON, &[]).await.unwrap();
    assert_eq!((answer.status, answer.reason().as_str()), (403, "device_revoked"), "on a resumed session");
    assert!(world.counts("poort_connections_total{event=\"resumed\"} ").await, "it was resumed");
    assert_eq!(world.zone.persons.count(), served + 1);
    // Taken back.
    world.zone.pki.revoke(&[]).unwrap();
    assert!(world.reload(&[]).await.unwrap().0);
    assert_eq!(over_http2().await.status().as_u16(), 200);
}

#[tokio::test]
async fn who_is_revoked_stays_so_when_an_older_list_comes_back() {
    let world = World::start().await.unwrap();
    let an = world.officer().unwrap();
    world.zone.pki.revoke(&[world.zone.pki.issued("car-12").unwrap().serial]).unwrap();
    assert!(world.reload(&[]).await.unwrap().0);
    let now = SystemTime::now();
    let older = RevocationList { serials: vec![], this_update: now - 2 * HOUR, next_update: now + 2 * HOUR };
    world.zone.pki.revocation_list(&older).unwrap();
    let (done, said) = world.reload(&[]).await.unwrap();
    assert!(done && said.contains("is older than the one in force, which stays"), "{said}");
    let (answer, received) = get(&an, &world.zone.persons, PERSON).await.unwrap();
    assert_eq!((answer.status, answer.reason().as_str()), (403, "device_revoked"));
    assert!(received.is_none());
}

#[tokio::test]
async fn server_certificates_are_renewed_live() {
    let world = World::start().await.unwrap();
    let host = Layout::host("persons");
    let leaf = async || {
        let (_, stream) = world.zone.caller("car-12").unwrap().connect(&host).await.unwrap().into_parts();
        stream.get_ref().1.peer_certificates().unwrap()[0].to_vec()
    };
    let before = leaf().await;
    let renewed = world.zone.pki.server("persons", &[&host]).unwrap();
    assert_eq!(leaf().await, before);
    assert!(world.reload(&[]).await.unwrap().0);
    assert_eq!(leaf().await, renewed.der().to_vec());
}

#[tokio::test]
async fn a_connection_serves_another_host_only_under_the_same_rules() {
    let world = World::start_with(|zone| {
        zone.layout.edit("policies/sources/vehicles.yaml", |yaml| yaml["device"] = "optional".into())
    })
    .await
    .unwrap();
    let token = world.zone.zone.mint(&Token::officer("an.janssens").strong()).unwrap();
    let car = world.zone.caller("car-12").unwrap();
    for (sni, host, path, status) in [
        ("persons.localhost", "persons.localhost", PERSON, 200),
        ("persons.localhost", "firearms.localhost", "/firearms/DEMO-71802", 200),
        ("persons.localhost", "vehicles.localhost", "/vehicles/0-ABC-123", 421),
        ("vehicles.localhost", "persons.localhost", PERSON, 421),
        ("gate.localhost", "persons.localhost", PERSON, 421),
    ] {
        let before: usize = world.zone.sources().iter().map(|source| source.count()).sum();
        let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n\r\n");
        let answer = car.send(sni, request.as_bytes()).await.unwrap();
        assert_eq!(answer.status, status, "{host} on a connection for {sni}");
        let after: usize = world.zone.sources().iter().map(|source| source.count()).sum();
        assert_eq!(after - before, usize::from(status == 200), "{host} on a connection for {sni}");
    }
}

/// A list that is newer than a zone's first one, which is a minute old, and was due a moment ago.
fn stale(zone: &Zone) {
    let now = SystemTime::now();
    let list =
        RevocationList { serials: vec![], this_update: now - 55 * SECOND, next_update: now - 20 * SECOND };
    zone.pki.revocation_list(&list).unwrap();
}

#[tokio::test]
async fn nobody_is_let_in_on_a_stale_list_of_revoked_certificates() {
    let world = World::start().await.unwrap();
    let an = world.officer().unwrap();
    stale(&world.zone);
    let (done, said) = world.reload(&[]).await.unwrap();
    assert!(done && said.contains("is stale, and every device is refused"), "{said}");
    let (status, said) = world.gate.admin("/readyz").await.unwrap();
    assert_eq!(status, 503, "{said}");
    let (answer, received) = get(&an, &world.zone.persons, PERSON).await.unwrap();
    assert_eq!((answer.status, answer.reason().as_str()), (503, "gate_unavailable"));
    assert!(received.is_none());
    assert!(
        world
            .counts(
                "poort_crl_remaining_seconds{issuer=\"CN=Zone Example Device CA,O=Zone Example (demo)\"} -"
            )
            .await
    );
    // A grace that the configuration names is borne.
    world.edit("policies/poort.yaml", |yaml| yaml["devices"]["revocation"]["grace"] = "2h".into()).unwrap();
    assert!(world.reload(&[]).await.unwrap().0);
    assert_eq!(get(&an, &world.zone.persons, PERSON).await.unwrap().0.status, 200);
    // Half of its life is over: still good, and an alarm.
    let now = SystemTime::now();
    let old =
        RevocationList { serials: vec![], this_update: now - 52 * SECOND, next_update: now + 50 * SECOND };
    world.zone.pki.revocation_list(&old).unwrap();
    assert!(world.reload(&[]).await.unwrap().0);
    assert_eq!(get(&an, &world.zone.persons, PERSON).await.unwrap().0.status, 200);
    assert!(
        world
            .counts("poort_crl_past_half_life{issuer=\"CN=Zone Example Device CA,O=Zone Example (demo)\"} 1")
            .await
    );
}

#[tokio::test]
async fn a_workload_acts_for_an_officer_where_a_file_or_the_issuer_says_so() {
    let world = World::start_with(|zone| {
        zone.layout.edit("policies/sources/persons.yaml", |yaml| {
            yaml["on_behalf_of"] = serde_yaml::Value::Sequence(vec![]);
        })
    })
    .await
    .unwrap();
    let Zone { persons, vehicles, zone: issuer, .. } = &world.zone;
    let officer = Token::officer("an.janssens").strong();
    let (person, vehicle) = (PERSON, "/vehicles/0-ABC-123");
    for (what, device, token, source, path, expected) in [
        ("listed", "search", officer.clone(), vehicles, vehicle, Ok(())),
        ("not listed", "search", officer.clone(), persons, person, Err("not_on_behalf")),
        ("named by `act`", "search", officer.clone().actor(WORKLOAD), persons, person, Ok(())),
        (
            "`act` names another",
            "search",
            officer.clone().actor("spiffe://zone.example/workload/x"),
            vehicles,
            vehicle,
            Err("actor_mismatch"),
        ),
        (
            "somebody else's `act`",
            "car-12",
            officer.clone().actor(WORKLOAD),
            persons,
            person,
            Err("actor_mismatch"),
        ),
        ("an officer herself", "car-12", officer.clone(), persons, person, Ok(())),
    ] {
        let caller = world.zone.caller(device).unwrap().bearer(&issuer.mint(&token).unwrap());
        let (answer, received) = get(&caller, source, path).await.unwrap();
        let decision = world.record("decision", &answer).await.expect("a decision");
        match expected {
            Ok(()) => {
                assert_eq!(answer.status, 200, "{what}");
                assert_eq!(received.unwrap().header("x-remote-user"), Some("an.janssens"), "{what}");
                let invoked = decision["actor"]["invoked_by"].as_str();
                assert_eq!(invoked, (device == "search").then_some(WORKLOAD), "{what}");
            }
            Err(code) => {
                assert_eq!((answer.status, answer.reason().as_str()), (403, "not_permitted"), "{what}");
                assert_eq!(decision["status_detail"], code, "{what}");
                assert!(received.is_none(), "{what}");
            }
        }
        assert_eq!(decision["actor"]["user"]["uid"], "zone|an.janssens", "{what}");
    }
    // Looking, not changing: a supervisor may alter, an application for a supervisor may not.
    let supervisor = issuer.mint(&officer.role("supervisor")).unwrap();
    let caller = world.zone.caller("search").unwrap().bearer(&supervisor);
    let (answer, received) = ask(&caller, "POST", vehicles, vehicle, &["Content-Length: 0"]).await.unwrap();
    assert_eq!((answer.status, received.is_none()), (403, true));
}

#[tokio::test]
async fn a_device_asks_on_its_own_account_where_file_and_policy_let_it() {
    let world = World::start().await.unwrap();
    let car = world.zone.caller("car-12").unwrap();
    let (answer, received) = get(&car, &world.zone.vehicles, "/").await.unwrap();
    assert_eq!(answer.status, 200);
    assert_eq!(received.unwrap().header("x-remote-user"), Some("spiffe://zone.example/device/car-12"));
    for (source, path, status, reason) in [
        (&world.zone.vehicles, "/vehicles/0-ABC-123", 403, "not_permitted"),
        (&world.zone.persons, "/", 401, "sign_in_required"),
    ] {
        let (answer, received) = get(&car, source, path).await.unwrap();
        assert_eq!((answer.status, answer.reason().as_str()), (status, reason));
        assert!(received.is_none());
    }
}

#[tokio::test]
async fn a_listener_without_certificates_leaves_the_demand_to_each_source() {
    let world = World::start_with(|zone| {
        zone.layout.edit("deploy/poort.yaml", |yaml| {
            yaml["listeners"][0]["client_certificate"] = "optional".into();
        })?;
        zone.layout.edit("policies/sources/vehicles.yaml", |yaml| yaml["device"] = "optional".into())
    })
    .await
    .unwrap();
    let nobody = with_device(&world, "none");
    for (source, path, reason) in [
        (&world.zone.persons, PERSON, "device_required"),
        // The file lets it pass; the policies know better.
        (&world.zone.vehicles, "/vehicles/0-ABC-123", "not_permitted"),
    ] {
        let (answer, received) = get(&nobody, source, path).await.unwrap();
        assert_eq!((answer.status, answer.reason().as_str()), (403, reason));
        assert!(received.is_none());
    }
    assert_eq!(get(&with_device(&world, "car-12"), &world.zone.persons, PERSON).await.unwrap().0.status, 200);
    assert!(
        with_device(&world, "stranger").connect("persons.localhost").await.is_err()
            || world.zone.persons.count() == 1
    );
}

/// An officer in car-12 whose client speaks one version of TLS.
fn speaking(world: &World, version: &'static SupportedProtocolVersion) -> Caller {
    let Zone { pki, zone: issuer, layout, .. } = &world.zone;
    let car = pki.issued("car-12").unwrap();
    let identity = Some((vec![car.der().clone()], car.key_der()));
    let authority = pki.gate.certificate();
    let caller = Caller::with_chain(layout.address(), authority.der(), identity, &[version]).unwrap();
    caller.bearer(&issuer.mint(&Token::officer("an.janssens")).unwrap())
}

#[tokio::test]
async fn a_listener_speaks_tls_1_3_alone_unless_it_is_told_otherwise() {
    let world = World::start().await.unwrap();
    let old = speaking(&world, &version::TLS12);
    assert!(old.ask("GET", &Layout::host("persons"), PERSON, &[]).await.is_err());
    assert_eq!(world.zone.persons.count(), 0);
    assert!(world.counts("poort_connections_total{event=\"tls_incompatible\"} 1").await);
    let (answer, received) =
        get(&speaking(&world, &version::TLS13), &world.zone.persons, PERSON).await.unwrap();
    assert_eq!((answer.status, received.is_some()), (200, true));
    assert_eq!(world.record("decision", &answer).await.unwrap()["tls"]["version"], "1.3");
}

#[tokio::test]
async fn a_listener_that_allows_tls_1_2_says_in_the_record_who_spoke_it() {
    let world = World::start_with(|zone| {
        zone.layout.edit("deploy/poort.yaml", |yaml| yaml["listeners"][0]["tls"] = "1.2".into())
    })
    .await
    .unwrap();
    for (version, recorded) in [(&version::TLS12, "1.2"), (&version::TLS13, "1.3")] {
        let (answer, received) = get(&speaking(&world, version), &world.zone.persons, PERSON).await.unwrap();
        assert_eq!((answer.status, received.is_some()), (200, true), "{recorded}");
        let decision = world.record("decision", &answer).await.unwrap();
        assert_eq!(decision["tls"]["version"], recorded);
        let name = decision["src_endpoint"]["name"].as_str();
        assert_eq!(name, Some("spiffe://zone.example/device/car-12"), "{recorded}: the device is known");
    }
}

#[tokio::test]
async fn strangers_are_counted_and_not_recorded_one_by_one() {
    const VISITS: u64 = 40;
    let mut world = World::start_with(|zone| {
        without_limits(zone)?;
        zone.layout.edit("deploy/poort.yaml", |yaml| {
            yaml["listeners"][0]["client_certificate"] = "optional".into();
        })
    })
    .await
    .unwrap();
    let host = Layout::host("persons");
    let nobody = world.zone.caller("none").unwrap();
    for _ in 0..VISITS {
        let answer = nobody.ask("GET", &host, PERSON, &[]).await.unwrap();
        assert_eq!((answer.status, answer.reason().as_str()), (403, "device_required"));
    }
    // A certificate of somebody else's does not even get so far.
    for _ in 0..VISITS {
        assert!(world.zone.caller("stranger").unwrap().ask("GET", &host, PERSON, &[]).await.is_err());
    }
    let foreign = format!("poort_connections_total{{event=\"tls_certificate_foreign\"}} {VISITS}");
    assert!(world.counts(&foreign).await);
    let (answer, _) = get(&with_device(&world, "car-12"), &world.zone.persons, PERSON).await.unwrap();
    assert_eq!((answer.status, world.zone.persons.count()), (200, 1));
    assert!(world.gate.stop().await.unwrap().success());

    let (strangers, others): (Vec<_>, Vec<_>) = world
        .zone
        .layout
        .records()
        .into_iter()
        .partition(|record| record["metadata"]["log_name"] == "strangers");
    assert_eq!(others.len(), 2, "the decision on the car and its outcome: {others:?}");
    for (class, detail) in [(4002, "device_missing"), (3002, "tls_certificate_foreign")] {
        let of_kind = || strangers.iter().filter(|record| record["status_detail"] == detail);
        let counted: u64 = of_kind().map(|record| record["count"].as_u64().unwrap()).sum();
        assert_eq!(counted, VISITS, "{strangers:?}");
        // One line a minute.
        assert!((1..=3).contains(&of_kind().count()), "{strangers:?}");
        for record in of_kind() {
            assert_eq!(record["class_uid"], class, "{detail}");
            assert_eq!(record["src_endpoint"]["name"], "127.0.0.1/32", "{detail}");
        }
    }
}
