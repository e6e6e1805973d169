//! Budgets: who uses up one pays for it, and nobody else.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

use std::{
    net::Ipv4Addr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use nix::sys::socket::{setsockopt, sockopt::TcpMaxSeg};
use poort_demo::{
    client::{Answer, Caller},
    issuer::Token,
    layout::Layout,
    sources::Source,
};
use poort_tests::{PATIENCE, PERSON, World, eventually, get, with_device, without_limits};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
};
use tokio_rustls::{TlsConnector, rustls::pki_types::ServerName};

/// A budget that does not refill while a test runs.
fn scarce(burst: u32) -> serde_yaml::Value {
    serde_yaml::from_str(&format!("{{ rate: 1/1h, burst: {burst} }}")).unwrap()
}

fn officer(world: &World, name: &str, device: &str) -> Caller {
    let token = world.zone.zone.mint(&Token::officer(name).strong()).unwrap();
    world.zone.caller(device).unwrap().bearer(&token)
}

fn is_over(answer: &Answer) -> bool {
    let wait = answer.header("retry-after").and_then(|wait| wait.parse::<u64>().ok());
    let over = (answer.status, answer.reason().as_str()) == (429, "too_many_requests");
    assert!(!over || wait.is_some_and(|wait| (1..=3600).contains(&wait)), "Retry-After: {wait:?}");
    over
}

#[tokio::test]
async fn a_user_over_the_limit_is_told_when_to_come_back_and_nobody_else_is() {
    let world = World::start_with(|zone| {
        without_limits(zone)?;
        zone.layout.edit("policies/sources/persons.yaml", |yaml| yaml["limits"]["user"] = scarce(3))
    })
    .await
    .unwrap();
    let (an, bo) = (officer(&world, "an.janssens", "car-12"), officer(&world, "bo.maes", "car-12"));
    for _ in 0..3 {
        assert_eq!(get(&an, &world.zone.persons, PERSON).await.unwrap().0.status, 200);
    }
    let (answer, received) = get(&an, &world.zone.persons, PERSON).await.unwrap();
    assert!(is_over(&answer), "{}", answer.status);
    assert!(received.is_none());
    assert_eq!(world.record("decision", &answer).await.unwrap()["status_detail"], "limit_user_at_source");
    assert_eq!(get(&an, &world.zone.vehicles, "/").await.unwrap().0.status, 200, "at another source");
    assert_eq!(get(&bo, &world.zone.persons, PERSON).await.unwrap().0.status, 200, "another officer");
    // A reload refills nobody's budget, unless that budget changed.
    assert!(world.reload(&[]).await.unwrap().0);
    assert!(is_over(&get(&an, &world.zone.persons, PERSON).await.unwrap().0), "after a reload");
    world.edit("policies/sources/persons.yaml", |yaml| yaml["limits"]["user"] = scarce(4)).unwrap();
    assert!(world.reload(&[]).await.unwrap().0);
    assert_eq!(get(&an, &world.zone.persons, PERSON).await.unwrap().0.status, 200);
}

#[tokio::test]
async fn a_device_has_a_budget_of_its_own_behind_a_shared_address() {
    let world = World::start_with(|zone| {
        without_limits(zone)?;
        with_device(zone, "car-13")?;
        zone.layout.edit("policies/poort.yaml", |yaml| {
            yaml["limits"]["address"] = scarce(3);
            yaml["limits"]["device"] = scarce(6);
        })?;
        zone.layout.edit("deploy/poort.yaml", |yaml| {
            yaml["listeners"][0]["client_certificate"] = "optional".into();
        })
    })
    .await
    .unwrap();
    let persons = &world.zone.persons;
    let stranger = officer(&world, "an.janssens", "none");
    let mut refused = 0;
    while !is_over(&get(&stranger, persons, PERSON).await.unwrap().0) {
        refused += 1;
        assert!(refused < 10, "strangers have no limit");
    }
    assert!(refused < 3, "a refusal costs more than a request: {refused} before the end");
    let car = officer(&world, "an.janssens", "car-12");
    for _ in 0..6 {
        assert_eq!(get(&car, persons, PERSON).await.unwrap().0.status, 200, "behind the strangers' address");
    }
    assert!(is_over(&get(&car, persons, PERSON).await.unwrap().0));
    let other = officer(&world, "an.janssens", "car-13");
    assert_eq!(get(&other, persons, PERSON).await.unwrap().0.status, 200, "another device, same address");
    assert!(is_over(&get(&stranger, persons, PERSON).await.unwrap().0));
    assert_eq!(persons.count(), 7);
}

