//! The configuration: from files to proven types.
//!
//! Operators own `deploy/poort.yaml`; the security team owns the `policies` directory it names. [`load`] reads both and
//! returns one [`Checked`], or every fault of every file at once, each with its file, line, column and remedy.
//!
//! - `tree` and `locate`: which files there are, and where in them each key stands;
//! - `raw`: files as they were typed; `check`: from those to
//! - [`checked`]: what a configuration is once nothing is wrong with it;
//! - [`fault`]: what is wrong, and where.

mod check;
pub mod checked;
pub mod fault;
mod locate;
mod quantity;
mod raw;
mod tree;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

use zeroize::Zeroizing;

pub use checked::Checked;
pub use checked::policies::Policies;
pub use fault::{Fault, Faults, Place, Warning};

use crate::{editions::AccessFiles, trials::Trials};
use checked::FileRead;
use tree::Tree;

/// Reads an operators' file, the policies it names, and every certificate, key and list that these name.
///
/// Each file is read once and nothing is written. Limits: 1 MiB for a text file, 64 MiB for a certificate, key or revocation list.
///
/// # Errors
/// Every fault of every file.
pub fn load(deploy_file: &Path) -> Result<Checked, Faults> {
    check::everything(Tree::disk(), deploy_file, SystemTime::now())
}

/// Reads an operators' file alone, with the certificates and keys that it names: for what must work while policies are being written.
///
/// # Errors
/// Every fault of it.
pub fn operators(deploy_file: &Path) -> Result<checked::Deploy, Faults> {
    check::operators(deploy_file, SystemTime::now())
}

/// As [`load`], from the files of an earlier [`Checked`], by their paths, and no others: the last good configuration.
/// Directories that are written to are still those on disk.
///
/// # Errors
/// Every fault of every file.
pub fn load_from(deploy_file: &Path, files: BTreeMap<PathBuf, Vec<u8>>) -> Result<Checked, Faults> {
    let files = files.into_iter().map(|(path, bytes)| {
        let bytes = Zeroizing::new(bytes);
        FileRead { path, sha256: tree::sha256(&bytes), bytes: Arc::new(bytes) }
    });
    check::everything(Tree::kept(files.collect()), deploy_file, SystemTime::now())
}

/// As [`load`], with these policies in the place of those in the `access` directory.
///
/// # Errors
/// Every fault of every file.
pub fn load_with(deploy_file: &Path, access: &Path, files: &AccessFiles) -> Result<Checked, Faults> {
    let files = files.iter().map(|(name, bytes)| {
        let bytes = Zeroizing::new(bytes.to_vec());
        FileRead { path: access.join(name), sha256: tree::sha256(&bytes), bytes: Arc::new(bytes) }
    });
    check::everything(Tree::disk_but(access, files.collect()), deploy_file, SystemTime::now())
}

/// Where an operators' file says that the policies are, if that much can be read of it.
#[must_use]
pub fn access_directory(deploy_file: &Path) -> Option<PathBuf> {
    Some(check::policies_directory(deploy_file)?.join("access"))
}

/// A duration as people write it.
///
/// # Errors
/// What is wrong, for people.
pub(crate) fn duration(text: &str) -> Result<std::time::Duration, String> {
    quantity::duration(text)
}

/// Why a text is no name as certificates carry it.
pub(crate) fn certified_name_objection(text: &str) -> Option<String> {
    check::certified_name_objection(text)
}

/// Reads a directory of policies by itself: as much of it as decisions depend on, without certificates, keys and addresses.
///
/// # Errors
/// Every fault of every file that was read.
pub fn policies(directory: &Path) -> Result<Policies, Faults> {
    check::policies(directory, None, false).map(|(policies, _)| policies)
}

/// As [`policies`], with their tests, in `tests`.
///
/// # Errors
/// Every fault of every file that was read.
pub fn policies_with_tests(directory: &Path) -> Result<(Policies, Trials), Faults> {
    check::policies(directory, None, true)
}

/// As [`policies_with_tests`], with the policies and the tests of another directory in the place of its own.
///
/// # Errors
/// Every fault of every file that was read.
pub fn candidate_with_tests(directory: &Path, candidate: &Path) -> Result<(Policies, Trials), Faults> {
    check::policies(directory, Some(candidate), true)
}

/// Exclusions as a source's file has them, read as of now: a text of `exclusions:` alone.
///
/// # Errors
/// Every fault of it.
pub(crate) fn exclusions(text: &str) -> Result<Vec<checked::waf::Exclusion>, Faults> {
    check::exclusions(text, SystemTime::now())
}

/// `; did you mean …` or `; use one of …`, for a word that is none of the `known`.
pub(crate) fn suggest<'k>(word: &str, known: impl Iterator<Item = &'k str>) -> String {
    check::suggest::instead(word, known)
}

/// Where an operators' file wants state kept, if that much can be read of it; otherwise `state` beside it. For what must work
/// with a broken configuration: starting from the last good one, and talking to a running gate.
#[must_use]
pub fn state_directory(deploy_file: &Path) -> PathBuf {
    check::state_directory(deploy_file)
}

#[cfg(test)]
mod tests;
