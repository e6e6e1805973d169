//! The record as it grows.

use std::{
    fs::File,
    io::{BufRead as _, BufReader, Seek as _, SeekFrom},
    path::{Path, PathBuf},
};

use super::{Consultation, SearchFault};
use crate::audit::journal;

/// The end of the newest file, followed.
pub struct Tail {
    directory: PathBuf,
    open: Option<(PathBuf, BufReader<File>)>,
    /// What was read of a line that has no end yet.
    line: Vec<u8>,
}

/// A line that came.
pub struct Tailed(Vec<u8>);

impl Tailed {
    /// The record itself, JSON.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.0).into_owned()
    }

    /// What it says, if it is a decision.
    #[must_use]
    pub fn decision(&self) -> Option<Consultation> {
        Consultation::of(&self.0)
    }
}

impl Tail {
    /// Begins at the end of what is there.
    ///
    /// # Errors
    /// [`SearchFault`] if the directory or its newest file cannot be read.
    pub fn open(directory: &Path) -> Result<Self, SearchFault> {
        let mut tail = Self { directory: directory.to_owned(), open: None, line: Vec::new() };
        if let Some(path) = tail.newest()? {
            let mut file = File::open(&path).map_err(fault(&path))?;
            file.seek(SeekFrom::End(0)).map_err(fault(&path))?;
            tail.open = Some((path, BufReader::new(file)));
        }
        Ok(tail)
    }

    fn newest(&self) -> Result<Option<PathBuf>, SearchFault> {
        journal::files(&self.directory).map(|mut files| files.pop()).map_err(fault(&self.directory))
    }

    /// The next line; none if there is none yet. Midnight begins another file, once this one is read to its end.
    ///
    /// # Errors
    /// [`SearchFault`] if a file cannot be read.
    #[expect(clippy::should_implement_trait, reason = "none is not its end")]
    pub fn next(&mut self) -> Result<Option<Tailed>, SearchFault> {
        loop {
            if let Some(line) = self.read()? {
                return Ok(Some(line));
            }
            let newest = self.newest()?;
            match newest {
                Some(newest) if self.open.as_ref().is_none_or(|(path, _)| *path != newest) => {
                    // What came to this one since is older than whatever is in the next.
                    if let Some(line) = self.read()? {
                        return Ok(Some(line));
                    }
                    let file = File::open(&newest).map_err(fault(&newest))?;
                    self.line.clear();
                    self.open = Some((newest, BufReader::new(file)));
                }
                _ => return Ok(None),
            }
        }
    }

    /// The next line of the file that is open.
    fn read(&mut self) -> Result<Option<Tailed>, SearchFault> {
        let Some((path, file)) = &mut self.open else { return Ok(None) };
        file.read_until(b'\n', &mut self.line).map_err(fault(path))?;
        let ended = self.line.pop_if(|byte| *byte == b'\n').is_some();
        Ok(ended.then(|| Tailed(std::mem::take(&mut self.line))))
    }
}

fn fault(path: &Path) -> impl Fn(std::io::Error) -> SearchFault + use<> {
    let path = path.to_owned();
    move |cause| SearchFault::File { path: path.clone(), cause }
}
