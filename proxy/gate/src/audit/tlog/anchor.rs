//! A directory elsewhere that gets each checkpoint: what shows that somebody who holds the key has rewritten or cut the log.

use std::{
    fmt,
    fs::{File, OpenOptions},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    path::PathBuf,
};

use super::log::{CHECKPOINT, replace};

/// All checkpoints, oldest first.
pub(super) const HISTORY: &str = "checkpoints";
const GONE: &str = "what was anchored there is gone; is it mounted?";
/// Ends each of them.
pub(super) const HISTORY_END: &str = "\n";
/// No checkpoint is longer, its signatures included.
const TAIL_BYTES: u64 = 16 << 10;

/// An anchor that checkpoints are put to.
pub(super) struct Anchor {
    directory: PathBuf,
    /// The history may end in a part of a checkpoint.
    torn: bool,
    /// There is a history.
    known: bool,
}

impl fmt::Display for Anchor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.directory.display().fmt(f)
    }
}

impl Anchor {
    /// `known` where it has a checkpoint already.
    pub(super) fn new(directory: PathBuf, known: bool) -> Self {
        Self { directory, torn: true, known }
    }

    /// Puts a checkpoint there, durably.
    pub(super) fn put(&mut self, note: &str) -> io::Result<()> {
        if self.torn {
            self.mend()?;
        }
        self.torn = true;
        // Where another machine's directory is not mounted, what would be made here is within root's reach.
        let history = OpenOptions::new().create(!self.known).append(true).open(self.directory.join(HISTORY));
        let mut history = history.map_err(|error| match error.kind() {
            io::ErrorKind::NotFound if self.known => io::Error::new(error.kind(), GONE),
            _ => error,
        })?;
        history.write_all([note, HISTORY_END].concat().as_bytes())?;
        history.sync_data()?;
        (self.torn, self.known) = (false, true);
        replace(&self.directory.join(CHECKPOINT), note.as_bytes())
    }

    /// Cuts what is left of a checkpoint that could not be put there whole: another behind it would make one with it that nobody signed.
    fn mend(&self) -> io::Result<()> {
        let path = self.directory.join(HISTORY);
        let mut history = match File::open(&path) {
            Ok(history) => history,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        let length = history.metadata()?.len();
        let from = length.saturating_sub(TAIL_BYTES);
        history.seek(SeekFrom::Start(from))?;
        let mut tail = Vec::new();
        history.read_to_end(&mut tail)?;
        // What is longer than any checkpoint, and none, is not ours to cut.
        let Some(good) = whole(&tail, from == 0).map(|good| from + good).filter(|good| *good < length) else {
            return Ok(());
        };
        let history = OpenOptions::new().write(true).open(&path)?;
        history.set_len(good).and_then(|()| history.sync_all())
    }
}

/// Where the last whole note of a history's end ends: it ends in signatures, each behind a dash, and an empty line. With `all`, that end
/// is the whole history.
fn whole(tail: &[u8], all: bool) -> Option<u64> {
    let is_signed = |end: &usize| {
        let note = tail.get(..*end).unwrap_or_default();
        let last = memchr::memrchr(b'\n', note).map_or(0, |at| at + 1);
        note.get(last..).is_some_and(|line| line.starts_with("\u{2014} ".as_bytes()))
    };
    let end = memchr::memmem::rfind_iter(tail, b"\n\n").find(is_signed).map(|at| at + 2);
    end.or(all.then_some(0)).map(|end| end as u64)
}
