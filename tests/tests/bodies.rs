//! Request bodies: they arrive as sent, and those that are too large or never end are refused.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::too_many_lines,
    reason = "a test that cannot go on has failed, and a table is as long as it is"
)]

use std::{
    convert::Infallible,
    time::{Duration, Instant},
};

use futures_util::{StreamExt, stream};
use poort_demo::{client::RawConnection, issuer::Token, layout::Layout};
use poort_tests::{World, eventually, get, without_limits};

const LIMIT: usize = 64 * 1024;

async fn world() -> World {
    World::start_with(|zone| {
        zone.layout.edit("policies/sources/persons.yaml", |yaml| {
            yaml["body"] = "64KiB".into();
            yaml["upstream"]["timeouts"] =
                serde_yaml::from_str("{ connect: 1s, read: 2s, total: 2s }").unwrap();
        })
    })
    .await
    .unwrap()
}

/// A POST whose head has been sent, and its body not yet.
async fn post(world: &World, framing: &str) -> RawConnection {
    let host = Layout::host("persons");
    let token = world.zone.zone.mint(&Token::officer("an.janssens")).unwrap();
    let car = world.zone.caller("car-12").unwrap();
    let mut connection = car.connect(&host).await.unwrap();
    let port = car.address().port();
    let head = format!(
        "POST /echo HTTP/1.1\r\nHost: {host}:{port}\r\nAuthorization: Bearer {token}\r\n{framing}\r\n\r\n"
    );
    connection.send(head.as_bytes()).await.unwrap();
    connection
}

#[tokio::test]
async fn bodies_arrive_as_sent() {
    let world = world().await;
    let (persons, body) = (&world.zone.persons, vec![b'x'; LIMIT]);
    let mut connection = post(&world, &format!("Content-Length: {LIMIT}")).await;
    connection.send(&body).await.unwrap();
    assert_eq!(connection.answer(false).await.unwrap().status, 200);
    let received = persons.wait_for_end(0, Duration::from_secs(5)).await.unwrap();
    assert_eq!((received.body == body, received.whole), (true, Some(true)), "with a length");

    let mut connection = post(&world, "Transfer-Encoding: chunked").await;
    connection.send(b"5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nX-Trailer: evil\r\n\r\n").await.unwrap();
    assert_eq!(connection.answer(false).await.unwrap().status, 200);
    let received = persons.wait_for_end(1, Duration::from_secs(5)).await.unwrap();
    assert_eq!((received.body.as_slice(), received.whole), (&b"hello world"[..], Some(true)), "in chunks");

    let mut connection = post(&world, "Content-Length: 5\r\nExpect: 100-continue").await;
    connection.send(b"hello").await.unwrap();
    assert_eq!(connection.answer(false).await.unwrap().status, 200);
    let received = persons.wait_for_end(2, Duration::from_secs(5)).await.unwrap();
    assert_eq!(received.body, b"hello", "after a wait for 100");
}

