//! WebSockets and server-sent events: they pass, and they end when their request would no longer be admitted.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::too_many_lines,
    reason = "a test that cannot go on has failed, and a table is as long as it is"
)]

use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use poort_demo::{
    client::{Answer, Caller, RawConnection},
    issuer::Token,
    layout::Layout,
};
use poort_tests::{World, ask, eventually, with_device};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{Message, protocol::Role},
};

/// A stream that is no longer admitted ends within this, also when nothing passes.
const PROMPT: Duration = Duration::from_secs(3);

const UPGRADE: [&str; 4] = [
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
];

type Socket = WebSocketStream<TlsStream<TcpStream>>;

async fn open(caller: &Caller, token: &str, target: &str, lines: &[&str]) -> RawConnection {
    let host = Layout::host("persons");
    let mut connection = caller.connect(&host).await.unwrap();
    let lines: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
    let port = caller.address().port();
    let head = format!(
        "GET {target} HTTP/1.1\r\nHost: {host}:{port}\r\nAuthorization: Bearer {token}\r\n{lines}\r\n"
    );
    connection.send(head.as_bytes()).await.unwrap();
    connection
}

async fn websocket(world: &World, token: &str) -> (Answer, Socket) {
    let car = world.zone.caller("car-12").unwrap();
    let mut connection = open(&car, token, "/ws", &UPGRADE).await;
    let answer = connection.answer(false).await.unwrap();
    assert_eq!(answer.status, 101, "{}", answer.text());
    let (ahead, stream) = connection.into_parts();
    (answer, WebSocketStream::from_partially_read(stream, ahead, Role::Client, None).await)
}

async fn echoes(socket: &mut Socket, text: &str) -> bool {
    if socket.send(Message::text(text)).await.is_err() {
        return false;
    }
    matches!(socket.next().await, Some(Ok(heard)) if heard.to_text().is_ok_and(|heard| heard == text))
}

fn token(world: &World) -> String {
    world.zone.zone.mint(&Token::officer("an.janssens")).unwrap()
}

#[tokio::test]
async fn a_websocket_passes_both_ways() {
    let world = World::start().await.unwrap();
    let (answer, mut socket) = websocket(&world, &token(&world)).await;
    for text in ["hello", "", &"x".repeat(100_000)] {
        assert!(echoes(&mut socket, text).await, "{} bytes", text.len());
    }
    let received = world.zone.persons.last().unwrap();
    assert_eq!((&*received.target, received.header("upgrade")), ("/app/ws", Some("websocket")));
    assert_eq!(received.header("x-remote-user"), Some("an.janssens"));
    assert_eq!(received.header("authorization"), None);
    socket.close(None).await.unwrap();
    while let Some(Ok(_)) = socket.next().await {}
    let outcome = world.record("outcome", &answer).await.expect("an outcome");
    assert_eq!(outcome["http_response"]["code"], 101);
}

/// A source on the same machine answers before the gate has looked at the end of the request; nothing is cut for that.
#[tokio::test]
async fn every_websocket_works() {
    let world = World::start().await.unwrap();
    let token = token(&world);
    for number in 1..=30 {
        let (_, mut socket) = websocket(&world, &token).await;
        assert!(echoes(&mut socket, "hello").await, "the WebSocket number {number} was cut");
    }
}

#[tokio::test]
async fn events_pass_as_they_come() {
    let world = World::start().await.unwrap();
    let (an, host) = (world.officer().unwrap(), Layout::host("persons"));
    let (answer, _) = ask(&an, "GET", &world.zone.persons, "/events?count=3&interval=10", &[]).await.unwrap();
    assert_eq!((answer.status, answer.whole), (200, true));
    assert_eq!(answer.text().matches("event: sighting").count(), 3);
    // Endless: what has come is seen at once, not when a buffer is full.
    let mut response = an.http(&[&host]).unwrap().get(an.url(&host, "/events")).send().await.unwrap();
    assert_eq!(response.version(), reqwest::Version::HTTP_2);
    for number in 1..=3 {
        let event = response.chunk().await.unwrap().expect("another event");
        let event = String::from_utf8_lossy(&event).into_owned();
        assert!(event.contains(&format!("id: {number}\n")), "{event}");
    }
}

