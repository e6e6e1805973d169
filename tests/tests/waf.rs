//! Inspection: attacks are refused before a source is connected to, ordinary text passes, and the record says which rules matched.

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
use poort_demo::{
    client::{Answer, RawConnection},
    issuer::Token,
    layout::Layout,
};
use poort_tests::{PATIENCE, World, ask, eventually, without_limits};
use serde_yaml::Value;

/// Rules that are few and score as CRS does.
const RULES: &str = r#"
SecRule ARGS|REQUEST_COOKIES|XML:/* "@detectSQLi" \
    "id:50001,phase:2,pass,log,msg:'SQL injection',severity:CRITICAL,setvar:tx.blocking_inbound_anomaly_score=+5"
SecRule ARGS|REQUEST_URI_RAW "@contains odd" \
    "id:50002,phase:2,pass,log,msg:'An odd word',severity:NOTICE,logdata:'%{MATCHED_VAR}',setvar:tx.blocking_inbound_anomaly_score=+2"
SecRule TX:blocking_inbound_anomaly_score "@ge %{tx.inbound_anomaly_score_threshold}" \
    "id:50009,phase:2,deny,status:403,log,msg:'Too much'"
SecRule RESPONSE_BODY "@contains ORA-01756" \
    "id:50011,phase:4,pass,log,msg:'Database error',severity:ERROR,setvar:tx.blocking_outbound_anomaly_score=+4"
SecRule TX:blocking_outbound_anomaly_score "@ge %{tx.outbound_anomaly_score_threshold}" \
    "id:50019,phase:4,deny,status:403,log,msg:'Too much'"
"#;

const ATTACK: &str = "1'+OR+'1'='1";

/// A zone whose sources are inspected as `waf` says, which `persons` may change.
async fn world(waf: &str, persons: &str) -> World {
    World::start_with(|zone| {
        without_limits(zone)?;
        zone.layout.write_file("policies/waf/test.conf", RULES)?;
        zone.layout.edit("policies/poort.yaml", |yaml| {
            yaml["waf"] = serde_yaml::from_str(waf).unwrap();
            yaml["waf"]["rules"] = Value::Sequence(vec!["waf/test.conf".into()]);
        })?;
        zone.layout.edit("policies/sources/persons.yaml", |yaml| {
            yaml["waf"] = serde_yaml::from_str(persons).unwrap();
        })
    })
    .await
    .unwrap()
}

async fn get(world: &World, target: &str) -> Answer {
    ask(&world.officer().unwrap(), "GET", &world.zone.persons, target, &[]).await.unwrap().0
}

/// A POST with a body and its length.
async fn post(world: &World, kind: &str, body: &[u8]) -> Answer {
    let an = world.officer().unwrap();
    let host = Layout::host("persons");
    let client = an.http(&[&host]).unwrap();
    let response = client
        .post(an.url(&host, "/echo"))
        .header("content-type", kind)
        .body(body.to_vec())
        .send()
        .await
        .unwrap();
    let header = |(name, value): (&reqwest::header::HeaderName, &reqwest::header::HeaderValue)| {
        (name.to_string(), value.to_str().unwrap().to_owned())
    };
    Answer {
        status: response.status().as_u16(),
        headers: response.headers().iter().map(header).collect(),
        body: response.bytes().await.unwrap().to_vec(),
        whole: true,
    }
}

#[tokio::test]
async fn an_attack_is_refused_before_the_source_is_connected_to() {
    let world = world("{ mode: block }", "{}").await;
    let persons = &world.zone.persons;
    let answer = get(&world, &format!("/search?name={ATTACK}")).await;
    assert_eq!((answer.status, answer.reason().as_str()), (403, "refused_content"));
    let form = "application/x-www-form-urlencoded";
    let answer = post(&world, form, format!("remark={ATTACK}").as_bytes()).await;
    assert_eq!((answer.status, answer.reason().as_str()), (403, "refused_content"));
    assert_eq!(persons.count(), 0, "nothing reached the source");

    let decision = world.record("decision", &answer).await.unwrap();
    let waf = &decision["unmapped"]["waf"];
    assert_eq!((&decision["status_detail"], &waf["result"]), (&"waf".into(), &"refused".into()));
    assert_eq!((&waf["score"], &waf["threshold"], &waf["body"]), (&5.into(), &5.into(), &"whole".into()));
    let rules: Vec<_> =
        waf["matches"].as_array().unwrap().iter().map(|found| found["rule"].clone()).collect();
    assert_eq!(rules, [50001, 50009]);
    assert_eq!(waf["matches"][0]["variable"], "ARGS:remark");
    assert!(!decision.to_string().contains("OR '1'"), "{decision}");

    let text = "remark=O'Neill+woont+in+'s-Hertogenbosch";
    let answer = post(&world, form, text.as_bytes()).await;
    assert_eq!(answer.status, 200);
    assert_eq!(persons.last().unwrap().body, text.as_bytes());
}

/// A POST whose head has been sent, and its body not yet.
async fn begin(world: &World, target: &str, lines: &str) -> RawConnection {
    let host = Layout::host("persons");
    let token = world.zone.zone.mint(&Token::officer("an.janssens")).unwrap();
    let car = world.zone.caller("car-12").unwrap();
    let mut connection = car.connect(&host).await.unwrap();
    let port = car.address().port();
    let head = format!(
        "POST {target} HTTP/1.1\r\nHost: {host}:{port}\r\nAuthorization: Bearer {token}\r\nContent-Type: text/plain\r\n{lines}\r\n\r\n"
    );
    connection.send(head.as_bytes()).await.unwrap();
    connection
}

fn chunk(bytes: &[u8]) -> Vec<u8> {
    [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()
}

/// Bytes that are the same nowhere, so that a piece out of place shows.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 7_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        b'a' + u8::try_from(state >> 28).unwrap()
    };
    std::iter::repeat_with(&mut next).take(length).collect()
}

#[tokio::test]
async fn bodies_arrive_as_they_were_judged() {
    let world = world("{ mode: block }", "{}").await;
    let (persons, host) = (&world.zone.persons, Layout::host("persons"));
    let an = world.officer().unwrap();
    let client = an.http(&[&host]).unwrap();
    for length in [1, 4_096, 65_535, 65_536, 65_537, 131_072, 200_000, 10 << 20] {
        let body = noise(length);
        persons.forget();
        let mut connection = begin(&world, "/echo", &format!("Content-Length: {length}")).await;
        connection.send(&body).await.unwrap();
        assert_eq!(connection.answer(false).await.unwrap().status, 200, "{length}");
        let received = persons.last().unwrap();
        assert!(received.body == body && received.whole == Some(true), "{length} bytes over HTTP/1.1");
        assert_eq!(received.header("content-length"), Some(length.to_string().as_str()));

        let request =
            client.post(an.url(&host, "/echo")).header("content-type", "text/plain").body(body.clone());
        let response = request.send().await.unwrap();
        assert_eq!(
            (response.status().as_u16(), response.version()),
            (200, reqwest::Version::HTTP_2),
            "{length}"
        );
        let received = persons.last().unwrap();
        assert!(received.body == body && received.whole == Some(true), "{length} bytes over HTTP/2");
    }

    let mut connection = begin(&world, "/echo", "Content-Length: 5\r\nExpect: 100-continue").await;
    let asked = connection.rest(Duration::from_millis(300)).await;
    assert!(asked.starts_with(b"HTTP/1.1 100"), "{}", String::from_utf8_lossy(&asked));
    connection.send(b"hello").await.unwrap();
    assert_eq!(connection.answer(false).await.unwrap().status, 200);
    let received = persons.last().unwrap();
    assert_eq!((received.body.as_slice(), received.header("expect")), (&b"hello"[..], None));

    let before = persons.count();
    let mut connection = begin(&world, "/echo", &format!("Content-Length: {}", (10 << 20) + 1)).await;
    assert_eq!(connection.answer(false).await.unwrap().status, 413);
    assert_eq!(persons.count(), before);
}

#[tokio::test]
async fn a_body_without_a_length_is_read_as_far_as_it_is_small() {
    let world = world("{ mode: block }", "{}").await;
    let persons = &world.zone.persons;
    for pieces in [vec![&b""[..]], vec![b"hello ", b"world"], vec![&[b'x'; 65_536][..]]] {
        let body = pieces.concat();
        let mut connection = begin(&world, "/echo", "Transfer-Encoding: chunked").await;
        for piece in pieces.iter().filter(|piece| !piece.is_empty()) {
            connection.send(&chunk(piece)).await.unwrap();
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        connection.send(b"0\r\n\r\n").await.unwrap();
        assert_eq!(connection.answer(false).await.unwrap().status, 200, "{}", body.len());
        let received = persons.last().unwrap();
        assert!(received.body == body && received.whole == Some(true), "{}", body.len());
    }

    let before = persons.count();
    let mut connection = begin(&world, "/echo", "Transfer-Encoding: chunked").await;
    // The gate may have answered and closed before all of it was sent.
    let _ = connection.send(&chunk(&[b'x'; 70_000])).await;
    let answer = connection.answer(false).await.unwrap();
    assert_eq!((answer.status, answer.reason().as_str()), (411, "length_required"));

    let mut connection = begin(&world, "/echo", "Transfer-Encoding: chunked").await;
    connection.send(&[&chunk(b"odd odd ")[..], b"0\r\n\r\n"].concat()).await.unwrap();
    assert_eq!(connection.answer(false).await.unwrap().status, 200, "text that no rule reads");

    let (an, host) = (world.officer().unwrap(), Layout::host("persons"));
    let client = an.http(&[&host]).unwrap();
    let of = |pieces: usize| {
        let pieces = stream::iter(0..pieces).map(|_| Ok::<_, Infallible>(vec![b'x'; 16 * 1024]));
        client.post(an.url(&host, "/echo")).body(reqwest::Body::wrap_stream(pieces)).send()
    };
    assert_eq!(of(3).await.unwrap().status().as_u16(), 200, "small, over HTTP/2");
    assert_eq!(persons.last().unwrap().body.len(), 48 * 1024);
    let count = persons.count();
    // The refusal and the reset that stops the upload race each other.
    assert!(of(20).await.map_or(true, |answer| answer.status() == 411), "large, over HTTP/2");
    assert_eq!((persons.count(), before + 2), (count, count));
}

#[tokio::test]
async fn a_source_may_take_bodies_without_a_length_once_they_are_judged() {
    let world = world("{ mode: block }", "{ unframed: withhold, body: 300KiB }").await;
    let persons = &world.zone.persons;
    let send = async |kind: &str, body: &[u8]| {
        let lines = format!("X-Kind: {kind}\r\nTransfer-Encoding: chunked");
        let mut connection = begin(&world, "/echo", &lines).await;
        for piece in body.chunks(30_000) {
            if connection.send(&chunk(piece)).await.is_err() {
                break;
            }
        }
        let _ = connection.send(b"0\r\n\r\n").await;
        connection.answer(false).await.unwrap()
    };
    let body = noise(200_000);
    assert_eq!(send("text", &body).await.status, 200);
    assert!(persons.last().unwrap().body == body, "what was judged arrives");
    assert_eq!(send("text", b"").await.status, 200);

    let answer = send("text", &noise(400_000)).await;
    assert_eq!((answer.status, answer.reason().as_str()), (413, "body_too_large"));
    let received = persons.wait_for_end(2, Duration::from_secs(5)).await.unwrap();
    assert_eq!((received.body.len(), received.whole), (0, Some(false)), "a head and nothing else");

    let host = Layout::host("persons");
    let an = world.officer().unwrap();
    let form = format!("note={}&name={ATTACK}", "a".repeat(100_000));
    let client = an.http(&[&host]).unwrap();
    let pieces: Vec<_> =
        form.as_bytes().chunks(9_000).map(|piece| Ok::<_, Infallible>(piece.to_vec())).collect();
    let request =
        client.post(an.url(&host, "/echo")).header("content-type", "application/x-www-form-urlencoded");
    let answer = request.body(reqwest::Body::wrap_stream(stream::iter(pieces))).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 403);
    let received = persons.wait_for_end(3, Duration::from_secs(5)).await.unwrap();
    assert_eq!((received.body.len(), received.whole), (0, Some(false)));
    let id = answer.headers()["poort-request-id"].to_str().unwrap().to_owned();
    let outcome = eventually(async || {
        world.zone.layout.records().into_iter().find(|record| {
            record["metadata"]["event_code"] == "outcome"
                && record["metadata"]["correlation_uid"] == id.as_str()
        })
    });
    let outcome = outcome.await.unwrap();
    assert_eq!(outcome["unmapped"]["failure"], "waf");
    assert_eq!(outcome["unmapped"]["waf"]["matches"][0]["rule"], 50001);

    let answer = get(&world, &format!("/search?name={ATTACK}")).await;
    assert_eq!(answer.status, 403);
    assert_eq!(persons.count(), 4, "a head is judged before a connection, with or without a body to come");
}

#[tokio::test]
async fn a_slow_body_opens_no_connection() {
    let world = World::start_with(|zone| {
        zone.layout.write_file("policies/waf/test.conf", RULES)?;
        zone.layout.edit("policies/poort.yaml", |yaml| {
            yaml["waf"] = serde_yaml::from_str("{ mode: block }").unwrap();
        })?;
        zone.layout.edit("policies/sources/persons.yaml", |yaml| {
            yaml["upstream"]["timeouts"] =
                serde_yaml::from_str("{ connect: 1s, read: 2s, total: 2s }").unwrap();
        })
    })
    .await
    .unwrap();
    let start = Instant::now();
    let mut connection = begin(&world, "/echo", "Content-Length: 1000").await;
    let drip = async {
        while connection.send(b"x").await.is_ok() && start.elapsed() < Duration::from_secs(8) {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let _ = tokio::time::timeout(Duration::from_secs(3), drip).await;
    let answer = connection.answer(false).await.unwrap();
    assert_eq!((answer.status, answer.reason().as_str()), (408, "body_incomplete"));

    let (an, host) = (world.officer().unwrap(), Layout::host("persons"));
    let client = an.http(&[&host]).unwrap();
    let slow = stream::repeat(()).then(|()| async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        Ok::<_, Infallible>(vec![b'x'])
    });
    let answer = client.post(an.url(&host, "/echo")).body(reqwest::Body::wrap_stream(slow)).send().await;
    assert!(answer.map_or(true, |answer| answer.status() == 408), "over HTTP/2");
    assert_eq!(world.zone.persons.count(), 0);
}

#[tokio::test]
async fn bodies_wait_outside_when_the_gate_holds_enough() {
    let world = world("{ mode: block, held: 100KiB }", "{}").await;
    let mut first = begin(&world, "/echo", "Content-Length: 90000").await;
    first.send(&[b'x'; 1_000]).await.unwrap();
    let held = eventually(async || world.counts("poort_waf_held_bytes 90000").await.then_some(()));
    held.await.expect("the first is there before the second");
    let refused = eventually(async || {
        let mut second = begin(&world, "/echo", "Content-Length: 20000").await;
        second.send(&[b'x'; 20_000]).await.unwrap();
        Some(second.answer(false).await.unwrap()).filter(|answer| answer.status != 200)
    });
    let refused = refused.await.unwrap();
    assert_eq!((refused.status, refused.reason().as_str()), (503, "busy"));
    assert_eq!(refused.header("retry-after"), Some("2"));
    let decision = world.record("decision", &refused).await.unwrap();
    assert_eq!(decision["status_detail"], "limit_bodies");
    assert_eq!(get(&world, "/echo").await.status, 200, "what has no body needs no room");
    first.send(&[b'x'; 89_000]).await.unwrap();
    assert_eq!(first.answer(false).await.unwrap().status, 200);
    let served = eventually(async || {
        let mut second = begin(&world, "/echo", "Content-Length: 20000").await;
        second.send(&[b'x'; 20_000]).await.unwrap();
        Some(second.answer(false).await.unwrap()).filter(|answer| answer.status == 200)
    });
    assert!(served.await.is_some(), "room is given back");
}

#[tokio::test]
async fn detection_records_and_lets_pass() {
    let world = world("{ mode: detect, since: 2026-01-01 }", "{ body: 1KiB, response: {} }").await;
    let persons = &world.zone.persons;
    let answer = get(&world, &format!("/search?name={ATTACK}")).await;
    assert_eq!((answer.status, persons.count()), (200, 1));
    let decision = world.record("decision", &answer).await.unwrap();
    assert_eq!(decision["unmapped"]["waf"]["result"], "detected");
    assert_eq!(decision["unmapped"]["waf"]["mode"], "detect");
    let metrics = world.zone.layout.admin();
    let metrics = poort_demo::client::plain().get(format!("http://{metrics}/metrics")).send().await.unwrap();
    let metrics = metrics.text().await.unwrap();
    assert!(
        metrics.contains(r#"poort_waf_matches_total{mode="detect",rule="50001",source="persons"} 1"#),
        "{metrics}"
    );

    let form = "application/x-www-form-urlencoded";
    let answer = post(&world, form, format!("name={ATTACK}&rest={}", "x".repeat(2_000)).as_bytes()).await;
    assert_eq!(answer.status, 200, "what is too large to be inspected passes too");
    let decision = world.record("decision", &answer).await.unwrap();
    assert_eq!(decision["unmapped"]["waf"]["body"], "too_large");
    assert_eq!(get(&world, "/leak").await.status, 500, "and so does what leaks");

    let mut connection = begin(&world, "/echo", "Transfer-Encoding: chunked").await;
    let body = noise(100_000);
    for piece in body.chunks(25_000) {
        connection.send(&chunk(piece)).await.unwrap();
    }
    connection.send(b"0\r\n\r\n").await.unwrap();
    assert_eq!(connection.answer(false).await.unwrap().status, 200);
    assert!(persons.last().unwrap().body == body);
}

#[tokio::test]
async fn exclusions_reach_the_paths_and_targets_they_name_until_they_end() {
    let persons = "
        exclusions:
          - { rule: 50001, target: 'ARGS:name', path: '/search', reason: 'names are what they are', expires: 2199-12-31 }
          - { rule: 50001, path: '/echo', reason: 'over', expires: 2020-01-31 }
    ";
    let world = world("{ mode: block }", persons).await;
    for (target, status) in [
        (format!("/search?name={ATTACK}"), 200),
        (format!("/SEARCH/?name={ATTACK}"), 404),
        (format!("/search?other={ATTACK}"), 403),
        (format!("/echo?name={ATTACK}"), 403),
        (format!("/persons/85073100190?name={ATTACK}"), 403),
    ] {
        assert_eq!(get(&world, &target).await.status, status, "{target}");
    }
}

#[tokio::test]
async fn the_policies_are_asked_again_when_something_was_found() {
    let forbid = r#"
        @id("odd") @reason("Odd requests are for supervisors.")
        forbid (principal, action, resource == Poort::Source::"persons")
        when { context.inspection.score > 1 } unless { principal in Poort::Role::"supervisor" };
    "#;
    let world = world("{ mode: block }", "{}").await;
    world.zone.layout.write_file("policies/access/odd.cedar", forbid).unwrap();
    let (reloaded, said) = world.reload(&[]).await.unwrap();
    assert!(reloaded, "{said}");
    let answer = get(&world, "/search?name=peeters").await;
    assert_eq!(answer.status, 200);
    let answer = get(&world, "/search?name=odd").await;
    assert_eq!((answer.status, answer.reason().as_str()), (403, "not_permitted"));
    assert_eq!(answer.json()["detail"], "Odd requests are for supervisors.");
    assert_eq!(world.zone.persons.count(), 1);
    let decision = world.record("decision", &answer).await.unwrap();
    assert_eq!(
        decision["unmapped"]["question"]["context"]["inspection"]["score"], 4,
        "in the target and in the argument"
    );
    let supervisor = Token::officer("bea.claes").role("supervisor");
    let supervisor = world.caller(&supervisor).unwrap();
    let (answer, _) = ask(&supervisor, "GET", &world.zone.persons, "/search?name=odd", &[]).await.unwrap();
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn an_answer_that_leaks_is_replaced() {
    let waf = "{ mode: block, response: { limit: 64KiB, larger: refuse, other_types: pass } }";
    let world = world(waf, "{ streams: true }").await;
    let persons = &world.zone.persons;
    let answer = get(&world, "/leak").await;
    assert_eq!((answer.status, answer.reason().as_str()), (502, "answer_withheld"));
    assert!(!answer.text().contains("ORA-"), "{}", answer.text());
    let outcome = world.record("outcome", &answer).await.unwrap();
    let waf = &outcome["unmapped"]["waf"];
    assert_eq!((&outcome["unmapped"]["failure"], &waf["result"]), (&"waf_answer".into(), &"refused".into()));
    assert_eq!((&waf["score"], &waf["matches"][0]["rule"]), (&4.into(), &50011.into()));

    let an = world.officer().unwrap();
    let lines = ["Accept-Encoding: gzip", "Range: bytes=0-4", "Connection: X-Odd", "X-Odd: 1"];
    let (answer, received) = ask(&an, "GET", persons, "/echo", &lines).await.unwrap();
    assert_eq!(answer.status, 200);
    let received = received.unwrap();
    for name in ["accept-encoding", "range", "connection", "x-odd"] {
        assert_eq!(received.header(name), None, "{name}");
    }
    assert_eq!(answer.header("content-length").unwrap(), answer.body.len().to_string());
    assert!(received.header("poort-assertion").is_some() && received.header("authorization").is_none());

    for (target, status, reason) in [
        ("/encoded", 502, "answer_withheld"),
        ("/large?bytes=65536&type=text/html", 200, ""),
        ("/large?bytes=65537&type=text/html", 502, "answer_withheld"),
        ("/large?bytes=1000000&type=image/png", 200, ""),
        ("/large?bytes=1000000", 200, ""),
        ("/broken/truncated", 502, "source_unavailable"),
        ("/broken/empty", 502, "source_unavailable"),
        ("/status/204", 204, ""),
        ("/status/304", 304, ""),
        ("/login?user=an", 200, ""),
        ("/events?count=3&interval=10", 200, ""),
        ("/missing", 404, ""),
    ] {
        let answer = get(&world, target).await;
        assert_eq!((answer.status, answer.reason().as_str()), (status, reason), "{target}");
        assert!(answer.whole, "{target}");
        if let Some((_, bytes)) = target.split_once("bytes=").filter(|_| status == 200) {
            assert_eq!(answer.body.len().to_string(), bytes.split('&').next().unwrap(), "{target}");
        }
    }
    let (answer, _) = ask(&an, "HEAD", persons, "/leak", &[]).await.unwrap();
    assert_eq!((answer.status, answer.body.len()), (500, 0));
    let answer = post(&world, "text/plain", &noise(300_000)).await;
    assert_eq!(answer.status, 502, "an echo of more than may be inspected");
    assert_eq!(persons.last().unwrap().body.len(), 300_000);

    for source in [&world.zone.vehicles, &world.zone.firearms] {
        let key = source.options().register.keys().next().unwrap();
        let desk = world.caller(&Token::officer("an.janssens").role("firearms-desk").strong()).unwrap();
        let (answer, received) =
            ask(&desk, "GET", source, &format!("/{}/{key}", source.id()), &[]).await.unwrap();
        assert_eq!((answer.status, received.is_some()), (200, true), "{}: {}", source.id(), answer.text());
    }
}

#[tokio::test]
async fn a_source_that_is_gone_or_slow_is_told_of_when_its_answers_are_held_back() {
    let world = World::start_with(|zone| {
        zone.layout.write_file("policies/waf/test.conf", RULES)?;
        zone.layout.edit("policies/poort.yaml", |yaml| {
            yaml["waf"] = serde_yaml::from_str("{ mode: block, response: {} }").unwrap();
        })?;
        zone.layout.edit("policies/sources/persons.yaml", |yaml| {
            yaml["upstream"]["timeouts"] =
                serde_yaml::from_str("{ connect: 1s, read: 1s, total: 2s }").unwrap();
        })
    })
    .await
    .unwrap();
    for (target, status) in [("/broken/silent", 504), ("/broken/reset", 502), ("/echo", 200)] {
        let answer = get(&world, target).await;
        assert_eq!(answer.status, status, "{target}");
    }
    let cut = get(&world, "/trickle?seconds=9").await;
    assert_eq!(
        (cut.status, cut.whole),
        (200, false),
        "what is not inspected passes as it comes, and is cut in the end"
    );
    world.zone.persons.close().await;
    assert_eq!(get(&world, "/echo").await.status, 502);
    world.zone.persons.open().unwrap();
    assert_eq!(get(&world, "/echo").await.status, 200, "and again when it is back");
}

#[tokio::test]
async fn streams_pass_only_where_a_source_says_so() {
    let waf = "{ mode: block, response: {} }";
    let upgrade = [
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ];
    let closed = world(waf, "{}").await;
    let an = closed.officer().unwrap();
    let (answer, received) = ask(&an, "GET", &closed.zone.persons, "/ws", &upgrade).await.unwrap();
    assert_eq!((answer.status, answer.reason().as_str(), received.is_none()), (403, "not_permitted", true));
    let answer = get(&closed, "/events?count=2&interval=10").await;
    assert_eq!((answer.status, answer.reason().as_str()), (502, "answer_withheld"));

    let open = world(waf, "{ streams: true }").await;
    let an = open.officer().unwrap();
    let (answer, _) = ask(&an, "GET", &open.zone.persons, "/ws", &upgrade).await.unwrap();
    assert_eq!(answer.status, 101);
    let (answer, received) =
        ask(&an, "GET", &open.zone.persons, &format!("/ws?name={ATTACK}"), &upgrade).await.unwrap();
    assert_eq!((answer.status, received.is_none()), (403, true), "the head is inspected all the same");
}

#[tokio::test]
async fn a_stream_whose_answer_was_held_back_ends_when_its_source_is_closed() {
    let world = world("{ mode: block, response: {} }", "{ streams: true }").await;
    let host = Layout::host("persons");
    let token = world.zone.zone.mint(&Token::officer("an.janssens")).unwrap();
    for interval in [50, 60_000] {
        let car = world.zone.caller("car-12").unwrap();
        let mut connection = car.connect(&host).await.unwrap();
        let port = car.address().port();
        let head = format!(
            "GET /events?interval={interval} HTTP/1.1\r\nHost: {host}:{port}\r\nAuthorization: Bearer {token}\r\n\r\n"
        );
        connection.send(head.as_bytes()).await.unwrap();
        let (mut begun, asked) = (String::new(), Instant::now());
        while !begun.contains("event: sighting") {
            assert!(asked.elapsed() < PATIENCE, "every {interval} ms: {begun}");
            let more = connection.rest(Duration::from_millis(100)).await;
            begun.push_str(&String::from_utf8_lossy(&more));
        }
        let closed = Instant::now();
        assert!(world.reload(&["--deny", "persons"]).await.unwrap().0);
        connection.rest(Duration::from_secs(10)).await;
        assert!(closed.elapsed() < Duration::from_secs(5), "it goes on, every {interval} ms");
        assert!(world.reload(&["--allow", "persons"]).await.unwrap().0);
    }
}

#[tokio::test]
async fn what_changes_something_is_not_asked_for_twice() {
    let waf = "{ mode: block, response: { limit: 64KiB, larger: refuse, other_types: pass } }";
    let world = world(waf, "{}").await;
    let persons = &world.zone.persons;
    // A source hangs up on a connection that was kept: it may have done what it was asked for.
    for (method, times) in [("GET", 2), ("POST", 1)] {
        assert_eq!(get(&world, "/echo").await.status, 200);
        let before = persons.count();
        let mut answer = None;
        if method == "GET" {
            answer = Some(get(&world, "/broken/empty").await);
        } else {
            let mut connection = begin(&world, "/broken/empty", "Content-Length: 5").await;
            connection.send(b"hello").await.unwrap();
            answer.replace(connection.answer(false).await.unwrap());
        }
        assert_eq!(answer.map(|answer| answer.status), Some(502), "{method}");
        assert_eq!(persons.count() - before, times, "{method}");
    }
}
