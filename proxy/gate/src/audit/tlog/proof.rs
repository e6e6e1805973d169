//! One entry of a log, and the proof that it is there.

use std::{cell::RefCell, path::Path};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};

use super::{
    checkpoint::Checkpoint,
    log::CHECKPOINT,
    merkle::Hash,
    note::Keys,
    tile::WIDTH,
    tombstone,
    tree::Tree,
    verify::{Doubt, open, text},
};

/// An entry with its proof.
#[derive(Debug)]
pub struct Found {
    /// Its place, from 0.
    pub index: u64,
    /// A record's line.
    pub entry: Vec<u8>,
    /// A C2SP tlog-proof: whoever has the entry and the log's public key can check it, with nothing else of the log.
    pub proof: String,
}

/// A log under its newest checkpoint.
pub struct Checked {
    checkpoint: Checkpoint,
    note: String,
    tree: Tree,
    /// Which entries of the bundle that was looked at last are retired.
    retired: RefCell<(Option<u64>, Vec<bool>)>,
}

impl Checked {
    /// Opens a log by its newest checkpoint.
    ///
    /// # Errors
    /// [`Doubt`] if there is none, or it was not signed with these keys.
    pub fn open(directory: &Path, keys: &Keys) -> Result<Self, Doubt> {
        let path = directory.join(CHECKPOINT);
        let note = text(&path)?.ok_or_else(|| Doubt::NoCheckpoint(directory.display().to_string()))?;
        let checkpoint = open(&path, &note, keys)?;
        let tree = Tree::new(directory, checkpoint.size);
        Ok(Self { checkpoint, note, tree, retired: RefCell::default() })
    }

    /// The log's origin.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.checkpoint.origin
    }

    /// How many entries it has.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.checkpoint.size
    }

    /// Whether an entry is in a bundle that is full, so that nobody writes to it any more.
    pub(in crate::audit) fn is_full(&self, index: u64) -> bool {
        index < self.tree.size / WIDTH * WIDTH
    }

    /// Whether an entry is this one by its tile, which is not held against the root; none if the log is not that long.
    pub(in crate::audit) fn is_entry(&self, index: u64, entry: &[u8]) -> Result<Option<bool>, Doubt> {
        if index >= self.tree.size {
            return Ok(None);
        }
        Ok(Some(self.tree.entry(index)? == Hash::of_entry(entry)))
    }

    /// Whether a line is what the log has of an entry, by its tile, which is not held against the root; none if the log is not that long. A
    /// tombstone is where the log has one too, since a sweep begins there.
    pub(in crate::audit) fn stands(&self, index: u64, line: &[u8]) -> Result<Option<bool>, Doubt> {
        if index >= self.tree.size {
            return Ok(None);
        }
        let known = self.tree.entry(index)?;
        if tombstone::read(line) == Some(known) {
            return self.is_retired(index).map(Some);
        }
        Ok(Some(Hash::of_entry(line) == known))
    }

    /// Whether the log has a tombstone in the place of an entry.
    fn is_retired(&self, index: u64) -> Result<bool, Doubt> {
        let bundle = index / WIDTH;
        let mut retired = self.retired.borrow_mut();
        if retired.0 != Some(bundle) {
            let known =
                |entries: &[&[u8]]| entries.iter().map(|entry| tombstone::read(entry).is_some()).collect();
            *retired = (Some(bundle), self.tree.bundle(bundle, known)?);
        }
        let at = usize::try_from(index % WIDTH).unwrap_or(usize::MAX);
        Ok(retired.1.get(at).copied().unwrap_or(false))
    }

    /// Whether an entry is this one; none if the log is not that long.
    ///
    /// # Errors
    /// [`Doubt`] if its tiles cannot be read.
    pub fn holds(&self, index: u64, entry: &[u8]) -> Result<Option<bool>, Doubt> {
        if index >= self.tree.size {
            return Ok(None);
        }
        Ok(Some(self.path(index, entry)?.is_some()))
    }

    /// The siblings on the way from an entry to the signed root; none if the entry is another.
    fn path(&self, index: u64, entry: &[u8]) -> Result<Option<Vec<Hash>>, Doubt> {
        let path = self.tree.path(index)?;
        let root = Hash::of_entry(entry).of_path(index, self.tree.size, &path);
        Ok((root == Some(self.checkpoint.root)).then_some(path))
    }
}

/// Finds the entries that `wanted` says yes to, each with its proof.
///
/// # Errors
/// What of the log cannot be read; an entry that is not what its tile says.
pub fn find(directory: &Path, keys: &Keys, wanted: impl Fn(u64, &[u8]) -> bool) -> Result<Vec<Found>, Doubt> {
    let log = Checked::open(directory, keys)?;
    let mut found = Vec::new();
    for bundle in 0..log.size().div_ceil(WIDTH) {
        let meant = log.tree.bundle(bundle, |entries| {
            let each = (bundle * WIDTH..).zip(entries).filter(|(index, entry)| wanted(*index, entry));
            each.map(|(index, entry)| (index, entry.to_vec())).collect::<Vec<_>>()
        })?;
        for (index, entry) in meant {
            if tombstone::read(&entry).is_some() {
                return Err(Doubt::Retired { index });
            }
            let Some(path) = log.path(index, &entry)? else {
                return Err(Doubt::Entry { index, path: directory.display().to_string() });
            };
            found.push(Found { index, entry, proof: proof(index, &path, &log.note) });
        }
    }
    Ok(found)
}

/// The text form of a proof (<https://c2sp.org/tlog-proof>).
fn proof(index: u64, path: &[Hash], checkpoint: &str) -> String {
    let mut proof = format!("c2sp.org/tlog-proof@v1\nindex {index}\n");
    for hash in path {
        proof.push_str(&BASE64.encode(hash.0));
        proof.push('\n');
    }
    proof.push('\n');
    proof.push_str(checkpoint);
    proof
}
