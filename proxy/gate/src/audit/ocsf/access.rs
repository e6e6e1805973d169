//! A look at the record, or a source examined in the gate's name, as Entity Management (3004).

use serde::{Serialize, Serializer};

use super::{
    event::{Actor, Endpoint, Message, Metadata, User},
    text::{Cut, Shown, name, timestamp},
    words,
};
use crate::audit::access::{Access, Looker};

/// `metadata.event_code` of a look at the record.
pub(super) const ACCESS: &str = "access";

const CLASS: u32 = 3004;
/// Identity and Access Management.
const CATEGORY: u32 = 3;
const READ: u32 = 2;

#[derive(Serialize)]
pub(super) struct Event<'a> {
    class_uid: u32,
    category_uid: u32,
    activity_id: u32,
    type_uid: u32,
    time: i64,
    count: u64,
    severity_id: u32,
    action_id: u32,
    disposition_id: u32,
    is_alert: bool,
    status_id: u32,
    message: Shown<Message<'a>>,
    metadata: Metadata<'a>,
    actor: Actor<'a>,
    entity: Entity<'a>,
    src_endpoint: Endpoint<'a>,
    unmapped: Unmapped<'a>,
}

#[derive(Serialize)]
struct Entity<'a> {
    name: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
}

#[derive(Serialize)]
struct Unmapped<'a> {
    command: Cut<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Cut<'a>>,
    wanted: Wanted<'a>,
}

struct Wanted<'a>(&'a [(String, String)]);

impl Serialize for Wanted<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(what, value)| (name(what), name(value))))
    }
}

/// The event of an access; `id` is what names who looks.
pub(super) fn event<'a>(access: &'a Access, id: &'a str) -> Event<'a> {
    let (severity_id, action_id, disposition_id, status_id, what) = match access.refused {
        false => (
            words::SEVERITY_INFORMATIONAL,
            words::ACTION_ALLOWED,
            words::DISPOSITION_ALLOWED,
            words::STATUS_SUCCESS,
            "record consulted",
        ),
        true => (
            words::SEVERITY_LOW,
            words::ACTION_DENIED,
            words::DISPOSITION_UNAUTHORIZED,
            words::STATUS_FAILURE,
            "look at the record refused",
        ),
    };
    let (entity, what) = match &access.source {
        None => (Entity { name: "audit", kind: "Record" }, what),
        Some(source) => (Entity { name: source, kind: "Source" }, "source examined"),
    };
    Event {
        class_uid: CLASS,
        category_uid: CATEGORY,
        activity_id: READ,
        type_uid: CLASS * 100 + READ,
        time: timestamp(access.time),
        count: access.shown,
        severity_id,
        action_id,
        disposition_id,
        is_alert: false,
        status_id,
        message: Shown(Message { what, why: access.reason.as_deref() }),
        metadata: Metadata::new(ACCESS, None),
        actor: Actor::of(User::person(id, access.by.called())),
        entity,
        src_endpoint: endpoint(&access.by),
        unmapped: Unmapped {
            command: name(&access.command),
            reason: access.reason.as_deref().map(|reason| Cut(reason, Access::LIMIT_BYTES)),
            wanted: Wanted(&access.wanted),
        },
    }
}

/// Where somebody looks from.
pub(super) fn endpoint(by: &Looker) -> Endpoint<'_> {
    match by {
        Looker::Machine { .. } => Endpoint::here(),
        Looker::Console { certificate, address } => {
            Endpoint { name: name(certificate), ip: Some(Shown(*address)), ..Endpoint::here() }
        }
    }
}
