//! A change of the policies in force, as Entity Management (3004).

use serde::Serialize;

use super::{
    event::{Actor, Endpoint, Message, Metadata, User},
    text::{Cut, Shown, name, timestamp},
    words,
};
use crate::{
    audit::{
        access::Access,
        change::{Change, Changed},
    },
    live::Replayed,
};

/// `metadata.event_code` of a change of the policies.
pub(super) const CHANGE: &str = "change";

const CLASS: u32 = 3004;
/// Identity and Access Management.
const CATEGORY: u32 = 3;
/// Who did it, where nobody did.
const NOBODY: &str = "poort";

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
    /// What was in force.
    entity: Entity<'a>,
    /// What is.
    entity_result: Entity<'a>,
    src_endpoint: Endpoint<'a>,
    unmapped: Unmapped<'a>,
}

#[derive(Serialize)]
struct Entity<'a> {
    name: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    uid: Cut<'a>,
}

#[derive(Serialize)]
struct Unmapped<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Cut<'a>>,
    /// What a replay of what was asked before said of the policies.
    #[serde(skip_serializing_if = "Option::is_none")]
    replay: Option<Replayed>,
    #[serde(skip_serializing_if = "Option::is_none")]
    over_limit: Option<Cut<'a>>,
}

/// The event of a change; `uid` is its user's number as text.
pub(super) fn event<'a>(change: &'a Change, uid: &'a str) -> Event<'a> {
    // Activate, Update, Deactivate.
    let activity = match change.act {
        Changed::Applied => 10,
        Changed::Confirmed | Changed::RolledBack => 3,
        Changed::Reverted => 11,
    };
    let policies = |digest: &'a str| Entity { name: "policies", kind: "Policy", uid: name(digest) };
    let user =
        change.uid.map_or_else(|| User::person(NOBODY, None), |_| User::person(uid, change.user.as_deref()));
    let cut = |text: &'a Option<String>| text.as_deref().map(|text| Cut(text, Access::LIMIT_BYTES));
    Event {
        class_uid: CLASS,
        category_uid: CATEGORY,
        activity_id: activity,
        type_uid: CLASS * 100 + activity,
        time: timestamp(change.time),
        severity_id: match change.act {
            Changed::Reverted => words::SEVERITY_LOW,
            _ => words::SEVERITY_INFORMATIONAL,
        },
        action_id: words::ACTION_ALLOWED,
        disposition_id: words::DISPOSITION_ALLOWED,
        is_alert: false,
        status_id: words::STATUS_SUCCESS,
        status_detail: change.act.as_str(),
        message: Shown(Message { what: "policies changed", why: Some(change.act.as_str()) }),
        metadata: Metadata::new(CHANGE, None),
        actor: Actor::of(user),
        entity: policies(&change.before),
        entity_result: policies(&change.after),
        src_endpoint: Endpoint::here(),
        unmapped: Unmapped {
            reason: cut(&change.reason),
            replay: change.replayed,
            over_limit: cut(&change.over_limit),
        },
    }
}
