//! WebSockets and server-sent events: admitted again while they last.
//!
//! A stream would otherwise outlive every decision: an officer whose role was taken away would go on reading. Each stream has a
//! task that puts its request through the pipeline of the then current configuration, when that changes and at least every
//! `readmit`. Refused, it passes no further byte and is cut, also if it has been silent for hours.

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
use tokio::task::AbortHandle;

use crate::{
    adapt,
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
}

impl Readmission {
    /// Of a request whose answer is a stream.
    pub fn of(
        session: &Session,
        exchange: &Exchange,
        connection: Option<&Arc<Connection>>,
        every: Duration,
    ) -> Option<Self> {
        let head = session.req_header();
        Some(Self {
            head: head.as_owned_parts(),
            target: head.raw_path().to_vec(),
            id: exchange.id,
            connection: Arc::clone(connection?),
            cut: Cut::of_this_request()?,
            every,
        })
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

async fn watch(readmission: Readmission, live: Arc<Live>, admitted: Arc<AtomicBool>) {
    let mut changes = live.changes();
    loop {
        // Either is a reason to ask again; a sender that is gone means that the gate is going too.
        let _ = tokio::time::timeout(readmission.every, changes.changed()).await;
        if !readmission.admitted(&live).await {
            admitted.store(false, Ordering::Release);
            live.carry.metrics.streams_ended.inc();
            readmission.cut.end();
            return;
        }
    }
}
