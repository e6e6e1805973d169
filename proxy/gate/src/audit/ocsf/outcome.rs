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
    event::{Endpoint, Event, HttpResponse, Message, Metadata, OUTCOME, Traffic},
    inspection::{Inspection, is_zero},
    subject::About,
    text::{Hex, Shown, micros, timestamp},
    words,
};

/// The end of a request that nobody saw ending.
const UNKNOWN: &str = "unknown";

/// What OCSF has no word for.
#[derive(Serialize)]
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
pub(super) fn event<'a>(outcome: &'a Outcome, id: &'a str) -> Event<'a, Unmapped<'a>> {
    let failure = outcome.failure.as_ref();
    let severity_id = severity(outcome.end, failure);
    let failed = failure.is_some() || outcome.end != End::Complete;
    let took = outcome.duration;
    let start = outcome.ended.checked_sub(took).unwrap_or(outcome.ended);
    Event {
        severity_id,
        is_alert: severity_id >= words::SEVERITY_HIGH,
        disposition_id: failure
            .map_or(words::DISPOSITION_LOGGED, |reason| words::disposition(reason.class())),
        status_id: if failed { words::STATUS_FAILURE } else { words::STATUS_SUCCESS },
        status_code: outcome.status.map(Shown),
        start_time: Some(timestamp(start)),
        end_time: Some(timestamp(outcome.ended)),
        duration: Some(u64::try_from(took.as_millis()).unwrap_or(u64::MAX)),
        http_response: outcome.status.map(|code| HttpResponse { code }),
        traffic: Some(Traffic { bytes_in: outcome.received_bytes, bytes_out: outcome.sent_bytes }),
        unmapped: Unmapped {
            code: Some(RequestId(outcome.id.0).code()),
            source: outcome.source.as_deref(),
            end: outcome.end.code(),
            waf: outcome.inspection.as_deref().map(|report| Inspection::of(Some(report))),
            body_sha256: outcome.body_sha256.as_deref().map(|sum| Hex::of(sum)),
            disagreements: &outcome.disagreements,
            subjects: outcome.subjects.subjects.iter().map(About::of).collect(),
            more_subjects: outcome.subjects.more,
            failure: failure.map(Reason::code),
            attempts: Some(outcome.attempts),
            duration_us: Some(micros(took)),
        },
        ..plain(
            id,
            outcome.source.as_deref(),
            outcome.ended,
            failure.map_or(outcome.end.code(), Reason::code),
        )
    }
}

/// The event of an outcome that nobody saw.
pub(super) fn unknown<'a>(id: &'a str, source: Option<&'a str>, now: SystemTime) -> Event<'a, Unmapped<'a>> {
    plain(id, source, now, UNKNOWN)
}

fn plain<'a>(
    id: &'a str,
    source: Option<&'a str>,
    time: SystemTime,
    end: &'static str,
) -> Event<'a, Unmapped<'a>> {
    Event {
        class_uid: words::CLASS,
        category_uid: words::CATEGORY,
        // The method is in the decision.
        activity_id: 0,
        activity_name: None,
        type_uid: words::CLASS * 100,
        time: timestamp(time),
        start_time: None,
        end_time: None,
        duration: None,
        count: None,
        severity_id: words::SEVERITY_LOW,
        action_id: words::ACTION_OBSERVED,
        disposition_id: words::DISPOSITION_LOGGED,
        is_alert: false,
        status_id: words::STATUS_UNKNOWN,
        status_code: None,
        status_detail: Some(end),
        message: Shown(Message { what: "request ended", why: Some(end) }),
        metadata: Metadata::new(OUTCOME, Some(id)),
        actor: None,
        device: None,
        src_endpoint: None,
        dst_endpoint: Endpoint::of_source(source),
        http_request: None,
        http_response: None,
        traffic: None,
        tls: None,
        policy: None,
        authorizations: vec![],
        unmapped: Unmapped {
            code: None,
            source,
            end,
            waf: None,
            body_sha256: None,
            disagreements: &[],
            subjects: vec![],
            more_subjects: 0,
            failure: None,
            attempts: None,
            duration_us: None,
        },
    }
}

fn severity(end: End, failure: Option<&Reason>) -> u32 {
    let ended = match end {
        End::Complete | End::ClientGone => words::SEVERITY_INFORMATIONAL,
        End::NotReadmitted | End::SourceCut | End::Aborted => words::SEVERITY_LOW,
    };
    failure.map_or(ended, |reason| words::severity(reason.class()).max(ended))
}
