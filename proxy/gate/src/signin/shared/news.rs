//! What gates tell each other: in a stream, so that none misses what was said while it was away.

use poort_identity::session::SessionId;
use redis::{Cmd, cmd};
use serde::{Deserialize, Serialize};

use super::server::key;
use crate::ending::{Ending, Whom};

/// So many are kept for whoever was away; who was longer reads everything again.
const KEPT: usize = 10_000;

/// One thing that happened at a gate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum News {
    /// A session changed: what others remember of it is old.
    Changed(SessionId),
    /// Sessions are over.
    Over(Vec<SessionId>),
    /// Somebody's access was ended.
    Ended(Box<Ending>),
    /// It was given back, at this second since 1970.
    Restored {
        /// Whose.
        whom: Whom,
        /// When.
        at: u64,
    },
}

/// The stream.
pub(super) fn stream() -> String {
    key("news", "1")
}

/// Says it to every gate; `gate` names the one that says it.
pub(super) fn tell(gate: &str, news: &News) -> Cmd {
    let text = serde_json::to_string(news).unwrap_or_default();
    let mut command = cmd("XADD");
    command
        .arg(stream())
        .arg("MAXLEN")
        .arg("~")
        .arg(KEPT)
        .arg("*")
        .arg("gate")
        .arg(gate)
        .arg("news")
        .arg(text);
    command
}

/// The name of the last entry.
pub(super) fn last() -> Cmd {
    let mut command = cmd("XREVRANGE");
    command.arg(stream()).arg("+").arg("-").arg("COUNT").arg(1);
    command
}

/// One entry: its name, and its fields.
pub(super) type Entry = (String, Vec<(String, String)>);

/// What was said after an entry, waited for so long.
pub(super) fn listen(after: &str, wait_millis: u64) -> Cmd {
    let mut command = cmd("XREAD");
    command.arg("BLOCK").arg(wait_millis).arg("COUNT").arg(256).arg("STREAMS").arg(stream()).arg(after);
    command
}

/// The entries of an answer, each with what another gate than `gate` said in it, if that is news of this version.
pub(super) fn read(answer: Option<Vec<(String, Vec<Entry>)>>, gate: &str) -> Vec<(String, Option<News>)> {
    let entries = answer.unwrap_or_default().into_iter().flat_map(|(_, entries)| entries);
    entries
        .map(|(name, fields)| {
            let field = |wanted: &str| fields.iter().find(|(field, _)| field == wanted).map(|(_, text)| text);
            let others = field("gate").is_some_and(|from| from != gate);
            let news = field("news").filter(|_| others).and_then(|text| serde_json::from_str(text).ok());
            (name, news)
        })
        .collect()
}
