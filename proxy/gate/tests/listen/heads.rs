//! What is seen of heads, how long they may take, and what becomes of the next one.

use std::{sync::Arc, time::Duration};

use poort::listen::{ConnectionEvent, HeadRefusal};
use rustls::pki_types::ServerName;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpSocket,
};
use tokio_rustls::TlsConnector;

use crate::{
    client::{Client, config},
    ground::{Ground, Plan},
};

const PLAIN: &str = "GET / HTTP/1.1\r\nHost: gate.example\r\n\r\n";

/// Heads that the HTTP library takes, with the fault that it hides.
const HIDDEN: &[(&str, &str, &str)] = &[
    (
        "length with encoding",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "length_with_encoding",
    ),
    (
        "two equal lengths",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n",
        "repeated_length",
    ),
    ("a list of equal lengths", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0, 0\r\n\r\n", "odd_length"),
    (
        "two encodings",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "repeated_encoding",
    ),
    (
        "gzip, chunked",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "odd_encoding",
    ),
    ("bare line feeds", "GET / HTTP/1.1\nHost: a\n\n", "bare_line_feed"),
    ("one bare line feed", "GET / HTTP/1.1\r\nHost: a\nAccept: b\r\n\r\n", "bare_line_feed"),
    ("an empty host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", "host_empty"),
    ("a host with a slash", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", "host_odd"),
    ("a space in the target", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", "request_line"),
    ("a carriage return in the target", "GET /a\rb HTTP/1.1\r\nHost: a\r\n\r\n", "bare_carriage_return"),
    ("a control byte in the target", "GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n", "control_byte"),
    ("absolute-form", "GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n", "absolute_form"),
    ("a lower-case method", "get / HTTP/1.1\r\nHost: a\r\n\r\n", "lower_case_method"),
    ("an underscore", "GET / HTTP/1.1\r\nHost: a\r\nX_Remote_User: b\r\n\r\n", "underscore"),
    ("HTTP/1.0", "GET / HTTP/1.0\r\nHost: a\r\n\r\n", "old_version"),
    ("empty lines before", "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "empty_line"),
    ("no host", "GET / HTTP/1.1\r\nAccept: a\r\n\r\n", "host_missing"),
];

/// Heads that the HTTP library answers itself: no filter ever sees them.
const REFUSED: &[(&str, &str)] = &[
    ("two hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"),
    ("two lengths", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"),
    ("a signed length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\n"),
    ("chunked, gzip", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, gzip\r\n\r\n"),
    ("a folded line", "GET / HTTP/1.1\r\nHost: a\r\nX-A: b\r\n c\r\n\r\n"),
    ("a space before the colon", "GET / HTTP/1.1\r\nHost : a\r\n\r\n"),
    ("a bare carriage return", "GET / HTTP/1.1\r\nHost: a\r\nX-A: b\rc\r\n\r\n"),
    ("a NUL", "GET / HTTP/1.1\r\nHost: a\r\nX-A: b\0c\r\n\r\n"),
    ("no colon", "GET / HTTP/1.1\r\nHost: a\r\nX-A\r\n\r\n"),
    ("a method that is no token", "G(T / HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("a method that is no token, before the head ends", "G(T / HTTP/1.1\r\nHost: a\r\n"),
    ("HTTP/0.9", "GET /\r\n\r\n"),
    ("the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    ("a tunnel", "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n"),
    ("no HTTP at all", "\x16\x03\x01\x02\x00 \r\n\r\n"),
];

#[tokio::test]
async fn a_hidden_fault_is_noted_and_ends_the_connection() {
    let ground = Ground::plain();
    for (name, head, fault) in HIDDEN {
        let mut client = Client::of(&ground).await;
        let answer = client.ask(head).await.unwrap().unwrap_or_else(|| panic!("no answer: {name}"));
        assert_eq!((answer.status, answer.fact("fault")), (200, *fault), "{name}");
        assert!(client.send(PLAIN).await.is_err() || client.ended().await, "served on: {name}");
    }
    assert_eq!(ground.seen.requests().len(), HIDDEN.len());
}

#[tokio::test]
async fn what_the_http_library_refuses_is_counted() {
    for (name, head) in REFUSED {
        let ground = Ground::plain();
        let mut client = Client::of(&ground).await;
        let answer = client.ask(head).await.unwrap();
        let status = answer.unwrap_or_else(|| panic!("no answer: {name}")).status;
        assert!(matches!(status, 400 | 405), "{status}: {name}");
        ground.seen.wait_closed(1).await;
        let refused = ConnectionEvent::HeadRefused(HeadRefusal::Unparsable);
        let count = ground.seen.events().iter().filter(|event| **event == refused).count();
        assert_eq!((count, ground.seen.requests().len()), (1, 0), "{name}");
    }
}

#[tokio::test]
async fn heads_over_a_limit_are_answered_and_cut() {
    let headers = |count: usize| "X-A: b\r\n".repeat(count);
    let cases = [
        ("the most headers", format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", headers(99)), 200, None),
        (
            "one header more",
            format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", headers(100)),
            431,
            Some(HeadRefusal::TooManyHeaders),
        ),
        (
            "a long request line",
            format!("GET /{} HTTP/1.1\r\n", "a".repeat(8192)),
            414,
            Some(HeadRefusal::RequestLineTooLong),
        ),
        ("an endless request line", "a".repeat(60_000), 414, Some(HeadRefusal::RequestLineTooLong)),
        (
            "a long header",
            format!("GET / HTTP/1.1\r\nHost: a\r\nX-A: {}", "b".repeat(100_000)),
            431,
            Some(HeadRefusal::TooLarge),
        ),
    ];
    for (name, head, status, refusal) in cases {
        let ground = Ground::plain();
        let mut client = Client::of(&ground).await;
        let answer = client.ask(&head).await.unwrap().unwrap_or_else(|| panic!("no answer: {name}"));
        assert_eq!(answer.status, status, "{name}");
        if let Some(refusal) = refusal {
            assert!(client.ended().await, "{name}");
            ground.seen.wait(ConnectionEvent::HeadRefused(refusal)).await;
            assert_eq!(ground.seen.requests().len(), 0, "{name}");
        }
    }
}

#[tokio::test]
async fn a_pipelined_request_is_not_served() {
    let smuggled = "GET /smuggled HTTP/1.1\r\nHost: gate.example\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (name, first) in [
        ("after a head", PLAIN),
        ("after a body", "POST / HTTP/1.1\r\nHost: gate.example\r\nContent-Length: 3\r\n\r\nabc"),
        (
            "after chunks",
            "POST / HTTP/1.1\r\nHost: gate.example\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        ),
    ] {
        let ground = Ground::plain();
        let mut client = Client::of(&ground).await;
        let answer = client.ask(format!("{first}{smuggled}")).await.unwrap().unwrap();
        assert_eq!((answer.status, answer.fact("fault")), (200, "none"), "{name}");
        assert!(client.ended().await, "{name}");
        ground.seen.wait_closed(1).await;
        assert_eq!(ground.seen.requests().len(), 1, "{name}");
    }
}

#[tokio::test]
async fn each_head_of_a_connection_is_looked_at_and_no_body() {
    let ground = Ground::plain();
    let mut client = Client::of(&ground).await;
    // A body that looks like a bad head.
    let body = "GET http://a/ HTTP/1.0\n\n";
    let requests = [
        (PLAIN.to_owned(), "none"),
        (format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{body}", body.len()), "none"),
        (
            format!(
                "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n",
                body.len()
            ),
            "none",
        ),
        (PLAIN.to_owned(), "none"),
        ("GET / HTTP/1.1\r\nHost: a\r\nX_A: b\r\n\r\n".to_owned(), "underscore"),
    ];
    for (place, (request, fault)) in requests.iter().enumerate() {
        // Head and body in one piece, and byte by byte.
        let answer = if place % 2 == 0 {
            client.ask(request).await.unwrap().unwrap()
        } else {
            for byte in request.as_bytes() {
                client.send([*byte]).await.unwrap();
            }
            client.answer().await.unwrap().unwrap()
        };
        assert_eq!((answer.status, answer.fact("fault")), (200, *fault), "request {place}");
        assert_eq!(answer.fact("requests"), (place + 1).to_string());
    }
    assert!(client.ended().await);
    ground.seen.wait_closed(1).await;
    let refused = |event: &ConnectionEvent| matches!(event, ConnectionEvent::HeadRefused(_));
    assert!(!ground.seen.events().iter().any(refused), "{:?}", ground.seen.events());
}

fn hasty() -> Ground {
    let mut plan = Plan::new();
    plan.settings.deadlines.head = Duration::from_millis(300);
    plan.settings.deadlines.keep_alive = Duration::from_millis(700);
    Ground::start(plan)
}

#[tokio::test]
async fn a_slow_head_is_cut_at_the_deadline() {
    let ground = hasty();
    let mut client = Client::of(&ground).await;
    let start = std::time::Instant::now();
    // One byte now and then keeps every wait for bytes short, and the whole head long.
    let mut bytes = PLAIN.bytes().cycle();
    let answer = loop {
        let _ = client.send([bytes.next().unwrap()]).await;
        if let Ok(answer) = tokio::time::timeout(Duration::from_millis(50), client.answer()).await {
            break answer.unwrap();
        }
    };
    let took = start.elapsed();
    assert_eq!(answer.map(|answer| answer.status), Some(408));
    assert!((Duration::from_millis(300)..Duration::from_millis(2000)).contains(&took), "{took:?}");
    ground.seen.wait(ConnectionEvent::HeadRefused(HeadRefusal::Timeout)).await;
    assert!(ground.seen.requests().is_empty());
}

#[tokio::test]
async fn the_deadline_begins_anew_with_each_head() {
    let ground = hasty();
    let mut client = Client::of(&ground).await;
    for _ in 0..3 {
        // Idle for longer than a head may take, which is allowed.
        tokio::time::sleep(Duration::from_millis(400)).await;
        assert_eq!(client.get().await.unwrap().status, 200);
    }
    client.send("GET").await.unwrap();
    assert_eq!(client.answer().await.unwrap().map(|answer| answer.status), Some(408));
}

#[tokio::test]
async fn an_idle_connection_is_closed_without_a_word() {
    for asks_first in [false, true] {
        let ground = hasty();
        let mut client = Client::of(&ground).await;
        if asks_first {
            client.get().await.unwrap();
        }
        assert!(client.answer().await.unwrap().is_none());
        drop(client);
        ground.seen.wait_closed(1).await;
        let refused = |event: &ConnectionEvent| matches!(event, ConnectionEvent::HeadRefused(_));
        assert!(!ground.seen.events().iter().any(refused));
    }
}

#[tokio::test]
async fn a_slow_body_is_not_a_slow_head() {
    let ground = hasty();
    let mut client = Client::of(&ground).await;
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n").await.unwrap();
    tokio::time::sleep(Duration::from_millis(900)).await;
    assert_eq!(client.ask("ab").await.unwrap().unwrap().status, 200);
}

#[tokio::test]
async fn a_client_that_leaves_in_a_head_is_counted_as_such() {
    let ground = Ground::plain();
    let mut client = Client::of(&ground).await;
    client.send("GET / HT").await.unwrap();
    drop(client);
    ground.seen.wait(ConnectionEvent::HeadRefused(HeadRefusal::Abandoned)).await;
}

#[tokio::test]
async fn a_client_that_stops_reading_is_dropped() {
    let mut plan = Plan::new();
    plan.settings.deadlines.write_stall = Duration::from_millis(300);
    let ground = Ground::start(plan);
    let mut client = Client::of(&ground).await;
    client.send("GET /large HTTP/1.1\r\nHost: gate.example\r\n\r\n").await.unwrap();
    ground.seen.wait_closed(1).await;
    assert_eq!(ground.admission.open(), 0);
}

/// Each byte that is read makes progress; it is too little.
#[tokio::test]
async fn a_client_that_reads_as_slowly_as_can_be_is_dropped() {
    let mut plan = Plan::new();
    plan.settings.deadlines.write_stall = Duration::from_millis(500);
    let ground = Ground::start(plan);
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let socket = socket.connect(ground.address).await.unwrap();
    let connector = TlsConnector::from(Arc::new(config(Some(&ground.device))));
    let mut stream = connector.connect(ServerName::try_from("gate.example").unwrap(), socket).await.unwrap();
    stream.write_all(b"GET /large HTTP/1.1\r\nHost: gate.example\r\n\r\n").await.unwrap();
    tokio::spawn(async move {
        let mut piece = [0; 256];
        while stream.read(&mut piece).await.is_ok_and(|read| read > 0) {
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
    });
    ground.seen.wait_closed(1).await;
    assert_eq!(ground.admission.open(), 0);
}

#[tokio::test]
async fn an_idle_connection_ends_when_the_listener_does() {
    let ground = Ground::plain();
    let mut client = Client::of(&ground).await;
    client.get().await.unwrap();
    ground.stop();
    assert!(client.ended().await);
    ground.seen.wait_closed(1).await;
}
