//! The end of a request, written down whatever ends it.

use std::{
    mem,
    sync::Arc,
    time::{Instant, SystemTime},
};

use http::StatusCode;
use poort_enforce::{
    data_subject::Named,
    exchange::{Exchange, RequestId},
    inspect::Report,
    reason::Reason,
    record::{End, Outcome},
};
use poort_policy::Disagreement;

use crate::{
    audit::{Audit, Record},
    metrics::{Failure, Metrics},
};

/// An outcome that is not known yet. Dropped before it is closed, it says that the request was aborted: a panic and a cut connection
/// have a record too.
pub struct OpenOutcome {
    audit: Arc<Audit>,
    metrics: Arc<Metrics>,
    started: Instant,
    request: Option<(RequestId, Option<Arc<str>>)>,
    /// Connections tried to the source.
    pub attempts: u32,
    /// Request body, in bytes.
    pub received_bytes: u64,
    failure: Option<Reason>,
    allowed: bool,
    /// What inspection found after the decision.
    pub inspection: Option<Box<Report>>,
    /// What policies that do not count would have said of a body that was inspected as it passed.
    pub disagreements: Vec<Disagreement>,
    /// SHA-256 of the request's body, where it is owed and was whole.
    pub body_sha256: Option<[u8; 32]>,
    /// Whom the answer is about.
    pub subjects: Named,
    not_readmitted: bool,
}

impl OpenOutcome {
    /// Of a request that has just arrived.
    #[must_use]
    pub fn new(audit: Arc<Audit>, metrics: Arc<Metrics>) -> Self {
        Self {
            audit,
            metrics,
            started: Instant::now(),
            request: None,
            attempts: 0,
            received_bytes: 0,
            failure: None,
            allowed: false,
            inspection: None,
            disagreements: Vec::new(),
            body_sha256: None,
            subjects: Named::default(),
            not_readmitted: false,
        }
    }

    /// Its decision is written: from now on it will have an outcome.
    pub fn open(&mut self, exchange: &Exchange) {
        self.request = Some((exchange.id, exchange.source().map(|source| Arc::clone(&source.id))));
    }

    /// It may go to its source: what fails from now on is a failure.
    pub fn allowed(&mut self) {
        self.allowed = true;
    }

    /// It failed, after it had been allowed or because it was not; the first reason counts.
    pub fn fail(&mut self, reason: Reason) {
        self.failure.get_or_insert(reason);
    }

    /// Its stream was not admitted again.
    pub fn not_readmitted(&mut self) {
        self.not_readmitted = true;
    }

    /// It has ended. `client_fault` says whose side an error was on.
    pub fn close(
        &mut self,
        source: Option<&str>,
        status: Option<StatusCode>,
        sent_bytes: u64,
        client_fault: Option<bool>,
    ) {
        let failure = self.failure.as_ref().filter(|_| self.allowed).zip(self.request.as_ref());
        let failure = failure.map(|(reason, (request, _))| Failure {
            at: SystemTime::now(),
            request: *request,
            reason: reason.code(),
        });
        self.metrics.ended(source, status, self.started.elapsed(), failure);
        let end = match (self.not_readmitted, client_fault) {
            (true, _) => End::NotReadmitted,
            (_, None) => End::Complete,
            (_, Some(true)) => End::ClientGone,
            (_, Some(false)) if sent_bytes > 0 && status.is_some_and(|status| status.is_success()) => {
                End::SourceCut
            }
            (_, Some(false)) => End::Complete,
        };
        self.write(status, sent_bytes, end);
    }

    fn write(&mut self, status: Option<StatusCode>, sent_bytes: u64, end: End) {
        let Some((id, source)) = self.request.take() else { return };
        let outcome = Outcome {
            id,
            ended: SystemTime::now(),
            source,
            status: status.map(|status| status.as_u16()),
            attempts: self.attempts,
            received_bytes: self.received_bytes,
            sent_bytes,
            duration: self.started.elapsed(),
            end,
            subjects: mem::take(&mut self.subjects),
            inspection: self.inspection.take(),
            disagreements: mem::take(&mut self.disagreements),
            body_sha256: self.body_sha256.map(Box::new),
            failure: self.failure.take(),
        };
        if self.audit.append(Record::Outcome(outcome)).is_err() {
            self.metrics.outcomes_refused.inc();
        }
    }
}

impl Drop for OpenOutcome {
    fn drop(&mut self) {
        self.write(None, 0, End::Aborted);
    }
}
