//! Where files are read from: the disk, or a configuration that was kept.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    fs::File,
    io::{self, ErrorKind, Read},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use aws_lc_rs::digest::{SHA256, digest};
use zeroize::Zeroizing;

use super::checked::FileRead;

/// Largest text file that is read, in bytes: YAML, Cedar, a key set.
pub(super) const TEXT_LIMIT: usize = 1 << 20;
/// Largest certificate, key or revocation list, in bytes. A list with a million entries is some 30 MiB.
pub(super) const MATERIAL_LIMIT: usize = 64 << 20;

/// Files by path. Each is read once, however often it is asked for, so that a configuration never mixes two states of one.
pub(super) struct Tree {
    /// The files of a kept configuration; none: the disk.
    kept: Option<BTreeMap<PathBuf, FileRead>>,
    /// A directory of the disk that is taken to hold these files instead of its own.
    instead: Option<(PathBuf, BTreeMap<PathBuf, FileRead>)>,
    read: RefCell<Vec<FileRead>>,
}

/// Why there is no content. Each says what to do.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unread {
    #[error("`{0}` does not exist; create it or correct the path")]
    Missing(String),
    #[error("`{0}` may not be read by this user; change its owner or mode")]
    Forbidden(String),
    #[error("`{0}` is not a regular file; name the file itself")]
    NotAFile(String),
    #[error("`{0}` is not a directory; name the directory itself")]
    NotADirectory(String),
    #[error("`{0}` is larger than {1} KiB; check that it is the right file")]
    TooLarge(String, usize),
    #[error("`{0}` cannot be read: {1}; check the disk and the path")]
    Failed(String, io::Error),
}

impl Unread {
    fn from_io(shown: &str, error: io::Error) -> Self {
        let shown = shown.to_owned();
        match error.kind() {
            ErrorKind::NotFound => Self::Missing(shown),
            ErrorKind::PermissionDenied => Self::Forbidden(shown),
            ErrorKind::NotADirectory => Self::NotADirectory(shown),
            _ => Self::Failed(shown, error),
        }
    }
}

impl Tree {
    /// The disk.
    pub(super) fn disk() -> Self {
        Self { kept: None, instead: None, read: RefCell::default() }
    }

    /// The disk, but for one directory, which holds these files.
    pub(super) fn disk_but(directory: &Path, files: Vec<FileRead>) -> Self {
        let files = files.into_iter().map(|file| (file.path.clone(), file)).collect();
        Self { instead: Some((directory.to_owned(), files)), ..Self::disk() }
    }

    /// The files that stand for the disk at this path; none: the disk itself.
    fn standing(&self, path: &Path) -> Option<&BTreeMap<PathBuf, FileRead>> {
        let instead = self.instead.as_ref().filter(|(directory, _)| path.starts_with(directory));
        self.kept.as_ref().or(instead.map(|(_, files)| files))
    }

    /// Only these files.
    pub(super) fn kept(files: Vec<FileRead>) -> Self {
        let kept = files.into_iter().map(|file| (file.path.clone(), file)).collect();
        Self { kept: Some(kept), instead: None, read: RefCell::default() }
    }

    /// A file's content. `shown` is its name in messages.
    pub(super) fn read(&self, path: &Path, shown: &str, limit_bytes: usize) -> Result<FileRead, Unread> {
        if let Some(file) = self.read.borrow().iter().find(|file| file.path == path) {
            return Ok(file.clone());
        }
        let file = match self.standing(path) {
            Some(kept) => kept.get(path).cloned().ok_or_else(|| Unread::Missing(shown.to_owned()))?,
            None => from_disk(path, shown, limit_bytes)?,
        };
        self.read.borrow_mut().push(file.clone());
        Ok(file)
    }

    /// Whether there is a file of that path, or something else.
    pub(super) fn has(&self, path: &Path) -> bool {
        self.standing(path).map_or_else(|| path.exists(), |kept| kept.contains_key(path))
    }

    /// Whether there is a directory of that path. A kept configuration takes for one what it has no file of.
    pub(super) fn is_directory(&self, path: &Path) -> bool {
        self.standing(path).map_or_else(|| path.is_dir(), |kept| !kept.contains_key(path))
    }

    /// Names of what is directly in a directory, sorted; names that begin with a dot are left out. A kept configuration has no empty
    /// directories, nor absent ones.
    pub(super) fn names(&self, directory: &Path, shown: &str) -> Result<Vec<String>, Unread> {
        let mut names = match self.standing(directory) {
            Some(kept) => kept
                .keys()
                .filter(|path| path.parent() == Some(directory))
                .filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned()))
                .collect(),
            None => names_on_disk(directory).map_err(|error| Unread::from_io(shown, error))?,
        };
        names.retain(|name| !name.starts_with('.'));
        names.sort();
        Ok(names)
    }

    /// Whether somebody besides the owner may read or write a file on disk. A kept file was written by the gate, for itself.
    pub(super) fn open_to_others(&self, path: &Path) -> bool {
        self.kept.is_none()
            && path.metadata().is_ok_and(|metadata| metadata.permissions().mode() & 0o077 != 0)
    }

    /// Everything that was read, in order.
    pub(super) fn into_files(self) -> Vec<FileRead> {
        self.read.into_inner()
    }
}

