//! A finding as Detection Finding (2004).

use serde::Serialize;

use super::{
    event::{Actor, Device, Endpoint, Message, Metadata, User},
    text::{Cut, Hex, Shown, name, timestamp},
    words,
};
use crate::audit::findings::{Detector, Finding};

/// `metadata.event_code` of a finding.
pub(super) const FINDING: &str = "finding";

const CLASS: u32 = 2004;
/// Findings.
const CATEGORY: u32 = 2;
const CREATE: u32 = 1;
/// An analytic that is a rule.
const RULE: u32 = 1;

#[derive(Serialize)]
pub(super) struct Event<'a> {
    class_uid: u32,
    category_uid: u32,
    activity_id: u32,
    type_uid: u32,
    time: i64,
    start_time: i64,
    end_time: i64,
    count: u64,
    severity_id: u32,
    action_id: u32,
    disposition_id: u32,
    is_alert: bool,
    status_id: u32,
    message: Shown<Message<'a>>,
    metadata: Metadata<'a>,
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
pub(super) fn event(finding: &Finding) -> Event<'_> {
    let about = &finding.about;
    let severity_id = severity(about.detector, about.refused);
    let (first, last) = (timestamp(finding.first), timestamp(finding.last));
    Event {
        class_uid: CLASS,
        category_uid: CATEGORY,
        activity_id: CREATE,
        type_uid: CLASS * 100 + CREATE,
        time: last,
        start_time: first,
        end_time: last,
        count: finding.count,
        severity_id,
        action_id: if about.refused { words::ACTION_DENIED } else { words::ACTION_OBSERVED },
        disposition_id: if about.refused { words::DISPOSITION_BLOCKED } else { words::DISPOSITION_LOGGED },
        is_alert: severity_id >= words::SEVERITY_HIGH,
        // New: nobody has looked at it yet.
        status_id: 1,
        message: Shown(Message { what: category(about.detector), why: Some(&finding.title) }),
        metadata: Metadata::new(FINDING, None),
        finding_info: Info {
            uid: format!("{}/{}", category(about.detector), Hex::of(&finding.request.0).as_str()),
            title: name(&finding.title),
            first_seen_time: first,
            last_seen_time: last,
            analytic: Analytic {
                type_id: RULE,
                kind: "Rule",
                uid: name(&about.rule),
                category: category(about.detector),
            },
        },
        actor: about.who.as_deref().map(|who| Actor::of(User::person(who, None))),
        device: about.device.as_deref().map(Device::named),
        evidences: [Evidence { dst_endpoint: Endpoint::of_source(about.source.as_deref()) }],
        unmapped: Unmapped {
            detector: category(about.detector),
            source: about.source.as_deref(),
            request: Hex::of(&finding.request.0),
            code: finding.request.code(),
        },
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
