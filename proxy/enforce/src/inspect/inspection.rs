//! One exchange under inspection.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
    time::{Duration, UNIX_EPOCH},
};

use bytes::Bytes;
use http::{HeaderMap, StatusCode, Version, header};
use poort_waf::{Engine, InterruptionKind, Opening, Transaction, Verdict};

use super::{BodySeen, Finding, Held, Inspector, Mode, Report, report::Half};
use crate::{
    arrival::Arrival,
    exchange::Exchange,
    reason::{ProtocolFault, Reason},
};

/// Where the rules read the thresholds, in CRS and in the gate's own rules.
const INBOUND_THRESHOLD: &str = "inbound_anomaly_score_threshold";
const OUTBOUND_THRESHOLD: &str = "outbound_anomaly_score_threshold";

/// What rules read as the port of the server.
const PORT: u16 = 443;

/// One exchange under inspection: a transaction of its source's rules, and the body while it is held.
pub struct Inspection {
    inspector: Arc<Inspector>,
    /// None once it was given back.
    transaction: Option<Transaction>,
    seen_bytes: usize,
    finding: Finding,
    body: BodySeen,
    /// Whether the body is inspected as it passes.
    late: bool,
    held: Option<(Bytes, Held)>,
    /// Since the head of the request was complete.
    elapsed: Duration,
}

impl Inspection {
    /// Opens an inspection and shows it the head.
    pub(crate) fn open(inspector: &Arc<Inspector>, arrival: &Arrival<'_>, exchange: &Exchange) -> Self {
        let mut inspection = Self {
            inspector: Arc::clone(inspector),
            transaction: Some(inspector.rules.take()),
            seen_bytes: 0,
            finding: Finding::Passed,
            body: BodySeen::None,
            late: false,
            held: None,
            elapsed: Duration::ZERO,
        };
        inspection.show_head(arrival, exchange);
        inspection
    }

    /// Begins anew with the same head, for a body that is inspected while it passes.
    ///
    /// # Errors
    /// What the rules refuse.
    pub fn reopen(&mut self, arrival: &Arrival<'_>, exchange: &Exchange) -> Result<(), Reason> {
        self.finding = Finding::Passed;
        self.show_head(arrival, exchange);
        self.judge_head()
    }

    fn show_head(&mut self, arrival: &Arrival<'_>, exchange: &Exchange) {
        let Some(transaction) = &mut self.transaction else { return };
        let id = exchange.id.to_string();
        let now = exchange.received.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let here = (IpAddr::V4(Ipv4Addr::UNSPECIFIED), PORT);
        transaction.open(&Opening { id: &id, now, client: (exchange.connection.address, 0), server: here });
        transaction.set_duration(self.elapsed);
        transaction.set_engine(match self.inspector.mode {
            Mode::Detect => Engine::DetectionOnly,
            Mode::Block => Engine::On,
        });
        transaction.set_tx(INBOUND_THRESHOLD, &self.inspector.thresholds.inbound.to_string());
        transaction.set_tx(OUTBOUND_THRESHOLD, &self.inspector.thresholds.outbound.to_string());
        if let Some(facts) = &exchange.facts
            && !self.inspector.exclusions.is_empty()
        {
            let readings = facts.target.readings();
            let holding =
                self.inspector.exclusions.iter().filter(|one| one.holds(&readings, exchange.received));
            holding.for_each(|exclusion| transaction.exclude(&exclusion.what));
        }
        let head = arrival.head;
        transaction.request_line(head.method.as_str().as_bytes(), arrival.target, protocol(head.version));
        // HTTP/2 has the host in `:authority`; rules look for it where HTTP/1.1 has it.
        if let Some(authority) = head.uri.authority().filter(|_| !head.headers.contains_key(header::HOST)) {
            transaction.request_header(b"host", authority.as_str().as_bytes());
        }
        for (name, value) in &head.headers {
            // A token that was verified is no text of the caller's, and does not reach the source.
            if name != header::AUTHORIZATION
                || exchange.holder.as_ref().is_none_or(|holder| holder.subject.is_none())
            {
                transaction.request_header(name.as_str().as_bytes(), value.as_bytes());
            }
        }
    }