#[tokio::test]
async fn what_has_two_readings_is_asked_no_more_often_than_anything_else() {
    let world = World::start_with(|zone| {
        without_limits(zone)?;
        zone.layout.edit("policies/poort.yaml", |yaml| yaml["limits"]["device"] = scarce(3))
    })
    .await
    .unwrap();
    let car = officer(&world, "an.janssens", "car-12");
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(get(&car, &world.zone.persons, "/a/%2e%2e/b").await.unwrap().0.status);
    }
    assert_eq!(statuses, [400, 429, 429, 429], "a failure costs more than there is");
    assert!(
        is_over(&get(&car, &world.zone.persons, PERSON).await.unwrap().0),
        "and it was the device's budget"
    );
}

#[tokio::test]
async fn a_search_of_all_sources_counts_once() {
    let world = World::start_with(|zone| {
        without_limits(zone)?;
        zone.layout.edit("policies/poort.yaml", |yaml| yaml["limits"]["user"] = scarce(3))
    })
    .await
    .unwrap();
    let token = world.zone.zone.mint(&Token::officer("an.janssens").strong()).unwrap();
    for number in 1..=3 {
        let answer = world.zone.aggregator.search(&token, "peeters").await;
        assert!(answer.is_complete(), "search {number}: {:?}", answer.parts);
    }
    for _ in 0..2 {
        let answer = world.zone.aggregator.search(&token, "peeters").await;
        assert!(answer.parts.iter().all(|part| part.status == 429), "{:?}", answer.parts);
    }
    assert_eq!(world.zone.sources().map(Source::count), [3, 3, 3], "a search that is refused reaches nobody");
    // Nobody but an application that acts for officers lifts a limit by naming a search.
    let an = officer(&world, "bo.maes", "car-12");
    let host = Layout::host("persons");
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(an.ask("GET", &host, PERSON, &["Poort-Search-Id: one"]).await.unwrap().status);
    }
    assert_eq!(statuses, [200, 200, 200, 429]);
}

#[tokio::test]
async fn a_source_is_asked_only_so_much_at_once() {
    let world = World::start_with(|zone| {
        without_limits(zone)?;
        zone.layout.edit("policies/sources/persons.yaml", |yaml| yaml["limits"]["concurrent"] = 2.into())
    })
    .await
    .unwrap();
    let (an, host) = (officer(&world, "an.janssens", "car-12"), Layout::host("persons"));
    let slow = (0..2).map(|_| {
        let (an, host) = (an.clone(), host.clone());
        tokio::spawn(async move { an.ask("GET", &host, "/slow?seconds=2", &[]).await })
    });
    let slow: Vec<_> = slow.collect();
    assert_eq!(world.zone.persons.wait_for(2, Duration::from_secs(10)).await.len(), 2);
    let (answer, received) = get(&an, &world.zone.persons, PERSON).await.unwrap();
    assert_eq!((answer.status, answer.reason().as_str()), (503, "busy"));
    assert!(received.is_none());
    assert_eq!(get(&an, &world.zone.vehicles, "/").await.unwrap().0.status, 200, "another source");
    for answer in join_all(slow).await {
        assert_eq!(answer.unwrap().unwrap().status, 200);
    }
    assert_eq!(
        get(&an, &world.zone.persons, PERSON).await.unwrap().0.status,
        200,
        "the places are given back"
    );
}

