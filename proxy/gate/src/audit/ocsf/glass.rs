//! A broken glass as Authorize Session (3003), its review as Entity Management (3004).

use serde::Serialize;

use super::{
    entity::{Entity, Managed},
    envelope::{Envelope, Event},
    event::{Device, Endpoint, Message, Metadata, User},
    text::{Cut, name, timestamp},
    words,
};
use crate::audit::glass::{BrokenGlass, Review};

/// `metadata.event_code` of a broken glass.
pub(crate) const BREAK_GLASS: &str = "break_glass";
/// `metadata.event_code` of its review.
pub(crate) const REVIEW: &str = "review";

const ASSIGN_PRIVILEGES: u32 = 1;
const UPDATE: u32 = 3;
/// An officer's own words.
const WORDS_BYTES: usize = 2048;

/// What Authorize Session has beside the envelope.
#[derive(Serialize)]
pub(super) struct Broken<'a> {
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
pub(super) fn broken<'a>(broken: &'a BrokenGlass, id: &'a str) -> Event<'a, Broken<'a>> {
    let glass = &broken.glass;
    let message = Message { what: "the glass was broken", why: Some(&glass.reason) };
    let metadata = Metadata::new(BREAK_GLASS, Some(id));
    Event {
        envelope: Envelope {
            severity_id: words::SEVERITY_HIGH,
            is_alert: true,
            ..Envelope::new(words::AUTHORIZE_SESSION, ASSIGN_PRIVILEGES, broken.time, message, metadata)
        },
        body: Broken {
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
        },
    }
}

#[derive(Serialize)]
pub(super) struct Found<'a> {
    code: &'a str,
    glass: &'a str,
    /// Who had broken it.
    officer: Cut<'a>,
    /// Who looked into it: at the machine by their own word, and the actor is who the machine knows.
    reviewer: Cut<'a>,
    finding: Cut<'a>,
}

/// The event of a review; `id` is what names who reviews.
pub(super) fn reviewed<'a>(review: &'a Review, id: &'a str) -> Event<'a, Managed<'a, Found<'a>>> {
    let message = Message { what: "a broken glass was reviewed", why: Some(&review.code) };
    let metadata = Metadata::new(REVIEW, None);
    let entity = Entity { name: Some(name(&review.code)), kind: "Broken glass", uid: None };
    let found = Found {
        code: &review.code,
        glass: &review.request,
        officer: name(&review.officer),
        reviewer: name(&review.reviewer),
        finding: Cut(&review.finding, Review::LIMIT_BYTES),
    };
    Event {
        envelope: Envelope::new(words::ENTITY_MANAGEMENT, UPDATE, review.time, message, metadata),
        body: Managed::by(&review.by, id, entity, found),
    }
}