/// What is told to end.
struct Open {
    sockets: Vec<(&'static str, Answer, Socket)>,
    events: Vec<(&'static str, RawConnection)>,
    over_http2: Vec<(&'static str, reqwest::Response)>,
}

impl Open {
    /// Busy and idle ones of each kind.
    async fn all(world: &World) -> Self {
        let (token, host) = (token(world), Layout::host("persons"));
        let car = world.zone.caller("car-12").unwrap();
        let mut sockets = Vec::new();
        for what in ["an idle WebSocket", "a busy WebSocket"] {
            let (answer, socket) = websocket(world, &token).await;
            sockets.push((what, answer, socket));
        }
        let mut events = Vec::new();
        for (what, target) in
            [("idle events", "/events?interval=60000"), ("busy events", "/events?interval=20")]
        {
            events.push((what, open(&car, &token, target, &[]).await));
        }
        let an = car.bearer(&token);
        let client = an.http(&[&host]).unwrap();
        let mut over_http2 = Vec::new();
        for (what, target) in [
            ("idle events over HTTP/2", "/events?interval=60000"),
            ("busy events over HTTP/2", "/events?interval=20"),
        ] {
            let response = client.get(an.url(&host, target)).send().await.unwrap();
            assert_eq!((response.status().as_u16(), response.version()), (200, reqwest::Version::HTTP_2));
            over_http2.push((what, response));
        }
        Self { sockets, events, over_http2 }
    }

    async fn end(self, world: &World, why: &str) {
        let change = Instant::now();
        for (what, answer, mut socket) in self.sockets {
            if what.contains("busy") {
                while change.elapsed() < PROMPT && echoes(&mut socket, "still there?").await {}
            }
            let rest = tokio::time::timeout(PROMPT, async { while let Some(Ok(_)) = socket.next().await {} });
            rest.await.unwrap_or_else(|_| panic!("{what} goes on after {why}"));
            let outcome = world.record("outcome", &answer).await.expect("an outcome");
            assert_eq!(outcome["unmapped"]["end"], "not_readmitted", "{what} after {why}");
        }
        for (what, mut connection) in self.events {
            let begin = Instant::now();
            let seen = connection.rest(PROMPT).await;
            assert!(begin.elapsed() < PROMPT, "{what} go on after {why}");
            assert!(seen.starts_with(b"HTTP/1.1 200"), "{what}");
            assert!(!seen.ends_with(b"0\r\n\r\n"), "{what}: a cut is not a clean end");
        }
        for (what, response) in self.over_http2 {
            ends_over_http2(world, response, &format!("{what} after {why}")).await;
        }
    }
}

/// A stream is reset, and its outcome says why, with what the client had got.
async fn ends_over_http2(world: &World, mut response: reqwest::Response, what: &str) {
    let id = response.headers()["poort-request-id"].to_str().unwrap().to_owned();
    let mut came = 0;
    let cut = async {
        while let Ok(piece) = response.chunk().await {
            came += piece.expect("a cut is not a clean end").len();
        }
    };
    tokio::time::timeout(PROMPT, cut).await.unwrap_or_else(|_| panic!("{what}: it goes on"));
    let outcome = world.record_of("outcome", &id).await.expect("an outcome");
    assert_eq!(outcome["unmapped"]["end"], "not_readmitted", "{what}");
    assert_eq!(outcome["http_response"]["code"], 200, "{what}");
    assert!(outcome["traffic"]["bytes_out"].as_u64().unwrap() >= came as u64, "{what}: {outcome}");
}

/// A cut resets one stream; what else is on its connection goes on.
#[tokio::test]
async fn an_idle_stream_ends_alone_on_its_http2_connection() {
    let world = World::start().await.unwrap();
    let (an, host) = (world.officer().unwrap(), Layout::host("persons"));
    let client = an.http(&[&host]).unwrap();
    let idle = client.get(an.url(&host, "/events?interval=60000")).send().await.unwrap();
    let slow = client.get(an.url(&host, "/slow?seconds=3")).send();
    let slow = tokio::spawn(slow);
    assert_eq!(world.zone.persons.wait_for(2, Duration::from_secs(10)).await.len(), 2);
    assert!(world.reload(&["--deny", "persons"]).await.unwrap().0);
    ends_over_http2(&world, idle, "idle events").await;
    let slow = slow.await.unwrap().unwrap();
    assert_eq!((slow.status().as_u16(), slow.version()), (200, reqwest::Version::HTTP_2));
    let refused = client.get(an.url(&host, "/")).send().await.unwrap();
    assert_eq!(refused.status().as_u16(), 503);
    let established = "poort_connections_total{event=\"established\"} 1";
    assert!(world.counts(established).await, "all on one connection");
}

#[tokio::test]
async fn streams_end_when_their_device_is_revoked() {
    let world = World::start().await.unwrap();
    let open = Open::all(&world).await;
    let serial = world.zone.pki.issued("car-12").unwrap().serial;
    world.zone.pki.revoke(&[serial]).unwrap();
    assert!(world.reload(&[]).await.unwrap().0);
    open.end(&world, "the revocation of the device").await;
}

/// They are asked again once a minute: only being told ends them so soon.
#[tokio::test]
async fn streams_end_at_once_when_access_is_ended_and_those_of_others_go_on() {
    for whose in [["--user", "zone|an.janssens"], ["--device", "spiffe://zone.example/device/car-12"]] {
        let world = World::start_with(|zone| {
            with_device(zone, "car-13")?;
            zone.layout
                .edit("policies/sources/persons.yaml", |yaml| yaml["streams"]["readmit"] = "60s".into())
        })
        .await
        .unwrap();
        let open = Open::all(&world).await;
        let another = world.zone.caller("car-13").unwrap();
        let other = world.zone.zone.mint(&Token::officer("bo.maes")).unwrap();
        let mut stays = self::open(&another, &other, "/ws", &UPGRADE).await;
        assert_eq!(stays.answer(false).await.unwrap().status, 101);
        let begin = Instant::now();
        let output = world.gate.command("access end", &whose).await.unwrap();
        assert!(output.status.success(), "{output:?}");
        open.end(&world, &whose.join(" ")).await;
        println!("{whose:?}: six streams were cut {:?} after the command was typed", begin.elapsed());
        let (ahead, stream) = stays.into_parts();
        let mut socket = WebSocketStream::from_partially_read(stream, ahead, Role::Client, None).await;
        assert!(echoes(&mut socket, "still there").await, "{whose:?}");
    }
}

#[tokio::test]
async fn streams_end_when_a_reload_refuses_them() {
    let world = World::start().await.unwrap();
    let open = Open::all(&world).await;
    world
        .zone
        .layout
        .write_file(
            "policies/access/closed.cedar",
            "@id(\"closed\")\nforbid (principal, action, resource == Poort::Source::\"persons\");\n",
        )
        .unwrap();
    let (done, said) = world.reload(&[]).await.unwrap();
    assert!(done, "{said}");
    open.end(&world, "a reload with a policy that refuses").await;
}

#[tokio::test]
async fn streams_end_when_their_source_is_closed() {
    let world = World::start().await.unwrap();
    let open = Open::all(&world).await;
    let (done, said) = world.reload(&["--deny", "persons"]).await.unwrap();
    assert!(done, "{said}");
    open.end(&world, "`poort reload --deny`").await;
    let (_, metrics) = world.gate.admin("/metrics").await.unwrap();
    assert!(metrics.contains("poort_streams_ended_total 6"), "{metrics}");
    assert!(metrics.contains("poort_streams_open 0"), "{metrics}");
}

#[tokio::test]
async fn a_stream_that_is_still_admitted_outlives_reloads() {
    let world = World::start().await.unwrap();
    let (_, mut socket) = websocket(&world, &token(&world)).await;
    for _ in 0..3 {
        assert!(world.reload(&[]).await.unwrap().0);
        assert!(echoes(&mut socket, "still there").await);
    }
}

#[tokio::test]
async fn a_stream_ends_with_its_token() {
    let world = World::start_with(|zone| {
        zone.layout.edit("deploy/poort.yaml", |yaml| yaml["connections"]["body"] = "1s".into())?;
        zone.layout.edit("policies/sources/persons.yaml", |yaml| yaml["streams"]["readmit"] = "1s".into())
    })
    .await
    .unwrap();
    // Believed for as long as clocks may differ: 30 s. This one has three of them left.
    let token = Token::officer("an.janssens").expired(Duration::from_secs(27));
    let (answer, mut socket) = websocket(&world, &world.zone.zone.mint(&token).unwrap()).await;
    assert!(echoes(&mut socket, "hello").await);
    // Nobody says anything for longer than the next piece of a body may take: a stream is no body.
    let (an, host) = (world.caller(&token).unwrap(), Layout::host("persons"));
    let client = an.http(&[&host]).unwrap();
    let idle = client.get(an.url(&host, "/events?interval=60000")).send().await.unwrap();
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert!(echoes(&mut socket, "still there").await);
    let rest = async { while let Some(Ok(_)) = socket.next().await {} };
    tokio::time::timeout(Duration::from_secs(7), rest).await.expect("it ends with its token");
    let outcome = world.record("outcome", &answer).await.expect("an outcome");
    assert_eq!(outcome["unmapped"]["end"], "not_readmitted");
    ends_over_http2(&world, idle, "idle events whose token has expired").await;
}

#[tokio::test]
async fn what_the_file_does_not_allow_is_no_stream() {
    let world = World::start_with(|zone| {
        zone.layout.edit("policies/sources/persons.yaml", |yaml| {
            yaml["streams"] = serde_yaml::from_str("{ websocket: false, events: false }").unwrap();
            yaml["upstream"]["timeouts"] =
                serde_yaml::from_str("{ connect: 1s, read: 1s, total: 1s }").unwrap();
        })
    })
    .await
    .unwrap();
    let (an, persons) = (world.officer().unwrap(), &world.zone.persons);
    let (answer, received) = ask(&an, "GET", persons, "/ws", &UPGRADE).await.unwrap();
    assert_eq!((answer.status, answer.reason().as_str()), (400, "malformed_request"));
    assert!(received.is_none());
    let decision = world.record("decision", &answer).await.expect("a decision");
    assert_eq!(decision["status_detail"], "upgrade");
    // Events are an answer like any other then, and have the time of one.
    let (answer, _) = ask(&an, "GET", persons, "/events?interval=50", &[]).await.unwrap();
    assert_eq!((answer.status, answer.whole), (200, false));
    let open = eventually(async || {
        let (_, metrics) = world.gate.admin("/metrics").await.ok()?;
        metrics.contains("poort_streams_open 0").then_some(())
    });
    assert!(open.await.is_some());
}

/// A POST in chunks at events that begin before its body has ended.
async fn early(world: &World) -> RawConnection {
    let host = Layout::host("persons");
    let car = world.zone.caller("car-12").unwrap();
    let mut connection = car.connect(&host).await.unwrap();
    let (port, token) = (car.address().port(), token(world));
    let head = format!(
        "POST /events?early=1&count=3&interval=10 HTTP/1.1\r\nHost: {host}:{port}\r\nAuthorization: Bearer {token}\r\nTransfer-Encoding: chunked\r\n\r\n"
    );
    connection.send(head.as_bytes()).await.unwrap();
    let open = eventually(async || world.counts("poort_streams_open 1").await.then_some(()));
    open.await.expect("a stream that has begun");
    connection
}

#[tokio::test]
async fn a_body_is_judged_to_its_end_when_the_stream_begins_before() {
    const LIMIT: usize = 64 * 1024;
    let world = World::start_with(|zone| {
        zone.layout.edit("policies/sources/persons.yaml", |yaml| yaml["body"] = "64KiB".into())
    })
    .await
    .unwrap();
    let persons = &world.zone.persons;
    let mut connection = early(&world).await;
    connection.send(b"5\r\nhello\r\n0\r\n\r\n").await.unwrap();
    let seen = connection.rest(Duration::from_secs(5)).await;
    let seen = String::from_utf8_lossy(&seen).into_owned();
    assert!(seen.starts_with("HTTP/1.1 200") && seen.matches("event: sighting").count() == 3, "{seen}");
    let received = persons.wait_for_end(0, Duration::from_secs(5)).await.unwrap();
    assert_eq!((&*received.body, received.whole), (&b"hello"[..], Some(true)));
    let closed = eventually(async || world.counts("poort_streams_open 0").await.then_some(()));
    closed.await.expect("the first is over");

    let mut connection = early(&world).await;
    let piece = format!("{:x}\r\n{}\r\n", LIMIT / 4, "x".repeat(LIMIT / 4));
    for _ in 0..5 {
        // It may be cut before all of it was sent.
        let _ = connection.send(piece.as_bytes()).await;
    }
    let received = persons.wait_for_end(1, Duration::from_secs(5)).await.unwrap();
    assert_eq!(received.whole, Some(false), "more than the limit does not arrive");
    assert!(received.body.len() <= LIMIT, "{} bytes", received.body.len());
    let outcome = eventually(async || {
        let mut records = world.zone.layout.records().into_iter();
        records.find(|record| record["unmapped"]["failure"] == "body_too_large")
    });
    assert_eq!(outcome.await.expect("an outcome")["http_response"]["code"], 200);
}
