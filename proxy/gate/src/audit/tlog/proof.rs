//! One entry of a log, and the proof that it is there.

use std::path::Path;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};

use super::{
    log::CHECKPOINT,
    merkle::Hash,
    note::Keys,
    tile::WIDTH,
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

/// Finds the entries that `wanted` says yes to, each with its proof.
///
/// # Errors
/// What of the log cannot be read; an entry that is not what its tile says.
pub fn find(directory: &Path, keys: &Keys, wanted: impl Fn(u64, &[u8]) -> bool) -> Result<Vec<Found>, Doubt> {
    let path = directory.join(CHECKPOINT);
    let note = text(&path)?.ok_or_else(|| Doubt::NoCheckpoint(directory.display().to_string()))?;
    let checkpoint = open(&path, &note, keys)?;
    let tree = Tree::new(directory, checkpoint.size);
    let mut found = Vec::new();
    for bundle in 0..tree.size.div_ceil(WIDTH) {
        for (index, entry) in (bundle * WIDTH..).zip(tree.bundle(bundle)?) {
            if !wanted(index, &entry) {
                continue;
            }
            let hashes = tree.path(index)?;
            if Hash::of_entry(&entry).of_path(index, tree.size, &hashes) != Some(checkpoint.root) {
                return Err(Doubt::Entry { index, path: directory.display().to_string() });
            }
            found.push(Found { index, entry, proof: proof(index, &hashes, &note) });
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
