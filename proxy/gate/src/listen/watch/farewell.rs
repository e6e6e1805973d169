//! The last answer on a connection, when no filter can give it.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::Instant,
};

use super::timer::Timer;
use crate::listen::observer::HeadRefusal;

/// How long it may take.
const LIMIT: Duration = Duration::from_secs(2);
/// How much of what the client still sends is read, in bytes. A socket closed with unread bytes is reset, and the reset can overtake the
/// answer (RFC 9112 §9.6).
const DRAIN_LIMIT_BYTES: usize = 256 * 1024;

#[derive(Debug)]
enum Step {
    Answer(&'static [u8]),
    Flush,
    Shut,
    Drain { left: usize },
    Done,
}

/// Answers, ends the stream, and reads on a little.
#[derive(Debug)]
pub(super) struct Farewell {
    step: Step,
    until: Option<Instant>,
    timer: Timer,
}

impl Farewell {
    /// Just closes.
    pub(super) fn silent() -> Self {
        Self { step: Step::Shut, until: None, timer: Timer::default() }
    }

    /// Answers a refused head. The page and the record of a refusal belong to the filters; this client never got there.
    pub(super) fn new(refusal: HeadRefusal) -> Self {
        let answer: &[u8] = match refusal {
            HeadRefusal::TooLarge | HeadRefusal::TooManyHeaders => {
                b"HTTP/1.1 431 Request Header Fields Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            }
            HeadRefusal::RequestLineTooLong => {
                b"HTTP/1.1 414 URI Too Long\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            }
            HeadRefusal::Timeout => {
                b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            }
            HeadRefusal::Unparsable | HeadRefusal::Abandoned => {
                b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            }
        };
        Self { step: Step::Answer(answer), ..Self::silent() }
    }

    /// Ready once the connection can be dropped; then, and again whenever asked, as if the client had ended it.
    pub(super) fn poll<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        cx: &mut Context<'_>,
        stream: &mut S,
    ) -> Poll<()> {
        if self.poll_steps(cx, stream).is_ready() {
            return Poll::Ready(());
        }
        let until = *self.until.get_or_insert_with(|| Instant::now() + LIMIT);
        ready!(self.timer.poll(cx, until));
        self.step = Step::Done;
        Poll::Ready(())
    }

    fn poll_steps<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        cx: &mut Context<'_>,
        stream: &mut S,
    ) -> Poll<()> {
        while !matches!(self.step, Step::Done) {
            self.step = ready!(self.poll_step(cx, Pin::new(&mut *stream))).unwrap_or(Step::Done);
        }
        Poll::Ready(())
    }

    fn poll_step<S: AsyncRead + AsyncWrite>(
        &self,
        cx: &mut Context<'_>,
        stream: Pin<&mut S>,
    ) -> Poll<io::Result<Step>> {
        Poll::Ready(Ok(match self.step {
            Step::Answer([]) => Step::Flush,
            Step::Answer(answer) => {
                let written = ready!(stream.poll_write(cx, answer))?;
                Step::Answer(answer.get(written..).unwrap_or_default())
            }
            Step::Flush => {
                ready!(stream.poll_flush(cx))?;
                Step::Shut
            }
            Step::Shut => {
                ready!(stream.poll_shutdown(cx))?;
                Step::Drain { left: DRAIN_LIMIT_BYTES }
            }
            Step::Drain { left } => {
                let mut bytes = [0; 4096];
                let mut scratch = ReadBuf::new(&mut bytes);
                ready!(stream.poll_read(cx, &mut scratch))?;
                match (scratch.filled().len(), left) {
                    (0, _) => Step::Done,
                    (read, left) if read < left => Step::Drain { left: left - read },
                    _ => Step::Done,
                }
            }
            Step::Done => Step::Done,
        }))
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    use super::*;

    async fn say(mut farewell: Farewell, mut stream: DuplexStream) {
        poll_fn(|cx| farewell.poll(cx, &mut stream)).await;
        // Once more, as a library that asks again would.
        poll_fn(|cx| farewell.poll(cx, &mut stream)).await;
    }

    #[tokio::test]
    async fn the_answer_gets_through_while_the_client_still_sends() {
        let (mut client, gate) = duplex(64);
        let gate = tokio::spawn(say(Farewell::new(HeadRefusal::TooLarge), gate));
        let mut answer = Vec::new();
        client.read_to_end(&mut answer).await.unwrap();
        assert!(answer.starts_with(b"HTTP/1.1 431 ") && answer.ends_with(b"\r\n\r\n"));
        client.write_all(&[b'a'; 10_000]).await.unwrap();
        client.shutdown().await.unwrap();
        gate.await.unwrap();
    }

    #[tokio::test]
    async fn a_client_that_never_ends_is_not_heard_out() {
        let (mut client, gate) = duplex(64);
        let gate = tokio::spawn(say(Farewell::silent(), gate));
        let mut sent = 0;
        while client.write_all(&[b'a'; 64]).await.is_ok() {
            sent += 64;
        }
        assert!((DRAIN_LIMIT_BYTES..DRAIN_LIMIT_BYTES + 8192).contains(&sent), "{sent}");
        gate.await.unwrap();
    }

    #[tokio::test]
    async fn each_refusal_has_its_answer() {
        for (refusal, status) in [
            (HeadRefusal::TooLarge, "431"),
            (HeadRefusal::TooManyHeaders, "431"),
            (HeadRefusal::RequestLineTooLong, "414"),
            (HeadRefusal::Timeout, "408"),
            (HeadRefusal::Unparsable, "400"),
        ] {
            let (mut client, gate) = duplex(4096);
            client.shutdown().await.unwrap();
            say(Farewell::new(refusal), gate).await;
            let mut answer = String::new();
            client.read_to_string(&mut answer).await.unwrap();
            assert_eq!(answer.split(' ').nth(1), Some(status), "{refusal:?}");
        }
    }
}
