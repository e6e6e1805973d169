use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use rustls::pki_types::CertificateDer;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use super::{Head, Reply};

/// Largest head that is read, in bytes; beyond it the connection ends.
const HEAD_LIMIT: usize = 256 * 1024;
/// Largest body that is read, in bytes; beyond it the connection ends.
const BODY_LIMIT: usize = 256 * 1024 * 1024;

/// A TCP or TLS stream.
pub(crate) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// One accepted connection, readable as requests and writable as anything.
pub struct Connection {
    /// Counts up from 1 within a server.
    pub id: u64,
    /// The other end.
    pub peer: SocketAddr,
    /// The client's certificate, when TLS asked for one.
    pub client: Option<CertificateDer<'static>>,
    stream: Stream,
    buffer: BytesMut,
}

impl Connection {
    pub(super) fn new(id: u64, peer: SocketAddr, stream: Stream) -> Self {
        let client = match &stream {
            Stream::Plain(_) => None,
            Stream::Tls(tls) => {
                let certificates = tls.get_ref().1.peer_certificates().unwrap_or_default();
                certificates.first().map(|leaf| leaf.clone().into_owned())
            }
        };
        Self { id, peer, client, stream, buffer: BytesMut::with_capacity(8 * 1024) }
    }

    /// The next request's head; `None` when the client closed before another.
    ///
    /// # Errors
    /// When the connection breaks within a head, or what came is not one.
    pub async fn head(&mut self) -> io::Result<Option<Head>> {
        loop {
            if let Some(end) = self.buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                let bytes = self.buffer.split_to(end + 4);
                return Head::parse(&bytes).map(Some).ok_or_else(|| invalid("not a request head"));
            }
            if self.buffer.len() > HEAD_LIMIT {
                return Err(invalid("head too large"));
            }
            if self.fill().await? == 0 {
                return if self.buffer.is_empty() {
                    Ok(None)
                } else {
                    Err(io::ErrorKind::UnexpectedEof.into())
                };
            }
        }
    }

    /// Reads the body that `head` announces and gives it to `sink` piece by piece.
    ///
    /// # Errors
    /// When the body ends early: `sink` has then seen what came before.
    pub async fn body(&mut self, head: &Head, mut sink: impl FnMut(&[u8])) -> io::Result<()> {
        if head.header("expect").is_some_and(|value| value.eq_ignore_ascii_case("100-continue")) {
            self.send(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
        }
        if !head.is_chunked() {
            return self.exactly(head.content_length(), &mut sink).await;
        }
        loop {
            let line = self.line().await?;
            let size = line.split(';').next().unwrap_or_default().trim();
            let size = usize::from_str_radix(size, 16).map_err(|_| invalid("not a chunk size"))?;
            self.exactly(size, &mut sink).await?;
            if size == 0 {
                while !self.line().await?.is_empty() {}
                return Ok(());
            }
            self.line().await?;
        }
    }

    /// Sends bytes as they are.
    ///
    /// # Errors
    /// When the client is gone.
    pub async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await?;
        self.stream.flush().await
    }

    /// Sends a whole response; `to` is the request it answers.
    ///
    /// # Errors
    /// As [`Connection::send`].
    pub async fn reply(&mut self, to: &Head, reply: &Reply) -> io::Result<()> {
        self.send(&reply.to_bytes(to.method == "HEAD")).await
    }

    /// Ends the connection with a reset instead of a close, which the other side sees as an error (RFC 9293, 3.5.3).
    pub fn reset(self) {
        let socket = match &self.stream {
            Stream::Plain(tcp) => tcp,
            Stream::Tls(tls) => tls.get_ref().0,
        };
        // Not being able to set it leaves a plain close, which the caller's peer also sees as cut short.
        let _ = socket.set_zero_linger();
    }

    /// Gives up HTTP: what was read ahead, and the stream itself.
    pub(crate) fn into_stream(self) -> (Bytes, Stream) {
        (self.buffer.freeze(), self.stream)
    }

    /// Waits until the client sends something more or goes away.
    pub(crate) async fn gone(&mut self) {
        while self.fill().await.is_ok_and(|count| count > 0 && self.buffer.len() < HEAD_LIMIT) {}
    }

    async fn line(&mut self) -> io::Result<String> {
        loop {
            if let Some(end) = self.buffer.windows(2).position(|two| two == b"\r\n") {
                let line = self.buffer.split_to(end);
                let _ = self.buffer.split_to(2);
                return Ok(String::from_utf8_lossy(&line).into_owned());
            }
            if self.buffer.len() > HEAD_LIMIT {
                return Err(invalid("line too long"));
            }
            self.fill_or_end().await?;
        }
    }

    async fn exactly(&mut self, count: usize, sink: &mut impl FnMut(&[u8])) -> io::Result<()> {
        if count > BODY_LIMIT {
            return Err(invalid("body too large"));
        }
        let mut missing = count;
        while missing > 0 {
            if self.buffer.is_empty() {
                self.fill_or_end().await?;
            }
            let piece = self.buffer.split_to(missing.min(self.buffer.len()));
            missing -= piece.len();
            sink(&piece);
        }
        Ok(())
    }

    async fn fill_or_end(&mut self) -> io::Result<()> {
        if self.fill().await? == 0 { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
    }

    async fn fill(&mut self) -> io::Result<usize> {
        self.buffer.reserve(8 * 1024);
        self.stream.read_buf(&mut self.buffer).await
    }
}

fn invalid(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_read(cx, buf),
            Self::Tls(tls) => Pin::new(tls).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_write(cx, bytes),
            Self::Tls(tls) => Pin::new(tls).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_flush(cx),
            Self::Tls(tls) => Pin::new(tls).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_shutdown(cx),
            Self::Tls(tls) => Pin::new(tls).poll_shutdown(cx),
        }
    }
}
