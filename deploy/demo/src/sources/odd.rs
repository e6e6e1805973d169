use std::io;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::io::AsyncWriteExt;
use tokio::time::sleep;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::Next;
use crate::wire::{Connection, Head, Reply};

/// The ways in which `/broken/{how}` breaks the protocol.
///
/// | how | what the gate sees |
/// |---|---|
/// | `truncated` | 100 of 1,000 announced bytes, then a close |
/// | `chunked` | chunks, then a close without the last one |
/// | `garbage` | something that is not a status line |
/// | `reset` | a TCP reset instead of an answer |
/// | `reset-body` | a head and half its body, then a TCP reset |
/// | `empty` | a close instead of an answer |
/// | `half-head` | half a head, then a close |
/// | `two-lengths` | two Content-Length headers that differ |
/// | `silent` | nothing, for as long as the gate waits |
/// | `advert` | an answer that offers another protocol and says its length twice, as old and very new servers do |
/// | `identity` | an answer in the transfer coding that RFC 7230 took away, up to a close |
/// | `switch` | another protocol, which nobody asked for |
/// | `early` | an answer before the request's body was read, then a close |
pub const BROKEN: &[&str] = &[
    "truncated",
    "chunked",
    "garbage",
    "reset",
    "reset-body",
    "empty",
    "half-head",
    "two-lengths",
    "silent",
    "advert",
    "identity",
    "switch",
    "early",
];

/// Longest answer of `/large`, in bytes.
const LARGE_LIMIT: usize = 256 * 1024 * 1024;

/// Answers that take time, space, or liberties. `path` is without the application's prefix.
pub(super) async fn answer(mut connection: Connection, head: &Head, path: &str) -> io::Result<Next> {
    if let Some(how) = path.strip_prefix("/broken/") {
        broken(connection, how).await?;
        return Ok(Next::End);
    }
    match path {
        "/events" => events(connection, head).await.map(|()| Next::End),
        "/ws" => websocket(connection, head).await.map(|()| Next::End),
        "/trickle" => trickle(connection, head).await,
        "/large" => large(connection, head).await,
        "/slow" => {
            sleep(seconds(head)).await;
            connection.reply(head, &Reply::text(200, "text/plain", "at last\n")).await?;
            Ok(Next::Another(connection))
        }
        _ => {
            let status = path.strip_prefix("/status/").and_then(|code| code.parse().ok()).unwrap_or(404);
            connection.reply(head, &Reply::text(status, "text/plain", &format!("status {status}\n"))).await?;
            Ok(Next::Another(connection))
        }
    }
}

