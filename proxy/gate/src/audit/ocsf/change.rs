//! A change of the policies in force, as Entity Management (3004).

use serde::Serialize;

use super::{
    entity::{Entity, Managed},
    envelope::{Envelope, Event},
    event::{Message, Metadata, User},
    text::{Cut, name},
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

/// Who did it, where nobody did.
const NOBODY: &str = "poort";

#[derive(Serialize)]
pub(super) struct Unmapped<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Cut<'a>>,
    /// What a replay of what was asked before said of the policies.
    #[serde(skip_serializing_if = "Option::is_none")]
    replay: Option<Replayed>,
    #[serde(skip_serializing_if = "Option::is_none")]
    over_limit: Option<Cut<'a>>,
}

/// The event of a change; `uid` is its user's number as text.
pub(super) fn event<'a>(change: &'a Change, uid: &'a str) -> Event<'a, Managed<'a, Unmapped<'a>>> {
    // Activate, Update, Deactivate.
    let (activity, severity_id) = match change.act {
        Changed::Applied => (10, words::SEVERITY_INFORMATIONAL),
        Changed::Confirmed | Changed::RolledBack => (3, words::SEVERITY_INFORMATIONAL),
        Changed::Reverted => (11, words::SEVERITY_LOW),
    };
    let act = change.act.as_str();
    let message = Message { what: "policies changed", why: Some(act) };
    let metadata = Metadata::new(CHANGE, None);
    let policies =
        |digest: &'a str| Entity { name: Some(name("policies")), kind: "Policy", uid: Some(name(digest)) };
    let user =
        change.uid.map_or_else(|| User::person(NOBODY, None), |_| User::person(uid, change.user.as_deref()));
    let cut = |text: &'a Option<String>| text.as_deref().map(|text| Cut(text, Access::LIMIT_BYTES));
    let unmapped = Unmapped {
        reason: cut(&change.reason),
        replay: change.replayed,
        over_limit: cut(&change.over_limit),
    };
    Event {
        envelope: Envelope {
            severity_id,
            status_detail: Some(act),
            ..Envelope::new(words::ENTITY_MANAGEMENT, activity, change.time, message, metadata)
        },
        body: Managed::here(user, policies(&change.before), unmapped)
            .became(policies(&change.after))
            .signed_in(change.signed_in.as_deref()),
    }
}
