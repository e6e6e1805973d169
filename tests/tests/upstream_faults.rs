//! Sources that fail: each failure has its status, and a cut answer never looks whole.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::too_many_lines,
    reason = "a test that cannot go on has failed, and a table is as long as it is"
)]

use poort_demo::{
    DemoError,
    layout::Layout,
    sources::{Register, Source, SourceOptions},
    zone::Zone,
};
use poort_tests::{PERSON, World, ask, get};

/// Short times, so that a test need not wait for a patient gate.
fn impatient(zone: &Zone) -> Result<(), DemoError> {
    zone.layout.edit("policies/sources/persons.yaml", |yaml| {
        yaml["upstream"]["timeouts"] =
            serde_yaml::from_str("{ connect: 1s, read: 700ms, total: 2s }").unwrap();
    })
}

#[tokio::test]
async fn a_source_that_breaks_the_protocol_is_a_bad_gateway() {
    let world = World::start_with(impatient).await.unwrap();
    let (an, persons) = (world.officer().unwrap(), &world.zone.persons);
    for (how, status, reason) in [
        ("garbage", 502, "source_unavailable"),
        ("reset", 502, "source_unavailable"),
        ("empty", 502, "source_unavailable"),
        ("half-head", 502, "source_unavailable"),
        ("two-lengths", 502, "source_unavailable"),
        ("switch", 502, "source_unavailable"),
        ("silent", 504, "source_timeout"),
    ] {
        let (answer, received) = get(&an, persons, &format!("/broken/{how}")).await.unwrap();
        assert_eq!((answer.status, answer.reason().as_str()), (status, reason), "{how}");
        assert!(received.is_some(), "{how}: it was the source's fault");
        let outcome = world.record("outcome", &answer).await.expect("an outcome");
        assert_eq!(outcome["http_response"]["code"], status, "{how}");
    }
}

#[tokio::test]
async fn a_source_whose_name_leads_nowhere_is_one_that_takes_no_connection() {
    let world = World::start_with(|zone| {
        zone.layout.edit("policies/sources/persons.yaml", |yaml| {
            yaml["upstream"]["addresses"] = serde_yaml::from_str("[\"register.invalid:8443\"]").unwrap();
        })
    })
    .await
    .unwrap();
    let (answer, _) = get(&world.officer().unwrap(), &world.zone.persons, PERSON).await.unwrap();
    assert_eq!((answer.status, answer.reason().as_str()), (502, "source_unavailable"));
    for line in [
        "poort_source_up{source=\"persons\"} 0",
        "poort_source_connections_total{result=\"failed\",source=\"persons\"} 1",
    ] {
        assert!(world.counts(line).await, "{line}: somebody is called");
    }
}

/// In HTTP/2 an answer is lost that says something of a connection, or its length twice.
#[tokio::test]
async fn what_a_server_says_of_its_connection_reaches_no_client() {
    let world = World::start_with(impatient).await.unwrap();
    let (an, host) = (world.officer().unwrap(), Layout::host("persons"));
    let client = an.http(&[&host]).unwrap();
    for how in ["advert", "identity"] {
        let path = format!("/broken/{how}");
        let (answer, _) = get(&an, &world.zone.persons, &path).await.unwrap();
        assert_eq!((answer.status, answer.whole, answer.text().as_str()), (200, true, "hello"), "{how}");
        for header in ["upgrade", "keep-alive"] {
            assert_eq!(answer.header(header), None, "{how}");
        }
        let response = client.get(an.url(&host, &path)).send().await.unwrap();
        assert_eq!((response.status().as_u16(), response.version()), (200, reqwest::Version::HTTP_2));
        assert_eq!(response.text().await.unwrap(), "hello", "{how} over HTTP/2");
    }
}

#[tokio::test]
async fn a_cut_body_never_ends_cleanly() {
    let world = World::start_with(impatient).await.unwrap();
    let (an, persons) = (world.officer().unwrap(), &world.zone.persons);
    let host = Layout::host("persons");
    let client = an.http(&[&host]).unwrap();
    for how in ["truncated", "chunked", "reset-body"] {
        let (answer, _) = get(&an, persons, &format!("/broken/{how}")).await.unwrap();
        assert_eq!((answer.status, answer.whole), (200, false), "{how} over HTTP/1");
        let response = client.get(an.url(&host, &format!("/broken/{how}"))).send().await.unwrap();
        assert_eq!(response.version(), reqwest::Version::HTTP_2);
        assert!(response.bytes().await.is_err(), "{how} over HTTP/2");
    }
}

