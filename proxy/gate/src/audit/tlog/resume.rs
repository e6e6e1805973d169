//! Going on after a stop: the lines that the record has and the log does not, and whether those that both have are the same.

use std::{
    fs::File,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
};

use super::{
    log::{Log, LogFault},
    merkle::Hash,
    tree::Tree,
};

/// How many of the record's files are held against the log, the newest. `poort audit verify` looks at all.
const FILES: usize = 2;
/// So many full tiles are gathered before they are written, at most some MiB.
const FULL: usize = 16;

impl Log {
    /// Takes over the lines of the record's files, oldest first, that it does not have.
    pub(in crate::audit) fn resume(&mut self, files: &[PathBuf]) -> Result<(), LogFault> {
        let newest = files.len().saturating_sub(FILES);
        let tree = self.tree();
        self.knows_files()?;
        for (at, path) in files.iter().enumerate() {
            let name = file_name(path);
            let next = files.get(at + 1).and_then(|next| self.beginning(file_name(next)));
            if at < newest && next.is_some_and(|next| next <= tree.size) {
                continue;
            }
            let first = match self.beginning(name) {
                Some(first) => first,
                None if !self.may_begin(name) => return Err(LogFault::Stranger { path: path.clone() }),
                None => {
                    let first = self.size();
                    self.begin_file(name);
                    first
                }
            };
            let lines = self.take_over(path, first, &tree)?;
            let known = next.unwrap_or(tree.size).min(tree.size).saturating_sub(first);
            if lines < known {
                return Err(LogFault::Missing { path: path.clone(), lines, known });
            }
        }
        Ok(())
    }

    /// Reads one file of which the first line is entry `first`; how many lines it has.
    fn take_over(&mut self, path: &Path, first: u64, tree: &Tree) -> Result<u64, LogFault> {
        let mut file =
            BufReader::with_capacity(1 << 16, File::open(path).map_err(|cause| fault(path, cause))?);
        let (mut text, mut lines) = (Vec::new(), 0);
        loop {
            text.clear();
            if file.read_until(b'\n', &mut text).map_err(|cause| fault(path, cause))? == 0 {
                return Ok(lines);
            }
            let (index, line) = (first + lines, text.strip_suffix(b"\n").unwrap_or(&text));
            if index >= tree.size {
                self.append(&text);
                if self.full.len() >= FULL {
                    self.flush().map_err(|cause| fault(path, cause))?;
                }
            } else if tree.entry(index)? != Hash::of_entry(line) {
                return Err(LogFault::Line { path: path.to_owned(), line: lines + 1, index });
            }
            lines += 1;
        }
    }
}

fn fault(path: &Path, cause: std::io::Error) -> LogFault {
    LogFault::File { path: path.to_owned(), cause }
}

pub(super) fn file_name(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).unwrap_or_default()
}
