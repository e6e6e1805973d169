//! An Outcome as an event.

use std::time::SystemTime;

use poort_enforce::{
    exchange::RequestId,
    reason::Reason,
    record::{End, Outcome},
};
use poort_policy::Disagreement;
use serde::Serialize;

use super::{
    Form,
    envelope::{Envelope, Event},
    event::{Endpoint, HttpActivity, HttpResponse, Message, Metadata, OUTCOME, Traffic},
    inspection::{Inspection, is_zero},
    subject::{About, about},
    text::{Hex, Shown, micros},
    words,
};

/// The end of a request that nobody saw ending.
const UNKNOWN: &str = "unknown";

/// What OCSF has no word for.
#[derive(Default, Serialize)]
pub(super) struct Unmapped<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<&'a str>,
    end: &'static str,
    /// Of the answer, or of a body that was inspected as it passed.
    #[serde(skip_serializing_if = "Option::is_none")]
    waf: Option<Inspection<'a>>,
    /// Of the request's body.
    #[serde(skip_serializing_if = "Option::is_none")]
    body_sha256: Option<Hex>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    disagreements: &'a [Disagreement],
    /// Whom the answer is about.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    subjects: Vec<About>,
    /// How many more it is about.
    #[serde(skip_serializing_if = "is_zero")]
    more_subjects: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempts: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    duration_us: Option<u64>,
}

/// The event of an outcome. `id` is the request's name as text.
pub(super) fn event<'a>(
    outcome: &'a Outcome,
    id: &'a str,
    form: Form,
) -> Event<'a, HttpActivity<'a, Unmapped<'a>>> {
    let (subjects, more_subjects) = about(&outcome.subjects, form);
    let unmapped = Unmapped {
        code: Some(RequestId(outcome.id.0).code()),
        source: outcome.source.as_deref(),
        end: outcome.end.code(),
        waf: outcome.inspection.as_deref().map(|report| Inspection::of(Some(report), form)),
        body_sha256: outcome.body_sha256.as_deref().map(|sum| Hex::of(sum)),
        disagreements: if form.is_whole() { &outcome.disagreements } else { &[] },
        subjects,
        more_subjects,
        failure: outcome.failure.as_ref().map(Reason::code),
        attempts: Some(outcome.attempts),
        duration_us: Some(micros(outcome.duration)),
    };
    Event {
        envelope: envelope(outcome, id, form),
        body: HttpActivity {
            http_response: outcome.status.map(|code| HttpResponse { code }),
            traffic: Some(Traffic { bytes_in: outcome.received_bytes, bytes_out: outcome.sent_bytes }),
            ..HttpActivity::at(Endpoint::of_source(outcome.source.as_deref()), unmapped)
        },
    }
}

/// The event of an outcome that nobody saw.
pub(super) fn unknown<'a>(
    id: &'a str,
    source: Option<&'a str>,
    now: SystemTime,
) -> Event<'a, HttpActivity<'a, Unmapped<'a>>> {
    let unmapped = Unmapped { source, end: UNKNOWN, ..Unmapped::default() };
    Event { envelope: ended(id, now, UNKNOWN), body: HttpActivity::at(Endpoint::of_source(source), unmapped) }
}

fn envelope<'a>(outcome: &'a Outcome, id: &'a str, form: Form) -> Envelope<'a> {
    let failure = outcome.failure.as_ref();
    let failed = failure.is_some() || outcome.end != End::Complete;
    let severity_id = severity(outcome.end, failure);
    let start = outcome.ended.checked_sub(outcome.duration).unwrap_or(outcome.ended);
    let ended = ended(id, outcome.ended, failure.map_or(outcome.end.code(), Reason::code));
    Envelope {
        severity_id,
        is_alert: severity_id >= words::SEVERITY_HIGH,
        disposition_id: failure
            .map_or(words::DISPOSITION_LOGGED, |reason| words::disposition(reason.class())),
        status_id: if failed { words::STATUS_FAILURE } else { words::STATUS_SUCCESS },
        status_code: outcome.status.map(Shown),
        duration: Some(u64::try_from(outcome.duration.as_millis()).unwrap_or(u64::MAX)),
        metadata: Metadata::new(OUTCOME, Some(id)).in_form(form),
        ..ended.between(start, outcome.ended)
    }
}

/// Of a request of which no more is known than that, and how, it ended. The method is in the decision.
fn ended<'a>(id: &'a str, time: SystemTime, end: &'static str) -> Envelope<'a> {
    let message = Message { what: "request ended", why: Some(end) };
    Envelope {
        severity_id: words::SEVERITY_LOW,
        action_id: words::ACTION_OBSERVED,
        disposition_id: words::DISPOSITION_LOGGED,
        status_id: words::STATUS_UNKNOWN,
        status_detail: Some(end),
        ..Envelope::new(words::HTTP_ACTIVITY, 0, time, message, Metadata::new(OUTCOME, Some(id)))
    }
}

fn severity(end: End, failure: Option<&Reason>) -> u32 {
    let ended = match end {
        End::Complete | End::ClientGone => words::SEVERITY_INFORMATIONAL,
        End::NotReadmitted | End::SourceCut | End::Aborted => words::SEVERITY_LOW,
    };
    failure.map_or(ended, |reason| words::severity(reason.class()).max(ended))
}
