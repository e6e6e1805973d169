//! A name for everything an engine was loaded from.

use std::fmt::Write;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::corpus::{Corpus, Group, PolicyFile};

/// SHA-256 in lower-case hex. Every part is preceded by its length, so that no two corpora write the same bytes, and lists
/// are sorted, so that the order of a directory does not matter.
pub(crate) fn digest(corpus: &Corpus) -> Arc<str> {
    let mut hash = Sha256::new();
    list(&mut hash, "schema", std::slice::from_ref(&corpus.schema), file);
    list(&mut hash, "policies", &corpus.policies, file);
    list(&mut hash, "roles", &corpus.roles, group);
    list(&mut hash, "units", &corpus.units, group);
    list(&mut hash, "classifications", &corpus.classifications, group);
    list(&mut hash, "fleets", &corpus.fleets, |fleet| vec![fleet.clone()]);
    list(&mut hash, "sources", &corpus.sources, |source| {
        vec![source.id.clone(), source.classification.clone(), source.owner.clone()]
    });
    let mut hex = String::with_capacity(64);
    for byte in hash.finalize() {
        // Writing to a string cannot fail.
        let _ = write!(hex, "{byte:02x}");
    }
    hex.into()
}

fn file(file: &PolicyFile) -> Vec<String> {
    let mark = file.shadow.then(|| "shadow".to_owned());
    [file.name.clone(), file.text.clone()].into_iter().chain(mark).collect()
}

fn group(group: &Group) -> Vec<String> {
    let mut parents = group.parents.clone();
    parents.sort();
    std::iter::once(group.name.clone()).chain(parents).collect()
}

fn list<T>(hash: &mut Sha256, name: &str, items: &[T], fields: impl Fn(&T) -> Vec<String>) {
    let mut rows: Vec<Vec<String>> = items.iter().map(fields).collect();
    rows.sort();
    part(hash, name.as_bytes());
    count(hash, rows.len());
    for row in rows {
        count(hash, row.len());
        for field in row {
            part(hash, field.as_bytes());
        }
    }
}

fn part(hash: &mut Sha256, bytes: &[u8]) {
    count(hash, bytes.len());
    hash.update(bytes);
}

fn count(hash: &mut Sha256, count: usize) {
    hash.update((count as u64).to_be_bytes());
}
