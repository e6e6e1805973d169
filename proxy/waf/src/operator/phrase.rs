//! `@pm`: any of many phrases, whatever the case.

use std::sync::OnceLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind};

use super::{Captures, Requirement};
use crate::bytes::hex_pair;

/// States that an automaton may have.
const STATES: usize = 1 << 28;

/// A set of phrases.
pub(crate) struct Phrases {
    words: Vec<Vec<u8>>,
    /// Finds out which phrase it was; that there is one, the gate mostly knows. `None` when it cannot be built.
    search: OnceLock<Option<AhoCorasick>>,
}

impl Phrases {
    /// Words separated by space; `|41 42|` spells bytes in hexadecimal. All together they may have `most` bytes.
    pub(super) fn inline(argument: &str, most: usize) -> Result<Self, String> {
        let mut words = vec![Vec::new()];
        let last = argument.split('|').count() - 1;
        for (at, part) in argument.split('|').enumerate() {
            if at % 2 == 1 && at < last && is_hexadecimal(part) {
                let digits: Vec<u8> = part.bytes().filter(|byte| *byte != b' ').collect();
                let bytes = digits.chunks(2).filter_map(|pair| hex_pair(pair.first(), pair.get(1)));
                words.last_mut().into_iter().for_each(|word| word.extend(bytes.clone()));
                continue;
            }
            if at % 2 == 1 {
                words.last_mut().into_iter().for_each(|word| word.push(b'|'));
            }
            for (at, piece) in part.split(' ').enumerate() {
                if at > 0 {
                    words.push(Vec::new());
                }
                words.last_mut().into_iter().for_each(|word| word.extend_from_slice(piece.as_bytes()));
            }
        }
        Self::new(words, most)
    }

    /// One phrase a line; `#` starts a comment line.
    pub(super) fn from_files(
        argument: &str,
        read: &dyn Fn(&str) -> Result<Vec<u8>, String>,
        most: usize,
    ) -> Result<Self, String> {
        let mut words = Vec::new();
        for name in argument.split_whitespace() {
            let bytes = read(name)?;
            let lines = bytes.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
            words.extend(lines.filter(|line| !line.starts_with(b"#")).map(<[u8]>::to_vec));
        }
        Self::new(words, most)
    }

    fn new(words: Vec<Vec<u8>>, most: usize) -> Result<Self, String> {
        let mut words: Vec<Vec<u8>> = words.into_iter().filter(|word| !word.is_empty()).collect();
        words.iter_mut().for_each(|word| word.make_ascii_lowercase());
        words.sort();
        words.dedup();
        if words.is_empty() {
            return Err("there is no phrase to look for; name at least one".to_owned());
        }
        // INVARIANT: the automaton, which has a state a byte at most, can be built.
        if words.iter().map(Vec::len).sum::<usize>() > most.min(STATES) {
            return Err("the phrases have more bytes than are allowed in all; shorten the lists".to_owned());
        }
        Ok(Self { words, search: OnceLock::new() })
    }

    pub(crate) fn count(&self) -> usize {
        self.words.len()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.words.iter().map(Vec::len).sum()
    }

    /// Compiles them now.
    pub(super) fn warm(&self) {
        self.search();
    }

    fn search(&self) -> Option<&AhoCorasick> {
        self.search.get_or_init(|| search(&self.words)).as_ref()
    }

    pub(super) fn matches(&self, value: &[u8], captures: Option<&mut Captures>) -> bool {
        // What cannot be asked counts as found.
        let Some(search) = self.search() else { return true };
        let Some(found) = search.find(value) else { return false };
        if let Some(captures) = captures {
            captures.spans.push(Some((found.start(), found.end())));
        }
        true
    }

    pub(super) fn requirement(&self) -> Requirement {
        Requirement::phrases(&self.words)
    }
}

fn search(words: &[Vec<u8>]) -> Option<AhoCorasick> {
    let kind = Some(AhoCorasickKind::ContiguousNFA);
    AhoCorasick::builder().ascii_case_insensitive(true).kind(kind).build(words).ok()
}

fn is_hexadecimal(text: &str) -> bool {
    let digits = text.bytes().filter(|byte| *byte != b' ').count();
    digits > 0
        && digits.is_multiple_of(2)
        && text.bytes().all(|byte| byte == b' ' || byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::Phrases;

    #[test]
    fn phrases_in_either_notation() {
        for (argument, value, expected) in [
            ("union select", &b"x UNION y"[..], true),
            ("union select", b"uni on", false),
            ("a|42 43|d e", b"xABCDx", true),
            ("a|b c", b"a|b", true),
            ("a|b c", b"ab", false),
        ] {
            let phrases = Phrases::inline(argument, 99).unwrap();
            assert_eq!(phrases.matches(value, None), expected, "{argument}");
        }
        assert!(Phrases::inline("  ", 99).is_err());
    }
}
