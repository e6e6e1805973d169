//! Texts that rules set variables to, each kept once: a transaction has them from its start, so that setting one copies nothing.

use std::collections::HashMap;

/// The texts, by number.
pub(crate) struct Texts {
    numbers: HashMap<Box<[u8]>, u32>,
    /// One after the other.
    bytes: Vec<u8>,
    /// Where each ends.
    ends: Vec<usize>,
}

impl Texts {
    /// The texts that every program has.
    pub(crate) const EMPTY: u32 = 0;
    pub(crate) const ZERO: u32 = 1;
    pub(crate) const ONE: u32 = 2;

    pub(crate) fn new() -> Self {
        let mut texts = Self { numbers: HashMap::new(), bytes: Vec::new(), ends: Vec::new() };
        for text in [&b""[..], b"0", b"1"] {
            texts.number(text);
        }
        texts
    }

    /// The number of a text, new when there is none yet.
    pub(crate) fn number(&mut self, text: &[u8]) -> u32 {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        let number = u32::try_from(self.ends.len()).unwrap_or(u32::MAX);
        self.bytes.extend_from_slice(text);
        self.ends.push(self.bytes.len());
        self.numbers.insert(text.into(), number);
        number
    }

    /// All of them, one after the other.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Where each starts in [all](Self::bytes), and how long it is, by number.
    pub(crate) fn places(&self) -> impl Iterator<Item = (usize, usize)> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| (start, end - start))
    }
}

#[cfg(test)]
mod tests {
    use super::Texts;

    #[test]
    fn a_text_is_kept_once() {
        let mut texts = Texts::new();
        assert_eq!(
            [&b""[..], b"0", b"1"].map(|text| texts.number(text)),
            [Texts::EMPTY, Texts::ZERO, Texts::ONE]
        );
        let numbers = [&b"ab"[..], b"c", b"ab"].map(|text| texts.number(text));
        assert_eq!(numbers, [3, 4, 3]);
        let found: Vec<&[u8]> =
            texts.places().map(|(start, len)| &texts.bytes()[start..start + len]).collect();
        assert_eq!(found, [&b""[..], b"0", b"1", b"ab", b"c"]);
    }
}
