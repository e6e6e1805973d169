//! One request and its answer on a connection to the gate, byte by byte.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// Longer than the gate waits for a body that does not come.
const PATIENCE: Duration = Duration::from_secs(60);
/// More headers than any answer here has.
const HEADERS: usize = 128;

/// An answer, whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// Head and body as they came.
    pub bytes: Vec<u8>,
}

impl Answer {
    /// The first value of a header, by name in any case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// Sends what comes from `request` and reads the first answer that is not interim. None when the connection ends before its head
/// came, or nothing comes for a minute.
pub async fn exchange(
    connection: impl AsyncRead + AsyncWrite,
    request: impl AsyncRead + Unpin,
) -> Option<Answer> {
    tokio::time::timeout(PATIENCE, converse(connection, request)).await.ok().flatten()
}

async fn converse(
    connection: impl AsyncRead + AsyncWrite,
    mut request: impl AsyncRead + Unpin,
) -> Option<Answer> {
    let (mut from_gate, mut to_gate) = tokio::io::split(connection);
    let (mut came, mut piece, mut sending) = (Vec::new(), Vec::with_capacity(16 << 10), true);
    let mut is_head = None;
    let mut ended = false;
    while !ended {
        tokio::select! {
            read = request.read_buf(&mut piece), if sending => {
                is_head.get_or_insert_with(|| piece.starts_with(b"HEAD "));
                // A gate that refuses reads no further; its answer counts.
                sending = matches!(read, Ok(1..)) && to_gate.write_all(&piece).await.is_ok();
                let _ = to_gate.flush().await;
                piece.clear();
            }
            read = from_gate.read_buf(&mut came) => ended = !matches!(read, Ok(1..)),
        }
        if let Some(answer) = whole(&mut came, is_head == Some(true), ended) {
            return Some(answer);
        }
    }
    None
}

/// The answer in `came`, once all of it is there. Interim ones are taken out.
fn whole(came: &mut Vec<u8>, to_head: bool, ended: bool) -> Option<Answer> {
    let (answer, body_at) = loop {
        let (answer, length) = head(came)?;
        if !(100..200).contains(&answer.status) {
            break (answer, length);
        }
        came.drain(..length);
    };
    let body = came.get(body_at..).unwrap_or_default();
    let is_whole = if to_head || matches!(answer.status, 204 | 304) {
        true
    } else if answer.header("transfer-encoding").is_some() {
        body.ends_with(b"0\r\n\r\n")
    } else {
        let length = answer.header("content-length").and_then(|length| length.parse().ok());
        length.is_some_and(|length: usize| body.len() >= length)
    };
    (is_whole || ended).then(|| Answer { bytes: std::mem::take(came), ..answer })
}

/// The head of an answer, without bytes, and its length.
fn head(came: &[u8]) -> Option<(Answer, usize)> {
    let mut slots = [httparse::EMPTY_HEADER; HEADERS];
    let mut head = httparse::Response::new(&mut slots);
    let httparse::Status::Complete(length) = head.parse(came).ok()? else { return None };
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    let headers = head.headers.iter().map(|header| (header.name.to_owned(), text(header.value)));
    Some((Answer { status: head.code?, headers: headers.collect(), bytes: Vec::new() }, length))
}

#[cfg(test)]
mod tests {
    use super::{Answer, whole};

    fn read(came: &str, to_head: bool, ended: bool) -> Option<Answer> {
        whole(&mut came.as_bytes().to_vec(), to_head, ended)
    }

    #[test]
    fn answers_end_where_their_framing_says() {
        for (name, came, to_head, ended, expected) in [
            ("half a head", "HTTP/1.1 200 OK\r\n", false, false, None),
            ("half a head at the end", "HTTP/1.1 200 OK\r\n", false, true, None),
            ("length", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab", false, false, Some(200)),
            ("too little", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na", false, false, None),
            ("cut off", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na", false, true, Some(200)),
            ("to HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", true, false, Some(200)),
            ("no body", "HTTP/1.1 204 No Content\r\n\r\n", false, false, Some(204)),
            ("until the end", "HTTP/1.1 200 OK\r\n\r\na", false, false, None),
            (
                "chunks",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
                false,
                false,
                Some(200),
            ),
            (
                "interim",
                "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n",
                false,
                false,
                Some(403),
            ),
        ] {
            assert_eq!(read(came, to_head, ended).map(|answer| answer.status), expected, "{name}");
        }
    }
}
