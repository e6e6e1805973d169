//! Records that were retired, as Entity Management (3004).

use serde::{Deserialize, Serialize};

use super::{
    entity::{Entity, Managed},
    envelope::{Envelope, Event},
    event::{Message, Metadata},
    words,
};
use crate::audit::retirement::{Retirement, Rule};

/// `metadata.event_code` of records that were retired.
pub(crate) const RETIREMENT: &str = "retirement";

const DELETE: u32 = 4;
/// How the line of every event of the class begins.
const BEGINNING: &[u8] = b"{\"class_uid\":3004,";

#[derive(Serialize)]
pub(super) struct Unmapped<'a> {
    retirement: &'a str,
    rules: &'a [Rule],
    ranges: &'a [(u64, u64)],
}

/// The event of a retirement; `id` is what names who had it done.
pub(super) fn event<'a>(retirement: &'a Retirement, id: &'a str) -> Event<'a, Managed<'a, Unmapped<'a>>> {
    let message = Message { what: "records retired", why: None };
    let metadata = Metadata::new(RETIREMENT, None);
    let Retirement { rules, ranges, .. } = retirement;
    let unmapped = Unmapped { retirement: &retirement.id, rules, ranges };
    Event {
        envelope: Envelope {
            count: Some(ranges.iter().map(|(first, last)| last - first + 1).sum()),
            ..Envelope::new(words::ENTITY_MANAGEMENT, DELETE, retirement.time, message, metadata)
        },
        body: Managed::by(&retirement.by, id, Entity::RECORD, unmapped),
    }
}

/// What a line says was retired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Retired {
    /// When, in milliseconds since 1970.
    pub(crate) time: i64,
    pub(crate) id: String,
    pub(crate) rules: Vec<Rule>,
    pub(crate) ranges: Vec<(u64, u64)>,
}

/// Reads a line, if it is of that kind.
pub(crate) fn read(line: &[u8]) -> Option<Retired> {
    #[derive(Deserialize)]
    struct Line {
        time: i64,
        metadata: Kind,
        unmapped: Content,
    }
    #[derive(Deserialize)]
    struct Kind {
        event_code: String,
    }
    #[derive(Deserialize)]
    struct Content {
        retirement: String,
        rules: Vec<Rule>,
        ranges: Vec<(u64, u64)>,
    }
    // Most lines are of other classes, and need no parsing.
    let line: Line = line.starts_with(BEGINNING).then(|| serde_json::from_slice(line).ok())??;
    let Content { retirement, rules, ranges } = line.unmapped;
    (line.metadata.event_code == RETIREMENT).then_some(Retired {
        time: line.time,
        id: retirement,
        rules,
        ranges,
    })
}
