//! Files that are written at once and on the disk later, together: before a checkpoint is signed over them.

use std::{
    collections::BTreeSet,
    fs::{File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use super::super::disk::{self, DiskFile as _};

/// Files that nothing may rely on yet: a crash may leave any part of them.
#[derive(Debug)]
pub(super) struct Unsynced {
    root: PathBuf,
    /// With their lengths.
    files: Vec<(File, u64)>,
    directories: BTreeSet<PathBuf>,
}

impl Unsynced {
    /// For files below `root`.
    pub(super) fn new(root: &Path) -> Self {
        Self { root: root.to_owned(), files: Vec::new(), directories: BTreeSet::new() }
    }

    /// Writes a whole file, in the place of one that nothing relies on either.
    pub(super) fn write(&mut self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let directory = path.parent().unwrap_or(&self.root);
        if !self.directories.contains(directory) {
            disk::make_directory(directory)?;
            let names = directory.ancestors().take_while(|directory| directory.starts_with(&self.root));
            self.directories.extend(names.map(Path::to_owned));
        }
        let mut options = OpenOptions::new();
        let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(path)?;
        file.write_all(bytes)?;
        // Linux begins to write out what it is told to let go of, so that by the time of the sync little is to be waited for.
        file.let_go(0..bytes.len() as u64);
        self.files.push((file, bytes.len() as u64));
        Ok(())
    }

    /// Waits until all of them, and their names, are on the disk. After a failure none of them may be relied on: a system may hold for
    /// clean what it never wrote, so all are to be written anew.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        while let Some((file, length)) = self.files.pop() {
            file.sync_data()?;
            // It is read when somebody wants a proof, and that is rare.
            file.let_go(0..length);
        }
        while let Some(directory) = self.directories.pop_last() {
            File::open(directory)?.sync_all()?;
        }
        Ok(())
    }
}
