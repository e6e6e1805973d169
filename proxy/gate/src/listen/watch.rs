//! The stream between TLS and HTTP: it looks at what streams past, and gives up on who makes it wait.

mod farewell;
mod frames;
mod library;
mod stall;
mod timer;

use std::{
    fmt,
    io::{self, IoSlice},
    pin::Pin,
    sync::{Arc, atomic::Ordering},
    task::{Context, Poll, ready},
};

use pingora::protocols::{raw_connect::ProxyDigest, tls::SslDigest};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::Instant,
};

use super::{
    connection::{Connection, HttpVersion},
    head::{HeadFaults, HeadScan, Progress},
    observer::{ConnectionEvent, ConnectionObserver, HeadRefusal, Side},
    settings::{Deadlines, HeadLimits},
};
use farewell::Farewell;
use frames::Frames;
use stall::Stall;
pub(super) use timer::Timer;

/// The length of HTTP/2's connection preface (RFC 9113 §3.4).
const PREFACE_BYTES: usize = 24;

/// What the next bytes read are.
#[derive(Debug)]
enum Reading {
    /// The first of a head; until then the connection is idle.
    Idle { until: Instant },
    /// More of a head.
    Head { until: Instant },
    /// More of an HTTP/2 preface.
    Preface { left: usize, until: Instant },
    /// Bodies, upgraded streams, HTTP/2 frames: not looked at.
    Through,
    /// Nothing: the connection is being closed.
    Closing(Farewell),
}

/// What the stream is told once.
#[derive(Clone)]
pub(super) struct Watch {
    pub(super) deadlines: Deadlines,
    pub(super) limits: HeadLimits,
    pub(super) observer: Arc<dyn ConnectionObserver>,
}

/// A connection's plaintext.
pub(super) struct Watched<S> {
    inner: S,
    connection: Arc<Connection>,
    watch: Watch,
    reading: Reading,
    /// Of the present head.
    scan: HeadScan,
    /// Of HTTP/2, in both directions.
    frames: Option<(Frames, Frames)>,
    read_timer: Timer,
    write_timer: Timer,
    stall: Stall,
    /// Carries the connection to every request's digest.
    carrier: Arc<ProxyDigest>,
    tls: Arc<SslDigest>,
}

impl<S> fmt::Debug for Watched<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watched").field("connection", &self.connection.id()).finish_non_exhaustive()
    }
}

impl<S> Watched<S> {
    pub(super) fn new(
        inner: S,
        connection: Arc<Connection>,
        watch: Watch,
        carrier: ProxyDigest,
        tls: SslDigest,
    ) -> Self {
        let now = Instant::now();
        let reading = match connection.tls().http {
            HttpVersion::Http1 => Reading::Idle { until: now + watch.deadlines.keep_alive },
            HttpVersion::Http2 => Reading::Preface { left: PREFACE_BYTES, until: now + watch.deadlines.head },
        };
        let frames = || (Frames::after(PREFACE_BYTES), Frames::default());
        Self {
            inner,
            frames: (connection.tls().http == HttpVersion::Http2).then(frames),
            stall: Stall::new(watch.deadlines.write_stall),
            connection,
            scan: HeadScan::new(watch.limits),
            watch,
            reading,
            read_timer: Timer::default(),
            write_timer: Timer::default(),
            carrier: Arc::new(carrier),
            tls: Arc::new(tls),
        }
    }

    /// Begins the next head, if a request asked for it.
    fn turn(&mut self) {
        let asked = self.connection.notes().next.swap(false, Ordering::Relaxed);
        if !asked || !matches!(self.reading, Reading::Through) {
            return;
        }
        self.count_unseen();
        // SECURITY: after a head with more than one reading nobody knows where the next one begins.
        self.reading = if self.connection.head_faults().is_empty() {
            Reading::Idle { until: Instant::now() + self.watch.deadlines.keep_alive }
        } else {
            Reading::Closing(Farewell::silent())
        };
    }

    /// A head that was read whole and that no filter saw was refused by the HTTP library.
    fn count_unseen(&self) {
        if self.connection.notes().unseen.swap(false, Ordering::Relaxed) {
            self.refused(HeadRefusal::Unparsable);
        }
    }

    /// Counts the streams that are reset in what was read.
    fn count_read(&mut self, bytes: &[u8]) {
        self.connection.count_read(bytes.len());
        if let Some((frames, _)) = &mut self.frames {
            let resets = frames.resets(bytes);
            self.reset(Side::Client, resets);
        }
    }

    /// The same in what was written.
    fn count_written(&mut self, bytes: &[u8]) {
        self.connection.count_written(bytes.len());
        if let Some((_, frames)) = &mut self.frames {
            let resets = frames.resets(bytes);
            self.reset(Side::Gate, resets);
        }
    }

    fn reset(&self, by: Side, times: usize) {
        (0..times).for_each(|_| self.watch.observer.observe(ConnectionEvent::StreamReset(by)));
    }

    fn refused(&self, refusal: HeadRefusal) {
        self.watch.observer.observe(ConnectionEvent::HeadRefused(refusal));
    }

    fn refuse(&mut self, refusal: HeadRefusal) {
        self.refused(refusal);
        self.reading = Reading::Closing(Farewell::new(refusal));
    }

