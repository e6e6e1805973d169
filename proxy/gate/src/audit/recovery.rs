//! Reading back the newest files after a stop, graceful or not.
//!
//! A torn last line is cut. A decision without an outcome is closed by one that ends in `unknown`. A complete line that is no record
//! means that somebody changed the file, and nothing starts on top of that. A decision that is older than the file of the day before
//! is not looked for.

use std::{
    borrow::Cow,
    collections::HashMap,
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::{Path, PathBuf},
    time::SystemTime,
};

use serde::Deserialize;

use super::{
    disk, journal,
    ocsf::{self, LINE_LIMIT_BYTES},
    settings::AuditFault,
    wal,
};

/// How many files are read back, the newest: requests outlive midnight.
const FILES: usize = 2;

/// What was found and mended when the record was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Bytes that a power cut had taken from the record's file, brought back from the write-ahead log.
    pub restored_bytes: u64,
    /// Bytes of torn last lines that were cut.
    pub torn_bytes: u64,
    /// Decisions that had no outcome and were closed as `unknown`.
    pub orphans: usize,
}

/// What the files say, with torn ends already cut.
#[derive(Debug, Default)]
pub(super) struct Reading {
    restored_bytes: u64,
    torn_bytes: u64,
    open: HashMap<String, Orphan>,
    lines: usize,
    /// The last whole line of the newest file.
    last: Vec<u8>,
}

#[derive(Debug)]
struct Orphan {
    line: usize,
    source: Option<String>,
}

/// The little of a line that matters here.
#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    metadata: Metadata<'a>,
    #[serde(borrow)]
    unmapped: Unmapped<'a>,
}

#[derive(Deserialize)]
struct Metadata<'a> {
    #[serde(borrow, default)]
    correlation_uid: Option<Cow<'a, str>>,
    #[serde(borrow)]
    event_code: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Unmapped<'a> {
    #[serde(borrow)]
    source: Option<Cow<'a, str>>,
}

/// Brings back what a power cut took from the newest file, reads the newest files and cuts their torn ends.
pub(super) fn read(directory: &Path) -> Result<Reading, AuditFault> {
    let mut reading = Reading { restored_bytes: wal::replay(directory)?, ..Reading::default() };
    let mut ends = Vec::new();
    for path in newest(directory)? {
        let torn = reading.file(&path)?;
        ends.push((path, torn));
    }
    // Nothing is touched before everything was read: a damaged file is evidence.
    for (path, torn) in ends.into_iter().filter(|(_, torn)| *torn > 0) {
        cut(&path, torn).map_err(|cause| AuditFault::File { path, cause })?;
        reading.torn_bytes += torn;
    }
    Ok(reading)
}

impl Reading {
    /// What was found, and the lines of outcomes for decisions that have none, in the order of the decisions.
    pub(super) fn close(self, now: SystemTime) -> (Recovered, Vec<u8>) {
        let mut orphans: Vec<_> = self.open.into_iter().collect();
        orphans.sort_by_key(|(_, orphan)| orphan.line);
        let mut lines = Vec::new();
        for (id, orphan) in &orphans {
            ocsf::encode_unknown(id, orphan.source.as_deref(), now, &mut lines);
        }
        let Self { restored_bytes, torn_bytes, .. } = self;
        (Recovered { restored_bytes, torn_bytes, orphans: orphans.len() }, lines)
    }

    /// Reads one file; returns how many bytes at its end are no whole line.
    fn file(&mut self, path: &Path) -> Result<u64, AuditFault> {
        let fault = |cause| AuditFault::File { path: path.to_owned(), cause };
        let damaged = |line, what| AuditFault::Damaged { path: path.to_owned(), line, what };
        let mut file = BufReader::with_capacity(1 << 16, File::open(path).map_err(fault)?);
        let mut text = Vec::new();
        for number in 1.. {
            text.clear();
            // A file that is one endless line must not fill the memory.
            let limit = u64::try_from(LINE_LIMIT_BYTES + 1).unwrap_or(u64::MAX);
            (&mut file).take(limit).read_until(b'\n', &mut text).map_err(fault)?;
            if text.is_empty() {
                break;
            }
            if text.pop_if(|byte| *byte == b'\n').is_none() {
                let more = rest(&mut file).map_err(fault)?;
                let length = u64::try_from(text.len()).unwrap_or(u64::MAX);
                return match more {
                    Rest::End(bytes) => Ok(length + bytes),
                    Rest::Line => Err(damaged(number, format!("it is longer than {LINE_LIMIT_BYTES} bytes"))),
                };
            }
            self.line(&text).map_err(|what| damaged(number, what))?;
            self.last.clone_from(&text);
        }
        Ok(0)
    }

    /// The last whole line; empty if there is none.
    pub(super) fn last(&self) -> &[u8] {
        &self.last
    }

    /// Reads one line.
    pub(super) fn line(&mut self, text: &[u8]) -> Result<(), String> {
        let Line { metadata, unmapped } = serde_json::from_slice(text).map_err(|error| error.to_string())?;
        self.lines += 1;
        match (&*metadata.event_code, metadata.correlation_uid) {
            (ocsf::DECISION, Some(request)) => {
                let orphan = Orphan { line: self.lines, source: unmapped.source.map(Cow::into_owned) };
                self.open.insert(request.into_owned(), orphan);
            }
            (ocsf::OUTCOME, Some(request)) => {
                self.open.remove(&*request);
            }
            (beside, _) if ocsf::BESIDE.contains(&beside) => {}
            (other, None) => return Err(format!("this `{other}` belongs to no request")),
            (other, _) => return Err(format!("`{other}` is no kind of record")),
        }
        Ok(())
    }
}

enum Rest {
    /// The file ends after so many bytes, without a line end.
    End(u64),
    /// There is a line end further on.
    Line,
}

fn rest(file: &mut impl BufRead) -> io::Result<Rest> {
    let mut bytes = 0;
    loop {
        let chunk = file.fill_buf()?;
        if chunk.is_empty() {
            return Ok(Rest::End(bytes));
        }
        if chunk.contains(&b'\n') {
            return Ok(Rest::Line);
        }
        let length = chunk.len();
        bytes += u64::try_from(length).unwrap_or(u64::MAX);
        file.consume(length);
    }
}

/// The newest files, oldest first.
fn newest(directory: &Path) -> Result<Vec<PathBuf>, AuditFault> {
    let fault = |cause| AuditFault::Directory { path: directory.to_owned(), cause };
    let mut files = journal::files(directory).map_err(fault)?;
    Ok(files.split_off(files.len().saturating_sub(FILES)))
}

fn cut(path: &Path, torn: u64) -> io::Result<()> {
    let file = disk::open_private(path)?;
    let length = file.metadata()?.len();
    file.set_len(length.saturating_sub(torn))?;
    file.sync_all()
}