    /// Says how long the exchange has lasted, for rules that ask.
    pub fn lasted(&mut self, elapsed: Duration) {
        self.elapsed = elapsed;
        if let Some(transaction) = &mut self.transaction {
            transaction.set_duration(elapsed);
        }
    }

    /// Judges the head: phase 1.
    pub(crate) fn judge_head(&mut self) -> Result<(), Reason> {
        let verdict = self.transaction.as_mut().map(Transaction::phase1);
        self.settle(verdict, Reason::Inspection)
    }

    /// The largest body that is inspected, in bytes.
    #[must_use]
    pub fn body_limit(&self) -> u64 {
        self.takes_body().unwrap_or(self.inspector.body.limit)
    }

    /// How many bytes of body the rules take; none if they take no body.
    pub(crate) fn takes_body(&self) -> Option<u64> {
        let transaction = self.transaction.as_ref().filter(|transaction| transaction.wants_request_body())?;
        let limit = u64::try_from(transaction.request_body_limit()).unwrap_or(u64::MAX);
        Some(limit.min(self.inspector.body.limit))
    }

    /// Says what is seen of the body.
    pub fn see(&mut self, body: BodySeen) {
        self.body = body;
        self.late |= body == BodySeen::Later;
    }

    /// Whether the body is inspected while it passes.
    #[must_use]
    pub fn is_late(&self) -> bool {
        self.late
    }

    /// Shows it a piece of the body.
    ///
    /// # Errors
    /// When the body is larger than what is inspected.
    pub fn piece(&mut self, piece: &[u8]) -> Result<(), Reason> {
        self.seen_bytes = self.seen_bytes.saturating_add(piece.len());
        let verdict = self.transaction.as_mut().map(|transaction| transaction.request_body(piece));
        self.settle(verdict, Reason::Inspection)
    }

    /// Judges the request as a whole: phase 2.
    pub(crate) fn judge_request(&mut self) -> Result<(), Reason> {
        let verdict = self.transaction.as_mut().map(Transaction::phase2);
        self.settle(verdict, Reason::Inspection)
    }

    /// Keeps the body that was shown, for whoever sends it on.
    pub(crate) fn keep_body(&mut self, held: Held) {
        if let Some(transaction) = &mut self.transaction {
            self.held = Some((transaction.take_request_body().into(), held));
        }
    }

    /// The body, if all of it was read; the source gets these bytes.
    #[must_use]
    pub fn body(&self) -> Option<&Bytes> {
        self.held.as_ref().map(|(body, _)| body)
    }

    /// Nothing more is asked of it: its transaction may serve another request. The body stays.
    pub fn rest(&mut self) {
        if let Some(transaction) = self.transaction.take() {
            self.inspector.rules.give_back(transaction, self.seen_bytes);
        }
    }

    /// How the source is inspected.
    #[must_use]
    pub fn inspector(&self) -> &Arc<Inspector> {
        &self.inspector
    }

    /// Shows it the head of the answer and judges that: phase 3. Whether the rules look into the body.
    ///
    /// # Errors
    /// What the rules refuse.
    pub fn judge_answer_head(
        &mut self,
        status: StatusCode,
        version: Version,
        headers: &HeaderMap,
    ) -> Result<bool, Reason> {
        self.finding = Finding::Passed;
        self.body = BodySeen::None;
        let verdict = self.transaction.as_mut().map(|transaction| {
            transaction.response_line(status.as_u16(), protocol(version));
            for (name, value) in headers {
                transaction.response_header(name.as_str().as_bytes(), value.as_bytes());
            }
            transaction.phase3()
        });
        self.settle(verdict, Reason::AnswerInspection)?;
        Ok(self.transaction.as_ref().is_some_and(Transaction::wants_response_body))
    }

    /// The largest answer that the rules take, in bytes.
    #[must_use]
    pub fn answer_limit(&self) -> u64 {
        let limit = self.transaction.as_ref().map_or(0, Transaction::response_body_limit);
        u64::try_from(limit).unwrap_or(u64::MAX)
    }

