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
        if !copy.exists() {
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
