//! Records that were retired, as Entity Management (3004).

use serde::{Deserialize, Serialize};

use super::{
    access::endpoint,
    event::{Actor, Endpoint, Message, Metadata, User},
    text::{Shown, timestamp},
    words,
};
use crate::audit::retirement::{Retirement, Rule};

/// `metadata.event_code` of records that were retired.
pub(crate) const RETIREMENT: &str = "retirement";

const CLASS: u32 = 3004;
/// Identity and Access Management.
const CATEGORY: u32 = 3;
const DELETE: u32 = 4;
/// How the line of every event of the class begins.
const BEGINNING: &[u8] = b"{\"class_uid\":3004,";

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
    entity: Entity,
    src_endpoint: Endpoint<'a>,
    unmapped: Unmapped<'a>,
}

#[derive(Serialize)]
struct Entity {
    name: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
}

#[derive(Serialize)]
struct Unmapped<'a> {
    retirement: &'a str,
    rules: &'a [Rule],
    ranges: &'a [(u64, u64)],
}

/// The event of a retirement; `id` is what names who had it done.
pub(super) fn event<'a>(retirement: &'a Retirement, id: &'a str) -> Event<'a> {
    Event {
        class_uid: CLASS,
        category_uid: CATEGORY,
        activity_id: DELETE,
        type_uid: CLASS * 100 + DELETE,
        time: timestamp(retirement.time),
        count: retirement.ranges.iter().map(|(first, last)| last - first + 1).sum(),
        severity_id: words::SEVERITY_INFORMATIONAL,
        action_id: words::ACTION_ALLOWED,
        disposition_id: words::DISPOSITION_ALLOWED,
        is_alert: false,
        status_id: words::STATUS_SUCCESS,
        message: Shown(Message { what: "records retired", why: None }),
        metadata: Metadata::new(RETIREMENT, None),
        actor: Actor::of(User::person(id, retirement.by.called())),
        entity: Entity { name: "audit", kind: "Record" },
        src_endpoint: endpoint(&retirement.by),
        unmapped: Unmapped {
            retirement: &retirement.id,
            rules: &retirement.rules,
            ranges: &retirement.ranges,
        },
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
