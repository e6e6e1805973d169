//! What go-ftw talks to: plain HTTP on loopback, whose bytes go on as they are, and a log as go-ftw reads it, of the rules that matched.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use poort_conformance::Logged;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::fault::Fault;
use crate::stand::Exchanged;

/// The header of the requests with which go-ftw marks its place in the log.
const MARKER: &str = "X-CRS-Test: ";
const MARKER_START: &[u8] = b"GET /status/200 HTTP/1.1\r\n";

/// Who answers.
pub trait Answers: Send + Sync + 'static {
    /// Answers one request, and says which rules matched.
    ///
    /// # Errors
    /// When that cannot be said.
    fn ask(
        &self,
        request: impl AsyncRead + Unpin + Send,
    ) -> impl Future<Output = Result<Exchanged, Fault>> + Send;
}

/// A listening front. Dropping it stops it.
pub struct Front {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Front {
    /// Listens on a port that the system chooses, and logs to `log`.
    ///
    /// # Errors
    /// When the port or the file cannot be opened.
    pub async fn start(behind: Arc<impl Answers>, log: &Path) -> io::Result<Self> {
        let log = Arc::new(OpenOptions::new().create(true).append(true).open(log)?);
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
        let address = listener.local_addr()?;
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (behind, log) = (Arc::clone(&behind), Arc::clone(&log));
                tokio::spawn(async move {
                    if let Err(fault) = serve(&*behind, &log, client).await {
                        eprintln!("go-ftw gets no answer: {fault}");
                    }
                });
            }
        });
        Ok(Self { address, task })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(behind: &impl Answers, log: &File, mut client: TcpStream) -> io::Result<()> {
    let mut start = vec![0; 4096];
    let length = client.peek(&mut start).await?;
    start.truncate(length);
    if let Some(marker) = marker(&start).map(str::to_owned) {
        // All of it came in one piece, and is taken off so that the close is a clean one.
        client.read_exact(&mut start).await?;
        write(log, &format!("{MARKER}{marker}\n"))?;
        return client.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").await;
    }
    let (from_client, mut to_client) = client.split();
    let exchanged = behind.ask(from_client).await.map_err(io::Error::other)?;
    // Before the answer, so that the next marker stands behind it.
    write(log, &lines(&exchanged.found.log))?;
    if let Some(answer) = exchanged.answer {
        // A client that has left does not miss it.
        let _ = to_client.write_all(&answer.bytes).await;
    }
    Ok(())
}

/// What a marker's request names.
fn marker(start: &[u8]) -> Option<&str> {
    let head = std::str::from_utf8(start).ok().filter(|_| start.starts_with(MARKER_START))?;
    head.split("\r\n").find_map(|line| {
        let (name, value) = line.split_at_checked(MARKER.len())?;
        name.eq_ignore_ascii_case(MARKER).then_some(value)
    })
}

fn lines(log: &[Logged]) -> String {
    log.iter().map(|logged| format!("{}\n", logged.line)).collect()
}

fn write(mut log: &File, lines: &str) -> io::Result<()> {
    // In one call: two writers must not mix their lines.
    log.write_all(lines.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::marker;

    #[test]
    fn markers_are_told_from_tests() {
        for (start, expected) in [
            ("GET /status/200 HTTP/1.1\r\nHost: localhost\r\nX-CRS-Test: a-s\r\n\r\n", Some("a-s")),
            ("GET /status/200 HTTP/1.1\r\nX-Crs-Test: a-s\r\n\r\n", Some("a-s")),
            ("GET /status/200 HTTP/1.1\r\nHost: localhost\r\n\r\n", None),
            ("GET / HTTP/1.1\r\nX-CRS-Test: a\r\n\r\n", None),
            ("", None),
        ] {
            assert_eq!(marker(start.as_bytes()), expected, "{start}");
        }
    }
}