/// What a balancer says first (PROXY protocol v2, 2.2): this client, to the gate.
fn proxied(client: Ipv4Addr, port: u16) -> Vec<u8> {
    let mut header = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c".to_vec();
    header.extend(client.octets());
    header.extend([127, 0, 0, 1]);
    header.extend(port.to_be_bytes());
    header.extend(443_u16.to_be_bytes());
    header
}

/// One device's connection through the balancer, one request, and its status line.
async fn through_balancer(car: &Caller, token: &str, client: Ipv4Addr, port: u16) -> std::io::Result<String> {
    let host = Layout::host("persons");
    let mut tcp = TcpStream::connect(car.address()).await?;
    tcp.write_all(&proxied(client, port)).await?;
    let name = host.clone().try_into().map_err(std::io::Error::other)?;
    let mut tls = TlsConnector::from(car.config().clone()).connect(name, tcp).await?;
    let head = format!(
        "GET {PERSON} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n"
    );
    tls.write_all(head.as_bytes()).await?;
    // Without it the request may stay in this side's TLS buffer, and both ends wait for each other.
    tls.flush().await?;
    let mut answer = Vec::new();
    tls.read_to_end(&mut answer).await?;
    let line = answer.split(|&byte| byte == b'\r').next().unwrap_or_default();
    Ok(String::from_utf8_lossy(line).into_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_thousand_devices_behind_one_address_come_back_at_once() {
    const DEVICES: usize = 2000;
    let world = World::start_with(|zone| {
        without_limits(zone)?;
        zone.layout.edit("deploy/poort.yaml", |yaml| {
            yaml["listeners"][0]["balancers"] = vec!["127.0.0.0/8".to_owned()].into();
            yaml["connections"] = serde_yaml::from_str(
                "{ per_prefix: 50, handshakes_per_prefix: 20/1s, \
                 carriers: [{ network: 100.64.0.0/10, connections: 4000, handshakes: 2500/10s }] }",
            )
            .unwrap();
        })
    })
    .await
    .unwrap();
    let car = world.zone.caller("car-12").unwrap();
    let token: Arc<str> = world.zone.zone.mint(&Token::officer("an.janssens")).unwrap().into();
    let carrier = Ipv4Addr::new(100, 64, 0, 7);
    let (begin, next) = (Instant::now(), Arc::new(AtomicUsize::new(0)));
    let workers = (0..64).map(|_| {
        let (car, token, next) = (car.clone(), token.clone(), next.clone());
        tokio::spawn(async move {
            let mut served = 0;
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= DEVICES {
                    return served;
                }
                let port = u16::try_from(10_000 + number).unwrap();
                let answer = through_balancer(&car, &token, carrier, port).await;
                assert!(
                    answer.as_ref().is_ok_and(|line| line.contains(" 200 ")),
                    "device {number}: {answer:?}"
                );
                served += 1;
            }
        })
    });
    let workers: Vec<_> = workers.collect();
    let mut served = 0;
    for worker in workers {
        served += worker.await.expect("every device is served");
    }
    eprintln!("{served} devices in {:?}", begin.elapsed());
    assert_eq!((served, world.zone.persons.count()), (DEVICES, DEVICES));
    // An address without a budget like that is held to the ordinary one, behind the same balancer.
    let stranger = Ipv4Addr::new(203, 0, 113, 9);
    let burst = join_all((0..60).map(|port| through_balancer(&car, &token, stranger, 20_000 + port))).await;
    let through = burst.iter().filter(|answer| answer.is_ok()).count();
    assert!((1..60).contains(&through), "{through} of 60 got through");
    // Who says nothing at all is not a balancer's client.
    assert!(car.connect(&Layout::host("persons")).await.is_err());
}

/// A frame of HTTP/2 (RFC 9113 §4.1).
fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
    let length = u8::try_from(payload.len()).unwrap();
    [&[0, 0, length, kind, flags, 0, 0, 0, stream], payload].concat()
}

