use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::DemoError;

/// Every file below a directory, sorted; none when there is no directory.
pub(super) fn below(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut files: Vec<PathBuf> =
        entries.flat_map(|path| if path.is_dir() { below(&path) } else { vec![path] }).collect();
    files.sort();
    files
}

pub(super) fn copy(from: &Path, to: &Path) -> Result<(), DemoError> {
    if !from.is_dir() {
        return Err(DemoError::file("read", from)(ErrorKind::NotFound.into()));
    }
    for path in below(from) {
        let target = path.strip_prefix(from).map(|name| to.join(name)).unwrap_or_else(|_| to.to_owned());
        let bytes = fs::read(&path).map_err(DemoError::file("read", &path))?;
        make_parent(&target)?;
        fs::write(&target, bytes).map_err(DemoError::file("write", &target))?;
    }
    Ok(())
}

pub(super) fn write(path: &Path, text: &str) -> Result<(), DemoError> {
    make_parent(path)?;
    fs::write(path, text).map_err(DemoError::file("write", path))
}

pub(super) fn remove(path: &Path) -> Result<(), DemoError> {
    let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    match removed {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(DemoError::file("remove", path)(error)),
        _ => Ok(()),
    }
}

pub(super) fn make(directory: &Path) -> Result<(), DemoError> {
    fs::create_dir_all(directory).map_err(DemoError::file("create", directory))
}

fn make_parent(path: &Path) -> Result<(), DemoError> {
    path.parent().map_or(Ok(()), make)
}
