//! What is written down of a request: its Decision before anything is forwarded, its Outcome at the end.
//!
//! The two share a request id. Neither holds a query string, a body, a token or a cookie.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use poort_identity::token::Subject;
use poort_policy::{DeviceFacts, Disagreement, Question, RequestContext};
use smallvec::SmallVec;

use crate::{
    arrival::Connection,
    data_subject::{self, Named},
    exchange::{Exchange, RequestId, Step},
    inspect::{Inspection, Report},
    pipeline::{Admission, Answer},
    reason::Reason,
};

/// What was decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It may go to its source.
    Allow,
    /// The gate answered itself.
    Answer,
    /// It was refused.
    Refuse(Reason),
}

impl Verdict {
    /// The verdict of an admission.
    #[must_use]
    pub fn of(admission: &Admission) -> Self {
        match admission {
            Admission::Permit(_) => Self::Allow,
            Admission::Answer(Answer::Preflight(_) | Answer::Own(_) | Answer::SignIn(_)) => Self::Answer,
            Admission::Refusal(refusal) => Self::Refuse(refusal.reason.clone()),
        }
    }

    /// The word in records and metrics.
    #[must_use]
    pub const fn outcome(&self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Answer => "answer",
            Self::Refuse(_) => "refuse",
        }
    }
}

/// The first record of a request: who asked for what, and what was decided. Final before anything is forwarded.
#[derive(Debug)]
pub struct Decision {
    /// The request's name.
    pub id: RequestId,
    /// When its head was complete.
    pub received: SystemTime,
    /// The connection, with the device certificate.
    pub connection: Connection,
    /// Method, host and path; none if the message had no single reading.
    pub request: Option<Request>,
    /// The source's id.
    pub source: Option<Arc<str>>,
    /// The device's posture.
    pub device: Option<DeviceFacts>,
    /// The verified token's subject.
    pub subject: Option<Arc<Subject>>,
    /// Whom the request is about.
    pub subjects: Named,
    /// What the policies were asked, whole but for [`Self::subjects`], for whom their pseudonyms stand.
    pub question: Option<Question>,
    /// What the policies said.
    pub policy: Option<poort_policy::Decision>,
    /// The glass that was broken for it: the request in which it was.
    pub glass: Option<RequestId>,
    /// What inspection found in the request; none if it was not inspected.
    pub inspection: Option<Box<Report>>,
    /// The verdict.
    pub verdict: Verdict,
    /// How the checks went.
    pub steps: SmallVec<[Step; 8]>,
}

/// A request line in its normal form, without the query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The method.
    pub method: http::Method,
    /// The host.
    pub host: String,
    /// The path.
    pub path: String,
    /// The HTTP version.
    pub version: http::Version,
}

impl Decision {
    /// Closes the decided part of an exchange into its record. What the rest of the request needs stays in it.
    #[must_use]
    pub fn of(exchange: &mut Exchange, verdict: Verdict) -> Self {
        let (mut question, policy) = exchange.asked.take().unzip();
        let mut request = exchange.facts.as_ref().map(|facts| Request {
            method: facts.method.clone(),
            host: facts.host.clone(),
            path: facts.target.path.clone(),
            version: facts.version,
        });
        let subjects = name_subjects(exchange, request.as_mut(), question.as_mut());
        Self {
            id: exchange.id,
            received: exchange.received,
            connection: exchange.connection.clone(),
            request,
            source: exchange.source().map(|source| Arc::clone(&source.id)),
            device: exchange.device.clone(),
            subject: exchange.holder.as_ref().and_then(|holder| holder.subject.clone()),
            subjects,
            question,
            policy,
            glass: exchange.stated.glass.as_ref().map(|glass| glass.id),
            inspection: exchange.inspection.as_deref().and_then(Inspection::request_report),
            verdict,
            steps: std::mem::take(&mut exchange.steps),
        }
    }
}

/// Whom a request is about, where its source's file says so; what names them is taken out of what is written down.
fn name_subjects(
    exchange: &mut Exchange,
    request: Option<&mut Request>,
    question: Option<&mut Question>,
) -> Named {
    let source = exchange.source().cloned();
    let (Some(subjects), Some(request)) =
        (source.as_deref().and_then(|source| source.data_subjects.as_ref()), request)
    else {
        return Named::default();
    };
    let body = exchange.inspection.as_deref().and_then(Inspection::body).map(|body| &**body);
    let Some(meaning) = &mut exchange.meaning else {
        data_subject::cover_numbers(&mut request.path);
        return Named::default();
    };
    // Once the question was put, it has the captures.
    let (captures, path) = match question.map(|question| &mut question.context.request) {
        Some(RequestContext { captures, path, .. }) => (captures, Some(path)),
        None => (&mut meaning.captures, None),
    };
    let asked = subjects.asked(captures, body, data_subject::RECORDED);
    let mut paths: SmallVec<[&mut String; 2]> = [&mut request.path].into_iter().chain(path).collect();
    subjects.cover(captures, &mut paths);
    asked
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The whole answer was sent.
    Complete,
    /// The source cut its answer short, and so did the gate.
    SourceCut,
    /// The client went away.
    ClientGone,
    /// A stream was ended because it was not admitted again.
    NotReadmitted,
    /// The gate was stopped or failed in between.
    Aborted,
}

impl End {
    /// The word in records.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::SourceCut => "source_cut",
            Self::ClientGone => "client_gone",
            Self::NotReadmitted => "not_readmitted",
            Self::Aborted => "aborted",
        }
    }
}

/// The second record of a request: what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The request's name.
    pub id: RequestId,
    /// When it ended.
    pub ended: SystemTime,
    /// The source's id.
    pub source: Option<Arc<str>>,
    /// The status sent to the client; none if none was.
    pub status: Option<u16>,
    /// Connections tried to the source.
    pub attempts: u32,
    /// Request body, in bytes.
    pub received_bytes: u64,
    /// Response body, in bytes.
    pub sent_bytes: u64,
    /// From the head's arrival to the end.
    pub duration: Duration,
    /// Whom the answer is about.
    pub subjects: Named,
    /// What inspection found in the answer, or in a body that it saw only as it passed.
    pub inspection: Option<Box<Report>>,
    /// What policies that do not count would have said of such a body.
    pub disagreements: Vec<Disagreement>,
    /// SHA-256 of the request's body, where a policy asks for it and the body was whole.
    pub body_sha256: Option<Box<[u8; 32]>>,
    /// How it ended.
    pub end: End,
    /// Why it failed after it had been allowed.
    pub failure: Option<Reason>,
}
