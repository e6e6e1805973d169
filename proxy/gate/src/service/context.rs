//! What the phases of one request share, and how it ends.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::StatusCode;
use pingora::{Result, proxy::Session};
use poort_enforce::{exchange::Exchange, inspect::Inspection, pipeline::Permit, reason::Reason};

use super::fault::failure;
use crate::{
    adapt,
    audit::Ticket,
    ending::Watched,
    forward::{AnswerHold, BodyHash},
    inspect::{self, Late},
    listen::{Connection, Cut},
    outcome::OpenOutcome,
    snapshot::{Snapshot, Upstream},
    streams::Stream,
};

/// What the phases of one request share.
pub struct Context {
    pub(super) arrived: Instant,
    pub(super) snapshot: Option<Arc<Snapshot>>,
    pub(super) connection: Option<Arc<Connection>>,
    pub(super) exchange: Option<Exchange>,
    pub(super) permit: Option<Permit>,
    /// The decision on its way to the disk, where the source is asked meanwhile.
    pub(super) ticket: Option<Ticket>,
    pub(super) attempts: usize,
    /// When the source was asked.
    pub(super) asked: Option<Instant>,
    pub(super) received_bytes: u64,
    pub(super) total: Option<Duration>,
    /// Until when the rest of a body is waited for, where only a cut ends that wait.
    pub(super) body_due: Option<(Instant, Cut)>,
    /// The answer, as far as it has passed.
    pub(super) answered: Option<StatusCode>,
    pub(super) sent_bytes: u64,
    /// Of the connection to the source, where the request asks for a WebSocket.
    pub(super) hold: Option<AnswerHold>,
    pub(super) stream: Option<Stream>,
    /// Whether access is ended meanwhile.
    pub(super) watched: Watched,
    /// The body, where it is inspected as it passes.
    pub(super) late: Late,
    /// Its digest, where that is owed.
    pub(super) body_hash: BodyHash,
    pub(super) outcome: OpenOutcome,
}

impl Context {
    pub(super) fn upstream<'a>(
        snapshot: Option<&'a Arc<Snapshot>>,
        permit: Option<&Permit>,
    ) -> Result<&'a Upstream> {
        permit
            .and_then(|permit| snapshot?.upstreams.get(&permit.source().id))
            .ok_or_else(|| failure(Reason::Internal))
    }

    /// Whether a piece of the answer, of so many bytes, or its end, may still pass.
    pub(super) fn judge_piece(&mut self, bytes: usize, end: bool) -> Result<()> {
        self.sent_bytes += bytes as u64;
        if let Some(stream) = &mut self.stream {
            return stream.pass_answer(bytes);
        }
        self.judge_access()?;
        if !end && self.over_time() {
            return Err(failure(Reason::SourceTimeout));
        }
        Ok(())
    }

    /// Whether whoever asks still may: access that is ended is so for what is under way too.
    pub(super) fn judge_access(&mut self) -> Result<()> {
        let Some(reason) = self.watched.reason(self.exchange.as_ref()) else { return Ok(()) };
        self.outcome.not_readmitted();
        Err(failure(reason))
    }

    /// Inspects a body as it passes, where it could not be read before.
    pub(super) fn inspect_late(
        &mut self,
        session: &Session,
        body: &mut Option<Bytes>,
        end: bool,
    ) -> Result<()> {
        let Some(exchange) = self.exchange.as_mut().filter(|exchange| inspect::is_late(exchange)) else {
            return Ok(());
        };
        let (Some(snapshot), Some(connection)) = (&self.snapshot, &self.connection) else {
            return Err(failure(Reason::Internal));
        };
        let arrival = adapt::arrival(session, connection);
        let passed = self.late.pass(&snapshot.pipeline, &arrival, exchange, body, end);
        if end || passed.is_err() {
            let inspection = exchange.inspection.as_deref();
            self.outcome.inspection = inspection.and_then(Inspection::request_report);
            let asked = exchange.asked.take();
            self.outcome.disagreements =
                asked.map(|(_, decision)| decision.disagreements).unwrap_or_default();
        }
        passed.map_err(|refusal| failure(refusal.reason))
    }

    /// A stream outlives its snapshot: once its request has ended, what is left of the exchange needs none.
    pub(super) fn let_go(&mut self) {
        self.total = None;
        self.snapshot = None;
        if let Some(exchange) = &mut self.exchange {
            exchange.inspection = None;
        }
    }

    /// In HTTP/2 the server library waits for ever for the rest of a body whose answer has been given: the request ends in its time, but
    /// not before another piece could have come.
    pub(super) fn expect_body(&mut self, session: &mut Session, piece: Duration) {
        if !session.is_http2() || session.as_downstream_mut().is_body_done() {
            return;
        }
        let left = self.total.map(|total| total.saturating_sub(self.arrived.elapsed()).max(piece));
        let due = left.and_then(|left| Instant::now().checked_add(left));
        self.body_due = due.zip(Cut::of_this_request()).map(|(due, cut)| {
            cut.end_at(Some(due));
            (due, cut)
        });
    }

    /// The whole body has come.
    pub(super) fn body_came(&mut self) {
        if let Some((_, cut)) = self.body_due.take() {
            cut.end_at(None);
        }
    }

    pub(super) fn over_time(&self) -> bool {
        self.total.is_some_and(|total| self.arrived.elapsed() > total)
    }

    /// The end, written down and counted.
    pub(super) fn close(&mut self, status: Option<StatusCode>, sent_bytes: u64, client_fault: Option<bool>) {
        if self.stream.take().is_some_and(|stream| stream.was_ended()) {
            self.outcome.not_readmitted();
        }
        let source = self.exchange.as_ref().and_then(Exchange::source).map(|source| &*source.id);
        self.body_due = None;
        self.outcome.close(source, status, sent_bytes, client_fault);
    }
}

/// What is cut is dropped where it waits, and the server library says nothing more of it.
impl Drop for Context {
    fn drop(&mut self) {
        let cut = self.stream.as_ref().filter(|stream| stream.was_ended());
        if let Some((status, sent_bytes)) = cut.map(Stream::sent) {
            self.close(Some(status), sent_bytes, None);
        } else if self.body_due.take().is_some_and(|(due, _)| due <= Instant::now()) {
            self.outcome.fail(Reason::BodyIncomplete);
            self.close(self.answered, self.sent_bytes, Some(true));
        }
    }
}
