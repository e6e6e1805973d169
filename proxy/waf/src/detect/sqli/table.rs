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
            *lengths |= length(word.len());
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
    /// Whether there may be a word with these bytes first, second and last (in upper case), and of this length.
    fn may_have(&self, place: usize, length: u32) -> bool {
        self.lengths.get(place).copied().unwrap_or(0) & length != 0
    }
}

/// From the first two bytes and the last of a word in upper case.
fn place(word: &[u8]) -> usize {
    let byte = |byte: Option<&u8>| byte.copied().unwrap_or(0);
    place_of(byte(word.first()), byte(word.get(1)), byte(word.last()))
}

fn place_of(first: u8, second: u8, last: u8) -> usize {
    let number = |byte: u8| usize::from(byte.to_ascii_uppercase());
    ((number(first) * 37) ^ (number(second) * 5) ^ (number(last) * 11)) % PLACES
}

/// A bit.
fn length(len: usize) -> u32 {
    1 << (len & 31)
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
    // The original keeps fingerprints in its word table under a leading `0`, so a word `0nk` has class `F`.
    if let Some((b'0', classes)) = word.split_first()
        && is_fingerprint(classes)
    {
        return b'F';
    }
    if !WORDS.may_have(place(word), length(word.len())) {
        return 0;
    }
    let mut upper = [0_u8; WORD_MAX];
    let Some(upper) = upper.get_mut(..word.len()) else { return 0 };
    upper.copy_from_slice(word);
    upper.make_ascii_uppercase();
    let upper: &[u8] = upper;
    WORDS.classes.get(upper).copied().unwrap_or(0)
}

/// Whether two words with a space between may be a phrase that has a class: nearly all are none.
pub(super) fn may_be_phrase(first: &[u8], second: &[u8]) -> bool {
    match first {
        [] | [b'0', ..] => true,
        [start, rest @ ..] => {
            let (next, last) = (rest.first().unwrap_or(&b' '), second.last().unwrap_or(&b' '));
            WORDS.may_have(place_of(*start, *next, *last), length(first.len() + 1 + second.len()))
        }
    }
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

#[cfg(test)]
mod tests {
    use super::{WORDS, class_of, may_be_phrase};

    #[test]
    fn what_is_known_is_looked_up_whatever_its_case() {
        let (mut words, mut phrases) = (0, 0);
        for (word, class) in &WORDS.classes {
            for word in [word.to_ascii_lowercase(), word.to_vec()] {
                assert_eq!(class_of(&word), *class, "{}", word.escape_ascii());
                words += 1;
                for at in (0..word.len()).filter(|at| word[*at] == b' ') {
                    assert!(may_be_phrase(&word[..at], &word[at + 1..]), "{}", word.escape_ascii());
                    phrases += 1;
                }
            }
        }
        assert!(words > 1000 && phrases > 100, "{words} {phrases}");
        assert_eq!([&b"0s&1c"[..], b"0nope", b"nope", b""].map(class_of), [b'F', 0, 0, 0]);
    }
}
