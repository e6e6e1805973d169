//! A look at the record, or a source examined in the gate's name, as Entity Management (3004).

use serde::{Serialize, Serializer};

use super::{
    entity::{Entity, Managed},
    envelope::{Envelope, Event},
    event::{Message, Metadata},
    text::{Cut, name},
    words,
};
use crate::audit::access::Access;

/// `metadata.event_code` of a look at the record.
pub(super) const ACCESS: &str = "access";

const READ: u32 = 2;

#[derive(Serialize)]
pub(super) struct Unmapped<'a> {
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
pub(super) fn event<'a>(access: &'a Access, id: &'a str) -> Event<'a, Managed<'a, Unmapped<'a>>> {
    let reason = access.reason.as_deref();
    let (entity, what) = match (&access.source, access.refused) {
        (None, false) => (Entity::RECORD, "record consulted"),
        (None, true) => (Entity::RECORD, "look at the record refused"),
        (Some(source), _) => {
            (Entity { name: Some(name(source)), kind: "Source", uid: None }, "source examined")
        }
    };
    let message = Message { what, why: reason };
    let looked = Envelope {
        count: Some(access.shown),
        ..Envelope::new(words::ENTITY_MANAGEMENT, READ, access.time, message, Metadata::new(ACCESS, None))
    };
    let unmapped = Unmapped {
        command: name(&access.command),
        reason: reason.map(|reason| Cut(reason, Access::LIMIT_BYTES)),
        wanted: Wanted(&access.wanted),
    };
    Event {
        envelope: if access.refused { looked.unauthorized() } else { looked },
        body: Managed::by(&access.by, id, entity, unmapped),
    }
}
