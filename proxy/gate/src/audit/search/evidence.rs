//! Each line held against the log, and each file.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    time::{Duration, UNIX_EPOCH},
};

use serde::Deserialize;

use super::{Doubt, Lines, Place, SearchFault};
use crate::audit::{
    day::Day,
    journal,
    tlog::{self, Checked, Keys},
};

/// A clock may be set back while a record waits to be written.
const DISORDER: Duration = Duration::from_secs(24 * 3600);

/// Where a line is in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// It is this entry, unchanged, under the newest checkpoint.
    Proved(u64),
    /// It was written after the newest checkpoint.
    Waiting,
    /// Something else is in its place.
    Altered,
}

/// A log, and which of its entries are in each file.
pub struct Evidence {
    /// None before its first checkpoint.
    log: Option<Checked>,
    files: HashMap<String, Part>,
    /// Those of which another has the name now.
    replaced: Vec<(String, Part)>,
    /// The day of the newest.
    last: Option<Day>,
}

/// Entries of a log: those that are lines of one file.
#[derive(Clone, Copy)]
struct Part {
    first: u64,
    /// How many of them are under the newest checkpoint.
    lines: u64,
    /// Whether it is known that the file has no more.
    ended: bool,
}

impl Evidence {
    /// Opens a log by its newest checkpoint.
    ///
    /// # Errors
    /// [`tlog::Doubt`] if it was not signed with these keys.
    pub fn open(directory: &Path, keys: &Keys) -> Result<Self, tlog::Doubt> {
        let log = match Checked::open(directory, keys) {
            Ok(log) => Some(log),
            Err(tlog::Doubt::NoCheckpoint(_)) => None,
            Err(doubt) => return Err(doubt),
        };
        let size = log.as_ref().map_or(0, Checked::size);
        let beginnings = tlog::beginnings(directory, size)?;
        let nexts = beginnings.iter().skip(1).map(|(_, next)| Some(*next)).chain([None]);
        let last = beginnings.last().and_then(|(name, _)| Day::of_file(name, journal::PREFIX));
        let (mut files, mut replaced) = (HashMap::new(), vec![]);
        for ((name, first), next) in beginnings.iter().zip(nexts) {
            let lines = next.unwrap_or(size).min(size).saturating_sub(*first);
            let part = Part { first: *first, lines, ended: next.is_some_and(|next| next <= size) };
            let before = files.insert(name.clone(), part);
            replaced.extend(before.map(|before| (name.clone(), before)));
        }
        Ok(Self { log, files, replaced, last })
    }

    /// The log's origin, and how many entries are under its newest checkpoint; none if it has no checkpoint yet.
    #[must_use]
    pub fn checkpoint(&self) -> Option<(&str, u64)> {
        self.log.as_ref().map(|log| (log.origin(), log.size()))
    }

    /// The names of the files that the log knows.
    pub(super) fn files(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    /// The entry that a file's line, from 1, is.
    pub(super) fn entry(&self, file: &Path, line: u64, text: &[u8]) -> Result<Entry, tlog::Doubt> {
        let (Some(log), Some(part)) = (&self.log, self.files.get(name(file))) else {
            return Ok(Entry::Waiting);
        };
        let index = part.first + line.saturating_sub(1);
        Ok(match log.holds(index, text)? {
            None => Entry::Waiting,
            Some(true) => Entry::Proved(index),
            Some(false) => Entry::Altered,
        })
    }

    /// What is wrong with a file's line, from 1: by the log's tiles, which `audit verify` holds against the root.
    pub(super) fn doubt(&self, file: &Path, line: u64, text: &[u8]) -> Result<Option<Doubt>, tlog::Doubt> {
        let (Some(log), Some(part)) = (&self.log, self.files.get(name(file))) else { return Ok(None) };
        let stands = match part.ended && line > part.lines {
            true => Some(false),
            false => log.stands(part.first + line.saturating_sub(1), text)?,
        };
        let what = || {
            "this line is not what the log has in its place: it was changed after it was written".to_owned()
        };
        Ok((stands == Some(false)).then(|| Doubt { place: place(file, line), what: what() }))
    }

    /// What is wrong with a file that has so many lines.
    pub(super) fn doubt_end(&self, file: &Path, lines: u64) -> Option<Doubt> {
        let Some(Part { lines: known, .. }) = self.files.get(name(file)) else {
            // One that was begun just now is of a later day.
            let is_new = Day::of_file(name(file), journal::PREFIX) > self.last;
            let what = "the log knows no file of this name: somebody put it there".to_owned();
            return (self.last.is_some() && !is_new).then(|| Doubt { place: place(file, 0), what });
        };
        let what =
            || format!("it ends after {lines} lines, and the log has {known} of it: lines were removed");
        (lines < *known).then(|| Doubt { place: place(file, lines), what: what() })
    }

    /// Files that the log knows and a directory does not have, of those that `reads` says yes to: taken to an archive, or removed.
    pub fn missing(&self, directory: &Path, reads: impl Fn(&Path) -> bool) -> Vec<Doubt> {
        let gone = self.files.iter().filter(|(name, _)| !directory.join(name).exists());
        let replaced = self.replaced.iter().map(|(name, part)| (name, part));
        let mut missing: Vec<_> = gone.chain(replaced).filter(|(_, part)| part.lines > 0).collect();
        missing.sort_unstable_by_key(|(_, part)| part.first);
        let paths = missing.into_iter().map(|(name, part)| (directory.join(name), part));
        let doubt = |(file, part): (PathBuf, &Part)| Doubt {
            place: place(&file, 0),
            what: format!(
                "a file of this name with {} lines is not here; the log has them from entry {} on",
                part.lines, part.first
            ),
        };
        paths.filter(|(file, _)| reads(file)).map(doubt).collect()
    }

    /// Holds a whole record against the log: what is wrong with the files that are there.
    ///
    /// # Errors
    /// [`SearchFault`] if a file or a tile cannot be read.
    pub fn hold(&self, directory: &Path) -> Result<Vec<Doubt>, SearchFault> {
        let fault = |cause| SearchFault::File { path: directory.to_owned(), cause };
        let mut doubts = vec![];
        for path in journal::files(directory).map_err(fault)? {
            let (mut lines, mut last, mut end) = (Lines::open(&path)?, 0, Vec::new());
            while let Some((number, line)) = lines.next()? {
                last = number;
                doubts.extend(self.doubt(&path, number, line)?);
                end.clear();
                end.extend_from_slice(line);
            }
            doubts.extend(self.doubt_end(&path, last));
            doubts.extend(doubt_day(&path, last, &end));
        }
        Ok(doubts)
    }
}

/// What is wrong with a file that ends in this line: lines of later days are looked for in later files.
fn doubt_day(file: &Path, number: u64, line: &[u8]) -> Option<Doubt> {
    #[derive(Deserialize)]
    struct Line {
        time: u64,
    }
    let Line { time } = serde_json::from_slice(line).ok()?;
    let day = Day::of(UNIX_EPOCH.checked_add(Duration::from_millis(time))?.checked_sub(DISORDER)?);
    let what = || "this line is of a later day than its file: the file was changed".to_owned();
    (Some(day) > Day::of_file(name(file), journal::PREFIX))
        .then(|| Doubt { place: place(file, number), what: what() })
}

fn name(file: &Path) -> &str {
    file.file_name().and_then(|name| name.to_str()).unwrap_or_default()
}

fn place(file: &Path, line: u64) -> Place {
    Place { file: file.to_owned(), line }
}