#[tokio::test]
async fn slowness_has_limits() {
    let world = World::start_with(impatient).await.unwrap();
    let (an, persons) = (world.officer().unwrap(), &world.zone.persons);
    let (answer, _) = get(&an, persons, "/slow?seconds=20").await.unwrap();
    assert_eq!((answer.status, answer.reason().as_str()), (504, "source_timeout"), "no answer in time");
    // Each piece comes in time, the whole never does.
    let (answer, _) = get(&an, persons, "/trickle?seconds=20&steps=100").await.unwrap();
    assert_eq!((answer.status, answer.whole), (200, false), "an endless answer is cut");
}

#[tokio::test]
async fn a_source_that_is_down_is_said_to_be_and_comes_back() {
    let world = World::start().await.unwrap();
    let (an, persons) = (world.officer().unwrap(), &world.zone.persons);
    persons.close().await;
    let (answer, received) = get(&an, persons, PERSON).await.unwrap();
    assert_eq!((answer.status, answer.reason().as_str()), (502, "source_unavailable"));
    assert!(received.is_none());
    persons.open().unwrap();
    assert_eq!(get(&an, persons, PERSON).await.unwrap().0.status, 200);
}

#[tokio::test]
async fn several_addresses_share_the_work_and_stand_in_for_one_another() {
    let second =
        Source::start(SourceOptions { prefix: "/app".to_owned(), ..SourceOptions::new(Register::Persons) })
            .unwrap();
    let also = second.address().to_string();
    let world = World::start_with(|zone| {
        zone.layout.edit("policies/sources/persons.yaml", |yaml| {
            yaml["upstream"]["addresses"].as_sequence_mut().unwrap().push(also.into());
        })
    })
    .await
    .unwrap();
    let (an, first) = (world.officer().unwrap(), &world.zone.persons);
    for _ in 0..6 {
        assert_eq!(get(&an, first, PERSON).await.unwrap().0.status, 200);
    }
    assert_eq!((first.count(), second.count()), (3, 3), "in turn");
    second.close().await;
    for _ in 0..6 {
        assert_eq!(get(&an, first, PERSON).await.unwrap().0.status, 200, "the other stands in");
    }
    assert_eq!((first.count(), second.count()), (9, 3));
}

#[tokio::test]
async fn a_source_with_a_certificate_of_somebody_else_is_not_spoken_to() {
    let world = World::start().await.unwrap();
    let an = world.officer().unwrap();
    // The firearms register demands the gate's certificate; the vehicles register speaks TLS 1.2 only.
    let vehicles = &world.zone.vehicles;
    assert_eq!(get(&an, vehicles, "/vehicles/0-ABC-123").await.unwrap().0.status, 200);
    world
        .edit("policies/sources/vehicles.yaml", |yaml| {
            let other = world.zone.pki.path("device-ca.crt");
            yaml["upstream"]["tls"]["ca"] = other.to_string_lossy().into_owned().into();
        })
        .unwrap();
    assert!(world.reload(&[]).await.unwrap().0);
    let (answer, received) = get(&an, vehicles, "/vehicles/0-ABC-123").await.unwrap();
    assert_eq!(answer.status, 502, "a pooled connection made under another authority is not used either");
    assert!(received.is_none());
}

#[tokio::test]
async fn a_source_below_the_lowest_tls_version_is_not_spoken_to() {
    let world = World::start().await.unwrap();
    let (an, vehicles) = (world.officer().unwrap(), &world.zone.vehicles);
    world
        .edit("policies/sources/vehicles.yaml", |yaml| yaml["upstream"]["tls"]["minimum"] = "1.3".into())
        .unwrap();
    assert!(world.reload(&[]).await.unwrap().0);
    let (answer, received) = get(&an, vehicles, "/vehicles/0-ABC-123").await.unwrap();
    assert_eq!((answer.status, answer.reason().as_str()), (502, "source_unavailable"));
    assert!(received.is_none());
}

#[tokio::test]
async fn a_source_may_answer_before_it_has_read_everything() {
    let world = World::start_with(impatient).await.unwrap();
    let an =
        world.caller(&poort_demo::issuer::Token::officer("an.janssens").role("supervisor").strong()).unwrap();
    // The head alone is sent: the source refuses the upload without waiting for it.
    let (answer, received) =
        ask(&an, "POST", &world.zone.persons, "/broken/early", &["Content-Length: 100000"]).await.unwrap();
    assert_eq!((answer.status, answer.reason().as_str()), (400, ""), "the source's own answer");
    assert_eq!(received.map(|received| received.body), Some(Vec::new()));
    let next = get(&an, &world.zone.persons, "/echo").await.unwrap().0;
    assert_eq!(next.status, 200, "the gate goes on");
}