async fn broken(mut connection: Connection, how: &str) -> io::Result<()> {
    const OK: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n";
    match how {
        "truncated" => {
            connection.send(format!("{OK}Content-Length: 1000\r\n\r\n{}", "x".repeat(100)).as_bytes()).await
        }
        "chunked" => {
            connection.send(format!("{OK}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n").as_bytes()).await
        }
        "garbage" => connection.send(b"!! 9=3@ what is this\r\n\r\n").await,
        "half-head" => connection.send(b"HTTP/1.1 200 OK\r\nContent-Ty").await,
        "two-lengths" => {
            connection
                .send(format!("{OK}Content-Length: 2\r\nContent-Length: 4\r\n\r\nfour").as_bytes())
                .await
        }
        "advert" => {
            let offer = "Connection: Upgrade, Keep-Alive\r\nUpgrade: h2,h2c\r\nKeep-Alive: timeout=5\r\n";
            let length = "Content-Length: 5\r\nContent-Length: 5\r\n";
            connection.send(format!("{OK}{offer}{length}\r\nhello").as_bytes()).await
        }
        "identity" => {
            connection.send(format!("{OK}Transfer-Encoding: identity\r\n\r\nhello").as_bytes()).await
        }
        "switch" => {
            let switch = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\n";
            connection.send(switch.as_bytes()).await
        }
        "reset" => {
            connection.reset();
            Ok(())
        }
        "reset-body" => {
            connection
                .send(format!("{OK}Content-Length: 1000\r\n\r\n{}", "x".repeat(500)).as_bytes())
                .await?;
            // Without a pause the reset overtakes the bytes, and the head with them.
            sleep(Duration::from_millis(50)).await;
            connection.reset();
            Ok(())
        }
        "silent" => {
            connection.gone().await;
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Whether the head of an answer is sent before the request's body is read.
pub(super) fn speaks_first(head: &Head) -> bool {
    head.path().ends_with("/events") && head.query("early").is_some()
}

pub(super) async fn begin_events(connection: &mut Connection) -> io::Result<()> {
    connection
        .send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-store\r\nTransfer-Encoding: chunked\r\n\r\n")
        .await
}

/// One event every `interval` milliseconds (100 unless told), `count` of them (endless unless told).
async fn events(mut connection: Connection, head: &Head) -> io::Result<()> {
    let interval = Duration::from_millis(number(head, "interval").unwrap_or(100));
    let count = number(head, "count").unwrap_or(u64::MAX);
    if !speaks_first(head) {
        begin_events(&mut connection).await?;
    }
    for number in 1..=count {
        let event = format!("id: {number}\nevent: sighting\ndata: {{\"number\":{number}}}\n\n");
        connection.send(format!("{:x}\r\n{event}\r\n", event.len()).as_bytes()).await?;
        sleep(interval).await;
    }
    connection.send(b"0\r\n\r\n").await
}

async fn trickle(mut connection: Connection, head: &Head) -> io::Result<Next> {
    let steps = number(head, "steps").unwrap_or(10);
    connection.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {steps}\r\n\r\n").as_bytes()).await?;
    let pause = seconds(head).div_f64(steps.max(1) as f64);
    for _ in 0..steps {
        sleep(pause).await;
        connection.send(b".").await?;
    }
    Ok(Next::Another(connection))
}

async fn large(mut connection: Connection, head: &Head) -> io::Result<Next> {
    let bytes = number(head, "bytes").and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or(1024 * 1024);
    let mut missing = bytes.min(LARGE_LIMIT);
    let kind = head.query("type").map_or_else(String::new, |kind| format!("Content-Type: {kind}\r\n"));
    let start = format!("HTTP/1.1 200 OK\r\n{kind}Content-Length: {missing}\r\n\r\n");
    connection.send(start.as_bytes()).await?;
    let block = [b'x'; 16 * 1024];
    while missing > 0 {
        let piece = block.get(..missing.min(block.len())).unwrap_or(&block);
        connection.send(piece).await?;
        missing -= piece.len();
    }
    Ok(Next::Another(connection))
}

/// RFC 6455; what is heard is sent back. `count=N` closes after N messages.
async fn websocket(mut connection: Connection, head: &Head) -> io::Result<()> {
    let Some(key) = head.header("sec-websocket-key") else {
        return connection.reply(head, &Reply::text(400, "text/plain", "a WebSocket, please\n")).await;
    };
    let accept = derive_accept_key(key.as_bytes());
    connection
        .send(
            format!("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n")
                .as_bytes(),
        )
        .await?;
    let (ahead, stream) = connection.into_stream();
    let mut socket = WebSocketStream::from_partially_read(stream, ahead.to_vec(), Role::Server, None).await;
    let mut left = number(head, "count").unwrap_or(u64::MAX);
    while let Some(Ok(message)) = socket.next().await {
        if message.is_text() || message.is_binary() {
            left -= 1;
            socket.send(message).await.map_err(io::Error::other)?;
        }
        if left == 0 {
            socket.close(None).await.map_err(io::Error::other)?;
        }
    }
    socket.into_inner().shutdown().await
}

fn number(head: &Head, name: &str) -> Option<u64> {
    head.query(name)?.parse().ok()
}

fn seconds(head: &Head) -> Duration {
    let seconds = head.query("seconds").and_then(|text| text.parse::<f64>().ok());
    Duration::try_from_secs_f64(seconds.unwrap_or(1.0)).unwrap_or_default()
}
