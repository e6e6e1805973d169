//! What strangers did lately, put together from the newest lines of their log.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap},
    path::Path,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde::Deserialize;

use super::file;
use crate::audit::search::{Backwards, SearchFault};

/// So much of the log is read, in bytes: some 8,000 counts.
const DEPTH_BYTES: u64 = 4 << 20;
/// Counts are written by the minute, and within one in no order.
const DISORDER: Duration = Duration::from_secs(120);

/// What strangers did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Did {
    /// They failed a handshake.
    Handshake,
    /// They asked, and were refused.
    Refused,
    /// They asked, and were answered by the gate itself.
    Answered,
}

/// What was counted of one cause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// What they did.
    pub did: Did,
    /// The cause's code.
    pub code: String,
    /// How often.
    pub count: u64,
    /// From how many address prefixes.
    pub prefixes: usize,
    /// The prefix that most of it came from, and how much.
    pub most: (String, u64),
    /// When first, in milliseconds since 1970.
    pub first: i64,
    /// When last.
    pub last: i64,
}

#[derive(Deserialize)]
struct Line<'a> {
    class_uid: u32,
    start_time: i64,
    end_time: i64,
    count: u64,
    action_id: u32,
    #[serde(borrow)]
    status_detail: Cow<'a, str>,
    #[serde(borrow)]
    src_endpoint: Endpoint<'a>,
}

#[derive(Deserialize)]
struct Endpoint<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
}

impl Line<'_> {
    const fn did(&self) -> Did {
        match (self.class_uid, self.action_id) {
            (3002, _) => Did::Handshake,
            (_, 2) => Did::Refused,
            _ => Did::Answered,
        }
    }
}

#[derive(Default)]
struct Sum {
    by_prefix: HashMap<String, u64>,
    first: i64,
    last: i64,
}

/// What was written since a time, the most frequent first; and whether there may be more than was read.
///
/// # Errors
/// [`SearchFault`] if a file cannot be read. A line that is none is passed over.
pub fn recent(directory: &Path, since: SystemTime) -> Result<(Vec<Summary>, bool), SearchFault> {
    let files = file::files(directory)
        .map_err(|cause| SearchFault::File { path: directory.to_owned(), cause })?
        .into_iter()
        .map(|(_, path, _)| path);
    let mut lines = Backwards::over(files.collect(), DEPTH_BYTES);
    let (since, ends) = (millis(since), millis(since.checked_sub(DISORDER).unwrap_or(UNIX_EPOCH)));
    let mut sums: BTreeMap<(Did, String), Sum> = BTreeMap::new();
    while let Some(line) = lines.next()? {
        let Ok(line) = serde_json::from_slice::<Line<'_>>(&line) else { continue };
        if line.end_time < ends {
            return Ok((summaries(sums), false));
        }
        if line.end_time < since {
            continue;
        }
        let sum = sums.entry((line.did(), line.status_detail.into_owned())).or_default();
        sum.first = if sum.by_prefix.is_empty() { line.start_time } else { sum.first.min(line.start_time) };
        sum.last = sum.last.max(line.end_time);
        *sum.by_prefix.entry(line.src_endpoint.name.into_owned()).or_default() += line.count;
    }
    Ok((summaries(sums), lines.is_cut()))
}

fn summaries(sums: BTreeMap<(Did, String), Sum>) -> Vec<Summary> {
    let summary = |((did, code), Sum { by_prefix, first, last }): ((Did, String), Sum)| Summary {
        did,
        code,
        count: by_prefix.values().sum(),
        prefixes: by_prefix.len(),
        most: by_prefix
            .into_iter()
            .max_by(|one, other| (one.1, &other.0).cmp(&(other.1, &one.0)))
            .unwrap_or_default(),
        first,
        last,
    };
    let mut all: Vec<_> = sums.into_iter().map(summary).collect();
    all.sort_by_key(|summary| std::cmp::Reverse(summary.count));
    all
}

fn millis(time: SystemTime) -> i64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