    /// Judges the answer as a whole: phase 4. `body` is without transfer and content coding.
    ///
    /// # Errors
    /// What the rules refuse.
    pub fn judge_answer(&mut self, body: &[u8]) -> Result<(), Reason> {
        self.body = BodySeen::Whole;
        self.seen_bytes = self.seen_bytes.saturating_add(body.len());
        let verdict = self.transaction.as_mut().map(|transaction| transaction.response_body(body));
        self.settle(verdict, Reason::AnswerInspection)?;
        let verdict = self.transaction.as_mut().map(Transaction::phase4);
        self.settle(verdict, Reason::AnswerInspection)
    }

    /// Says that the body of the answer is not inspected, and why; refused if the mode is to block and the source's file says so.
    ///
    /// # Errors
    /// [`Reason::AnswerUninspected`].
    pub fn leave_answer(&mut self, why: BodySeen, pass: super::Pass) -> Result<(), Reason> {
        self.body = why;
        if self.inspector.mode == Mode::Block && pass == super::Pass::Refuse {
            self.finding = Finding::Refused;
            return Err(Reason::AnswerUninspected);
        }
        // Phase 4 judges what is known without the body, too.
        let verdict = self.transaction.as_mut().map(Transaction::phase4);
        self.settle(verdict, Reason::AnswerInspection)
    }

    /// The inbound anomaly score so far.
    pub(crate) fn score(&self) -> u32 {
        let score = self.transaction.as_ref().map_or(0, |transaction| transaction.scores().inbound);
        u32::try_from(score.max(0)).unwrap_or(u32::MAX)
    }

    /// What was found in the request.
    #[must_use]
    pub fn request_report(&self) -> Option<Box<Report>> {
        self.report(Half::Request)
    }

    /// What was found in the answer.
    #[must_use]
    pub fn answer_report(&self) -> Option<Box<Report>> {
        self.report(Half::Answer)
    }

    fn report(&self, half: Half) -> Option<Box<Report>> {
        let transaction = self.transaction.as_ref()?;
        Some(Box::new(Report::of(&self.inspector, transaction, half, self.finding, self.body)))
    }

    /// What a verdict means in this mode. Without a transaction there is none, and that refuses.
    fn settle(&mut self, verdict: Option<Verdict>, refused: Reason) -> Result<(), Reason> {
        let interruption = match verdict {
            None => return Err(Reason::Internal),
            Some(Verdict::Interrupt(interruption)) => interruption,
            Some(Verdict::Continue) => {
                let would =
                    |transaction: &Transaction| transaction.matches().iter().any(|found| found.disruptive);
                if self.finding == Finding::Passed && self.transaction.as_ref().is_some_and(would) {
                    self.finding = Finding::Detected;
                }
                return Ok(());
            }
        };
        let (finding, reason) = match interruption.kind {
            InterruptionKind::Deny
            | InterruptionKind::Drop
            | InterruptionKind::Redirect(_)
            | InterruptionKind::Uninspected(_) => (Finding::Refused, refused),
            InterruptionKind::Exhausted => (Finding::Exhausted, Reason::InspectionExhausted),
            InterruptionKind::BodyTooLarge if refused == Reason::AnswerInspection => {
                (Finding::Exhausted, Reason::AnswerUninspected)
            }
            InterruptionKind::BodyTooLarge => (Finding::Exhausted, Reason::BodyTooLarge),
            InterruptionKind::TooManyHeaders if refused == Reason::AnswerInspection => {
                (Finding::Exhausted, Reason::AnswerUninspected)
            }
            InterruptionKind::TooManyHeaders => {
                (Finding::Exhausted, Reason::Protocol(ProtocolFault::HeadTooLarge))
            }
        };
        if self.inspector.mode == Mode::Block {
            self.finding = finding;
            return Err(reason);
        }
        self.finding = if finding == Finding::Refused { Finding::Detected } else { finding };
        Ok(())
    }
}

impl Drop for Inspection {
    fn drop(&mut self) {
        self.rest();
    }
}

impl fmt::Debug for Inspection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inspection")
            .field("finding", &self.finding)
            .field("body", &self.body)
            .finish_non_exhaustive()
    }
}

fn protocol(version: Version) -> &'static [u8] {
    match version {
        Version::HTTP_2 => b"HTTP/2.0",
        Version::HTTP_10 => b"HTTP/1.0",
        _ => b"HTTP/1.1",
    }
}
