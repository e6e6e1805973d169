//! Access that was ended or given back, as Entity Management (3004).

use serde::Serialize;

use super::{
    entity::{Entity, Managed},
    envelope::{Envelope, Event},
    event::{Message, Metadata, User},
    text::{Cut, name, timestamp},
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

#[derive(Serialize)]
pub(super) struct Unmapped<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Cut<'a>>,
    /// When it is given back by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<i64>,
}

/// The event; `uid` is its user's number, and `whom` the name, as text.
pub(super) fn event<'a>(
    ended: &'a AccessEnded,
    uid: &'a str,
    whom: &'a str,
) -> Event<'a, Managed<'a, Unmapped<'a>>> {
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
    let became = ended.became.as_str();
    let message = Message { what: "access changed", why: Some(became) };
    let metadata = Metadata::new(ACCESS_ENDED, None);
    let unmapped = Unmapped {
        reason: ended.reason.as_deref().map(|text| Cut(text, Access::LIMIT_BYTES)),
        until: until.map(timestamp),
    };
    let entity = Entity { name: None, kind, uid: Some(name(whom)) };
    Event {
        envelope: Envelope {
            severity_id: words::SEVERITY_LOW,
            status_detail: Some(became),
            ..Envelope::new(words::ENTITY_MANAGEMENT, activity, ended.time, message, metadata)
        },
        body: Managed::here(User::person(uid, ended.user.as_deref()), entity, unmapped)
            .signed_in(ended.signed_in.as_deref()),
    }
}