    /// Looks at bytes that were just read. Says whether they may be handed on.
    fn look(&mut self, bytes: &[u8]) -> bool {
        if let Reading::Idle { .. } = self.reading {
            self.note(HeadFaults::default());
            let until = Instant::now() + self.watch.deadlines.head;
            self.scan = HeadScan::new(self.watch.limits);
            self.reading = Reading::Head { until };
        }
        match &mut self.reading {
            Reading::Head { .. } => match self.scan.read(bytes) {
                Progress::More => {}
                Progress::Complete(_) => {
                    self.note(self.scan.faults());
                    self.connection.notes().unseen.store(true, Ordering::Relaxed);
                    self.reading = Reading::Through;
                }
                Progress::Refused(refusal) => {
                    self.refuse(refusal);
                    return false;
                }
            },
            Reading::Preface { left, .. } => {
                *left = left.saturating_sub(bytes.len());
                if *left == 0 {
                    self.reading = Reading::Through;
                }
            }
            Reading::Idle { .. } | Reading::Through | Reading::Closing(_) => {}
        }
        true
    }

    fn note(&self, faults: HeadFaults) {
        self.connection.notes().faults.store(faults.bits(), Ordering::Relaxed);
    }

    /// The peer is gone, or as good as.
    fn left(&mut self) {
        let halfway = matches!(self.reading, Reading::Head { .. });
        if halfway {
            self.refused(HeadRefusal::Abandoned);
            self.reading = Reading::Through;
        }
    }

    /// Until when the present wait for bytes may last.
    fn read_until(&self) -> Option<Instant> {
        match &self.reading {
            Reading::Idle { until } | Reading::Head { until } | Reading::Preface { until, .. } => {
                Some(*until)
            }
            Reading::Through | Reading::Closing(_) => None,
        }
    }

    fn late(&mut self) {
        match self.reading {
            Reading::Head { .. } => self.refuse(HeadRefusal::Timeout),
            Reading::Preface { .. } => {
                self.refused(HeadRefusal::Timeout);
                self.reading = Reading::Closing(Farewell::silent());
            }
            Reading::Idle { .. } | Reading::Through | Reading::Closing(_) => {
                self.reading = Reading::Closing(Farewell::silent());
            }
        }
    }

    /// Bounds how long writes may make little progress; `bytes` says how many were written.
    fn unstalled<T>(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<T>>,
        bytes: impl FnOnce(&T) -> usize,
    ) -> Poll<io::Result<T>> {
        if let Poll::Ready(written) = written {
            self.stall.goes_on(written.as_ref().map_or(0, bytes));
            return Poll::Ready(written);
        }
        let until = self.stall.waits();
        ready!(self.write_timer.poll(cx, until));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }

    fn closing(&self) -> bool {
        matches!(self.reading, Reading::Closing(_))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Watched<S> {
    /// Reads, looks, and says how much there is; `None` if what came is not handed on.
    fn poll_look(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<Option<usize>>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.inner).poll_read(cx, buf);
        let (Poll::Ready(Ok(())), Some(bytes)) = (&read, buf.filled().get(before..)) else {
            if read.is_ready() {
                self.left();
            }
            return read.map_ok(|()| Some(0));
        };
        let count = bytes.len();
        if count == 0 {
            self.left();
        } else {
            self.count_read(bytes);
        }
        if count > 0 && !self.look(bytes) {
            buf.set_filled(before);
            return Poll::Ready(Ok(None));
        }
        Poll::Ready(Ok(Some(count)))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        this.turn();
        loop {
            if let Reading::Closing(farewell) = &mut this.reading {
                return farewell.poll(cx, &mut this.inner).map(Ok);
            }
            match this.poll_look(cx, buf) {
                Poll::Ready(Ok(Some(_))) => return Poll::Ready(Ok(())),
                Poll::Ready(Ok(None)) => {}
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => {
                    let Some(until) = this.read_until() else { return Poll::Pending };
                    ready!(this.read_timer.poll(cx, until));
                    this.late();
                }
            }
        }
    }
}

/// While closing, what the HTTP library still writes is swallowed: the client has its answer, or gets none.
impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.closing() {
            return Poll::Ready(Ok(bytes.len()));
        }
        let written = Pin::new(&mut self.inner).poll_write(cx, bytes);
        let written = ready!(self.unstalled(cx, written, |bytes| *bytes))?;
        self.count_written(bytes.get(..written).unwrap_or(bytes));
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.closing() {
            return Poll::Ready(Ok(()));
        }
        let flushed = Pin::new(&mut self.inner).poll_flush(cx);
        ready!(self.unstalled(cx, flushed, |()| 0))?;
        self.stall.keeps_up();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = Pin::new(&mut self.inner).poll_shutdown(cx);
        self.unstalled(cx, shut, |()| 0)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.closing() {
            return Poll::Ready(Ok(slices.iter().map(|slice| slice.len()).sum()));
        }
        let written = Pin::new(&mut self.inner).poll_write_vectored(cx, slices);
        let written = ready!(self.unstalled(cx, written, |bytes| *bytes))?;
        let mut left = written;
        for slice in slices {
            let piece = slice.get(..left.min(slice.len())).unwrap_or_default();
            left -= piece.len();
            self.count_written(piece);
        }
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }
}

impl<S> Drop for Watched<S> {
    fn drop(&mut self) {
        self.count_unseen();
        // The client was still there, and its head still coming: the HTTP library had seen enough of it.
        if matches!(self.reading, Reading::Head { .. }) {
            self.refused(HeadRefusal::Unparsable);
        }
    }
}
