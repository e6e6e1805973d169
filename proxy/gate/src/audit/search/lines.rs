//! The lines of a file of the record, one at a time.

use std::{
    fs::File,
    io::{BufReader, Seek as _, SeekFrom},
    path::{Path, PathBuf},
};

use super::SearchFault;
use crate::audit::questions::read_line;

/// A file that is read line by line. A last line without its end is being written, or was when a gate stopped: it is no line.
pub(in crate::audit) struct Lines {
    path: PathBuf,
    file: BufReader<File>,
    line: Vec<u8>,
    number: u64,
}

impl Lines {
    pub(in crate::audit) fn open(path: &Path) -> Result<Self, SearchFault> {
        let file = File::open(path).map_err(|cause| SearchFault::File { path: path.to_owned(), cause })?;
        let file = BufReader::with_capacity(1 << 18, file);
        Ok(Self { path: path.to_owned(), file, line: Vec::new(), number: 0 })
    }

    /// Goes on behind the line of this number, which ends there.
    pub(in crate::audit) fn skip_to(&mut self, number: u64, end: u64) -> Result<(), SearchFault> {
        let cause = |cause| SearchFault::File { path: self.path.clone(), cause };
        self.file.seek(SeekFrom::Start(end)).map_err(cause)?;
        self.number = number;
        Ok(())
    }

    /// The next line, without its end, and its number from 1.
    pub(in crate::audit) fn next(&mut self) -> Result<Option<(u64, &[u8])>, SearchFault> {
        self.line.clear();
        // A line beyond any record's length is cut, and fits no hash.
        let read = read_line(&mut self.file, &mut self.line);
        read.map_err(|cause| SearchFault::File { path: self.path.clone(), cause })?;
        self.number += 1;
        Ok(self.line.strip_suffix(b"\n").map(|line| (self.number, line)))
    }
}