fn from_disk(path: &Path, shown: &str, limit_bytes: usize) -> Result<FileRead, Unread> {
    let failed = |error| Unread::from_io(shown, error);
    // Opening a pipe would wait for its writer.
    if !path.metadata().map_err(failed)?.is_file() {
        return Err(Unread::NotAFile(shown.to_owned()));
    }
    let file = File::open(path).map_err(failed)?;
    let size = usize::try_from(file.metadata().map_err(failed)?.len()).unwrap_or(usize::MAX);
    // A vector that grows leaves copies of a key behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(size.min(limit_bytes) + 1));
    let bound = u64::try_from(limit_bytes).unwrap_or(u64::MAX).saturating_add(1);
    file.take(bound).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() > limit_bytes {
        return Err(Unread::TooLarge(shown.to_owned(), limit_bytes / 1024));
    }
    Ok(FileRead { path: path.to_owned(), sha256: sha256(&bytes), bytes: Arc::new(bytes) })
}

fn names_on_disk(directory: &Path) -> io::Result<Vec<String>> {
    directory.read_dir()?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
}

/// SHA-256 (FIPS 180-4).
pub(super) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut sum = [0; 32];
    sum.copy_from_slice(digest(&SHA256, bytes).as_ref());
    sum
}

/// A path without `.` and without `name/..`, so that one file has one path. What is left out is not looked up: beside a directory that
/// is a symbolic link means beside the link.
pub(super) fn tidy(path: &Path) -> PathBuf {
    use std::path::Component::{CurDir, Normal, ParentDir, RootDir};
    let mut parts = Vec::new();
    for part in path.components() {
        match (part, parts.last()) {
            (CurDir, _) | (ParentDir, Some(RootDir)) => {}
            (ParentDir, Some(Normal(_))) => {
                parts.pop();
            }
            _ => parts.push(part),
        }
    }
    parts.iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_have_no_detours() {
        for (path, shown) in [
            ("deploy/../policies/a.yaml", "policies/a.yaml"),
            ("./a", "a"),
            ("../a/./b/../c", "../a/c"),
            ("../../a", "../../a"),
            ("/a/b/../../c", "/c"),
            ("/../a", "/a"),
        ] {
            assert_eq!(tidy(Path::new(path)), Path::new(shown), "{path}");
        }
    }

    #[test]
    fn what_cannot_be_read_says_why() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        std::fs::write(path("five"), b"12345").unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, path("pipe"), rustix::fs::Mode::RWXU).unwrap();
        for (name, limit, expected) in [
            ("five", 5, "read"),
            ("five", 4, "`shown` is larger than 0 KiB"),
            ("absent", 5, "`shown` does not exist"),
            ("five/x", 5, "`shown` is not a directory"),
            (".", 5, "`shown` is not a regular file"),
            ("pipe", 5, "`shown` is not a regular file"),
        ] {
            let seen = match Tree::disk().read(&path(name), "shown", limit) {
                Ok(_) => "read".to_owned(),
                Err(fault) => fault.to_string(),
            };
            assert!(seen.starts_with(expected), "{name}: {seen}");
        }
    }

    #[test]
    fn a_file_is_read_once() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a");
        std::fs::write(&path, b"one").unwrap();
        let tree = Tree::disk();
        let first = tree.read(&path, "a", 10).unwrap();
        std::fs::write(&path, b"two").unwrap();
        let second = tree.read(&path, "a", 10).unwrap();
        assert_eq!(second.sha256, first.sha256);
        assert_eq!(tree.into_files().len(), 1);
    }

    #[test]
    fn a_kept_configuration_is_all_there_is() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        for name in ["a.yaml", "b.yaml", ".hidden"] {
            std::fs::write(path(name), name).unwrap();
        }
        let disk = Tree::disk();
        disk.read(&path("a.yaml"), "a", 10).unwrap();
        let kept = Tree::kept(disk.into_files());
        std::fs::remove_file(path("a.yaml")).unwrap();
        assert_eq!(kept.names(directory.path(), "d").unwrap(), ["a.yaml"]);
        assert_eq!(kept.read(&path("a.yaml"), "a", 10).unwrap().bytes.as_slice(), b"a.yaml");
        assert!(kept.read(&path("b.yaml"), "b", 10).is_err());
        assert_eq!(Tree::disk().names(directory.path(), "d").unwrap(), ["b.yaml"]);
    }
}
