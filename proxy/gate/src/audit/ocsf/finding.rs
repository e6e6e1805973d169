//! A finding as Detection Finding (2004).

use serde::Serialize;

use super::{
    envelope::{Envelope, Event},
    event::{Actor, Device, Endpoint, Message, Metadata, User},
    text::{Cut, Hex, name, timestamp},
    words,
};
use crate::audit::findings::{Detector, Finding};

/// `metadata.event_code` of a finding.
pub(super) const FINDING: &str = "finding";

const CREATE: u32 = 1;
/// An analytic that is a rule.
const RULE: u32 = 1;
/// Nobody has looked at it yet.
const NEW: u32 = 1;

/// What Detection Finding has beside the envelope.
#[derive(Serialize)]
pub(super) struct Found<'a> {
    finding_info: Info<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    actor: Option<Actor<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    device: Option<Device<'a>>,
    evidences: [Evidence<'a>; 1],
    unmapped: Unmapped<'a>,
}

#[derive(Serialize)]
struct Info<'a> {
    uid: String,
    title: Cut<'a>,
    first_seen_time: i64,
    last_seen_time: i64,
    analytic: Analytic<'a>,
}

#[derive(Serialize)]
struct Analytic<'a> {
    type_id: u32,
    #[serde(rename = "type")]
    kind: &'static str,
    uid: Cut<'a>,
    category: &'static str,
}

#[derive(Serialize)]
struct Evidence<'a> {
    dst_endpoint: Endpoint<'a>,
}

#[derive(Serialize)]
struct Unmapped<'a> {
    detector: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<&'a str>,
    /// The last request, as an example.
    request: Hex,
    code: String,
}

/// The event of a finding.
pub(super) fn event(finding: &Finding) -> Event<'_, Found<'_>> {
    let about = &finding.about;
    let category = category(about.detector);
    Event {
        envelope: envelope(finding, category),
        body: Found {
            finding_info: Info {
                uid: format!("{category}/{}", Hex::of(&finding.request.0).as_str()),
                title: name(&finding.title),
                first_seen_time: timestamp(finding.first),
                last_seen_time: timestamp(finding.last),
                analytic: Analytic { type_id: RULE, kind: "Rule", uid: name(&about.rule), category },
            },
            actor: about.who.as_deref().map(|who| Actor::of(User::person(who, None))),
            device: about.device.as_deref().map(Device::named),
            evidences: [Evidence { dst_endpoint: Endpoint::of_source(about.source.as_deref()) }],
            unmapped: Unmapped {
                detector: category,
                source: about.source.as_deref(),
                request: Hex::of(&finding.request.0),
                code: finding.request.code(),
            },
        },
    }
}

fn envelope<'a>(finding: &'a Finding, category: &'static str) -> Envelope<'a> {
    let Finding { about, first, last, .. } = finding;
    let severity_id = severity(about.detector, about.refused);
    let (action_id, disposition_id) = match about.refused {
        true => (words::ACTION_DENIED, words::DISPOSITION_BLOCKED),
        false => (words::ACTION_OBSERVED, words::DISPOSITION_LOGGED),
    };
    let message = Message { what: category, why: Some(&finding.title) };
    let found = Envelope::new(words::DETECTION_FINDING, CREATE, *last, message, Metadata::new(FINDING, None));
    Envelope {
        count: Some(finding.count),
        severity_id,
        action_id,
        disposition_id,
        is_alert: severity_id >= words::SEVERITY_HIGH,
        status_id: NEW,
        ..found.between(*first, *last)
    }
}

const fn category(detector: Detector) -> &'static str {
    match detector {
        Detector::Request => "waf_request",
        Detector::Answer => "waf_answer",
        Detector::Binding => "sign_in_elsewhere",
        Detector::Unusual => "unusual",
        Detector::Glass => "break_glass",
    }
}

/// What a source lets out, what was made for another device, and what was allowed all the same are no longer attempts.
const fn severity(detector: Detector, refused: bool) -> u32 {
    match (detector, refused) {
        (Detector::Request, false) => words::SEVERITY_LOW,
        (Detector::Request, true) => words::SEVERITY_MEDIUM,
        (Detector::Answer, false) => words::SEVERITY_MEDIUM,
        (Detector::Answer, true) => words::SEVERITY_HIGH,
        (Detector::Binding | Detector::Unusual | Detector::Glass, _) => words::SEVERITY_HIGH,
    }
}