#[tokio::test]
async fn a_chunk_that_is_none_is_refused_in_words() {
    let world = world().await;
    for chunk in ["zz\r\nhello\r\n", "-5\r\nhello\r\n", "5\nhello\n0\n\n", "FFFFFFFFFFFFFFFFF\r\nhello"] {
        let mut connection = post(&world, "Transfer-Encoding: chunked").await;
        connection.send(chunk.as_bytes()).await.unwrap();
        let answer = connection.answer(false).await.unwrap();
        assert_eq!((answer.status, answer.reason().as_str()), (400, "malformed_request"), "{chunk:?}");
        let outcome = world.record("outcome", &answer).await.unwrap();
        assert_eq!(outcome["http_response"]["code"], 400, "{chunk:?}");
    }
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused() {
    let world = world().await;
    let persons = &world.zone.persons;
    let mut connection = post(&world, &format!("Content-Length: {}", LIMIT + 1)).await;
    let answer = connection.answer(false).await.unwrap();
    assert_eq!((answer.status, answer.reason().as_str()), (413, "body_too_large"), "announced");
    assert_eq!(persons.count(), 0, "what announces too much reaches nobody");
    let decision = world.record("decision", &answer).await.unwrap();
    assert_eq!(decision["status_detail"], "body_too_large");

    let mut connection = post(&world, "Transfer-Encoding: chunked").await;
    let piece = format!("{:x}\r\n{}\r\n", LIMIT / 4, "x".repeat(LIMIT / 4));
    for _ in 0..5 {
        connection.send(piece.as_bytes()).await.unwrap();
    }
    let answer = connection.answer(false).await.unwrap();
    assert_eq!((answer.status, answer.reason().as_str()), (413, "body_too_large"), "not announced");
    let received = persons.wait_for_end(0, Duration::from_secs(5)).await.unwrap();
    assert_eq!(received.whole, Some(false), "the source sees a body that breaks off");
    assert!(received.body.len() <= LIMIT, "{} bytes", received.body.len());
    assert_eq!(get(&world.officer().unwrap(), persons, "/echo").await.unwrap().0.status, 200);
}

#[tokio::test]
async fn a_body_that_never_ends_is_given_up() {
    let world = world().await;
    let begin = Instant::now();
    let mut connection = post(&world, "Transfer-Encoding: chunked").await;
    let answer = loop {
        assert!(begin.elapsed() < Duration::from_secs(10), "it goes on for ever");
        let sent = connection.send(b"1\r\nx\r\n").await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        if sent.is_err() || begin.elapsed() > Duration::from_secs(3) {
            break connection.answer(false).await.unwrap();
        }
    };
    assert_eq!((answer.status, answer.reason().as_str()), (408, "body_incomplete"));
    let received = world.zone.persons.wait_for_end(0, Duration::from_secs(5)).await.unwrap();
    assert_eq!(received.whole, Some(false), "a body that was given up does not look whole");
    let outcome = world.record("outcome", &answer).await.unwrap();
    assert_eq!(outcome["unmapped"]["failure"], "body_incomplete");
}

#[tokio::test]
async fn http2_bodies_have_the_same_limits() {
    let world = world().await;
    let (persons, host) = (&world.zone.persons, Layout::host("persons"));
    let an = world.officer().unwrap();
    let client = an.http(&[&host]).unwrap();
    let url = an.url(&host, "/echo");
    let whole = client.post(&url).body(vec![b'x'; LIMIT]).send().await.unwrap();
    assert_eq!((whole.status().as_u16(), whole.version()), (200, reqwest::Version::HTTP_2));
    assert_eq!(persons.last().unwrap().body.len(), LIMIT);

    let large = client.post(&url).body(vec![b'x'; LIMIT + 1]).send().await.unwrap();
    assert_eq!(large.status().as_u16(), 413, "announced");
    assert_eq!(persons.count(), 1);

    let piece = || stream::repeat_with(|| Ok::<_, Infallible>(vec![b'x'; 16 * 1024]));
    let endless = reqwest::Body::wrap_stream(piece());
    let answer = client.post(&url).body(endless).send().await;
    // The refusal and the reset that stops the upload race each other.
    assert!(answer.map_or(true, |answer| answer.status() == 413), "not announced");
    let received = persons.wait_for_end(1, Duration::from_secs(5)).await.unwrap();
    assert_eq!(received.whole, Some(false));
    assert!(received.body.len() <= LIMIT, "{} bytes", received.body.len());

    let slow = piece().map(|_| Ok::<_, Infallible>(vec![b'x'])).then(|one| async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        one
    });
    let answer = client.post(&url).body(reqwest::Body::wrap_stream(slow)).send().await;
    assert!(answer.map_or(true, |answer| answer.status() == 408), "without end");
    let received = persons.wait_for_end(2, Duration::from_secs(5)).await.unwrap();
    assert_eq!(received.whole, Some(false));
}

/// The next piece of a body may take 700 ms, and an answer three seconds; `waf` is the mode of inspection.
async fn impatient(waf: &str) -> World {
    World::start_with(|zone| {
        zone.layout.edit("policies/poort.yaml", |yaml| yaml["waf"]["mode"] = waf.into())?;
        zone.layout.edit("deploy/poort.yaml", |yaml| yaml["connections"]["body"] = "700ms".into())?;
        zone.layout.edit("policies/sources/persons.yaml", |yaml| {
            yaml["upstream"]["timeouts"] =
                serde_yaml::from_str("{ connect: 1s, read: 3s, total: 20s }").unwrap();
        })
    })
    .await
    .unwrap()
}

