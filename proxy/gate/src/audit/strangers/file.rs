//! The log on disk: `strangers-YYYYMMDD.jsonl`, bounded over all days.

use std::{
    fs::{self, File},
    io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    time::SystemTime,
};

use crate::audit::{day::Day, disk::open_lines, ocsf::LINE_LIMIT_BYTES};

const PREFIX: &str = "strangers";
/// The younger half while it is copied.
const HALF: &str = "strangers.half";

/// Where counts are written.
#[derive(Debug)]
pub(super) struct Log {
    directory: PathBuf,
    limit_bytes: u64,
}

impl Log {
    pub(super) fn new(directory: &Path, limit_bytes: u64) -> Self {
        Self { directory: directory.to_owned(), limit_bytes }
    }

    /// Appends lines to the file of the day. They are not synced: losing a minute of strangers in a power cut costs nobody anything.
    pub(super) fn append(&mut self, lines: &[u8], now: SystemTime) -> io::Result<()> {
        let path = self.directory.join(Day::of(now).file(PREFIX));
        self.make_room(u64::try_from(lines.len()).unwrap_or(u64::MAX), &path)?;
        let mut file = open_lines(&path)?;
        let end = whole_lines(&mut file)?;
        file.set_len(end)?;
        let written = file.write_all(lines);
        if written.is_err() {
            file.set_len(end)?;
        }
        written
    }

    /// Older days go first, the oldest before the others; then the older half of this one.
    fn make_room(&self, bytes: u64, current: &Path) -> io::Result<()> {
        let files = files(&self.directory)?;
        let mut total: u64 = files.iter().map(|(.., length)| *length).sum();
        for (_, path, length) in files {
            if total.saturating_add(bytes) <= self.limit_bytes {
                return Ok(());
            }
            if path == current {
                halve(current, &self.directory.join(HALF))?;
            } else {
                fs::remove_file(&path)?;
            }
            total = total.saturating_sub(length);
        }
        Ok(())
    }
}

/// Every file of the log, the oldest first, and its bytes.
pub(super) fn files(directory: &Path) -> io::Result<Vec<(Day, PathBuf, u64)>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if let Some(day) = entry.file_name().to_str().and_then(|name| Day::of_file(name, PREFIX)) {
            files.push((day, entry.path(), entry.metadata()?.len()));
        }
    }
    files.sort();
    Ok(files)
}

/// Where the last whole line ends.
fn whole_lines(file: &mut File) -> io::Result<u64> {
    let length = file.metadata()?.len();
    let tail = length.min(u64::try_from(LINE_LIMIT_BYTES).unwrap_or(u64::MAX));
    file.seek(SeekFrom::Start(length - tail))?;
    let mut text = Vec::new();
    file.take(tail).read_to_end(&mut text)?;
    let torn = text.iter().rev().take_while(|byte| **byte != b'\n').count();
    Ok(length - u64::try_from(torn).unwrap_or(length))
}

/// Removes the older half of a file's lines. What remains takes the file's place in one step.
fn halve(path: &Path, half: &Path) -> io::Result<()> {
    let mut old = BufReader::new(File::open(path)?);
    let length = old.get_ref().metadata()?.len();
    old.seek(SeekFrom::Start(length / 2))?;
    old.skip_until(b'\n')?;
    let mut new = open_lines(half)?;
    new.set_len(0)?;
    io::copy(&mut old, &mut new)?;
    fs::rename(half, path)
}
