//! The last configuration that worked, kept on disk: when the files are broken at a start, the gate starts from it, loudly.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::{carry_over::write_whole, config::checked::FileRead};

/// Where the copy is, below the state directory.
const DIRECTORY: &str = "last-good";

/// Which copy stands for which file.
#[derive(Debug, Serialize, Deserialize)]
struct Manifest {
    /// `deploy/poort.yaml` as it was named.
    entry: PathBuf,
    /// Copies by the path of their original.
    files: BTreeMap<PathBuf, String>,
}

/// Keeps a copy of every file of a configuration. Copies are named by their content; the manifest is replaced last, so that a crash
/// leaves the one before.
///
/// # Errors
/// As the system says; the copy before stays usable.
pub fn keep(state: &Path, entry: &Path, read: &[FileRead]) -> io::Result<()> {
    let directory = state.join(DIRECTORY);
    make_private(&directory)?;
    let mut files = BTreeMap::new();
    for file in read {
        let name: String = file.sha256.iter().map(|byte| format!("{byte:02x}")).collect();
        let copy = directory.join(&name);
        // One that is damaged is mended.
        if std::fs::read(&copy).ok().as_deref() != Some(file.bytes.as_slice()) {
            write_whole(&copy, &file.bytes)?;
        }
        files.insert(std::path::absolute(&file.path)?, name);
    }
    let manifest = Manifest { entry: std::path::absolute(entry)?, files };
    write_whole(&directory.join("manifest.json"), &serde_json::to_vec_pretty(&manifest)?)?;
    remove_others(&directory, &manifest)
}

/// The copies of the last good configuration, by the absolute path of their original.
///
/// # Errors
/// When there is none, or it is damaged.
pub fn open(state: &Path) -> io::Result<(PathBuf, BTreeMap<PathBuf, Vec<u8>>)> {
    let directory = state.join(DIRECTORY);
    let manifest: Manifest = serde_json::from_slice(&std::fs::read(directory.join("manifest.json"))?)?;
    let files = manifest.files.into_iter().map(|(original, name)| {
        let bytes = std::fs::read(directory.join(&name))?;
        let digest: String = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &bytes)
            .as_ref()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        if digest != name {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("the copy of `{}` is damaged", original.display()),
            ));
        }
        Ok((original, bytes))
    });
    Ok((manifest.entry, files.collect::<io::Result<_>>()?))
}

fn make_private(directory: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)
}

fn remove_others(directory: &Path, manifest: &Manifest) -> io::Result<()> {
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name();
        let kept = name == "manifest.json" || manifest.files.values().any(|copy| name == copy.as_str());
        if !kept {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn a_copy_that_is_damaged_is_noticed_and_mended() {
        let state = tempfile::tempdir().unwrap();
        let (entry, bytes) = (Path::new("/poort.yaml"), b"listeners:".to_vec());
        let mut sha256 = [0; 32];
        sha256.copy_from_slice(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &bytes).as_ref());
        let copy: String = sha256.iter().map(|byte| format!("{byte:02x}")).collect();
        let read = [FileRead { path: entry.to_owned(), sha256, bytes: Arc::new(bytes.into()) }];
        keep(state.path(), entry, &read).unwrap();
        std::fs::write(state.path().join(DIRECTORY).join(copy), "torn").unwrap();
        assert!(open(state.path()).unwrap_err().to_string().contains("is damaged"));
        keep(state.path(), entry, &read).unwrap();
        assert_eq!(open(state.path()).unwrap().1.len(), 1);
    }
}
