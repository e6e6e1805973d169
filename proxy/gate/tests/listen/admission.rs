//! Who gets as far as TLS, and for whom a balancer speaks.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use poort::listen::{Budget, Budgets, ConnectionEvent, DropReason, HandshakeFault, Rate};
use tokio::{io::AsyncWriteExt, net::TcpStream, sync::Semaphore, task::JoinSet};

use crate::{
    client::{Client, config},
    ground::{Ground, Plan},
};

fn balanced() -> Ground {
    let mut plan = Plan::new();
    plan.settings.balancers = vec!["127.0.0.0/8".parse().unwrap()];
    plan.settings.deadlines.proxy_header = Duration::from_millis(300);
    plan.budgets.ordinary.connections = 2;
    Ground::start(plan)
}

fn proxied(client: [u8; 4], port: u16) -> Vec<u8> {
    let mut header = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c".to_vec();
    header.extend(client);
    header.extend([127, 0, 0, 1]);
    header.extend(port.to_be_bytes());
    header.extend(8443u16.to_be_bytes());
    header
}

async fn through(ground: &Ground, header: &[u8]) -> std::io::Result<Client> {
    Client::connect_to(ground.address, config(Some(&ground.device)), "gate.example", header).await
}

#[tokio::test]
async fn a_balancer_says_for_whom_it_connects() {
    let ground = balanced();
    let answer = through(&ground, &proxied([192, 0, 2, 7], 49153)).await.unwrap().get().await.unwrap();
    assert_eq!(answer.fact("peer"), "192.0.2.7:49153");
    assert_eq!(answer.fact("library_peer"), "192.0.2.7:49153");
    let check = b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";
    let answer = through(&ground, check).await.unwrap().get().await.unwrap();
    assert!(answer.fact("peer").starts_with("127.0.0.1:"), "{answer:?}");
}

#[tokio::test]
async fn a_balancer_that_does_not_say_is_dropped() {
    let cases: [(&str, Vec<u8>, DropReason); 4] = [
        ("nothing before TLS", vec![], DropReason::ProxyHeaderMissing),
        (
            "version 1",
            b"PROXY TCP4 192.0.2.7 127.0.0.1 49153 8443\r\n".to_vec(),
            DropReason::ProxyHeaderMissing,
        ),
        ("no address", b"\r\n\r\n\0\r\nQUIT\n\x21\0\0\0".to_vec(), DropReason::ProxyHeaderMalformed),
        ("a long header", b"\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff".to_vec(), DropReason::ProxyHeaderMalformed),
    ];
    for (name, header, reason) in cases {
        let ground = balanced();
        assert!(through(&ground, &header).await.is_err(), "{name}");
        ground.seen.wait(ConnectionEvent::Dropped(reason)).await;
        assert_eq!(ground.admission.open(), 0, "{name}");
    }
}

#[tokio::test]
async fn a_balancer_that_is_slow_to_say_is_dropped() {
    let ground = balanced();
    let mut socket = TcpStream::connect(ground.address).await.unwrap();
    socket.write_all(&proxied([192, 0, 2, 7], 49153)[..20]).await.unwrap();
    ground.seen.wait(ConnectionEvent::Dropped(DropReason::ProxyHeaderTimeout)).await;
    assert_eq!(ground.admission.open(), 0);
}

#[tokio::test]
async fn a_stranger_cannot_speak_for_others() {
    let mut plan = Plan::new();
    plan.settings.balancers = vec!["10.0.0.0/24".parse().unwrap()];
    let ground = Ground::start(plan);
    assert!(through(&ground, &proxied([192, 0, 2, 7], 49153)).await.is_err());
    ground.seen.wait(ConnectionEvent::HandshakeFailed(HandshakeFault::NotTls)).await;
    let answer = through(&ground, b"").await.unwrap().get().await.unwrap();
    assert!(answer.fact("peer").starts_with("127.0.0.1:"), "{answer:?}");
}

#[tokio::test]
async fn clients_behind_a_balancer_are_limited_one_by_one() {
    let ground = balanced();
    let first = [192, 0, 2, 7];
    let mut kept = vec![through(&ground, &proxied(first, 1)).await.unwrap()];
    kept.push(through(&ground, &proxied(first, 2)).await.unwrap());
    assert!(through(&ground, &proxied(first, 3)).await.is_err());
    ground.seen.wait(ConnectionEvent::Dropped(DropReason::PrefixConnections)).await;
    through(&ground, &proxied([192, 0, 2, 8], 1)).await.unwrap().get().await.unwrap();
}

