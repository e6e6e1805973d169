//! A broken glass as Authorize Session (3003), its review as Entity Management (3004).

use serde::Serialize;

use super::{
    access::endpoint,
    event::{Actor, Device, Endpoint, Message, Metadata, User},
    text::{Cut, Shown, name, timestamp},
    words,
};
use crate::audit::glass::{BrokenGlass, Review};

/// `metadata.event_code` of a broken glass.
pub(crate) const BREAK_GLASS: &str = "break_glass";
/// `metadata.event_code` of its review.
pub(crate) const REVIEW: &str = "review";

/// Identity and Access Management.
const CATEGORY: u32 = 3;
const AUTHORIZE_SESSION: u32 = 3003;
const ASSIGN_PRIVILEGES: u32 = 1;
const ENTITY_MANAGEMENT: u32 = 3004;
const UPDATE: u32 = 3;
/// An officer's own words.
const WORDS_BYTES: usize = 2048;

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
    message: Shown<Message<'a>>,
    metadata: Metadata<'a>,
    privileges: [&'static str; 1],
    user: User<'a>,
    session: Session<'a>,
    device: Device<'a>,
    dst_endpoint: Endpoint<'a>,
    unmapped: Unmapped<'a>,
}

#[derive(Serialize)]
struct Session<'a> {
    uid: Cut<'a>,
    expiration_time: i64,
}

#[derive(Serialize)]
struct Unmapped<'a> {
    code: String,
    /// The request in which it was broken: decisions that it opened, and its review, name it.
    glass: &'a str,
    source: &'a str,
    reason: Cut<'a>,
    case: Cut<'a>,
}

/// The event of a broken glass; `id` is its request's name as text.
pub(super) fn broken<'a>(broken: &'a BrokenGlass, id: &'a str) -> Event<'a> {
    let glass = &broken.glass;
    Event {
        class_uid: AUTHORIZE_SESSION,
        category_uid: CATEGORY,
        activity_id: ASSIGN_PRIVILEGES,
        type_uid: AUTHORIZE_SESSION * 100 + ASSIGN_PRIVILEGES,
        time: timestamp(broken.time),
        severity_id: words::SEVERITY_HIGH,
        action_id: words::ACTION_ALLOWED,
        disposition_id: words::DISPOSITION_ALLOWED,
        is_alert: true,
        status_id: words::STATUS_SUCCESS,
        message: Shown(Message { what: "the glass was broken", why: Some(&glass.reason) }),
        metadata: Metadata::new(BREAK_GLASS, Some(id)),
        privileges: ["break_glass"],
        user: User::person(&broken.who.id, broken.who.name.as_deref()),
        session: Session { uid: name(&broken.session), expiration_time: timestamp(glass.until) },
        device: Device::named(&broken.device),
        dst_endpoint: Endpoint::of_source(Some(&glass.source)),
        unmapped: Unmapped {
            code: glass.id.code(),
            glass: id,
            source: &glass.source,
            reason: Cut(&glass.reason, WORDS_BYTES),
            case: name(&glass.case),
        },
    }
}

#[derive(Serialize)]
pub(super) struct Reviewed<'a> {
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
    message: Shown<Message<'a>>,
    metadata: Metadata<'a>,
    actor: Actor<'a>,
    entity: Entity<'a>,
    src_endpoint: Endpoint<'a>,
    unmapped: Found<'a>,
}

#[derive(Serialize)]
struct Entity<'a> {
    name: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
}

#[derive(Serialize)]
struct Found<'a> {
    code: &'a str,
    glass: &'a str,
    /// Who had broken it.
    officer: Cut<'a>,
    /// Who looked into it: at the machine by their own word, and the actor is who the machine knows.
    reviewer: Cut<'a>,
    finding: Cut<'a>,
}

/// The event of a review; `id` is what names who reviews.
pub(super) fn reviewed<'a>(review: &'a Review, id: &'a str) -> Reviewed<'a> {
    Reviewed {
        class_uid: ENTITY_MANAGEMENT,
        category_uid: CATEGORY,
        activity_id: UPDATE,
        type_uid: ENTITY_MANAGEMENT * 100 + UPDATE,
        time: timestamp(review.time),
        severity_id: words::SEVERITY_INFORMATIONAL,
        action_id: words::ACTION_ALLOWED,
        disposition_id: words::DISPOSITION_ALLOWED,
        is_alert: false,
        status_id: words::STATUS_SUCCESS,
        message: Shown(Message { what: "a broken glass was reviewed", why: Some(&review.code) }),
        metadata: Metadata::new(REVIEW, None),
        actor: Actor::of(User::person(id, review.by.called())),
        entity: Entity { name: &review.code, kind: "Broken glass" },
        src_endpoint: endpoint(&review.by),
        unmapped: Found {
            code: &review.code,
            glass: &review.request,
            officer: name(&review.officer),
            reviewer: name(&review.reviewer),
            finding: Cut(&review.finding, Review::LIMIT_BYTES),
        },
    }
}
