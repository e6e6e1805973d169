//! Words and fingerprints, read once from the tables beside this file.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use super::token::WORD_MAX;
use crate::bytes::BuildFnv;

static WORDS: LazyLock<HashMap<&'static [u8], u8, BuildFnv>> = LazyLock::new(|| {
    rows(include_str!("words.tsv"))
        .filter_map(|line| line.rsplit_once('\t'))
        .filter_map(|(word, class)| Some((word.as_bytes(), *class.as_bytes().first()?)))
        .collect()
});

static FINGERPRINTS: LazyLock<HashSet<&'static [u8], BuildFnv>> = LazyLock::new(|| {
    rows(include_str!("fingerprints.txt")).flat_map(str::split_whitespace).map(str::as_bytes).collect()
});

fn rows(table: &'static str) -> impl Iterator<Item = &'static str> {
    table.lines().filter(|line| !line.starts_with("# "))
}

/// Reads the tables now, so that the first request does not pay for it.
pub(crate) fn warm() {
    LazyLock::force(&WORDS);
    LazyLock::force(&FINGERPRINTS);
}

/// The class of a word or phrase, whatever its case; 0 when it has none.
pub(super) fn class_of(word: &[u8]) -> u8 {
    let mut upper = [0_u8; WORD_MAX];
    let Some(upper) = upper.get_mut(..word.len()) else { return 0 };
    upper.copy_from_slice(word);
    upper.make_ascii_uppercase();
    let upper: &[u8] = upper;
    // The original keeps fingerprints in its word table under a leading `0`, so a word `0nk` has class `F`.
    if upper.first() == Some(&b'0') && is_fingerprint(upper.get(1..).unwrap_or_default()) {
        return b'F';
    }
    WORDS.get(upper).copied().unwrap_or(0)
}

/// Whether a sequence of classes marks an injection.
pub(super) fn is_fingerprint(classes: &[u8]) -> bool {
    let mut upper = [0_u8; 5];
    let Some(upper) = upper.get_mut(..classes.len()) else { return false };
    upper.copy_from_slice(classes);
    upper.make_ascii_uppercase();
    let upper: &[u8] = upper;
    !upper.is_empty() && FINGERPRINTS.contains(upper)
}
