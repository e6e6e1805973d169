//! The lines of a record, the newest first.

use std::{
    fs::File,
    io::{Read as _, Seek as _, SeekFrom},
    path::{Path, PathBuf},
};

use super::SearchFault;
use crate::audit::journal;

/// How much is read at once, in bytes.
const BLOCK_BYTES: u64 = 256 << 10;

/// Reads a record from its end, so many bytes of it at most.
pub struct Backwards {
    /// Oldest first.
    files: Vec<PathBuf>,
    open: Option<(PathBuf, File)>,
    /// Where in the open file what is held begins.
    at: u64,
    /// What was read and not given yet; it ends behind a line's end.
    held: Vec<u8>,
    /// Bytes that may still be read.
    left: u64,
}

impl Backwards {
    /// Of a record's directory.
    ///
    /// # Errors
    /// [`SearchFault`] if it cannot be listed.
    pub fn open(directory: &Path, limit_bytes: u64) -> Result<Self, SearchFault> {
        let files = journal::files(directory)
            .map_err(|cause| SearchFault::File { path: directory.to_owned(), cause })?;
        Ok(Self::over(files, limit_bytes))
    }

    /// Of these files, the oldest first.
    pub(in crate::audit) fn over(files: Vec<PathBuf>, limit_bytes: u64) -> Self {
        Self { files, open: None, at: 0, held: Vec::new(), left: limit_bytes }
    }

    /// The line before, without its end; none at the beginning, or when as much was read as may be. A last line without its end is being
    /// written, and is none.
    ///
    /// # Errors
    /// [`SearchFault`] if a file cannot be read.
    #[expect(clippy::should_implement_trait, reason = "a fault is not its end")]
    pub fn next(&mut self) -> Result<Option<Vec<u8>>, SearchFault> {
        loop {
            let whole = self.held.len().saturating_sub(1);
            if let Some(end) = memchr::memrchr(b'\n', self.held.get(..whole).unwrap_or_default()) {
                return Ok(Some(line(self.held.split_off(end + 1))));
            }
            if self.at > 0 && self.left > 0 {
                self.read_block()?;
            } else if !self.held.is_empty() && self.at == 0 {
                return Ok(Some(line(std::mem::take(&mut self.held))));
            } else if !self.open_next()? {
                return Ok(None);
            }
        }
    }

    /// Whether there is more than was read.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.left == 0 && (self.at > 0 || !self.files.is_empty())
    }

    fn open_next(&mut self) -> Result<bool, SearchFault> {
        self.held.clear();
        let Some(path) = (self.left > 0).then(|| self.files.pop()).flatten() else { return Ok(false) };
        let fault = |cause| SearchFault::File { path: path.clone(), cause };
        let mut file = File::open(&path).map_err(fault)?;
        self.at = file.seek(SeekFrom::End(0)).map_err(fault)?;
        self.open = Some((path, file));
        // A line that has no end yet is passed over.
        while self.at > 0 && self.left > 0 && self.held.is_empty() {
            self.read_block()?;
            let end = memchr::memrchr(b'\n', &self.held).map_or(0, |end| end + 1);
            self.held.truncate(end);
        }
        Ok(true)
    }

    fn read_block(&mut self) -> Result<(), SearchFault> {
        let Some((path, file)) = &mut self.open else { return Ok(()) };
        let fault = |cause| SearchFault::File { path: path.clone(), cause };
        let length = self.at.min(BLOCK_BYTES).min(self.left);
        self.at -= length;
        self.left -= length;
        file.seek(SeekFrom::Start(self.at)).map_err(fault)?;
        let mut block = vec![0; usize::try_from(length).unwrap_or(0)];
        file.read_exact(&mut block).map_err(fault)?;
        block.append(&mut self.held);
        self.held = block;
        Ok(())
    }
}

fn line(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.pop_if(|byte| *byte == b'\n');
    bytes
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn all(directory: &Path, limit_bytes: u64) -> (Vec<String>, bool) {
        let mut backwards = Backwards::open(directory, limit_bytes).unwrap();
        let mut lines = Vec::new();
        while let Some(line) = backwards.next().unwrap() {
            lines.push(String::from_utf8(line).unwrap());
        }
        (lines, backwards.is_cut())
    }

    #[test]
    fn lines_come_newest_first_over_files_and_blocks() {
        let directory = tempfile::tempdir().unwrap();
        let write = |day: &str, text: &str| {
            fs::write(directory.path().join(format!("audit-{day}.jsonl")), text).unwrap();
        };
        assert_eq!(all(directory.path(), 1 << 20), (vec![], false));
        let long = "x".repeat(300 << 10);
        write("20260301", "a\nb\n");
        write("20260302", "");
        write("20260303", &format!("c\n{long}\nd\nbeing writ"));
        let (lines, cut) = all(directory.path(), 1 << 20);
        assert_eq!(lines.iter().map(String::len).collect::<Vec<_>>(), [1, 300 << 10, 1, 1, 1]);
        assert_eq!((&*lines[0], &*lines[2], &*lines[3], &*lines[4], cut), ("d", "c", "b", "a", false));
        let (lines, cut) = all(directory.path(), 100);
        assert_eq!((lines, cut), (vec!["d".to_owned()], true), "what is cut in two is no line");
    }
}
