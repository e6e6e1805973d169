//! Words and fingerprints, read once from the tables beside this file.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use super::token::WORD_MAX;
use crate::bytes::BuildFnv;

static WORDS: LazyLock<Words> = LazyLock::new(|| {
    let mut words = Words { classes: HashMap::default(), lengths: [0; PLACES] };
    for (word, class) in rows(include_str!("words.tsv")).filter_map(|line| line.rsplit_once('\t')) {
        let (word, class) = (word.as_bytes(), class.as_bytes());
        words.classes.extend(class.first().map(|class| (word, *class)));
        if let Some(lengths) = words.lengths.get_mut(place(word)) {
            *lengths |= length(word);
        }
    }
    words
});

/// Words in upper case.
struct Words {
    classes: HashMap<&'static [u8], u8, BuildFnv>,
    /// By a few of their bytes, the lengths that words have: nearly all of what is looked up is none.
    lengths: [u32; PLACES],
}

const PLACES: usize = 1024;

impl Words {
    fn class_of(&self, word: &[u8]) -> Option<u8> {
        let lengths = self.lengths.get(place(word)).copied().unwrap_or(0);
        if lengths & length(word) == 0 {
            return None;
        }
        self.classes.get(word).copied()
    }
}

/// From the first two bytes and the last.
fn place(word: &[u8]) -> usize {
    let byte = |byte: Option<&u8>| usize::from(byte.copied().unwrap_or(0));
    ((byte(word.first()) * 37) ^ (byte(word.get(1)) * 5) ^ (byte(word.last()) * 11)) % PLACES
}

/// A bit.
fn length(word: &[u8]) -> u32 {
    1 << (word.len() & 31)
}

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
    WORDS.class_of(upper).unwrap_or(0)
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
