//! Access that was ended or given back, as Entity Management (3004).

use serde::Serialize;

use super::{
    event::{Actor, Endpoint, Message, Metadata, User},
    text::{Cut, Shown, name, timestamp},
    words,
};
use crate::{
    audit::{
        access::Access,
        access_ended::{AccessEnded, Became},
    },
    ending::Whom,
};

/// `metadata.event_code` of access that was ended or given back.
pub(super) const ACCESS_ENDED: &str = "access_ended";

const CLASS: u32 = 3004;
/// Identity and Access Management.
const CATEGORY: u32 = 3;

#[derive(Serialize)]
pub(super) struct Event<'a> {
    class_uid: u32,
    category_uid: u32,
    activity_id: u32,
    type_uid: u32,
    time: i64,
    severity_id: u32,
    action_id: u32,
    disposition_id: u32,
    is_alert: bool,
    status_id: u32,
    status_detail: &'static str,
    message: Shown<Message<'a>>,
    metadata: Metadata<'a>,
    actor: Actor<'a>,
    entity: Entity<'a>,
    src_endpoint: Endpoint<'a>,
    unmapped: Unmapped<'a>,
}

/// Whose access it is.
#[derive(Serialize)]
struct Entity<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    uid: Cut<'a>,
}

#[derive(Serialize)]
struct Unmapped<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Cut<'a>>,
    /// When it is given back by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<i64>,
}

/// The event; `uid` is its user's number, and `whom` the name, as text.
pub(super) fn event<'a>(ended: &'a AccessEnded, uid: &'a str, whom: &'a str) -> Event<'a> {
    // Deactivate, Suspend, Resume.
    let (activity, until) = match ended.became {
        Became::Ended => (11, None),
        Became::Blocked { until } => (12, until),
        Became::Restored => (13, None),
    };
    let kind = match ended.whom {
        Whom::Session(_) => "Session",
        Whom::User(_) => "User",
        Whom::Device(_) => "Device",
    };
    Event {
        class_uid: CLASS,
        category_uid: CATEGORY,
        activity_id: activity,
        type_uid: CLASS * 100 + activity,
        time: timestamp(ended.time),
        severity_id: words::SEVERITY_LOW,
        action_id: words::ACTION_ALLOWED,
        disposition_id: words::DISPOSITION_ALLOWED,
        is_alert: false,
        status_id: words::STATUS_SUCCESS,
        status_detail: ended.became.as_str(),
        message: Shown(Message { what: "access changed", why: Some(ended.became.as_str()) }),
        metadata: Metadata::new(ACCESS_ENDED, None),
        actor: Actor::of(User::person(uid, ended.user.as_deref())),
        entity: Entity { kind, uid: name(whom) },
        src_endpoint: Endpoint::here(),
        unmapped: Unmapped {
            reason: ended.reason.as_deref().map(|text| Cut(text, Access::LIMIT_BYTES)),
            until: until.map(timestamp),
        },
    }
}