#[tokio::test]
async fn a_place_is_given_back_however_a_connection_ends() {
    let mut plan = Plan::new();
    plan.budgets.ordinary.connections = 1;
    let ground = Ground::start(plan);

    let mut client = Client::of(&ground).await;
    client.get().await.unwrap();
    assert!(Client::connect(ground.address, config(Some(&ground.device))).await.is_err());
    ground.seen.wait(ConnectionEvent::Dropped(DropReason::PrefixConnections)).await;
    drop(client);
    ground.seen.wait_closed(1).await;

    // By a reset in the middle of a head, by a failed handshake, by a refused head, by `Connection: close`.
    let mut client = Client::of(&ground).await;
    client.send("GET / HT").await.unwrap();
    drop(client);
    ground.seen.wait_closed(2).await;
    let mut socket = TcpStream::connect(ground.address).await.unwrap();
    socket.write_all(b"no TLS at all").await.unwrap();
    ground.seen.wait(ConnectionEvent::HandshakeFailed(HandshakeFault::NotTls)).await;
    drop(socket);
    let mut client = Client::of(&ground).await;
    assert_eq!(
        client.ask(format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(9000))).await.unwrap().unwrap().status,
        414
    );
    drop(client);
    ground.seen.wait_closed(3).await;
    let mut client = Client::of(&ground).await;
    let close = "GET / HTTP/1.1\r\nHost: gate.example\r\nConnection: close\r\n\r\n";
    assert_eq!(client.ask(close).await.unwrap().unwrap().status, 200);
    assert!(client.ended().await);
    ground.seen.wait_closed(4).await;
    assert_eq!(ground.admission.open(), 0);
}

#[tokio::test]
async fn the_process_has_a_limit() {
    let mut plan = Plan::new();
    plan.budgets.total = 1;
    let ground = Ground::start(plan);
    let mut client = Client::of(&ground).await;
    client.get().await.unwrap();
    assert!(Client::connect(ground.address, config(Some(&ground.device))).await.is_err());
    ground.seen.wait(ConnectionEvent::Dropped(DropReason::TotalConnections)).await;
    assert_eq!(client.get().await.unwrap().status, 200, "who is in stays in");
}

#[tokio::test]
async fn a_prefix_has_so_many_handshakes() {
    let mut plan = Plan::new();
    plan.budgets.ordinary.handshakes = Rate::new(3, Duration::from_secs(3600));
    let ground = Ground::start(plan);
    for _ in 0..3 {
        Client::of(&ground).await.get().await.unwrap();
    }
    assert!(Client::connect(ground.address, config(Some(&ground.device))).await.is_err());
    ground.seen.wait(ConnectionEvent::Dropped(DropReason::PrefixHandshakes)).await;
}

/// All of a force behind one address of its carrier, after a tunnel: each connects, and stays.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_thousand_devices_behind_one_carrier_address_are_all_served() {
    const DEVICES: usize = 2000;
    let mut plan = Plan::new();
    let carrier = Budget { connections: DEVICES, handshakes: Rate::new(2000, Duration::from_secs(10)) };
    plan.budgets =
        Budgets { carriers: vec![("127.0.0.0/8".parse().unwrap(), carrier)], ..Budgets::default() };
    plan.budgets.ordinary = Budget { connections: 1, handshakes: Rate::new(1, Duration::from_secs(10)) };
    let ground = Ground::start(plan);
    let start = Instant::now();
    // So many handshakes at a time: a slow machine takes longer for all, and not for each.
    let at_once = Arc::new(Semaphore::new(64));
    let mut devices = JoinSet::new();
    for _ in 0..DEVICES {
        let (address, config, at_once) = (ground.address, config(Some(&ground.device)), at_once.clone());
        devices.spawn(async move {
            let _turn = at_once.acquire().await.unwrap();
            let mut client = Client::connect(address, config).await.unwrap();
            let answer = client.get().await.unwrap();
            assert_eq!(answer.fact("device"), "spiffe://zone.example/device/car-12");
            client
        });
    }
    let clients = devices.join_all().await;
    eprintln!("{DEVICES} devices served in {:?}", start.elapsed());
    assert_eq!((clients.len(), ground.admission.open()), (DEVICES, DEVICES));
    assert!(!ground.seen.events().iter().any(|event| matches!(event, ConnectionEvent::Dropped(_))));
}
