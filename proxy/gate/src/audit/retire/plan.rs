//! Which records have been kept for long enough.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::SystemTime,
};

use serde::Deserialize;

use super::{RetireFault, covers, push};
use crate::audit::{
    Looker, Retention, journal,
    ocsf::retirement,
    retirement::{Retirement, Rule},
    search::{Lines, SearchFault},
    tlog::{self, Checked, Keys, LOG_DIRECTORY, tombstone},
};

/// The newest files are read by whatever starts on the record; nothing in them is retired.
const NEWEST: usize = 2;

/// How long what is kept, by source. What has no rule is kept.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// Of each source, by its id.
    pub sources: BTreeMap<String, Retention>,
    /// Of what belongs to no source that there is: sign-ins, looks at the record, sources that are gone.
    pub others: Option<Retention>,
}

impl Rules {
    fn of(&self, source: Option<&str>) -> Option<Retention> {
        source.and_then(|source| self.sources.get(source).copied()).or(self.others)
    }

    /// Every rule as the record of a retirement has it.
    pub(super) fn all(&self, now: SystemTime) -> Vec<Rule> {
        let rule = |source: Option<String>, retention: Retention| Rule {
            source,
            retention: retention.to_string(),
            before: retention.cutoff(now),
        };
        let sources = self.sources.iter().map(|(source, retention)| rule(Some(source.clone()), *retention));
        sources.chain(self.others.map(|retention| rule(None, retention))).collect()
    }
}

/// What is to be retired.
#[derive(Debug, Default)]
pub struct Plan {
    /// By file, oldest first: its entries' numbers.
    pub(super) files: Vec<Expired>,
    /// How many, by source.
    pub counts: BTreeMap<Option<String>, u64>,
    /// Those that no record of the log says were to be retired, as ranges.
    pub unsaid: Vec<(u64, u64)>,
    /// The rules.
    pub rules: Vec<Rule>,
}

/// What of one file of the record is to be retired.
#[derive(Debug)]
pub(super) struct Expired {
    pub(super) path: PathBuf,
    /// The entry that its first line is.
    pub(super) first: u64,
    pub(super) ranges: Vec<(u64, u64)>,
}

impl Plan {
    /// Reads a record of which a log is kept.
    ///
    /// # Errors
    /// [`RetireFault`] if something cannot be read, or a line that is to be retired is not what the log has.
    pub fn make(directory: &Path, keys: &Keys, rules: &Rules, now: SystemTime) -> Result<Self, RetireFault> {
        let log = Checked::open(&directory.join(LOG_DIRECTORY), keys)?;
        let beginnings: BTreeMap<_, _> =
            tlog::beginnings(&directory.join(LOG_DIRECTORY), log.size())?.into_iter().collect();
        let files = journal::files(directory)
            .map_err(|cause| SearchFault::File { path: directory.to_owned(), cause })?;
        let mut plan = Self { rules: rules.all(now), ..Self::default() };
        let (mut said, mut expired) = (Vec::new(), Vec::new());
        for (at, path) in files.iter().enumerate() {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let old = at + NEWEST < files.len();
            let first = beginnings.get(name).copied().filter(|_| old);
            let mut of_file = Expired { path: path.clone(), first: first.unwrap_or(0), ranges: Vec::new() };
            let mut lines = Lines::open(path)?;
            while let Some((number, line)) = lines.next()? {
                if let Some(retired) = retirement::read(line) {
                    said.extend(retired.ranges);
                    continue;
                }
                let Some(index) = first.map(|first| first + number - 1) else { continue };
                let Some((source, time)) = facts(line).filter(|_| log.is_full(index)) else { continue };
                let Some(retention) = rules.of(source.as_deref()) else { continue };
                if time >= retention.cutoff(now) {
                    continue;
                }
                if log.is_entry(index, line)? != Some(true) {
                    return Err(RetireFault::Altered { path: path.clone(), line: number, index });
                }
                *plan.counts.entry(source.map(Cow::into_owned)).or_default() += 1;
                push(&mut of_file.ranges, index);
            }
            expired.extend(of_file.ranges.iter().copied());
            plan.files.extend(Some(of_file).filter(|file| !file.ranges.is_empty()));
        }
        said.sort_unstable();
        let said = joined(said);
        for index in expired.into_iter().flat_map(|(first, last)| first..=last) {
            if !covers(&said, index) {
                push(&mut plan.unsaid, index);
            }
        }
        Ok(plan)
    }

    /// The records that say what is to be retired, as many as it takes. None if all of it was said before.
    #[must_use]
    pub fn records(&self, by: &Looker, now: SystemTime) -> Vec<Retirement> {
        let record = |ranges: &[(u64, u64)]| Retirement {
            time: now,
            id: random(),
            by: by.clone(),
            rules: self.rules.clone(),
            ranges: ranges.to_vec(),
        };
        self.unsaid.chunks(Retirement::RANGES).map(record).collect()
    }

    /// How many records it is about.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.values().sum()
    }
}

/// Whether the record of a retirement with this id is under a checkpoint.
///
/// # Errors
/// [`RetireFault`] if something cannot be read.
pub fn said(directory: &Path, keys: &Keys, id: &str) -> Result<bool, RetireFault> {
    let log = directory.join(LOG_DIRECTORY);
    let size = Checked::open(&log, keys)?.size();
    let beginnings: BTreeMap<_, _> = tlog::beginnings(&log, size)?.into_iter().collect();
    let files =
        journal::files(directory).map_err(|cause| SearchFault::File { path: directory.to_owned(), cause })?;
    for path in files.iter().rev().take(NEWEST) {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let Some(first) = beginnings.get(name) else { continue };
        let mut lines = Lines::open(path)?;
        while let Some((number, line)) = lines.next()? {
            if retirement::read(line).is_some_and(|retired| retired.id == id) {
                return Ok(first + number <= size);
            }
        }
    }
    Ok(false)
}

fn random() -> String {
    let mut bytes = [0; 8];
    // Without randomness it is one that another may have too: both are then waited for.
    let _ = aws_lc_rs::rand::fill(&mut bytes);
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Ranges in order as ranges that are apart.
pub(in crate::audit) fn joined(ranges: Vec<(u64, u64)>) -> Vec<(u64, u64)> {
    let mut all: Vec<(u64, u64)> = Vec::with_capacity(ranges.len());
    for (first, last) in ranges {
        match all.last_mut() {
            Some((_, end)) if first <= end.saturating_add(1) => *end = last.max(*end),
            _ => all.push((first, last)),
        }
    }
    all
}

/// The source and the time of a record; none of a tombstone.
fn facts(line: &[u8]) -> Option<(Option<Cow<'_, str>>, i64)> {
    #[derive(Deserialize)]
    struct Line<'a> {
        time: i64,
        #[serde(borrow, default)]
        unmapped: Unmapped<'a>,
    }
    #[derive(Default, Deserialize)]
    struct Unmapped<'a> {
        #[serde(borrow, default)]
        source: Option<Cow<'a, str>>,
    }
    if tombstone::read(line).is_some() {
        return None;
    }
    let line: Line<'_> = serde_json::from_slice(line).ok()?;
    Some((line.unmapped.source, line.time))
}