#[tokio::test]
async fn a_body_that_stalls_is_the_clients_fault_and_is_given_up() {
    // What is inspected is read before its source is connected to.
    for (waf, reached) in [("off", 2), ("block", 0)] {
        let world = impatient(waf).await;
        let (persons, begin) = (&world.zone.persons, Instant::now());
        let mut connection = post(&world, "Content-Length: 1000").await;
        connection.send(b"the beginning").await.unwrap();
        let answer = connection.answer(false).await.unwrap();
        assert_eq!((answer.status, answer.reason().as_str()), (408, "body_incomplete"), "{waf}");
        let took = begin.elapsed();
        assert!((Duration::from_millis(700)..Duration::from_secs(3)).contains(&took), "{waf}: {took:?}");

        let (an, host, begin) = (world.officer().unwrap(), Layout::host("persons"), Instant::now());
        let stalls = stream::iter([Ok::<_, Infallible>(b"the beginning".to_vec())]).chain(stream::pending());
        let request = an.http(&[&host]).unwrap().post(an.url(&host, "/echo"));
        let answer = request.body(reqwest::Body::wrap_stream(stalls)).send().await.unwrap();
        assert_eq!((answer.status().as_u16(), answer.version()), (408, reqwest::Version::HTTP_2), "{waf}");
        assert!(begin.elapsed() < Duration::from_secs(6), "{waf}: {:?}", begin.elapsed());
        let id = answer.headers()["poort-request-id"].to_str().unwrap();
        let outcome = world.record_of("outcome", id).await.unwrap();
        assert_eq!(outcome["unmapped"]["failure"], "body_incomplete", "{waf}: nobody blames the source");

        assert_eq!(persons.count(), reached, "{waf}");
        for number in 0..reached {
            let received = persons.wait_for_end(number, Duration::from_secs(5)).await.unwrap();
            assert_eq!((&*received.body, received.whole), (&b"the beginning"[..], Some(false)), "{waf}");
        }
    }
}

#[tokio::test]
async fn leave_to_send_a_body_is_no_answer() {
    let world = impatient("block").await;
    world.zone.persons.close().await;
    let mut connection = post(&world, "Content-Length: 5\r\nExpect: 100-continue").await;
    connection.send(b"hello").await.unwrap();
    let answer = connection.answer(false).await.unwrap();
    assert_eq!((answer.status, answer.reason().as_str()), (502, "source_unavailable"));
    let outcome = world.record("outcome", &answer).await.unwrap();
    assert_eq!(outcome["http_response"]["code"], 502);
}

/// The source answers at once; in HTTP/2 the server library would wait for ever for the rest of the body.
#[tokio::test]
async fn a_body_that_never_ends_keeps_no_place_in_http2() {
    let world = World::start_with(|zone| {
        without_limits(zone)?;
        zone.layout.edit("deploy/poort.yaml", |yaml| yaml["connections"]["body"] = "1s".into())?;
        zone.layout.edit("policies/sources/persons.yaml", |yaml| {
            yaml["limits"]["concurrent"] = 1.into();
            yaml["upstream"]["timeouts"] =
                serde_yaml::from_str("{ connect: 1s, read: 2s, total: 2s }").unwrap();
        })
    })
    .await
    .unwrap();
    let (an, host) = (world.officer().unwrap(), Layout::host("persons"));
    let client = an.http(&[&host]).unwrap();
    let endless = reqwest::Body::wrap_stream(stream::pending::<Result<Vec<u8>, Infallible>>());
    let answer = client.get(an.url(&host, "/broken/early")).body(endless).send().await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.version()), (400, reqwest::Version::HTTP_2));
    let id = answer.headers()["poort-request-id"].to_str().unwrap().to_owned();
    let served = eventually(async || {
        let answer = get(&an, &world.zone.persons, "/echo").await.unwrap().0;
        (answer.status == 200).then_some(())
    });
    served.await.expect("its place is free again");
    let outcome = world.record_of("outcome", &id).await.unwrap();
    assert_eq!(outcome["http_response"]["code"], 400);
    assert_eq!(outcome["unmapped"]["failure"], "body_incomplete");
}
