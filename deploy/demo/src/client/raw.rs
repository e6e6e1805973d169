use std::io;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use super::{Answer, PATIENCE};

/// A TLS connection to the gate that sends what it is given.
pub struct RawConnection {
    stream: TlsStream<TcpStream>,
    buffer: BytesMut,
}

impl RawConnection {
    pub(super) fn new(stream: TlsStream<TcpStream>) -> Self {
        Self { stream, buffer: BytesMut::new() }
    }

    /// Sends bytes as they are.
    ///
    /// # Errors
    /// When the gate is gone.
    pub async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await?;
        self.stream.flush().await
    }

    /// The next answer; `to_head` when its request was a HEAD.
    ///
    /// # Errors
    /// When the connection ends before a whole head, or nothing comes for twenty seconds.
    pub async fn answer(&mut self, to_head: bool) -> io::Result<Answer> {
        tokio::time::timeout(PATIENCE, self.read_answer(to_head)).await.map_err(io::Error::from)?
    }

    /// Whatever comes until the gate closes or `limit` passed.
    pub async fn rest(&mut self, limit: Duration) -> Vec<u8> {
        // Whether it ended by a close, an error or the time, what counts is what came.
        let _ =
            tokio::time::timeout(limit, async { while self.fill().await.is_ok_and(|count| count > 0) {} })
                .await;
        self.buffer.split().to_vec()
    }

    /// The stream itself, for protocols that begin after an upgrade; bytes read ahead come first.
    pub fn into_parts(self) -> (Vec<u8>, TlsStream<TcpStream>) {
        (self.buffer.to_vec(), self.stream)
    }

    async fn read_answer(&mut self, to_head: bool) -> io::Result<Answer> {
        loop {
            let head = self.read_head().await?;
            let mut answer = Answer::parse(&head).ok_or(io::ErrorKind::InvalidData)?;
            if answer.status == 100 {
                continue;
            }
            if !to_head && answer.status >= 200 && answer.status != 204 && answer.status != 304 {
                answer.whole = self.read_body(&mut answer).await.is_ok();
            }
            return Ok(answer);
        }
    }

    async fn read_head(&mut self) -> io::Result<Vec<u8>> {
        loop {
            if let Some(end) = self.buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                return Ok(self.buffer.split_to(end + 4).to_vec());
            }
            self.fill_or_end().await?;
        }
    }

    async fn read_body(&mut self, answer: &mut Answer) -> io::Result<()> {
        if answer.header("transfer-encoding").is_some() {
            return self.read_chunks(&mut answer.body).await;
        }
        match answer.header("content-length").and_then(|length| length.parse().ok()) {
            Some(length) => self.read_exactly(length, &mut answer.body).await,
            None => {
                while self.fill().await? > 0 {}
                answer.body.extend_from_slice(&self.buffer.split());
                Ok(())
            }
        }
    }

    async fn read_chunks(&mut self, body: &mut Vec<u8>) -> io::Result<()> {
        loop {
            let line = self.read_line().await?;
            let size = usize::from_str_radix(line.trim(), 16).map_err(|_| io::ErrorKind::InvalidData)?;
            self.read_exactly(size, body).await?;
            self.read_line().await?;
            if size == 0 {
                return Ok(());
            }
        }
    }

    async fn read_line(&mut self) -> io::Result<String> {
        loop {
            if let Some(end) = self.buffer.windows(2).position(|two| two == b"\r\n") {
                let line = self.buffer.split_to(end + 2);
                return Ok(String::from_utf8_lossy(&line).trim_end().to_owned());
            }
            self.fill_or_end().await?;
        }
    }

    async fn read_exactly(&mut self, count: usize, body: &mut Vec<u8>) -> io::Result<()> {
        let mut missing = count;
        while missing > 0 {
            if self.buffer.is_empty() {
                self.fill_or_end().await?;
            }
            let piece = self.buffer.split_to(missing.min(self.buffer.len()));
            missing -= piece.len();
            body.extend_from_slice(&piece);
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
