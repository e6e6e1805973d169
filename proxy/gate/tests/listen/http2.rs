//! HTTP/2 on the same listener.

use std::time::Duration;

use poort::listen::{ConnectionEvent, HeadRefusal, Side};
use tokio::io::AsyncReadExt;

use crate::{
    client::{Client, config},
    ground::{Ground, Plan},
};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// An empty SETTINGS frame (RFC 9113 §6.5).
const SETTINGS: &[u8] = &[0, 0, 0, 4, 0, 0, 0, 0, 0];

async fn client(ground: &Ground) -> Client {
    let mut config = config(Some(&ground.device));
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let client = Client::connect(ground.address, config).await.unwrap();
    assert_eq!(client.stream.get_ref().1.alpn_protocol(), Some(b"h2".as_slice()));
    client
}

#[tokio::test]
async fn requests_of_one_connection_know_it() {
    let ground = Ground::plain();
    let mut tls = config(Some(&ground.device));
    tls.alpn_protocols = vec![b"h2".to_vec()];
    let http = reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .resolve("gate.example", ground.address)
        .build()
        .unwrap();
    let url = format!("https://gate.example:{}/", ground.address.port());
    for count in 1..=3 {
        let answer = http.get(&url).send().await.unwrap();
        assert_eq!(answer.version(), http::Version::HTTP_2);
        let body = answer.text().await.unwrap();
        for fact in [
            "http=Http2",
            "device=spiffe://zone.example/device/car-12",
            "fault=none",
            &format!("requests={count}"),
        ] {
            assert!(body.lines().any(|line| line == fact), "{fact} in {body}");
        }
    }
    ground.trust.replace(ground.authority.trust(&[12]));
    let body = http.get(&url).send().await.unwrap().text().await.unwrap();
    assert!(body.contains("device=certificate_revoked"), "{body}");
    drop(http);
    ground.seen.wait_closed(1).await;
    let refused = |event: &ConnectionEvent| matches!(event, ConnectionEvent::HeadRefused(_));
    assert!(!ground.seen.events().iter().any(refused));
}

/// A frame (RFC 9113 §4.1).
fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
    let length = u8::try_from(payload.len()).unwrap();
    [&[0, 0, length, kind, flags, 0, 0, 0, stream], payload].concat()
}

#[tokio::test]
async fn streams_that_are_reset_are_seen_though_no_filter_is_told() {
    const END_HEADERS: u8 = 4;
    let ground = Ground::plain();
    let mut client = client(&ground).await;
    // `:method: GET`, `:path: /`, `:scheme: https`, `:authority: gate.example` (RFC 7541, appendix A), and a body to come.
    let head = [&[0x82, 0x84, 0x87, 0x41, 12], &b"gate.example"[..]].concat();
    let reset = |stream| [frame(1, END_HEADERS, stream, &head), frame(3, 0, stream, &[0, 0, 0, 8])].concat();
    client.send([PREFACE, SETTINGS, &reset(1), &reset(3)].concat()).await.unwrap();
    let resets = |side| {
        let seen = ground.seen.events();
        seen.iter().filter(|event| **event == ConnectionEvent::StreamReset(side)).count()
    };
    ground.seen.wait(ConnectionEvent::StreamReset(Side::Client)).await;
    assert_eq!((resets(Side::Client), resets(Side::Gate)), (2, 0));
    // A head without a path is malformed: the HTTP library resets the stream.
    client.send(frame(1, END_HEADERS, 5, &[0x82])).await.unwrap();
    ground.seen.wait(ConnectionEvent::StreamReset(Side::Gate)).await;
    assert_eq!((resets(Side::Client), resets(Side::Gate)), (2, 1));
}

#[tokio::test]
async fn limits_are_told() {
    let ground = Ground::plain();
    let mut client = client(&ground).await;
    client.send([PREFACE, SETTINGS].concat()).await.unwrap();
    let mut head = [0; 9];
    client.stream.read_exact(&mut head).await.unwrap();
    assert_eq!((head[0], head[1], head[3]), (0, 0, 4), "SETTINGS come first");
    let mut settings = vec![0; usize::from(head[2])];
    client.stream.read_exact(&mut settings).await.unwrap();
    let told: Vec<(u16, u32)> = settings
        .chunks(6)
        .map(|one| {
            (u16::from_be_bytes([one[0], one[1]]), u32::from_be_bytes([one[2], one[3], one[4], one[5]]))
        })
        .collect();
    for (name, setting) in
        [("streams", (3, 100)), ("stream window", (4, 256 * 1024)), ("header list", (6, 64 * 1024))]
    {
        assert!(told.contains(&setting), "{name} in {told:?}");
    }
}

#[tokio::test]
async fn a_preface_that_does_not_come_ends_the_connection() {
    let mut plan = Plan::new();
    plan.settings.deadlines.head = Duration::from_millis(300);
    let ground = Ground::start(plan);
    let mut client = client(&ground).await;
    client.send(&PREFACE[..10]).await.unwrap();
    ground.seen.wait(ConnectionEvent::HeadRefused(HeadRefusal::Timeout)).await;
    drop(client);
    ground.seen.wait_closed(1).await;
}

#[tokio::test]
async fn an_idle_connection_is_closed() {
    let mut plan = Plan::new();
    plan.settings.deadlines.keep_alive = Duration::from_millis(300);
    let ground = Ground::start(plan);
    let mut client = client(&ground).await;
    client.send([PREFACE, SETTINGS].concat()).await.unwrap();
    ground.seen.wait_closed(1).await;
    assert_eq!(ground.admission.open(), 0);
}

#[tokio::test]
async fn a_client_that_makes_no_room_for_its_answer_loses_the_stream_and_not_the_connection() {
    const NO_WINDOW: [u8; 6] = [0, 4, 0, 0, 0, 0];
    let mut plan = Plan::new();
    plan.settings.deadlines.write_stall = Duration::from_millis(300);
    let ground = Ground::start(plan);
    let mut client = client(&ground).await;
    let head = [&[0x82, 0x84, 0x87, 0x41, 12], &b"gate.example"[..]].concat();
    let get = |stream| frame(1, 5, stream, &head);
    client.send([PREFACE, &frame(4, 0, 0, &NO_WINDOW), &get(1)].concat()).await.unwrap();
    ground.seen.wait(ConnectionEvent::StreamReset(Side::Gate)).await;
    // With room for it, the next one has its answer.
    client.send([frame(4, 0, 0, &[0, 4, 0, 1, 0, 0]), get(3)].concat()).await.unwrap();
    let whole = async {
        loop {
            let mut head = [0; 9];
            client.stream.read_exact(&mut head).await.unwrap();
            let mut payload = vec![0; usize::from(head[1]) << 8 | usize::from(head[2])];
            client.stream.read_exact(&mut payload).await.unwrap();
            if (head[3], head[8]) == (0, 3) && head[4] & 1 == 1 {
                break;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), whole).await.unwrap();
}
