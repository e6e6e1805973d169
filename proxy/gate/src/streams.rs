//! WebSockets and server-sent events: admitted again while they last.
//!
//! A stream would otherwise outlive every decision: an officer whose role was taken away would go on reading. Each stream has a
//! task that puts its request through the pipeline of the then current configuration: when that changes, when the access of whoever it is
//! for is ended, and at least every `readmit`. Refused, it passes no further byte and is cut, also if it has been silent for hours. So it is
//! when the gate stops.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, SystemTime},
};

use http::{StatusCode, header, request::Parts};
use pingora::{Error, ErrorType, Result, http::ResponseHeader, proxy::Session};
use poort_enforce::{
    arrival::Arrival,
    exchange::{Exchange, RequestId},
    pipeline::Admission,
    source::Streams,
};
use poort_identity::{session::SessionId, token::Subject};
use tokio::{task::AbortHandle, time::Instant};

use crate::{
    adapt,
    ending::Party,
    listen::{Connection, Cut},
    live::Live,
    metrics::Metrics,
};

/// A stream that is open.
pub struct Stream {
    status: StatusCode,
    sent_bytes: u64,
    admitted: Arc<AtomicBool>,
    task: AbortHandle,
    metrics: Arc<Metrics>,
}

/// What is needed to admit a stream again.
pub struct Readmission {
    head: Parts,
    target: Vec<u8>,
    id: RequestId,
    connection: Arc<Connection>,
    cut: Cut,
    every: Duration,
    session: Option<SessionId>,
    user: Option<Arc<Subject>>,
    /// How many endings were seen: those since then are looked at.
    seen: u64,
}

impl Readmission {
    /// Of a request whose answer is a stream.
    pub fn of(
        session: &Session,
        exchange: &Exchange,
        connection: Option<&Arc<Connection>>,
        every: Duration,
        seen: u64,
    ) -> Option<Self> {
        let head = session.req_header();
        Some(Self {
            head: head.as_owned_parts(),
            target: head.raw_path().to_vec(),
            id: exchange.id,
            connection: Arc::clone(connection?),
            cut: Cut::of_this_request()?,
            every,
            session: exchange.session,
            user: exchange.holder.as_ref().and_then(|holder| holder.subject.clone()),
            seen,
        })
    }

    /// Whether somebody's access was ended in whose name the stream is open.
    fn is_concerned(&mut self, live: &Live) -> bool {
        let device = self.connection.device(&live.trust, SystemTime::now());
        let device = device.as_ref().and_then(|judgement| judgement.verdict.as_ref().ok());
        let party = Party {
            session: self.session,
            user: self.user.as_ref().map(|subject| &*subject.id),
            device: device.map(|certificate| &*certificate.name),
        };
        live.carry.notices.concern(&mut self.seen, party).is_some()
    }

    async fn admitted(&self, live: &Live) -> bool {
        let now = SystemTime::now();
        let facts = adapt::connection_facts(&self.connection, &live.trust, now);
        let mut exchange = Exchange::reopen(self.id, now, facts);
        let mut arrival = Arrival { head: &self.head, target: &self.target, fault: None };
        let snapshot = live.snapshot();
        matches!(snapshot.pipeline.admit(&mut arrival, &mut exchange).await, Admission::Permit(_))
    }
}

impl Stream {
    /// Whether an answer is a stream that the source's file allows.
    #[must_use]
    pub fn is_one(response: &ResponseHeader, streams: Streams) -> bool {
        let kind = response.headers.get(header::CONTENT_TYPE).map_or(&b""[..], |value| value.as_bytes());
        let events = kind.get(..17).is_some_and(|kind| kind.eq_ignore_ascii_case(b"text/event-stream"));
        (streams.websocket && response.status == StatusCode::SWITCHING_PROTOCOLS)
            || (streams.events && events)
    }

    /// Opens a stream, answered with this status, and sees to its being admitted again.
    #[must_use]
    pub fn open(
        status: StatusCode,
        readmission: Readmission,
        live: &Arc<Live>,
        metrics: &Arc<Metrics>,
    ) -> Self {
        let admitted = Arc::new(AtomicBool::new(true));
        metrics.streams.inc();
        let task = tokio::spawn(watch(readmission, Arc::clone(live), Arc::clone(&admitted))).abort_handle();
        Self { status, sent_bytes: 0, admitted, task, metrics: Arc::clone(metrics) }
    }

    /// Whether bytes may pass.
    ///
    /// # Errors
    /// When the stream was not admitted again.
    pub fn pass(&self) -> Result<()> {
        if self.was_ended() {
            return Error::e_explain(ErrorType::ConnectionClosed, "stream not admitted again");
        }
        Ok(())
    }

    /// Whether so many bytes may pass to the client; then they count as sent.
    ///
    /// # Errors
    /// When the stream was not admitted again.
    pub fn pass_answer(&mut self, bytes: usize) -> Result<()> {
        self.pass()?;
        self.sent_bytes += bytes as u64;
        Ok(())
    }

    /// The status that the client got, and how many bytes of a body.
    #[must_use]
    pub const fn sent(&self) -> (StatusCode, u64) {
        (self.status, self.sent_bytes)
    }

    /// Whether it was ended by the gate.
    #[must_use]
    pub fn was_ended(&self) -> bool {
        !self.admitted.load(Ordering::Acquire)
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.task.abort();
        self.metrics.streams.dec();
    }
}

async fn watch(mut readmission: Readmission, live: Arc<Live>, admitted: Arc<AtomicBool>) {
    let (mut changes, mut notices) = (live.changes(), live.carry.notices.changes());
    let mut due = Instant::now() + readmission.every;
    // Nobody tells again what was ended between the request's admission and now.
    let mut concerned = readmission.is_concerned(&live) || live.ends_streams();
    loop {
        // Any is a reason to ask again; a sender that is gone means that the gate is going too.
        if !concerned {
            tokio::select! {
                _ = changes.changed() => {}
                _ = tokio::time::sleep_until(due) => {}
                _ = notices.changed() => if !readmission.is_concerned(&live) {
                    continue;
                }
            }
        }
        (concerned, due) = (false, Instant::now() + readmission.every);
        if live.ends_streams() || !readmission.admitted(&live).await {
            admitted.store(false, Ordering::Release);
            live.carry.metrics.streams_ended.inc();
            readmission.cut.end();
            return;
        }
    }
}