/// A client that opens no window in HTTP/2 never takes the body of an answer.
#[tokio::test]
async fn a_refusal_that_nobody_reads_keeps_no_place() {
    const NO_WINDOW: [u8; 6] = [0, 4, 0, 0, 0, 0];
    let world = World::start_with(|zone| {
        zone.layout.edit("policies/poort.yaml", |yaml| yaml["limits"]["concurrent"] = 2.into())
    })
    .await
    .unwrap();
    let (host, car) = (Layout::host("persons"), world.zone.caller("car-12").unwrap());
    let mut config = (**car.config()).clone();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let socket = TcpStream::connect(car.address()).await.unwrap();
    let name = ServerName::try_from(host.clone()).unwrap();
    let mut stream = TlsConnector::from(Arc::new(config)).connect(name, socket).await.unwrap();
    // `:method: GET`, `:path: /`, `:scheme: https`, `:authority` (RFC 7541, appendix A); no token.
    let head = [&[0x82, 0x84, 0x87, 0x41, u8::try_from(host.len()).unwrap()], host.as_bytes()].concat();
    let mut bytes = [&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..], &frame(4, 0, 0, &NO_WINDOW)].concat();
    [1, 3, 5, 7].iter().for_each(|number| bytes.extend(frame(1, 5, *number, &head)));
    stream.write_all(&bytes).await.unwrap();
    let refused = async {
        let mut heads = 0;
        while heads < 4 {
            let mut head = [0; 9];
            stream.read_exact(&mut head).await.unwrap();
            let mut payload = vec![0; usize::from(head[1]) << 8 | usize::from(head[2])];
            stream.read_exact(&mut payload).await.unwrap();
            heads += usize::from(head[3] == 1);
        }
    };
    tokio::time::timeout(PATIENCE, refused).await.expect("four heads of answers");
    let (answer, _) = get(&world.officer().unwrap(), &world.zone.persons, PERSON).await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
}

/// What is inspected is held, and waits for whoever asked; not for longer than the exchange may last.
#[tokio::test]
async fn an_answer_that_nobody_reads_keeps_no_place() {
    let world = World::start_with(|zone| {
        without_limits(zone)?;
        zone.layout.edit("policies/poort.yaml", |yaml| yaml["waf"]["mode"] = "block".into())?;
        zone.layout.edit("deploy/poort.yaml", |yaml| yaml["connections"]["body"] = "1s".into())?;
        zone.layout.edit("policies/sources/persons.yaml", |yaml| {
            yaml["limits"]["concurrent"] = 1.into();
            yaml["upstream"]["timeouts"] =
                serde_yaml::from_str("{ connect: 1s, read: 2s, total: 8s }").unwrap();
        })
    })
    .await
    .unwrap();
    let (an, persons, host) = (world.officer().unwrap(), &world.zone.persons, Layout::host("persons"));
    let token = world.zone.zone.mint(&Token::officer("an.janssens")).unwrap();
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    // As on a real network: with segments as large as a loopback's the system alone would hold the answer.
    setsockopt(&socket, TcpMaxSeg, &536).unwrap();
    let socket = socket.connect(an.address()).await.unwrap();
    let name = ServerName::try_from(host.clone()).unwrap();
    let mut stream = TlsConnector::from(Arc::clone(an.config())).connect(name, socket).await.unwrap();
    let target = "/large?bytes=500000&type=text/html";
    let head = format!("GET {target} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    assert_eq!(persons.wait_for(1, PATIENCE).await.len(), 1);
    assert_eq!(get(&an, persons, "/echo").await.unwrap().0.status, 503, "the place is taken");
    let free = eventually(async || (get(&an, persons, "/echo").await.unwrap().0.status == 200).then_some(()));
    free.await.expect("the place is free again");
}
